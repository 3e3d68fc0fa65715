"""Which rows of a sheet are hidden or filtered out: from the workbook's own XML, since the reader does not say."""

import io
import re
import zipfile
from collections.abc import Iterator
from html import unescape

_WORKBOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_BLOCK = 1 << 20
_LONGEST_TAG = 1 << 16
_ATTRIBUTE = re.compile(rb"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TAG = {name: re.compile(rb"<(?:\w+:)?" + name + rb"\b([^>]*)>") for name in (b"sheet", b"Relationship", b"row")}
_ODS_TAG = re.compile(rb"<table:table(-row)?(?=[\s/>])([^>]*)>")
_MOST_REPEATED = 1 << 20  # rows of a sheet


def hidden_rows(content: bytes, sheet: str) -> frozenset[int]:
    """Return the hidden rows of a sheet, from 1; none for ``.xls``, where they cannot be seen.

    Args:
        content: of a workbook.
        sheet: its name.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return frozenset()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = set(book.namelist())
        if "content.xml" in names:
            return frozenset(_hidden_of_ods(book, sheet))
        part = _part_of(book, sheet) if {_WORKBOOK, _LINKS} <= names else None
        return frozenset(_hidden_of_xlsx(book, part)) if part in names else frozenset()


def _part_of(book: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the part of a workbook that holds a sheet."""
    links = {
        found["name"]: next((value for name, value in found.items() if name.rpartition(":")[2] == "id"), "")
        for found in map(_attributes, _TAG[b"sheet"].findall(book.read(_WORKBOOK)))
        if "name" in found
    }
    targets = {
        found.get("Id"): found.get("Target", "")
        for found in map(_attributes, _TAG[b"Relationship"].findall(book.read(_LINKS)))
    }
    target = targets.get(links.get(sheet))
    return None if not target else target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _hidden_of_xlsx(book: zipfile.ZipFile, part: str | None) -> Iterator[int]:
    row = 0
    for (text,) in _tags(book, str(part), _TAG[b"row"]):
        found = _attributes(text)
        row = int(found["r"]) if found.get("r", "").isdecimal() else row + 1
        if found.get("hidden") in ("1", "true"):
            yield row


def _hidden_of_ods(book: zipfile.ZipFile, sheet: str) -> Iterator[int]:
    row, is_wanted = 0, False
    for is_row, text in _tags(book, "content.xml", _ODS_TAG):
        found = _attributes(text)
        if not is_row:
            row, is_wanted = 0, found.get("table:name") == sheet
            continue
        repeated = found.get("table:number-rows-repeated", "1")
        count = min(int(repeated), _MOST_REPEATED) if repeated.isdecimal() else 1
        if is_wanted and found.get("table:visibility") in ("collapse", "filter"):
            yield from range(row + 1, row + count + 1)
        row += count


def _tags(book: zipfile.ZipFile, part: str, pattern: re.Pattern[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Yield the groups of each tag of a part, block by block; a tag has 64 kB at most."""
    rest = b""
    with book.open(part) as stream:
        while block := stream.read(_BLOCK):
            text = rest + block
            end = text.rfind(b">") + 1
            yield from (match.groups() for match in pattern.finditer(text, 0, end))
            rest = text[end:][-_LONGEST_TAG:]


def _attributes(text: bytes) -> dict[str, str]:
    return {
        name.decode("ascii", "replace"): unescape((double or single).decode("utf-8", "replace"))
        for name, double, single in _ATTRIBUTE.findall(text)
    }
