"""Sheets to records: the text that a person sees in each cell, and the plain digits of the numbers to write to."""

import datetime
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
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

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.column_aliases import ACTIVITY_DAYS, FIELD_NAMES
from campanile.files.parsing.column_mapping import NUMBER_FIELD, header_key, is_number_name
from campanile.files.parsing.csv_record import Record, check_record, is_blank, join_record
from campanile.files.parsing.header import HEADER_SAMPLE, Header, header_position, read_header, stand_in
from campanile.files.parsing.locales import locale_of_region
from campanile.files.parsing.mojibake import repair_text, repaired_words
from campanile.files.parsing.number_formats import general_number, is_whole_date, shown_value
from campanile.files.parsing.ods_details import CONTENT, ods_details
from campanile.files.parsing.protocol import StagingRequest
from campanile.files.parsing.sheet_details import RowDetails, SheetDetails, open_zip, xlsx_details
from campanile.files.parsing.xls_details import xls_details
from campanile.sms.errors import ContactFileError

WORKBOOK_DELIMITER = ";"  # of ``raw_line``, since a sheet has none

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta

_SHOWN_CODES = 3
_NO_MORE = RowDetails(1 << 62)


def split_workbook(content: bytes, request: StagingRequest, wanted: str | None = None) -> tuple[str, Header, CellTable]:
    """Return the sheet's name, its header and its rows.

    Args:
        content: of the workbook.
        request: which sheet (None is the first that is visible), how it is read, and where the rows may lie.
        wanted: a number column that a person has named.

    Raises:
        ContactFileError: no readable workbook, a password, no such sheet, no header, or only blank rows.
    """
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            found = _open_sheet(workbook, request.sheet)
            rows = _Rows(found, _details(content, found.name, request), request)
            header, table = _split_rows(rows, request, wanted)
            notes = (*header.notes, *rows.notes(header), *_other_sheets(workbook, found.name))
            return found.name, replace(header, notes=notes), table
    except PasswordError as error:
        raise ContactFileError("it has a password: save it without one") from error
    except (CalamineError, OSError, ValueError, BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise ContactFileError(
            f"it cannot be read as a workbook ({reason}): save it again, or save it as CSV"
        ) from error


def cell_text(value: Cell) -> str:
    """Return a cell's value as text: 33612345678.0 is ``33612345678``, midnight is a date, true is ``TRUE``."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time.min:
        return value.date().isoformat()
    return str(value)


class _Rows:
    """The rows of a sheet as records, each cell as it is shown, or as its value where the column asks for that."""

    def __init__(self, sheet: CalamineSheet, details: SheetDetails, request: StagingRequest) -> None:
        self._margin: list[Cell] = [""] * (sheet.start[1] if sheet.start else 0)
        self._rows = enumerate(sheet.iter_rows(), start=1)
        self._details = details.rows
        self._locale = details.locale or locale_of_region(request.region)
        self._leaves_hidden_out = request.hidden_rows != "keep"
        self._next = RowDetails(0)
        self._values: set[int] = set()
        self._dates: set[int] = set()
        self._unknown: dict[int, Counter[str]] = {}
        self._hidden_count = 0
        self._repairs_text = request.repairs_text
        self._repaired_count = 0

    def __iter__(self) -> Iterator[tuple[list[Cell], RowDetails]]:
        """Yield the values of each row that is not blank, and what is special of it."""
        for row_number, row in self._rows:
            while self._next.row_number < row_number:
                self._next = next(self._details, _NO_MORE)
            details = self._next if self._next.row_number == row_number else RowDetails(row_number)
            if not is_blank([str(value) for value in row]):
                yield self._margin + row, details

    def restart(self, header: Header, request: StagingRequest) -> None:
        """Take numbers to write to as values from now on, and dates that are used as such as whole dates."""
        self._unknown.clear()
        self._hidden_count = self._repaired_count = 0
        chosen = {header_key(name): field for field, name in (request.columns or {}).items()}
        for position, name in enumerate(header.names):
            key = header_key(name)
            field = chosen.get(key) or FIELD_NAMES.get(key)
            if header.is_data or is_number_name(name) or field == NUMBER_FIELD:
                self._values.add(position)
            elif field in ACTIVITY_DAYS:
                self._dates.add(position)

    def record(self, values: list[Cell], details: RowDetails) -> Record:
        """Return a row as a record."""
        cells = [
            self._text(value, position, details).replace("\r\n", "\n").replace("\r", "\n")
            for position, value in enumerate(values)
        ]
        self._hidden_count += details.is_hidden
        reason = "hidden_row" if details.is_hidden and self._leaves_hidden_out else None
        return Record(details.row_number, cells, join_record(cells, WORKBOOK_DELIMITER), reason)

    def notes(self, header: Header) -> tuple[str, ...]:
        """Return what a page says of hidden rows that were read, and of cells whose format is not known."""
        is_kept = self._hidden_count and not self._leaves_hidden_out
        kept = f"{self._hidden_count} hidden rows were read like all others, as hidden_rows says."
        repaired = (repaired_words(self._repaired_count),) if self._repaired_count else ()
        return (
            (kept,) * bool(is_kept)
            + repaired
            + tuple(
                f"Not read: {counts.total()} cells of {_name_of(header, position)!r} have a number format that is not "
                f"known here ({', '.join(list(counts)[:_SHOWN_CODES])}), so they are empty here. "
                "Format the column as text or as a plain number, and import the file again."
                for position, counts in sorted(self._unknown.items())
            )
        )

    def _text(self, value: Cell, position: int, details: RowDetails) -> str:
        if isinstance(value, str) and self._repairs_text and (repaired := repair_text(value)) != value:
            self._repaired_count += 1
            value = repaired
        if value == "" or position in self._values:
            return cell_text(value)
        if position in details.texts:
            return details.texts[position].replace("\u00a0", " ").replace("\u202f", " ")
        if isinstance(value, bool):
            return self._locale.truths[value]
        if position in details.codes:
            return self._formatted(value, position, details.codes[position])
        return general_number(value, self._locale) if isinstance(value, int | float) else cell_text(value)

    def _formatted(self, value: Cell, position: int, code: str | None) -> str:
        is_date = isinstance(value, datetime.date)
        if position in self._dates and is_date and (code is None or not is_whole_date(code)):
            return cell_text(value)
        shown = shown_value(value, code, self._locale) if code is not None else None
        if shown is None and not isinstance(value, str):
            self._unknown.setdefault(position, Counter())[code or "?"] += 1
            return ""
        return str(value) if shown is None else shown


def _details(content: bytes, sheet: str, request: StagingRequest) -> SheetDetails:
    locale = locale_of_region(request.region)
    book = open_zip(content)
    if book is None:
        return xls_details(content, sheet, locale)
    return ods_details(book, sheet) if CONTENT in book.namelist() else xlsx_details(book, sheet, locale)


def _name_of(header: Header, position: int) -> str:
    return (header.names[position] if position < header.width else "") or stand_in(position)


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


def _split_rows(rows: _Rows, request: StagingRequest, wanted: str | None) -> tuple[Header, CellTable]:
    source = iter(rows)
    sample = list(islice(source, 1 + HEADER_SAMPLE))
    if not sample:
        raise ContactFileError("it holds only blank lines; needed: a line of column names and at least one row")
    records = [rows.record(*row) for row in sample]
    top_position = header_position(records, wanted, request.header_row, is_remembered=request.is_header_row_remembered)
    header = read_header(
        records[top_position],
        records[top_position + 1 :],
        records[:top_position],
        may_be_data=request.header_row is None or request.is_header_row_remembered,
    )
    rows.restart(header, request)
    table = CellTable(request.folder, header.width, WORKBOOK_DELIMITER)
    for row in chain(sample if header.is_data else sample[top_position + 1 :], source):
        table.add_record(check_record(rows.record(*row), header.width, header.empty_tail))
    return header, table
