"""One record of a text at a time, exactly: the judge of every line that is not plain.

A quote opens a cell only at the start of that cell, as in Excel; ``="0612…"`` and ``5" pipe`` are plain text.
When a quoted cell does not close, or goes on after its closing quote, only that line is broken: reading goes on
with the next.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from mmap import mmap
from typing import NamedTuple

from campanile.files.parsing.column_mapping import header_score

DELIMITERS: dict[str, str] = {";": "semicolon", ",": "comma", "\t": "tab", "|": "pipe"}
MAX_CELL_LENGTH = 32_767  # characters: what a cell of Excel can hold
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_EMPTY_LINES = re.compile(b"\n{1,1048576}")  # a block of them, so that a match stays small

Text = bytes | mmap
"""UTF-8 where each line, the last one too, ends in a line feed."""


class Record(NamedTuple):
    """One record of a file: where it starts (1 = first line or row), its cells, its text, and what broke it."""

    row_number: int
    cells: list[str]
    raw_line: str
    reason: str | None


def read_records(text: Text, offset: int, row_number: int, delimiter: str) -> Iterator[tuple[Record, int]]:
    """Yield each record from an offset on with the offset behind it; those without any character are left out.

    Args:
        text: what is read.
        offset: where a line starts.
        row_number: of that line, from 1.
        delimiter: one of ``DELIMITERS``.
    """
    opening = delimiter + '"'
    while offset < len(text):
        if empty := _EMPTY_LINES.match(text, offset):
            row_number, offset = row_number + len(empty[0]), empty.end()
            continue
        end = text.find(b"\n", offset)
        line = str(text[offset:end], "utf-8")
        if line.startswith('"') or opening in line:
            record, end = _quoted_record(text, offset, row_number, delimiter)
        else:
            record = Record(row_number, line.split(delimiter), line, None)
        yield record, end + 1
        row_number += record.raw_line.count("\n") + 1
        offset = end + 1


def choose_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that makes the most known, then the most plain column names of a file's first lines.

    The first line counts, or the first one that names a number column where that is another.
    """
    if not lines:
        return ";"
    scores = {
        delimiter: next((score for score in scored if score[0]), scored[0])
        for delimiter in DELIMITERS
        for scored in [[header_score(split_record(line, delimiter)) for line in lines]]
    }
    return max(scores, key=lambda delimiter: scores[delimiter])


def split_record(raw_line: str, delimiter: str) -> list[str]:
    """Return the cells of one record; a record with a broken quote is one cell."""
    return next(read_records(f"{raw_line}\n".encode(), 0, 1, delimiter))[0].cells if raw_line else [""]


def join_record(cells: Sequence[str], delimiter: str) -> str:
    """Return cells as one record that ``split_record`` splits again."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="").writerow(cells)
    return buffer.getvalue()


def is_blank(cells: Sequence[str]) -> bool:
    """Tell whether nothing but white space stands in any cell."""
    return not "".join(cells).strip()


def check_record(record: Record, width: int, empty_tail: int = 0) -> Record:
    """Return the record with ``width`` cells, or without cells and with the reason why it cannot be used.

    The last ``empty_tail`` cells have to be empty. A record of a single column may be followed by empty cells.
    """
    reason = record.reason or _defect(record, width, empty_tail)
    if reason:
        return record._replace(cells=[], raw_line=record.raw_line[:MAX_CELL_LENGTH], reason=reason)
    return record._replace(cells=record.cells[:width])


def _defect(record: Record, width: int, empty_tail: int) -> str | None:
    cells, line = record.cells, record.raw_line
    is_as_wide = len(cells) == width or (width == 1 and is_blank(cells[1:]))
    if not is_as_wide or not is_blank(cells[width - empty_tail : width]):
        return "wrong_column_count"
    if not line.isprintable() and CONTROL_CHARACTERS.search(line):
        return "control_characters"
    if len(line) > MAX_CELL_LENGTH and max(map(len, cells)) > MAX_CELL_LENGTH:
        return "field_too_long"
    return None


def _quoted_record(text: Text, offset: int, row_number: int, delimiter: str) -> tuple[Record, int]:
    reader = csv.reader(_lines(text, offset), delimiter=delimiter, strict=True)
    end = text.find(b"\n", offset)
    try:
        cells = next(reader)
    except csv.Error as error:
        line = str(text[offset:end], "utf-8")
        too_long = reader.line_num == 1 and "field limit" in str(error)
        return Record(row_number, [line], line, "field_too_long" if too_long else "bad_quote"), end
    for _ in range(reader.line_num - 1):
        end = text.find(b"\n", end + 1)
    return Record(row_number, cells, str(text[offset:end], "utf-8"), None), end


def _lines(text: Text, offset: int) -> Iterator[str]:
    while offset < len(text):
        end = text.find(b"\n", offset) + 1
        yield str(text[offset:end], "utf-8")
        offset = end
