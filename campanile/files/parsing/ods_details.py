"""The hidden rows of an OpenDocument sheet, and what its cells show: the document holds that beside each value."""

import zipfile
from collections.abc import Iterator
from xml.parsers import expat

from campanile.files.parsing.sheet_details import RowDetails, SheetDetails
from campanile.sms.errors import ContactFileError

CONTENT = "content.xml"
_BLOCK = 1 << 20
_MAX_REPEATED = 1 << 20  # rows of a sheet
_MAX_COLUMNS = 1 << 14
_CELL_TAGS = frozenset({"table:table-cell", "table:covered-table-cell"})
_SHOWN_TYPES = frozenset({"float", "percentage", "currency", "date", "time", "boolean"})
_SPACES = {"text:s": " ", "text:tab": " ", "text:line-break": "\n"}


def ods_details(book: zipfile.ZipFile, sheet: str) -> SheetDetails:
    """Return the details of a sheet of an ``.ods``."""
    return SheetDetails(_rows(book, sheet))


def _rows(book: zipfile.ZipFile, sheet: str) -> Iterator[RowDetails]:
    reader = _Reader(sheet)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = _refuse_entities
    with book.open(CONTENT) as stream:
        try:
            while block := stream.read(_BLOCK):
                parser.Parse(block, False)
                for row, count in reader.taken():
                    for number in range(row.row_number, row.row_number + count):
                        yield RowDetails(number, row.is_hidden, {}, row.texts)
        except expat.ExpatError as error:
            raise ContactFileError("it cannot be read as a workbook: save it again, or save it as CSV") from error


def _refuse_entities(*_: object) -> None:
    raise ContactFileError("it declares XML entities, which no spreadsheet does: save it again, or save it as CSV")


class _Reader:
    """The events of a document, gathered to rows of one sheet; rows of tables inside a cell do not count."""

    def __init__(self, sheet: str) -> None:
        self._sheet = sheet
        self._depth = 0  # tables around this position
        self._is_wanted = False
        self._row, self._row_count, self._next = RowDetails(0), 1, 1
        self._column, self._column_count = 0, 1
        self._text: list[str] | None = None
        self._notes = 0  # comments around this position, which a cell does not show
        self._done: list[tuple[RowDetails, int]] = []

    def taken(self) -> list[tuple[RowDetails, int]]:
        done, self._done = self._done, []
        return done

    def start(self, name: str, found: dict[str, str]) -> None:
        if name == "table:table":
            self._depth += 1
            if self._depth == 1:
                self._is_wanted, self._next = found.get("table:name") == self._sheet, 1
        elif not self._is_wanted or self._depth != 1:
            return
        elif name == "office:annotation":
            self._notes += 1
        elif name == "table:table-row":
            self._start_row(found)
        elif name in _CELL_TAGS:
            self._column_count = _count(found.get("table:number-columns-repeated"), _MAX_COLUMNS)
            self._text = [] if found.get("office:value-type") in _SHOWN_TYPES else None
        elif self._text is not None and not self._notes:
            self._text.append("\n" if name == "text:p" and self._text else _SPACES.get(name, ""))

    def end(self, name: str) -> None:
        if name == "table:table":
            self._depth -= 1
            self._is_wanted = self._is_wanted and self._depth > 0
        elif not self._is_wanted or self._depth != 1:
            return
        elif name == "office:annotation":
            self._notes -= 1
        elif name == "table:table-row":
            self._end_row()
        elif name in _CELL_TAGS:
            text = "".join(self._text or ()).strip()
            if text:
                self._row.texts |= dict.fromkeys(range(self._column, self._column + self._column_count), text)
            self._column += self._column_count
            self._text = None

    def text(self, data: str) -> None:
        if self._text is not None and self._is_wanted and not self._notes:
            self._text.append(data)

    def _start_row(self, found: dict[str, str]) -> None:
        hidden = found.get("table:visibility") in ("collapse", "filter")
        self._row, self._column = RowDetails(self._next, hidden), 0
        self._row_count = _count(found.get("table:number-rows-repeated"), _MAX_REPEATED)

    def _end_row(self) -> None:
        if self._row.is_hidden or self._row.texts:
            self._done.append((self._row, self._row_count))
        self._next += self._row_count


def _count(text: str | None, most: int) -> int:
    return min(int(text), most) if text and text.isdecimal() else 1
