"""The first record of a file: the names of its columns, or the proof that it has none."""

from collections.abc import Sequence
from dataclasses import dataclass

from files.columns import (
    MAX_COLUMNS,
    NUMBER_FIELD,
    is_rejects_header,
    looks_like_number,
    shown_columns,
    without_reject_columns,
)
from files.formulas import unguard_cell
from files.records import CONTROL_CHARACTERS, Record
from sms.errors import ContactFileError

HEADER_SAMPLE = 1000  # records that tell a list of numbers from a header

_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class Header:
    """The names as they stand: ``most`` cells, of which those up to ``least`` have to be there in each row."""

    names: tuple[str, ...]
    is_data: bool = False

    @property
    def most(self) -> int:
        """Cells of a row that is as wide as the header."""
        return len(self.names)

    @property
    def least(self) -> int:
        """The place of the last column that has a name, from 1."""
        return max(position for position, name in enumerate(self.names, start=1) if name)

    @property
    def unnamed(self) -> list[int]:
        """The positions that have no name."""
        return [position for position, name in enumerate(self.names) if not name]

    @property
    def is_of_rejects(self) -> bool:
        """Whether this is a rejects file that comes back."""
        return is_rejects_header(self.names)

    def name_filled(self, filled: set[int]) -> list[str]:
        """Return the header of the columns that count: unnamed ones keep a blank name unless they are filled."""
        width = max([self.least, *(position + 1 for position in filled)])
        names = without_reject_columns(self.names[:width])
        return [name or (stand_in(position) if position in filled else "") for position, name in enumerate(names)]


def stand_in(position: int) -> str:
    """Return what a column without a name is called."""
    return f"column {position + 1}"


def read_header(top: Record, following: Sequence[Record]) -> Header:
    """Return the header that the first record of a file is.

    A single column of numbers has none: its column is called ``msisdn``.

    Args:
        top: the first record that is not blank.
        following: a sample of those after it.

    Raises:
        ContactFileError: it is no header.
    """
    if len(top.cells) > MAX_COLUMNS:
        raise ContactFileError(f"it has {len(top.cells)} columns; allowed: up to {MAX_COLUMNS}")
    if _is_number_list([top, *following]):
        return Header((NUMBER_FIELD,), is_data=True)
    named = tuple(unguard_cell(name).strip() for name in top.cells)
    defect = top.reason or ("control_characters" if CONTROL_CHARACTERS.search(top.raw_line) else None)
    if defect or not any(named):
        raise ContactFileError(f"no header: line {top.row_number} has {defect or 'no name in it'}")
    return Header(named)


def refuse_no_rows(names: Sequence[str]) -> None:
    """Refuse a file that has a header and nothing else.

    Raises:
        ContactFileError: always.
    """
    raise ContactFileError(f"no data rows under its header; needed: at least one; {shown_columns(names)}")


def _is_number_list(records: Sequence[Record]) -> bool:
    firsts = [record.cells[0] for record in records if not "".join(record.cells[1:]).strip()]
    numbers = sum(map(looks_like_number, firsts))
    return looks_like_number(firsts[0] if firsts else "") and numbers >= _NEARLY_ALL * len(records)
