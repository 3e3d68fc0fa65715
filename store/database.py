"""The one seam to the store: lock, attach, one transaction, detach.

Nobody keeps the file open. A visit takes ``flock`` on a lock file beside the store, attaches the file to an
in-memory DuckDB that lives as long as the thread, runs one transaction and detaches. So processes share the file in
turn, a visit costs about a millisecond, and a killed process leaves no lock: the kernel frees it.

Never inside a visit: a network call, a Prefect call, the parsing of a file.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive in Prefect's threads, and each process would end
# with a page of "leaked" objects.
from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import pandas as pd

from sms.errors import StoreBusy, StoreError
from store import checkpoint
from store.statements import STATEMENTS

log = logging.getLogger("campanile.store")

LONG_VISIT_SECONDS = 1.0
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_threads = threading.local()


class Workbench:
    """Named statements over scratch tables (``staged_…``), which live in this thread's memory and not in the store."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._is_broken = False

    def execute(self, sql: str, parameters: dict[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run SQL text; for migrations, checks and exports whose columns are data: everything else has a name.

        DuckDB ends a transaction at its first error and lets a later COMMIT pass without a word, so the visit
        remembers the error and refuses to commit.
        """
        with self._remembering_errors():
            return self._connection.execute(sql, parameters or None)

    def run(self, name: str, /, **parameters: object) -> int:
        """Run a named statement that changes rows; return how many."""
        _, found = self._fetch(name, parameters)
        return int(found[0][0]) if found else 0

    def rows(self, name: str, /, **parameters: object) -> list[dict[str, Any]]:
        """Return the rows of a named query, in its order."""
        columns, found = self._fetch(name, parameters)
        return [dict(zip(columns, row, strict=True)) for row in found]

    def columns(self, name: str, /, **parameters: object) -> dict[str, Any]:
        """Return the columns of a named query as numpy arrays: quick, for columns without NULL and without amounts."""
        with self._remembering_errors():
            found: dict[str, Any] = self.execute(STATEMENTS[name], parameters).fetchnumpy()
            return found

    def row(self, name: str, /, **parameters: object) -> dict[str, Any] | None:
        """Return the only row of a named query, or None."""
        found = self.rows(name, **parameters)
        if len(found) > 1:
            raise StoreError(f"statement {name} gave {len(found)} rows, one at most is allowed")
        return found[0] if found else None

    def value(self, name: str, /, **parameters: object) -> Any:
        """Return the first column of the only row of a named query."""
        found = self.row(name, **parameters)
        return None if found is None else next(iter(found.values()))

    def frame(self, name: str, /, **parameters: object) -> pd.DataFrame:
        """Return the rows of a named query as a frame. Amounts must be cast to text by the query: never floats."""
        columns, found = self._fetch(name, parameters)
        return pd.DataFrame(found, columns=columns)

    @contextlib.contextmanager
    def staged(
        self, *, types: Mapping[str, Mapping[str, str]] | None = None, **sources: pd.DataFrame | Path
    ) -> Iterator[None]:
        """Make frames, or Parquet files by their paths, readable by named statements inside the block.

        ``types`` says for a name which columns to take and as what: an empty frame or file knows no types.
        """
        for name, source in sources.items():
            found = self._connection.read_parquet(str(source)) if isinstance(source, Path) else source
            if types is not None:
                found = self._connection.from_df(found) if isinstance(found, pd.DataFrame) else found
                found = found.project(
                    ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in types[name].items())
                )
            self._connection.register(name, found)
        try:
            yield
        finally:
            for name in sources:
                # After an error the transaction is over, and the view with it: that error is the one to be told.
                with contextlib.suppress(duckdb.TransactionException):
                    self._connection.unregister(name)

    def run_staged(self, name: str, rows: pd.DataFrame, /, **parameters: object) -> int:
        """Run a named statement that reads ``staged_rows``; return how many rows it changed."""
        if rows.empty:
            return 0
        with self.staged(staged_rows=rows):
            return self.run(name, **parameters)

    def _fetch(self, name: str, parameters: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a named statement; DuckDB makes rows while they are fetched, so an error may come as late as that."""
        with self._remembering_errors():
            cursor = self.execute(STATEMENTS[name], parameters)
            return [column[0] for column in cursor.description or ()], cursor.fetchall()

    @contextlib.contextmanager
    def _remembering_errors(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error:
            self._is_broken = True
            raise


class Transaction(Workbench):
    """One visit. ``at`` is the wall clock, read once the lock was held: decisions of this visit use it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, at: datetime) -> None:
        super().__init__(connection)
        self._is_rehearsal = False
        self.at = at

    def rehearse(self) -> None:
        """Do everything as always and keep nothing: at its end this visit is rolled back, also what it did before."""
        self._is_rehearsal = True

    def _commit(self) -> None:
        if self._is_broken:
            raise StoreError("an error was caught inside a visit to the store: nothing of it is committed")
        self._connection.execute("ROLLBACK" if self._is_rehearsal else "COMMIT")


@contextlib.contextmanager
def workbench() -> Iterator[Workbench]:
    """Keep scratch tables from one visit to the next: what a visit stages inside the block is here until its end.

    So a million rows are read in one visit, worked on while nobody waits, and stored in another.
    """
    connection = _instance()
    try:
        yield Workbench(connection)
    finally:
        for table in connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall():
            connection.execute(f"DROP TABLE temp.{table[0]}")


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Let this thread's visits inside the block run on one core: sharing few rows out costs more than it gains."""
    connection = _instance()
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute("RESET threads")


@contextlib.contextmanager
def transaction(
    path: Path,
    now: Callable[[], datetime],
    *,
    read_only: bool = False,
    wait_seconds: float = 60.0,
    checkpoint_after: bool = False,
) -> Iterator[Transaction]:
    """Visit the store: everything in the block is committed together, or not at all.

    Args:
        path: the store's file; its log lies beside it.
        now: the wall clock, read once the lock is held.
        read_only: with others who only read.
        wait_seconds: how long to wait for whoever holds the store.
        checkpoint_after: move the log into the file at the end, however short it is.

    Raises:
        StoreBusy: another process still holds the store after ``wait_seconds``; the line names it.
        StoreError: the file cannot be opened.
    """
    give_up_at = time.monotonic() + wait_seconds
    with _locked(path, read_only, give_up_at):
        connection = _instance()
        _attach(connection, path, read_only, give_up_at)
        started = time.monotonic()
        blocks: list[int] | None = None
        try:
            yield from _one_transaction(connection, now)
            if checkpoint_after or (not read_only and checkpoint.is_due(path)):
                blocks = checkpoint.live_blocks(connection)
        finally:
            connection.execute("USE memory")
            connection.execute("DETACH store")
            if blocks is not None:
                _checkpoint(connection, path, blocks, give_up_at)
            lasted = time.monotonic() - started
            if lasted > LONG_VISIT_SECONDS:
                log.warning("a visit to the store lasted %.1f s; everybody else waited", lasted)


def _checkpoint(connection: duckdb.DuckDBPyConnection, path: Path, blocks: list[int], give_up_at: float) -> None:
    """Move the log into the file, with what that overwrites kept until it is done.

    What was committed stays committed when that fails: it stands in the log, and the next visit tries again.
    """
    try:
        checkpoint.keep_blocks(path, blocks)
        _attach(connection, path, False, give_up_at)
        try:
            connection.execute("CHECKPOINT store")
        finally:
            connection.execute("DETACH store")
        checkpoint.forget_blocks(path)
    except (OSError, duckdb.Error, StoreError) as error:
        log.error("the log of store %s could not be moved into its file: %s", path.name, error)


def _one_transaction(connection: duckdb.DuckDBPyConnection, now: Callable[[], datetime]) -> Iterator[Transaction]:
    connection.execute("USE store")
    connection.execute("BEGIN")
    try:
        visit = Transaction(connection, now())
        yield visit
        visit._commit()
    except BaseException:
        # A failed COMMIT has already ended the transaction, and then there is nothing to roll back.
        with contextlib.suppress(duckdb.TransactionException):
            connection.execute("ROLLBACK")
        raise


def _instance() -> duckdb.DuckDBPyConnection:
    """Return this thread's in-memory DuckDB: a start costs 25 to 60 ms, an ATTACH one."""
    if not hasattr(_threads, "connection") or _threads.pid != os.getpid():
        _threads.connection = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        for setting in ("SET TimeZone = 'UTC'", *checkpoint.SETTINGS):
            _threads.connection.execute(setting)
        _threads.pid = os.getpid()
    connection: duckdb.DuckDBPyConnection = _threads.connection
    return connection


@contextlib.contextmanager
def _locked(path: Path, read_only: bool, give_up_at: float) -> Iterator[None]:
    """Hold ``flock`` on the lock file, shared for readers; in it stands who came last, for the error line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_path = path.with_name(path.name + ".lock")
    with open(os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0) as lock_file:
        undo = checkpoint.undo_path(path)
        while not _try_lock(lock_file, undo, read_only):
            if time.monotonic() > give_up_at:
                holder = lock_file.read().decode().strip() or "unknown"
                raise StoreBusy(f"store {path.name} is held by process {holder}; try again when it is done")
            time.sleep(random.uniform(0.001, 0.005))  # noqa: S311 - spreads the waiting processes
        if undo.exists():
            checkpoint.undo_checkpoint(path)
        os.pwrite(lock_file.fileno(), f"{os.getpid():<20}".encode(), 0)
        yield


def _try_lock(lock_file: IO[bytes], undo: Path, read_only: bool) -> bool:
    """Lock the store, for itself alone where a checkpoint was cut short and must be undone first."""
    is_shared = read_only and not undo.exists()
    try:
        fcntl.flock(lock_file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if is_shared and undo.exists():
        fcntl.flock(lock_file, fcntl.LOCK_UN)
        return False
    return True


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, read_only: bool, give_up_at: float) -> None:
    quoted = str(path).replace("'", "''")
    sql = f"ATTACH '{quoted}' AS store" + (" (READ_ONLY)" if read_only else "")
    while True:
        try:
            connection.execute(sql)
            return
        except duckdb.Error as error:
            holder = _HOLDER.search(str(error))
            if holder is None:
                raise StoreError(f"store {path.name} cannot be opened: {_first_line(error)}") from error
            if time.monotonic() > give_up_at:
                raise StoreBusy(
                    f"store {path.name} is held by process {holder['pid']} ({Path(holder['program']).name}), "
                    "which is not Campanile; close it there, and look at a copy of the file instead"
                ) from error
            time.sleep(0.05)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
