"""A contact file to a frame of text: every record that is not blank is one row, broken ones with their reason.

Nothing is converted: ``NA``, ``1e5`` and leading zeros stay what they are; merge fields lose outer white space.
A bad row is data; only a file that cannot be read as a whole raises.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from files.columns import Layout, map_columns, without_reject_columns
from files.decode import decode_text
from files.formulas import unguard_cell
from files.records import CONTROL_CHARACTERS, MAX_CELL_LENGTH, Record, split_text
from files.workbook import split_workbook
from sms.errors import ContactFileError

TEXT_SUFFIXES: tuple[str, ...] = (".csv", ".tsv", ".txt")
WORKBOOK_SUFFIXES: tuple[str, ...] = (".xlsx", ".xls", ".ods")
MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class ContactFile:
    """What was found in a file.

    Attributes:
        file_name: its last part, as one printable line.
        encoding: the codec that read it; None for workbooks.
        delimiter: of its cells; None for workbooks.
        sheet: the one read; None for text.
        header: its column names in order, without those that a rejects file adds.
        column_map: column name -> our field; columns with neither name nor content are left out.
        frame: one row per record, keyed by ``row_number`` (its first line, or its row in the sheet, from 1: the
            header counts); ``raw_line``, ``raw_number``, ``structure_reason``, then a text column per merge
            field, "" if empty. A row with a ``structure_reason`` has its text in ``raw_line`` only.
    """

    file_name: str
    size_bytes: int
    sha256: str
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    header: tuple[str, ...]
    column_map: dict[str, str]
    frame: pd.DataFrame


@dataclass(frozen=True)
class _Source:
    """Records as a file holds them, the header first, and how they were found."""

    records: list[Record]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


def read_contact_file(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> ContactFile:
    """Read a CSV or a workbook of contacts.

    Args:
        path: a ``.csv``, ``.tsv``, ``.txt``, ``.xlsx``, ``.xls`` or ``.ods`` file.
        columns: our field -> column of the file, such as ``{"msisdn": "Tel 2"}``; overrides the tables of names.
        sheet: of a workbook; None is its first.
        encoding: of a text; None decides by the bytes.
        max_bytes: a larger file is refused unread.

    Raises:
        ContactFileError: the file as a whole is refused, in one line.
    """
    name = display_name(path)
    try:
        content = _read_bytes(path, max_bytes)
        source = _split(path.suffix.lower(), content, sheet, encoding)
        header, records = _header_and_rows(source.records)
        layout = map_columns(header, columns)
    except ContactFileError as error:
        raise ContactFileError(f"{name}: {error}") from error
    return ContactFile(
        file_name=name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        encoding=source.encoding,
        delimiter=source.delimiter,
        sheet=source.sheet,
        header=tuple(name or _stand_in(position) for position, name in enumerate(header)),
        column_map={header[position]: field for position, field in layout.fields.items()},
        frame=_build_frame(records, layout),
    )


def display_name(path: Path) -> str:
    """Return a file's name as one printable line."""
    name = os.fsencode(path.name).decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() else "?" for character in name)


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    allowed = TEXT_SUFFIXES + WORKBOOK_SUFFIXES
    if path.suffix.lower() not in allowed:
        raise ContactFileError(f"the name ends in {path.suffix!r}; allowed: {', '.join(allowed)}")
    if path.exists() and not path.is_file():
        raise ContactFileError("it is no regular file; needed: one of " + ", ".join(allowed))
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise ContactFileError(f"it cannot be opened: {error.strerror}") from error
    if len(content) > max_bytes:
        raise ContactFileError(f"it has {size} bytes; allowed: up to {max_bytes}")
    if not content.strip():
        raise ContactFileError(f"it is empty ({size} bytes); needed: a line of column names and at least one row")
    return content


def _split(suffix: str, content: bytes, sheet: str | None, encoding: str | None) -> _Source:
    if suffix in WORKBOOK_SUFFIXES:
        if encoding is not None:
            raise ContactFileError(f"encoding={encoding!r} is for text; leave it out for a {suffix} workbook")
        name, records = split_workbook(content, sheet)
        return _Source(records, sheet=name)
    if sheet is not None:
        raise ContactFileError(f"sheet={sheet!r} is for workbooks; leave it out for a {suffix} text")
    text, used = decode_text(content, encoding)
    delimiter, records = split_text(text)
    return _Source(records, encoding=used, delimiter=delimiter)


def _header_and_rows(records: list[Record]) -> tuple[list[str], list[Record]]:
    """Name every column and give each record one cell a column, or a reason why it has not."""
    if not records:
        raise ContactFileError("it holds only blank lines; needed: a line of column names and at least one row")
    top, rows = records[0], records[1:]
    named = [unguard_cell(name).strip() for name in top.cells]
    defect = top.reason or ("control_characters" if CONTROL_CHARACTERS.search(top.raw_line) else None)
    if defect or not any(named):
        raise ContactFileError(f"no header: line {top.row_number} has {defect or 'no name in it'}")
    least = max(position for position, name in enumerate(named, start=1) if name)
    extra = len(named) > least
    checked = [_check(record, least, len(named)) for record in rows]
    width = max([least, *(_last_filled(row.cells) for row in checked if row.reason is None)]) if extra else least
    header = without_reject_columns([*named[:least], *[""] * (width - least)])
    _refuse_no_rows(rows, header)
    return _name_filled(header, checked), checked


def _refuse_no_rows(rows: Sequence[Record], header: Sequence[str]) -> None:
    if not rows:
        columns = ", ".join(map(repr, header[:40]))
        raise ContactFileError(f"no data rows under its header ({columns}); needed: at least one")


def _name_filled(header: list[str], records: Sequence[Record]) -> list[str]:
    """Name the columns that have content and no name; the others stay blank and have no field."""
    blank = {position for position, name in enumerate(header) if not name}
    filled = {
        position
        for position in blank
        if any(record.cells[position].strip() for record in records if record.reason is None)
    }
    return [_stand_in(position) if position in filled else name for position, name in enumerate(header)]


def _stand_in(position: int) -> str:
    return f"column {position + 1}"


def _last_filled(cells: Sequence[str]) -> int:
    return next((position for position in range(len(cells), 0, -1) if cells[position - 1].strip()), 0)


def _check(record: Record, least: int, most: int) -> Record:
    """Return the record with as many cells as the header, or with the reason why it cannot be used."""
    reason = record.reason or _defect(record, least, most)
    if reason:
        return record._replace(cells=[], raw_line=record.raw_line[:MAX_CELL_LENGTH], reason=reason)
    cells = record.cells
    return record if len(cells) == most else record._replace(cells=(cells + [""] * (most - len(cells)))[:most])


def _defect(record: Record, least: int, most: int) -> str | None:
    cells, line = record.cells, record.raw_line
    if len(cells) < least or (len(cells) > most and any(cell.strip() for cell in cells[most:])):
        return "wrong_column_count"
    if not line.isprintable() and CONTROL_CHARACTERS.search(line):
        return "control_characters"
    if len(line) > MAX_CELL_LENGTH and max(map(len, cells)) > MAX_CELL_LENGTH:
        return "field_too_long"
    return None


def _build_frame(records: Sequence[Record], layout: Layout) -> pd.DataFrame:
    columns = list(zip_longest(*(record.cells for record in records), fillvalue=""))

    def texts(position: int) -> list[str]:
        return list(map(unguard_cell, columns[position])) if position < len(columns) else [""] * len(records)

    data: dict[str, pd.Series] = {
        "row_number": pd.Series([record.row_number for record in records], dtype="int64"),
        "raw_line": pd.Series([record.raw_line for record in records], dtype="str"),
        "raw_number": pd.Series(texts(layout.number), dtype="str"),
        "structure_reason": pd.Series([record.reason for record in records], dtype="object"),
    }
    for position, field in layout.fields.items():
        if position != layout.number:
            data[field] = pd.Series([text.strip() for text in texts(position)], dtype="str")
    return pd.DataFrame(data)
