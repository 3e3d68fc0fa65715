"""Sheets to records: the same text a person would have typed, with no zero invented and no format guessed."""

import datetime
import io
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, WorksheetNotFound

from files.cells import CellTable
from files.headers import HEADER_SAMPLE, Header, header_place, read_header
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
        sheet: None is the first.
        folder: where the rows may lie.
        wanted: a number column that a person has named.

    Raises:
        ContactFileError: no readable workbook, a password, no such sheet, no header, or only blank rows.
    """
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            found = _open_sheet(workbook, sheet)
            return found.name, *_split_rows(_records(found), folder, wanted)
    except PasswordError as error:
        raise ContactFileError("it has a password: save it without one") from error
    except (CalamineError, OSError, ValueError) as error:
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
    try:
        return workbook.get_sheet_by_name(sheet or names[0])
    except WorksheetNotFound as error:
        raise ContactFileError(
            f"no sheet named {sheet!r}; sheets of the file: {', '.join(map(repr, names))}"
        ) from error


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


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    margin = [""] * (sheet.start[1] if sheet.start else 0)
    for row_number, row in enumerate(sheet.iter_rows(), start=1):
        cells = margin + [cell_text(value).replace("\r\n", "\n").replace("\r", "\n") for value in row]
        if not is_blank(cells):
            yield Record(row_number, cells, join_record(cells, WORKBOOK_DELIMITER), None)
