"""The cells of a file in an engine of their own: every sound row as text, every broken one with its reason.

Rows lie in three parts: plain and quoted lines in files, read in bulk each time they are asked for, all others in
a table. So memory grows with the rows, hardly with what stands in them.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

# ruff: noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on
import resource
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from campanile.files.parsing.csv_record import Record
from campanile.files.parsing.line_classifier import PLAIN, QUOTED, Bytes, Lines, Positions
from campanile.files.parsing.sql_macros import MACROS, quoted

_FLUSH = 10_000  # records
_WIDE = 200  # columns from which the optimizer costs more than it saves
_CONFIG: dict[str, bool | int | float | str | list[str]] = {
    "threads": 1,  # rows keep their order, and memory is what one thread takes
    "async_threads": 0,
    "autoinstall_known_extensions": False,
}
_RAW_DELIMITER = "\x1f"  # stands in no plain line


class CellTable:
    """Rows of ``width`` cells, ``c0`` and so on; an empty cell is NULL or ``''``.

    Attributes:
        engine: has the rows as ``cells`` and their text in the file as ``raw_lines``, both keyed by ``ordinal``, from
            0, and rows without cells as ``broken``: ``row_number``, ``reason``, ``raw_line``.
        columns: their names.
    """

    def __init__(self, folder: Path, width: int, delimiter: str) -> None:
        self.columns = [f"c{position}" for position in range(width)]
        self.engine = _open_engine(folder, width)
        self._parts = {
            PLAIN: _LinePart(folder / "plain.txt", delimiter, ""),
            QUOTED: _LinePart(folder / "quoted.txt", delimiter, '"'),
        }
        self._records: list[Record] = []
        self._odd_lines: list[int] = []
        self._spaced: set[int] = set()
        self._strange: set[int] = set()
        cells = "".join(f", {column} VARCHAR" for column in self.columns)
        self.engine.execute(f"CREATE TABLE odd (raw_line VARCHAR{cells})")
        self.engine.execute("CREATE TABLE broken (row_number BIGINT, reason VARCHAR, raw_line VARCHAR)")

    def add_lines(self, block: Bytes, lines: Lines, first_line: int) -> None:
        """Keep the plain and the quoted lines of a block."""
        self._spaced |= lines.spaced
        self._strange |= lines.strange
        for kind, part in self._parts.items():
            part.add(block, lines.ends, lines.kinds == kind, first_line)

    def add_record(self, record: Record) -> None:
        """Keep a row that was read by itself: sound, with all its cells, or broken."""
        self._records.append(record)
        if len(self._records) >= _FLUSH:
            self._flush()

    def finish(self) -> Positions:
        """Make ``cells`` and ``raw_lines``, after which nothing is added, and return each ordinal's row number."""
        self._flush()
        self._strange |= _not_null(self.engine, [f"nullif({c}, field({c}))" for c in self.columns], "odd")
        lines = [np.array(self._odd_lines, dtype=np.intp)]
        listed = ", ".join(self.columns)
        cells, raw_lines = [f"SELECT rowid AS ordinal, {listed} FROM odd"], ["SELECT rowid, raw_line FROM odd"]
        for part in self._parts.values():
            ordinal = f"{sum(map(len, lines))} + row_number() OVER () - 1 AS ordinal"
            lines.append(part.lines())
            if len(lines[-1]):
                cells.append(f"SELECT {ordinal}, {listed} FROM {part.scan(self.columns)}")
                raw_lines.append(f"SELECT {ordinal}, raw_line FROM {part.scan_raw()}")
        self.engine.execute(f"CREATE VIEW cells AS {' UNION ALL '.join(cells)}")
        self.engine.execute(f"CREATE VIEW raw_lines (ordinal, raw_line) AS {' UNION ALL '.join(raw_lines)}")
        return np.concatenate(lines)

    @property
    def has_broken(self) -> bool:
        """Whether there are rows without cells."""
        return bool(self.engine.execute("SELECT 1 FROM broken LIMIT 1").fetchall())

    def filled(self, positions: Sequence[int]) -> set[int]:
        """Return those of some positions that are filled in any row."""
        found = _not_null(self.engine, [f"nullif(strip(c{position}), '')" for position in positions], "cells")
        return {positions[index] for index in found}

    def field(self, position: int) -> str:
        """Return the SQL of a column as a merge field: NULL when nothing is in it."""
        cell = self.columns[position]
        if position in self._strange:
            return f"field({cell})"
        return f"nullif(trim({cell}), '')" if position in self._spaced else f"nullif({cell}, '')"

    def raw(self, position: int) -> str:
        """Return the SQL of a column as it was before it was guarded, never NULL."""
        cell = self.columns[position]
        return f"coalesce(unguard({cell}), '')" if position in self._strange else f"coalesce({cell}, '')"

    def _flush(self) -> None:
        sound = [record for record in self._records if record.reason is None]
        broken = [record for record in self._records if record.reason is not None]
        if sound:
            cells = zip(self.columns, zip(*(record.cells for record in sound), strict=True), strict=True)
            self._insert("odd", {"raw_line": [record.raw_line for record in sound], **dict(cells)})
            self._odd_lines += [record.row_number for record in sound]
        if broken:
            facts = ((record.row_number, record.reason, record.raw_line) for record in broken)
            names = ("row_number", "reason", "raw_line")
            self._insert("broken", dict(zip(names, zip(*facts, strict=True), strict=True)))
        self._records.clear()

    def _insert(self, table: str, columns: dict[str, Sequence[object]]) -> None:
        arrays = {
            name: np.array(values, dtype=object if isinstance(values[0], str) else None)
            for name, values in columns.items()
        }
        self.engine.register("arrays", arrays)
        self.engine.execute(f"INSERT INTO {table} BY NAME SELECT * FROM arrays")
        self.engine.unregister("arrays")


class _LinePart:
    """Lines of one kind, as they stand, in a file of their own, and where each stood."""

    def __init__(self, path: Path, delimiter: str, quote: str) -> None:
        self._path, self._delimiter, self._quote = path, delimiter, quote
        path.write_bytes(b"\n")  # skipped on reading: no line is the first, whose start could be a byte-order mark
        self._lines: list[Positions] = []

    def add(self, block: Bytes, ends: Positions, is_chosen: NDArray[np.bool_], first_line: int) -> None:
        chosen = np.flatnonzero(is_chosen)
        if not len(chosen):
            return
        self._lines.append(chosen + first_line)
        breaks = np.flatnonzero(np.diff(chosen) > 1)
        firsts, lasts = chosen[np.append(0, breaks + 1)], chosen[np.append(breaks, len(chosen) - 1)]
        with self._path.open("ab") as file:
            for start, end in zip(np.append(-1, ends)[firsts] + 1, ends[lasts] + 1, strict=True):
                file.write(block[start:end].data)

    def lines(self) -> Positions:
        return np.concatenate([np.empty(0, dtype=np.intp), *self._lines])

    def scan(self, columns: Sequence[str]) -> str:
        return self._scan(columns, self._delimiter, self._quote)

    def scan_raw(self) -> str:
        return self._scan(["raw_line"], _RAW_DELIMITER, "")

    def _scan(self, columns: Sequence[str], delimiter: str, quote: str) -> str:
        types = ", ".join(f"'{column}': 'VARCHAR'" for column in columns)
        return (
            f"read_csv({quoted(str(self._path))}, auto_detect=false, header=false, skip=1, new_line='\\n', "
            f"strict_mode=true, delim={quoted(delimiter)}, quote={quoted(quote)}, "
            f"escape={quoted(quote)}, columns={{{types}}})"
        )


def _not_null(engine: duckdb.DuckDBPyConnection, values: Sequence[str], table: str) -> set[int]:
    """Return the indexes of the values that are not NULL in every row."""
    if not values:
        return set()
    counts = engine.execute(f"SELECT {', '.join(f'count({value})' for value in values)} FROM {table}").fetchall()[0]
    return {index for index, count in enumerate(counts) if count}


def _open_engine(folder: Path, width: int) -> duckdb.DuckDBPyConnection:
    """Open an engine that keeps to this thread, so that rows keep their order, and to half of the memory allowed."""
    engine = duckdb.connect(":memory:", config=_CONFIG)
    engine.execute("SET enable_progress_bar = false")
    engine.execute("SET temp_directory = " + quoted(str(folder / "spilled")))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        engine.execute(f"SET memory_limit = '{soft // 2} bytes'")
    if width > _WIDE:
        engine.execute("SET disabled_optimizers = 'common_subexpressions,expression_rewriter'")
    for macro in MACROS:
        engine.execute(macro)
    return engine
