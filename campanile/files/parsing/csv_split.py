"""A text to its cells: plain lines in bulk, every other record by itself, in the order of the file."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.csv_record import (
    DELIMITERS,
    Record,
    Text,
    check_record,
    choose_delimiter,
    is_blank,
    read_records,
)
from campanile.files.parsing.header import HEADER_SAMPLE, Header, header_position, read_header
from campanile.files.parsing.line_classifier import ODD, classify_lines
from campanile.files.parsing.protocol import StagingRequest
from campanile.sms.errors import ContactFileError

_BLOCK = 8 * 1024 * 1024
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[;,\t| ]*', re.IGNORECASE)
_FIRST_LINES = 20  # that show the delimiter
_SWALLOWED = 255  # by a record that began on a line before


def split_text(
    text: Text, request: StagingRequest, tell: Callable[[str], None], wanted: str | None = None
) -> tuple[str, Header, CellTable]:
    """Return the delimiter, the header and the rows of a text.

    Args:
        text: what is read.
        request: how it is read, and where the rows may lie.
        tell: is told how far it is.
        wanted: a number column that a person has named.

    Raises:
        ContactFileError: ``sep=`` names something that is no delimiter, there is no header, or only blank lines.
    """
    declared = _declared_delimiter(text)
    start, line = (text.find(b"\n") + 1, 2) if declared else (0, 1)
    delimiter = declared or choose_delimiter(list(islice(_filled_lines(text), _FIRST_LINES)))
    records = read_records(text, start, line, delimiter)
    sample = list(islice(((record, end) for record, end in records if not is_blank(record.cells)), 1 + HEADER_SAMPLE))
    if not sample:
        raise ContactFileError("it holds only blank lines; needed: a line of column names and at least one row")
    found = [record for record, _ in sample]
    is_remembered = request.is_header_row_remembered
    top_position = header_position(found, wanted, request.header_row, is_remembered=is_remembered)
    top, end = sample[top_position]
    may_be_data = request.header_row is None or is_remembered
    header = read_header(top, found[top_position + 1 :], found[:top_position], may_be_data=may_be_data)
    if not header.is_data:
        start, line = end, top.row_number + top.raw_line.count("\n") + 1
    table = CellTable(request.folder, header.width, delimiter)
    _split_rows(text, start, line, delimiter, header, table, tell)
    return delimiter, header, table


def _declared_delimiter(text: Text) -> str | None:
    line = str(text[: text.find(b"\n")], "utf-8")
    declared = _SEPARATOR_LINE.fullmatch(line)
    if declared and declared[1] not in DELIMITERS:
        raise ContactFileError(f"its first line says {line!r}; allowed delimiters: {', '.join(DELIMITERS.values())}")
    return declared[1] if declared else None


def _filled_lines(text: Text) -> Iterator[str]:
    records = read_records(text, 0, 1, "\x1f")
    return (line for line in (record.raw_line for record, _ in records) if line.strip())


def _split_rows(
    text: Text,
    offset: int,
    line: int,
    delimiter: str,
    header: Header,
    table: CellTable,
    tell: Callable[[str], None],
) -> None:
    while offset < len(text):
        end = text.rfind(b"\n", offset, offset + _BLOCK) + 1 or text.find(b"\n", offset) + 1
        block = np.frombuffer(text, np.uint8, end - offset, offset)
        lines = classify_lines(block, delimiter, header.width, header.empty_tail)
        ends, kinds = lines.ends, lines.kinds
        swallowed_to = 0
        for position in np.flatnonzero(kinds == ODD).tolist():
            if position < swallowed_to:
                continue
            start = offset + (int(ends[position - 1]) + 1 if position else 0)
            record, behind = next(read_records(text, start, line + position, delimiter))
            _keep(record, header, table)
            swallowed_to = position + record.raw_line.count("\n") + 1
            kinds[position:swallowed_to] = _SWALLOWED
            end = max(end, behind)
        table.add_lines(block, lines, line)
        line += max(len(ends), swallowed_to)
        offset = end
        tell(f"{line - 1} lines read")


def _keep(record: Record, header: Header, table: CellTable) -> None:
    if not is_blank(record.cells):
        table.add_record(check_record(record, header.width, header.empty_tail))
