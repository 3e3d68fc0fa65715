"""The first record of a file: the names of its columns, or the proof that it has none."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from campanile.files.formula_guard import unguard_cell
from campanile.files.parsing.column_mapping import (
    MAX_COLUMNS,
    NUMBER_FIELD,
    is_number_name,
    is_rejects_header,
    looks_like_number,
    shown_columns,
    without_reject_columns,
)
from campanile.files.parsing.csv_record import CONTROL_CHARACTERS, Record, is_blank
from campanile.sms.errors import ContactFileError
from campanile.sms.text.masking import mask_numbers

HEADER_SAMPLE = 1000  # records that show how wide the rows are, and whether there is a header

_NEARLY_ALL = 0.9
_MAX_SHOWN = 5
_MAX_TITLES, _MAX_TITLE_CELLS, _TITLE_LENGTH = 20, 2, 60
_DATE = re.compile(r"\b\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\b")
_FEWEST_TAILED = 10  # rows that must have the same empty cells behind the header's before those count as a habit


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns: each row has as many cells, since another width may mean that its cells are shifted.

    Attributes:
        names: as they are written; "" for a column without a name.
        is_data: the first record is no header but a row.
        row_number: its line, from 1; 0: it has none.
        notes: what a person should know of it, a sentence each.
        empty_tail: the last so many columns are no columns of the header: nearly all rows end in that many empty cells.
    """

    names: tuple[str, ...]
    is_data: bool = False
    empty_tail: int = 0
    row_number: int = 0
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Cells of a row."""
        return len(self.names)

    @property
    def named_width(self) -> int:
        """The position of the last column that has a name, from 1."""
        return max(position for position, name in enumerate(self.names, start=1) if name)

    @property
    def unnamed(self) -> list[int]:
        """The positions that have no name."""
        return [position for position, name in enumerate(self.names) if not name]

    @property
    def is_of_rejects(self) -> bool:
        """Whether this is a rejects file that comes back."""
        return is_rejects_header(self.names[: self.named_width])

    def name_filled(self, filled: set[int]) -> list[str]:
        """Return the header of the columns that count: unnamed ones keep a blank name unless they are filled."""
        width = max([self.named_width, *(position + 1 for position in filled)])
        names = without_reject_columns(self.names[:width])
        return [name or (stand_in(position) if position in filled else "") for position, name in enumerate(names)]


def stand_in(position: int) -> str:
    """Return what a column without a name is called."""
    return f"column {position + 1}"


def read_header(
    top: Record, following: Sequence[Record], titles: Sequence[Record] = (), *, may_be_data: bool = True
) -> Header:
    """Return the header that the first record of a file is.

    A single column of numbers has none: its column is called ``msisdn``.

    Its width is that of the rows, where nearly all of them agree: they may end in empty cells that have no name.

    Args:
        top: the first record that is not blank, or the first under a title.
        following: a sample of those after it.
        titles: the records above it.
        may_be_data: whether it may be a row of a single column of numbers, which has no header.

    Raises:
        ContactFileError: it is no header.
    """
    if len(top.cells) > MAX_COLUMNS:
        raise ContactFileError(f"it has {len(top.cells)} columns; allowed: up to {MAX_COLUMNS}")
    if may_be_data and _is_number_list([top, *following]):
        return Header((NUMBER_FIELD,), is_data=True)
    named = tuple(unguard_cell(name).strip() for name in top.cells)
    defect = top.reason or ("control_characters" if CONTROL_CHARACTERS.search(top.raw_line) else None)
    if defect or not any(named):
        raise ContactFileError(f"no header: line {top.row_number} has {defect or 'no name in it'}")
    return _as_wide_as_rows(Header(named, row_number=top.row_number, notes=title_notes(titles)), following)


def header_position(
    records: Sequence[Record], wanted: str | None = None, header_row: int | None = None, *, is_remembered: bool = False
) -> int:
    """Return which of the first records is the header: the first one, or the one under a title.

    A title is at most two filled cells, fewer than those of the header, which names a number column.

    Args:
        records: the first of a file that are not blank.
        wanted: a number column that a person has named.
        header_row: the line of the header, from 1, where a person has said it.
        is_remembered: the person said it of an earlier file: it counts where that line names a number column.

    Raises:
        ContactFileError: nothing stands in that line.
    """
    found = [position for position, record in enumerate(records) if record.row_number == header_row]
    if header_row is not None and is_remembered:
        found = [position for position in found if _names_number(records[position], wanted)]
    if found:
        return found[0]
    if header_row is not None and not is_remembered:
        filled = ", ".join(str(record.row_number) for record in records[:_MAX_SHOWN])
        raise ContactFileError(
            f"header_row={header_row}: no filled line starts there; the first filled lines are {filled}"
        )
    for position, record in enumerate(records[:_MAX_TITLES]):
        cells = [cell for cell in map(str.strip, record.cells) if cell]
        if _names_number(record, wanted):
            return position if all(_is_title(title, len(cells)) for title in records[:position]) else 0
    return 0


def _names_number(record: Record, wanted: str | None) -> bool:
    return any(is_number_name(cell) or cell == wanted for cell in map(str.strip, record.cells) if cell)


def title_notes(titles: Sequence[Record]) -> tuple[str, ...]:
    """Return what a page says of the lines above a header."""
    if not titles:
        return ()
    shown = "; ".join(
        mask_numbers(" ".join(filter(None, map(str.strip, title.cells)))[:_TITLE_LENGTH]) for title in titles
    )
    return (f"Left out above the header (line {titles[0].row_number} on): {shown}.",)


def _is_title(record: Record, header_cells: int) -> bool:
    filled = [cell for cell in record.cells if cell.strip()]
    is_short = len(filled) <= _MAX_TITLE_CELLS and len(filled) < header_cells
    return is_short and not any(looks_like_number(cell) and not _DATE.search(cell) for cell in filled)


def check_has_rows(names: Sequence[str]) -> None:
    """Refuse a file that has a header and nothing else.

    Raises:
        ContactFileError: always.
    """
    raise ContactFileError(f"no data rows under its header; needed: at least one; {shown_columns(names)}")


def _as_wide_as_rows(header: Header, following: Sequence[Record]) -> Header:
    """Return the header with the width that nearly all rows have; without such a width it stays as it is."""
    widths = Counter(len(record.cells) for record in following if record.reason is None)
    width, times = widths.most_common(1)[0] if widths else (header.width, 0)
    if times < _NEARLY_ALL * widths.total() or width < header.named_width:
        return header
    tail = width - header.width
    if tail <= 0:
        return replace(header, names=header.names[:width])
    tailed = sum(len(record.cells) == width and is_blank(record.cells[-tail:]) for record in following)
    if tailed < max(_NEARLY_ALL * widths.total(), _FEWEST_TAILED):
        return header
    return replace(header, names=header.names + ("",) * tail, empty_tail=tail)


def _is_number_list(records: Sequence[Record]) -> bool:
    firsts = [record.cells[0] for record in records if not "".join(record.cells[1:]).strip()]
    numbers = sum(map(looks_like_number, firsts))
    return looks_like_number(firsts[0] if firsts else "") and numbers >= _NEARLY_ALL * len(records)
