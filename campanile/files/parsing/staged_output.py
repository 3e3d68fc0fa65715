"""What a reading leaves behind: valid rows and rejected ones as Parquet, and the rejects as a file to fix."""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

# ruff: noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path
from typing import Any

import duckdb

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.csv_record import MAX_CELL_LENGTH
from campanile.files.parsing.read_table import Reading
from campanile.files.parsing.sql_macros import fields_json, quoted
from campanile.files.rejects import Reject, broken_cells, write_rejects
from campanile.sms.text.masking import mask_numbers

_EXAMPLES, _EXAMPLE_LENGTH, _READ_LENGTH = 3, 80, 200
_FETCH = 5_000  # rows


def count_reasons(table: CellTable) -> dict[str | None, int]:
    """Return how many rows have each reason, most first; None has the valid ones."""
    query = """
        SELECT reason, count(*) FROM (
            SELECT reason FROM numbered JOIN verdicts USING (code) UNION ALL SELECT reason FROM broken
        ) GROUP BY reason ORDER BY count(*) DESC, reason
    """
    return dict(table.engine.execute(query).fetchall())


def reject_examples(table: CellTable) -> dict[str, tuple[str, ...]]:
    """Return the first rows of each reason, as one masked line each."""
    query = f"""
        SELECT reason, min_by({{'row_number': row_number, 'text': text}}, row_number, {_EXAMPLES}) FROM (
            SELECT reason, row_number, left(number, {_READ_LENGTH}) AS text FROM rejects
            UNION ALL SELECT reason, row_number, left(raw_line, {_READ_LENGTH}) FROM broken
        ) GROUP BY reason
    """
    found = table.engine.execute(query).fetchall()
    return {reason: tuple(_example(**example) for example in examples) for reason, examples in found}


def write_rows(reading: Reading, path: Path, valid_count: int, further: Mapping[str, str]) -> Path:
    """Write the valid rows.

    Args:
        reading: the file.
        path: of the Parquet file.
        valid_count: rows that have to be written.
        further: merge fields that no column holds -> their SQL.

    Raises:
        RuntimeError: not as many were written as are valid.
    """
    number = reading.layout.number
    others = {position: name for position, name in reading.layout.fields.items() if position != number}
    fields = {name: reading.table.field(position) for position, name in others.items()}
    fields |= further
    written = reading.table.engine.execute(f"""
        COPY (
            SELECT row_number, number_id, territory, {fields_json(fields)} AS fields
            FROM cells JOIN numbered USING (ordinal) JOIN verdicts USING (code) WHERE reason IS NULL
        ) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION lz4)
    """).fetchall()
    if written != [(valid_count,)]:
        raise RuntimeError(f"{valid_count} rows are valid; {written} were written")
    return path


def write_rejected(table: CellTable, path: Path) -> Path:
    """Write the rejected rows with their reason and their text."""
    table.engine.execute(f"""
        COPY (
            SELECT row_number, reason, left(raw_line, {MAX_CELL_LENGTH}) AS raw_line
            FROM raw_lines JOIN rejects USING (ordinal)
            UNION ALL SELECT row_number, reason, raw_line FROM broken
            ORDER BY row_number
        ) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION lz4)
    """)
    return path


def write_rejects_file(reading: Reading, header: Sequence[str], path: Path) -> Path:
    """Write the rejected rows as their partner gets them back."""
    engine, width = reading.table.engine, len(header)
    cells = ", ".join(map(reading.table.raw, range(width)))
    whole = _fetched(
        engine,
        f"SELECT row_number, reason, {cells} FROM cells JOIN rejects USING (ordinal) ORDER BY row_number",
    )
    broken = _fetched(engine.cursor(), "SELECT row_number, reason, raw_line FROM broken ORDER BY row_number")
    rejects = merge(
        (Reject(number, reason, cells) for number, reason, *cells in whole),
        (
            Reject(number, reason, broken_cells(raw_line, reason, reading.line_delimiter, width))
            for number, reason, raw_line in broken
        ),
    )
    return write_rejects(path, header, rejects)


def _example(row_number: int, text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return f"row {row_number}: {mask_numbers(printable)}"[:_EXAMPLE_LENGTH]


def _fetched(engine: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    engine.execute(query)
    while rows := engine.fetchmany(_FETCH):
        yield from rows
