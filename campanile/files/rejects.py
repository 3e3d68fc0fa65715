"""Rejected rows as a file that a partner opens, fixes and drops again.

The columns of the original come first, so that the same names are found again; ``row``, ``reason`` and ``what to
do`` follow and are ignored on reading. A row whose cells cannot be trusted stands whole in the first column:
dropped unfixed, it is rejected again rather than read with a name in the place of a postcode.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from campanile.files.atomic_write import written_whole
from campanile.files.formula_guard import guard_cell, unguard_cell
from campanile.files.parsing.column_mapping import REJECT_COLUMNS
from campanile.files.parsing.csv_record import CONTROL_CHARACTERS, split_record
from campanile.sms.numbers.msisdn import REASONS

STRUCTURE_WORDS: dict[str, str] = {
    "wrong_column_count": "This row has more or fewer cells than there are columns. It stands here in one piece: "
    "put each part back into its column.",
    "bad_quote": "A quotation mark in this row is not closed, or stands in the wrong place. It stands here in one "
    "piece: put each part back into its column.",
    "field_too_long": "A cell of this row is longer than 32,767 characters: take the row from your own file and "
    "shorten it.",
    "control_characters": "This row held invisible control characters. They are taken out here: check the row.",
    "hidden_row": "This row is hidden or filtered out in the sheet. Check whether it belongs to the list.",
}
TABLE_WORDS: dict[str, str] = {
    "repeated_header": "This row repeats the names of the columns; it is no person. Delete it.",
}
REJECT_WORDS: dict[str, str] = {**STRUCTURE_WORDS, **TABLE_WORDS, **REASONS}

_IN_ONE_PIECE = frozenset({"wrong_column_count", "bad_quote", "field_too_long"})


class Reject(NamedTuple):
    """A row to hand back, with its cells as they are to stand there, neither guarded nor cut."""

    row_number: int
    reason: str
    cells: Sequence[str]


def write_rejects(
    path: Path, header: Sequence[str], rejects: Iterable[Reject], words: Mapping[str, str] = REJECT_WORDS
) -> Path:
    """Write rejected rows as a ``;`` UTF-8 file, and return its path.

    Args:
        path: replaced when it exists.
        header: the original columns in order.
        rejects: in the order to write them, with a cell for each name of ``header``.
        words: what to do, by the reason.
    """
    tails = {reason: (reason, advice) for reason, advice in words.items()}
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow([guard_cell(name) for name in [*header, *REJECT_COLUMNS]])
        writer.writerows([*map(guard_cell, cells), row_number, *tails[reason]] for row_number, reason, cells in rejects)
    return path


def broken_cells(raw_line: str, reason: str, delimiter: str, width: int) -> list[str]:
    """Return the cells to hand back of a row whose structure is broken."""
    if reason in _IN_ONE_PIECE:
        return [_visible(raw_line), *[""] * (width - 1)]
    cells = [_visible(unguard_cell(cell)) for cell in split_record(raw_line, delimiter)]
    return (cells + [""] * (width - len(cells)))[:width]


def _visible(text: str) -> str:
    return CONTROL_CHARACTERS.sub("", text)
