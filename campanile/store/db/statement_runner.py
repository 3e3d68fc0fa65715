"""Named statements over one connection."""

# Annotations stay text: evaluated, they keep DuckDB's types alive in Prefect's threads, and each process would end
# with a page of "leaked" objects.
from __future__ import annotations

import atexit
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pandas as pd

from campanile.sms.errors import StoreError
from campanile.store.db.opt_out_keys import WRONG_KEY, is_wrong_key
from campanile.store.db.queries import STATEMENTS, staged_types
from campanile.store.db.row_reader import row_reader

Row = TypeVar("Row")
#: The parsed named statements of this process. DuckDB parses a text anew each time, which is a quarter of the CPU time
#: of a statement on few rows; a parsed statement may be run on every connection.
_parsed: dict[str, duckdb.Statement] = {}
atexit.register(_parsed.clear)  # native libraries would report them at the end of the process


class StatementRunner:
    """Named statements over scratch tables (``staged_…``), which live in this thread's memory and not in the store."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._is_broken = False

    def execute(
        self, sql: str | duckdb.Statement, parameters: dict[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Run SQL; as text for migrations, checks and exports whose columns are data; all other statements have names.

        DuckDB ends a transaction at its first error and accepts a later COMMIT without an error, so the transaction
        remembers the error and refuses to commit.
        """
        with self._remembering_errors():
            return self._connection.execute(sql, parameters or None)

    def run(self, name: str, /, **parameters: object) -> int:
        """Run a named statement that changes rows; return how many."""
        _, found = self._fetch(name, parameters)
        return int(found[0][0]) if found else 0

    def select(self, kind: type[Row], name: str, /, **parameters: object) -> list[Row]:
        """Return the rows of a named query as rows of ``kind``, a row class of ``schemas``, in its order.

        Raises:
            StoreError: its columns are not the fields of ``kind``.
        """
        columns, found = self._fetch(name, parameters)
        read = row_reader(kind, tuple(columns))
        return [read(row) for row in found]

    def find(self, kind: type[Row], name: str, /, **parameters: object) -> Row | None:
        """Return the only row of a named query, or None.

        Raises:
            StoreError: there is more than one.
        """
        found = self.select(kind, name, **parameters)
        if len(found) > 1:
            raise StoreError(f"statement {name} gave {len(found)} rows; one at most is allowed")
        return found[0] if found else None

    def get(self, kind: type[Row], name: str, /, **parameters: object) -> Row:
        """Return the only row of a named query.

        Raises:
            StoreError: there is none, or more than one.
        """
        found = self.find(kind, name, **parameters)
        if found is None:
            raise StoreError(f"statement {name} gave no row; one is needed")
        return found

    def counts(self, name: str, /, **parameters: object) -> dict[str, int]:
        """Return the counts of a named query, in its order, by what is counted: its other column.

        Raises:
            StoreError: it has other columns than these two.
        """
        columns, found = self._fetch(name, parameters)
        if len(columns) != 2 or not columns[1].endswith("_count"):
            raise StoreError(f"statement {name} gave columns {columns}; a key and a count are needed")
        return {key: int(count) for key, count in found}

    def columns(self, name: str, /, **parameters: object) -> dict[str, Any]:
        """Return the columns of a named query as numpy arrays: fast, for columns without NULL and without amounts."""
        with self._remembering_errors():
            found: dict[str, Any] = self.execute(self._parse(name), parameters).fetchnumpy()
            return found

    def value(self, name: str, /, **parameters: object) -> Any:
        """Return the first column of the only row of a named query; None: there is no row.

        Raises:
            StoreError: there is more than one.
        """
        found = self.values(name, **parameters)
        if len(found) > 1:
            raise StoreError(f"statement {name} gave {len(found)} rows; one at most is allowed")
        return found[0] if found else None

    def values(self, name: str, /, **parameters: object) -> list[Any]:
        """Return the first column of a named query, in the order of its rows."""
        _, found = self._fetch(name, parameters)
        return [row[0] for row in found]

    def frame(self, name: str, /, **parameters: object) -> pd.DataFrame:
        """Return the rows of a named query as a frame. Amounts must be cast to text by the query: never floats."""
        columns, found = self._fetch(name, parameters)
        return pd.DataFrame(found, columns=columns)

    @contextlib.contextmanager
    def staged(self, statement: str, /, **sources: pd.DataFrame | Path) -> Iterator[None]:
        """Make frames, or Parquet files by their paths, readable by named statements inside the block.

        Columns get the types of the frames that ``statement`` names, also if there are no rows or no values.

        Args:
            statement: the first of the statements that read them; the others name the same frames.
            sources: the content of each table, by the table's name.

        Raises:
            StoreError: a source has other columns than its frame.
        """
        try:
            for table, source in sources.items():
                self._connection.register(table, self._typed(statement, table, source))
            yield
        finally:
            for table in sources:
                # After an error the transaction is over, and the view is gone: the first error must be raised.
                with contextlib.suppress(duckdb.TransactionException):
                    self._connection.unregister(table)

    def run_staged(self, name: str, rows: pd.DataFrame, /, **parameters: object) -> int:
        """Run a named statement that reads ``staged_rows``; return how many rows it changed.

        Raises:
            StoreError: the rows have other columns than the frame that the statement names.
        """
        if rows.empty:
            return 0
        with self.staged(name, staged_rows=rows):
            return self.run(name, **parameters)

    def _typed(self, statement: str, table: str, source: pd.DataFrame | Path) -> duckdb.DuckDBPyRelation:
        """Return a source with the columns and types of its frame."""
        types = staged_types(STATEMENTS[statement]).get(table)
        if types is None:
            raise StoreError(f"statement {statement} names no frame for {table}")
        if isinstance(source, Path):
            found = self._connection.read_parquet(str(source))
        else:
            found = self._connection.from_df(source)
        if set(found.columns) != set(types):
            missing = ", ".join(sorted(set(types) - set(found.columns))) or "none"
            additional = ", ".join(sorted(set(found.columns) - set(types))) or "none"
            raise StoreError(f"{table} of statement {statement}: columns missing: {missing}; additional: {additional}")
        return found.project(", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in types.items()))

    def _parse(self, name: str) -> duckdb.Statement:
        if name not in _parsed:
            (_parsed[name],) = self._connection.extract_statements(STATEMENTS[name])
        return _parsed[name]

    def _fetch(self, name: str, parameters: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a named statement; DuckDB computes rows while they are fetched, so an error may be raised only then."""
        with self._remembering_errors():
            cursor = self.execute(self._parse(name), parameters)
            return [column[0] for column in cursor.description or ()], cursor.fetchall()

    @contextlib.contextmanager
    def _remembering_errors(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            self._is_broken = True
            if is_wrong_key(error):
                raise StoreError(WRONG_KEY) from error
            raise
