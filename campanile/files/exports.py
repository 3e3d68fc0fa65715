"""Tables for people: a CSV that Excel opens as it is, a Parquet file for analysts."""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pandas as pd

from campanile.files.atomic_write import written_whole
from campanile.files.formula_guard import guard_cell

EXPORT_DELIMITER = ";"
EXPORT_ENCODING = "utf-8-sig"
_PART_ROWS = 10_000


def export_csv(frame: pd.DataFrame, path: Path) -> Path:
    """Write a frame without its index; a missing value is an empty cell, no text can run as a formula."""
    return write_cells(path, [str(name) for name in frame.columns], _rows(frame))


def convert_to_csv(parquet: Path, path: Path) -> Path:
    """Write the rows of a Parquet file to a CSV, in parts; a missing value is an empty cell, times are UTC."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute("SELECT * FROM read_parquet($path)", {"path": str(parquet)})
        header = [column[0] for column in found.description]
        parts = iter(lambda: found.fetchmany(_PART_ROWS), [])
        rows = (["" if value is None else value for value in row] for part in parts for row in part)
        return write_cells(path, header, rows)


def filter_parquet(parquet: Path, path: Path, condition: str) -> Path:
    """Write the rows of a Parquet file that fulfil an SQL condition to another one; order and types stay."""
    with written_whole(path) as temporary, duckdb.connect(":memory:") as connection:
        found = connection.read_parquet(str(parquet)).filter(condition)
        found.write_parquet(str(temporary), compression="zstd")
    return path


def write_cells(path: Path, header: Iterable[object], rows: Iterable[Iterable[object]]) -> Path:
    """Write rows of cells under a header; numbers stay numbers, texts are guarded."""
    with written_whole(path) as temporary, temporary.open("w", encoding=EXPORT_ENCODING, newline="") as file:
        writer = csv.writer(file, delimiter=EXPORT_DELIMITER, lineterminator="\r\n")
        writer.writerow([_guarded(name) for name in header])
        writer.writerows([_guarded(value) for value in row] for row in rows)
    return path


def _rows(frame: pd.DataFrame) -> Iterable[Iterable[object]]:
    columns = [frame.iloc[:, position].astype("object") for position in range(frame.shape[1])]
    return zip(*(column.where(column.notna(), "") for column in columns), strict=True)


def _guarded(value: object) -> object:
    return guard_cell(value) if isinstance(value, str) else value
