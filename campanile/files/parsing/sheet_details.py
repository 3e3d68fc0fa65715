"""What the reader of workbooks does not say of a sheet: hidden rows, number formats, displayed texts.

It is read from the parts of the workbook itself, row by row beside the reader: of ``.xlsx`` here, of ``.ods`` in
``ods_details``, of ``.xls`` in ``xls_details``.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

from campanile.files.parsing.locales import Locale, locale_of_tag
from campanile.files.parsing.number_formats import GENERAL, built_in_code

_WORKBOOK, _LINKS, _STYLES, _CORE = (
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "docProps/core.xml",
)
_BLOCK = 1 << 20
_LONGEST_TAG = 1 << 16
_ATTRIBUTE = re.compile(rb"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TAG = {
    name: re.compile(rb"<(?:\w+:)?" + name + rb"\b([^>]*)>") for name in (b"sheet", b"Relationship", b"numFmt", b"xf")
}
_ROW = re.compile(rb"<(?:\w+:)?(row)\b([^>]*)>")
_ROW_OR_CELL = re.compile(rb"<(?:\w+:)?(row|c)\b([^>]*)>")
_CELL_FORMATS = re.compile(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", re.DOTALL)
_LANGUAGE = re.compile(rb"<dc:language>([^<]{2,20})</dc:language>")
_CELL_NAME = re.compile(rb"""\br=["']([A-Z]{1,3})\d""")
_STYLE = re.compile(rb"""\bs=["'](\d{1,6})["']""")


@dataclass(slots=True)
class RowDetails:
    """What is special of a row.

    Attributes:
        row_number: from 1.
        is_hidden: by hand or by a filter.
        codes: column, from 0 -> the number format of its cell; columns that have none are left out. None is a format
            that is not known.
        texts: column -> what its cell shows, where the workbook itself says so.
    """

    row_number: int
    is_hidden: bool = False
    codes: dict[int, str | None] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SheetDetails:
    """The rows that have something special, in order, and the locale that the workbook names."""

    rows: Iterator[RowDetails]
    locale: Locale | None = None


def xlsx_details(book: zipfile.ZipFile, sheet: str, locale: Locale) -> SheetDetails:
    """Return the details of a sheet of an ``.xlsx``.

    Args:
        book: the workbook.
        sheet: its name.
        locale: of the formats whose code is the locale's, unless the workbook names a language.
    """
    names = set(book.namelist())
    own = _own_locale(book, names)
    part = _part_of(book, sheet) if {_WORKBOOK, _LINKS} <= names else None
    if part not in names:
        return SheetDetails(iter(()), own)
    codes = _codes(book, own or locale) if _STYLES in names else {}
    return SheetDetails(_rows(book, str(part), codes), own)


def attributes(text: bytes) -> dict[str, str]:
    """Return the attributes of a tag."""
    return {
        name.decode("ascii", "replace"): unescape((double or single).decode("utf-8", "replace"))
        for name, double, single in _ATTRIBUTE.findall(text)
    }


def open_zip(content: bytes) -> zipfile.ZipFile | None:
    """Return a workbook that is an archive; None: it is none."""
    stream = io.BytesIO(content)
    return zipfile.ZipFile(stream) if zipfile.is_zipfile(stream) else None


def _own_locale(book: zipfile.ZipFile, names: set[str]) -> Locale | None:
    found = _LANGUAGE.search(book.read(_CORE)) if _CORE in names else None
    return locale_of_tag(found[1].decode("ascii", "replace")) if found else None


def _part_of(book: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the part of a workbook that holds a sheet."""
    links = {
        found["name"]: next((value for name, value in found.items() if name.rpartition(":")[2] == "id"), "")
        for found in map(attributes, _TAG[b"sheet"].findall(book.read(_WORKBOOK)))
        if "name" in found
    }
    targets = {
        found.get("Id"): found.get("Target", "")
        for found in map(attributes, _TAG[b"Relationship"].findall(book.read(_LINKS)))
    }
    target = targets.get(links.get(sheet))
    return None if not target else target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _codes(book: zipfile.ZipFile, locale: Locale) -> dict[bytes, str | None]:
    """Return the number format of each style that has one; None where its number is not known."""
    styles = book.read(_STYLES)
    own = {
        found.get("numFmtId"): found.get("formatCode", GENERAL)
        for found in map(attributes, _TAG[b"numFmt"].findall(styles))
    }
    listed = _CELL_FORMATS.search(styles)
    found = [attributes(text).get("numFmtId", "0") for text in _TAG[b"xf"].findall(listed[0])] if listed else []
    codes = (own.get(number) or built_in_code(int(number) if number.isdecimal() else -1, locale) for number in found)
    return {str(style).encode(): code for style, code in enumerate(codes) if code != GENERAL}


def _rows(book: zipfile.ZipFile, part: str, codes: Mapping[bytes, str | None]) -> Iterator[RowDetails]:
    row, column = RowDetails(0), -1
    for kind, text in _tags(book, part, _ROW_OR_CELL if codes else _ROW):
        if kind == b"row":
            yield row
            found = attributes(text)
            number = int(found["r"]) if found.get("r", "").isdecimal() else row.row_number + 1
            row, column = RowDetails(number, found.get("hidden") in ("1", "true")), -1
        else:
            cell_name = _CELL_NAME.search(text)
            column = _column(cell_name[1]) if cell_name else column + 1
            style = _STYLE.search(text)
            if style and style[1] in codes:
                row.codes[column] = codes[style[1]]
    yield row


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _tags(book: zipfile.ZipFile, part: str, pattern: re.Pattern[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Yield the groups of each tag of a part, block by block; a tag has 64 kB at most."""
    rest = b""
    with book.open(part) as stream:
        while block := stream.read(_BLOCK):
            text = rest + block
            end = text.rfind(b">") + 1
            yield from (match.groups() for match in pattern.finditer(text, 0, end))
            rest = text[end:][-_LONGEST_TAG:]
