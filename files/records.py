"""Text to records, without losing a line.

A quote opens a cell only at the start of that cell, as in Excel; ``="0612…"`` and ``5" pipe`` are plain text.
When a quoted cell does not close, or goes on after its closing quote, only that line is broken: reading goes on
with the next.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from files.columns import header_score
from sms.errors import ContactFileError

DELIMITERS: dict[str, str] = {";": "semicolon", ",": "comma", "\t": "tab", "|": "pipe"}
MAX_CELL_LENGTH = 32_767  # characters: what a cell of Excel can hold
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[;,\t| ]*', re.IGNORECASE)


class Record(NamedTuple):
    """One record of a file: where it starts (1 = first line or row), its cells, its text, and what broke it."""

    row_number: int
    cells: list[str]
    raw_line: str
    reason: str | None


def split_text(text: str) -> tuple[str, list[Record]]:
    """Return the delimiter and every record that is not wholly blank, the header first.

    Raises:
        ContactFileError: ``sep=`` names something that is no delimiter.
    """
    lines = text.split("\n")
    declared = _SEPARATOR_LINE.fullmatch(lines[0])
    if declared and declared[1] not in DELIMITERS:
        raise ContactFileError(
            f"its first line says {lines[0]!r}; allowed delimiters: {', '.join(DELIMITERS.values())}"
        )
    start = 1 if declared else 0
    delimiter = declared[1] if declared else choose_delimiter(next((line for line in lines if line.strip()), ""))
    return delimiter, [record for record in _records(lines, start, delimiter) if not is_blank(record.cells)]


def choose_delimiter(header_line: str) -> str:
    """Return the delimiter that makes the most known, then the most plain column names of a header line."""
    return max(DELIMITERS, key=lambda delimiter: header_score(split_record(header_line, delimiter)))


def split_record(raw_line: str, delimiter: str) -> list[str]:
    """Return the cells of one record; a record with a broken quote is one cell."""
    return next(_records(raw_line.split("\n"), 0, delimiter)).cells


def join_record(cells: Sequence[str], delimiter: str) -> str:
    """Return cells as one record that ``split_record`` splits again."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="").writerow(cells)
    return buffer.getvalue()


def is_blank(cells: Sequence[str]) -> bool:
    """Tell whether nothing but white space stands in any cell."""
    return not "".join(cells).strip()


def _records(lines: list[str], start: int, delimiter: str) -> Iterator[Record]:
    opening = delimiter + '"'
    position = start
    while position < len(lines):
        line = lines[position]
        if line.startswith('"') or opening in line:
            record, taken = _quoted_record(lines, position, delimiter)
        else:
            record, taken = Record(position + 1, line.split(delimiter), line, None), 1
        yield record
        position += taken


def _quoted_record(lines: list[str], position: int, delimiter: str) -> tuple[Record, int]:
    following = (f"{lines[index]}\n" for index in range(position, len(lines)))
    reader = csv.reader(following, delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        too_long = reader.line_num == 1 and "field limit" in str(error)
        reason = "field_too_long" if too_long else "bad_quote"
        return Record(position + 1, [lines[position]], lines[position], reason), 1
    taken = reader.line_num
    return Record(position + 1, cells, "\n".join(lines[position : position + taken]), None), taken
