"""Rejected rows as a file that a partner opens, fixes and drops again.

The columns of the original come first, so that the same names are found again; ``row``, ``reason`` and ``what to
do`` follow and are ignored on reading. A row whose cells cannot be trusted stands whole in the first column:
dropped unfixed, it is rejected again rather than read with a name in the place of a postcode.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from files.columns import REJECT_COLUMNS
from files.exports import write_cells
from files.formulas import unguard_cell
from files.read import ContactFile
from files.records import CONTROL_CHARACTERS, split_record
from files.workbook import WORKBOOK_DELIMITER
from sms.msisdn import REASONS

STRUCTURE_WORDS: dict[str, str] = {
    "wrong_column_count": "This row has more or fewer cells than there are columns. It stands here in one piece: "
    "put each part back into its column.",
    "bad_quote": "A quotation mark in this row is not closed, or stands in the wrong place. It stands here in one "
    "piece: put each part back into its column.",
    "field_too_long": "A cell of this row is longer than 32,767 characters: take the row from your own file and "
    "shorten it.",
    "control_characters": "This row held invisible control characters. They are taken out here: check the row.",
}
REJECT_WORDS: dict[str, str] = {**STRUCTURE_WORDS, **REASONS}

_IN_ONE_PIECE = frozenset({"wrong_column_count", "bad_quote", "field_too_long"})


def reject_rows(contact_file: ContactFile, reasons: Mapping[int, str]) -> pd.DataFrame:
    """Return the rows to hand back, as ``write_rejects`` takes them.

    Args:
        contact_file: what was read.
        reasons: ``row_number`` -> code, a key of ``REJECT_WORDS``.

    Returns:
        One row per rejected row, keyed by ``row_number``: that, one column per column of the file, ``reason``.
    """
    delimiter = contact_file.delimiter or WORKBOOK_DELIMITER
    lines = contact_file.frame.set_index("row_number")["raw_line"].loc[list(reasons)]
    width = len(contact_file.header)
    records = [
        [row_number, *_cells(line, delimiter, reasons[row_number], width), reasons[row_number]]
        for row_number, line in zip(reasons, lines, strict=True)
    ]
    return pd.DataFrame(records, columns=["row_number", *contact_file.header, "reason"])


def write_rejects(path: Path, header: Sequence[str], frame: pd.DataFrame) -> Path:
    """Write rejected rows as a ``;`` UTF-8 file, and return its path.

    Args:
        path: replaced when it exists.
        header: the original columns in order.
        frame: one row per rejected row, keyed by ``row_number``: that, one text column per name of ``header``,
            ``reason``.
    """
    words = [REJECT_WORDS[reason] for reason in frame["reason"]]
    cells = [frame[name] for name in header]
    rows = zip(*cells, frame["row_number"], frame["reason"], words, strict=True)
    return write_cells(path, [*header, *REJECT_COLUMNS], rows)


def _cells(line: str, delimiter: str, reason: str, width: int) -> list[str]:
    if reason in _IN_ONE_PIECE:
        return [_visible(line), *[""] * (width - 1)]
    cells = [_visible(unguard_cell(cell)) for cell in split_record(line, delimiter)]
    return (cells + [""] * (width - len(cells)))[:width]


def _visible(text: str) -> str:
    return CONTROL_CHARACTERS.sub("", text)
