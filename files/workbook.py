"""Sheets to records: the same text a person would have typed, with no zero invented and no format guessed."""

import datetime
import io
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from zipfile import BadZipFile

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
)

from files.cells import CellTable
from files.headers import HEADER_SAMPLE, Header, header_place, read_header
from files.hidden_rows import hidden_rows
from files.records import Record, check_record, is_blank, join_record
from sms.errors import ContactFileError

WORKBOOK_DELIMITER = ";"  # of ``raw_line``, since a sheet has none

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


def split_workbook(
    content: bytes, sheet: str | None, folder: Path, wanted: str | None = None
) -> tuple[str, Header, CellTable]:
    """Return the sheet's name, its header and its rows.

    Args:
        content: of the workbook.
        sheet: None is the first that is visible.
        folder: where the rows may lie.
        wanted: a number column that a person has named.

    Raises:
        ContactFileError: no readable workbook, a password, no such sheet, no header, or only blank rows.
    """
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            found = _open_sheet(workbook, sheet)
            hidden = hidden_rows(content, found.name)
            header, table = _split_rows(_records(found, hidden), folder, wanted)
            return found.name, replace(header, notes=(*header.notes, *_other_sheets(workbook, found.name))), table
    except PasswordError as error:
        raise ContactFileError("it has a password: save it without one") from error
    except (CalamineError, OSError, ValueError, BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise ContactFileError(
            f"it cannot be read as a workbook ({reason}): save it again, or save it as CSV"
        ) from error


def cell_text(value: Cell) -> str:
    """Return a cell as text: 33612345678.0 is ``33612345678``, midnight is a date, true is ``TRUE``."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time.min:
        return value.date().isoformat()
    return str(value)


def _open_sheet(workbook: CalamineWorkbook, sheet: str | None) -> CalamineSheet:
    names = workbook.sheet_names
    if not names:
        raise ContactFileError("it has no sheet")
    visible = _visible_sheets(workbook)
    if sheet is None and not visible:
        raise ContactFileError(f"all its sheets are hidden ({', '.join(map(repr, names))}); say which with sheet=")
    try:
        return workbook.get_sheet_by_name(sheet or visible[0])
    except WorksheetNotFound as error:
        raise ContactFileError(
            f"no sheet named {sheet!r}; sheets of the file: {', '.join(map(repr, names))}"
        ) from error


def _visible_sheets(workbook: CalamineWorkbook) -> list[str]:
    return [
        found.name
        for found in workbook.sheets_metadata
        if found.visible == SheetVisibleEnum.Visible and found.typ == SheetTypeEnum.WorkSheet
    ]


def _other_sheets(workbook: CalamineWorkbook, name: str) -> tuple[str, ...]:
    """Return what a page says of the sheets that were not read."""
    visible = _visible_sheets(workbook)
    others = {
        "Other sheets, not read": [other for other in visible if other != name],
        "Hidden sheets, not read": [other for other in workbook.sheet_names if other not in (*visible, name)],
    }
    return tuple(f"{words}: {', '.join(map(repr, found))}." for words, found in others.items() if found)


def _split_rows(records: Iterator[Record], folder: Path, wanted: str | None) -> tuple[Header, CellTable]:
    sample = list(islice(records, 1 + HEADER_SAMPLE))
    if not sample:
        raise ContactFileError("it holds only blank lines; needed: a line of column names and at least one row")
    place = header_place(sample, wanted)
    header = read_header(sample[place], sample[place + 1 :], sample[:place])
    table = CellTable(folder, header.width, WORKBOOK_DELIMITER)
    for record in chain(sample if header.is_data else sample[place + 1 :], records):
        table.add_record(check_record(record, header.width, header.empty_tail))
    return header, table


def _records(sheet: CalamineSheet, hidden: Collection[int]) -> Iterator[Record]:
    margin = [""] * (sheet.start[1] if sheet.start else 0)
    for row_number, row in enumerate(sheet.iter_rows(), start=1):
        cells = margin + [cell_text(value).replace("\r\n", "\n").replace("\r", "\n") for value in row]
        if not is_blank(cells):
            reason = "hidden_row" if row_number in hidden else None
            yield Record(row_number, cells, join_record(cells, WORKBOOK_DELIMITER), reason)
