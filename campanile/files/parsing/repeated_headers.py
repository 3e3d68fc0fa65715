"""A line of column names below the header: the same one again is no person, another one begins a second table.

Rows of a second table would be read with the columns of the first: a town as a first name. So the file is refused.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

# ruff: noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from campanile.files.parsing.column_aliases import FIELD_NAMES
from campanile.files.parsing.column_mapping import has_number_digits, header_key, is_number_name
from campanile.files.parsing.csv_record import split_record
from campanile.files.parsing.read_table import Reading
from campanile.files.parsing.sql_macros import quoted
from campanile.sms.errors import ContactFileError
from campanile.sms.text.masking import mask_numbers

REPEATED_HEADER = "repeated_header"

_LONGEST_NAME, _LONGEST_LINE = 64, 2_000
_FEWEST_NAMES = 2  # of a header
_MAX_CANDIDATES = 1_000
_IS_PLAIN = re.compile(r"(?=.*[^\W\d_])(?!(?:.*\d){3})[^{}<>$`;]+", re.DOTALL)
_IS_NAME = "length({0}) <= 64 AND regexp_matches({0}, '\\p{{L}}') AND NOT regexp_matches({0}, '[0-9]{{3}}')"


def repeated_headers(reading: Reading) -> NDArray[np.int64]:
    """Return the ordinals of the rows that are the header again; ``numbers`` is made."""
    table, number = reading.table, reading.layout.number
    names = {position: name for position, name in enumerate(reading.header) if name.strip()}
    if number not in names:
        return np.empty(0, dtype=np.int64)
    same = " AND ".join(
        f"lower(coalesce(strip({table.columns[position]}), '')) = lower({quoted(name.strip())})"
        for position, name in names.items()
    )
    query = f"""
        SELECT ordinal FROM cells WHERE {same}
            AND ordinal IN (SELECT ordinal FROM numbers WHERE lower(strip(number)) = lower(?))
    """
    if not _has_name(reading, names[number]):
        return np.empty(0, dtype=np.int64)
    found = table.engine.execute(query, [names[number].strip()]).fetchnumpy()
    return np.asarray(found["ordinal"], dtype=np.int64)


def check_one_table(reading: Reading) -> None:
    """Refuse a file with a line of other column names below its header; its rows are numbered.

    Raises:
        ContactFileError: it says where the second table begins, and what to do.
    """
    for row_number, line in _candidates(reading):
        cells = [cell.strip() for cell in split_record(line, reading.line_delimiter)]
        if not _looks_like_header(cells) or _is_same(cells, reading.header):
            continue
        is_known = sum(map(_is_known, cells)) >= _FEWEST_NAMES
        if is_known or (_is_after_gap(reading, row_number) and _is_above_numbers(reading, row_number, cells)):
            shown = mask_numbers("; ".join(filter(None, cells))[:_LONGEST_NAME])
            raise ContactFileError(
                f"line {row_number} begins a second table with other columns ({shown}): its rows would be read with "
                "the columns of the first; save each table as a file of its own"
            )


def _has_name(reading: Reading, name: str) -> bool:
    query = "SELECT 1 FROM numbers WHERE lower(strip(number)) = lower(?) LIMIT 1"
    return bool(reading.table.engine.execute(query, [name.strip()]).fetchall())


def _candidates(reading: Reading) -> list[tuple[int, str]]:
    """Return row and text of the rejected rows that could be column names."""
    engine = reading.table.engine
    values = engine.execute(f"""
        SELECT DISTINCT strip(number) FROM rejects WHERE reason = 'letters' AND {_IS_NAME.format("number")}
    """).fetchall()
    known = [value for (value,) in values if _is_known(value)]
    broken = engine.execute(f"""
        SELECT row_number, raw_line FROM broken WHERE reason = 'wrong_column_count'
            AND length(raw_line) <= {_LONGEST_LINE} AND NOT regexp_matches(raw_line, '[0-9]{{3}}')
        ORDER BY row_number LIMIT {_MAX_CANDIDATES}
    """).fetchall()
    if not values:
        return broken
    chosen = engine.execute(
        f"""
        SELECT ordinal FROM rejects WHERE reason = 'letters' AND {_IS_NAME.format("number")} AND (
            list_contains(?, strip(number)) OR row_number - 1 NOT IN (
                SELECT row_number FROM numbered UNION ALL SELECT row_number FROM broken
            )
        ) ORDER BY row_number LIMIT {_MAX_CANDIDATES}
    """,
        [known],
    ).fetchall()
    return sorted([*broken, *_lines(reading, (ordinal for (ordinal,) in chosen))])


def _lines(reading: Reading, ordinals: Iterable[int]) -> list[tuple[int, str]]:
    chosen = list(ordinals)
    if not chosen:
        return []
    found = reading.table.engine.execute(
        "SELECT ordinal, raw_line FROM raw_lines WHERE ordinal IN (SELECT unnest(?))", [chosen]
    ).fetchall()
    return [(int(reading.row_numbers[ordinal]), line) for ordinal, line in found]


def _looks_like_header(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    is_plain = all(len(cell) <= _LONGEST_NAME and _IS_PLAIN.fullmatch(cell) is not None for cell in filled)
    return len(filled) >= _FEWEST_NAMES and is_plain and any(map(is_number_name, filled))


def _is_known(cell: str) -> bool:
    return is_number_name(cell) or header_key(cell) in FIELD_NAMES


def _is_same(cells: Sequence[str], header: Sequence[str]) -> bool:
    def keys(names: Sequence[str]) -> list[str]:
        found = [header_key(name) for name in names]
        while found and not found[-1]:
            found.pop()
        return found

    return keys(cells) == keys(header)


def _is_after_gap(reading: Reading, row_number: int) -> bool:
    query = "SELECT 1 FROM numbered WHERE row_number = $row UNION ALL SELECT 1 FROM broken WHERE row_number = $row"
    return not reading.table.engine.execute(query, {"row": row_number - 1}).fetchall()


def _is_above_numbers(reading: Reading, row_number: int, cells: Sequence[str]) -> bool:
    """Tell whether the next row has a number below the name of a number column."""
    engine = reading.table.engine
    below = engine.execute("SELECT raw_line FROM broken WHERE row_number = ?", [row_number + 1]).fetchall()
    if not below:
        ordinals = engine.execute("SELECT ordinal FROM numbered WHERE row_number = ?", [row_number + 1]).fetchall()
        below = [(line,) for _, line in _lines(reading, (ordinal for (ordinal,) in ordinals))]
    values = split_record(below[0][0], reading.line_delimiter) if below else []
    return any(is_number_name(name) and has_number_digits(value) for name, value in zip(cells, values, strict=False))
