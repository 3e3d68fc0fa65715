"""The only access to the store: lock, attach, one transaction, detach.

No process keeps the file open. ``transaction`` takes ``flock`` on a lock file beside the store, attaches the file to an
in-memory DuckDB that lives as long as the thread, runs one transaction and detaches. So processes use the file in
turn, a transaction costs about a millisecond, and the kernel frees the lock of a killed process.

Never inside a transaction: a network call, a Prefect call, the parsing of a file.
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
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

import duckdb

from campanile.sms.errors import StoreBusy, StoreError
from campanile.store.db import checkpoint
from campanile.store.db.commit_number import CommitNumber, Reconciliation
from campanile.store.db.instance import thread_instance, thread_state, use_key
from campanile.store.db.statement_runner import StatementRunner
from campanile.store.db.watchdog import describe_holder, limited

log = logging.getLogger("campanile.store")

LONG_TRANSACTION_SECONDS = 1.0
LIMIT_SECONDS = 600.0
"""An import or a recap of a million rows is one transaction and takes some ten seconds."""
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


class Transaction(StatementRunner):
    """One transaction. ``at`` is the wall clock, read once the lock was held: its decisions use it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, at: datetime, number: CommitNumber | None) -> None:
        super().__init__(connection)
        self._is_dry_run = False
        self._number = number
        self.at = at

    def run(self, name: str, /, **parameters: object) -> int:
        """Run a named statement that changes rows; return how many. The first one gives the commit its number."""
        if self._number is not None:
            self._number.take()
        return super().run(name, **parameters)

    @property
    def reconciliation(self) -> Reconciliation | None:
        """Why nothing may be claimed, or None: the store is compared with its mark, once a transaction."""
        return None if self._number is None else self._number.take()

    def begin_reconciliation(self, problem: str) -> None:
        """Stop all claims, because a gateway has something that is missing in the store."""
        if self._number is not None:
            self._number.reconcile(problem)

    def make_mark_durable(self) -> None:
        """Write the mark to disk before the commit returns, for actions that cannot be undone afterwards."""
        if self._number is not None:
            self._number.is_durable = True

    def dry_run(self) -> None:
        """Roll this transaction back at its end, with all changes before this call: nothing is stored."""
        self._is_dry_run = True

    def _commit(self) -> None:
        if self._is_broken:
            raise StoreError("an error was caught inside a transaction of the store: nothing of it is committed")
        self._connection.execute("ROLLBACK" if self._is_dry_run else "COMMIT")

    def _write_mark(self) -> None:
        if self._number is not None and not self._is_dry_run:
            self._number.write()


@contextlib.contextmanager
def scratch_tables() -> Iterator[StatementRunner]:
    """Keep scratch tables during the block: tables that one transaction stages can be read in the next one too.

    So a million rows are read in one transaction, processed while no other process waits, and stored in another.
    """
    connection = thread_instance()
    try:
        yield StatementRunner(connection)
    finally:
        for table in connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall():
            connection.execute(f"DROP TABLE temp.{table[0]}")


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Run this thread's transactions inside the block on one core: few rows are slower on several."""
    connection = thread_instance()
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
    is_numbered: bool = True,
    limit_seconds: float = LIMIT_SECONDS,
    opt_out_key: bytes | None = None,
) -> Iterator[Transaction]:
    """Open a transaction on the store: everything in the block is committed together, or not at all.

    Args:
        path: the store's file; its log is beside it.
        now: the wall clock, read when the lock is held.
        read_only: do not write; other processes may read at the same time.
        wait_seconds: how long to wait for the process that holds the store.
        checkpoint_after: move the log into the file at the end, even a short one.
        is_numbered: the commit is compared with the store's mark; False only for migrations.
        limit_seconds: after this time the process ends, so that a transaction that hangs frees the store.
        opt_out_key: the key of a store that keeps opt-outs as keyed hashes. A statement that looks for an opt-out in
            such a store raises ``StoreError`` without it.

    Raises:
        StoreBusy: another process still holds the store after ``wait_seconds``; the error names it.
        StoreError: the file cannot be opened.
    """
    give_up_at = time.monotonic() + wait_seconds
    with _locked(path, read_only, give_up_at), limited(limit_seconds, path.name):
        connection = thread_instance()
        use_key(connection, opt_out_key)
        attach_seconds = _attach(connection, path, read_only, give_up_at)
        started = time.monotonic()
        blocks: list[int] | None = None
        try:
            yield from _one_transaction(connection, now, path if is_numbered and not read_only else None)
            if checkpoint_after or (not read_only and checkpoint.is_due(path, attach_seconds, _cost_seconds())):
                blocks = checkpoint.live_blocks(connection)
        finally:
            connection.execute("USE memory")
            connection.execute("DETACH store")
            if blocks is not None:
                _checkpoint(connection, path, blocks, give_up_at)
            lasted = time.monotonic() - started
            if lasted > LONG_TRANSACTION_SECONDS:
                log.warning("a transaction of the store lasted %.1f s; all other processes waited", lasted)


def _cost_seconds() -> float:
    """Return the CPU time of this thread's last checkpoint: on a slow machine it and an ATTACH take longer."""
    return float(getattr(thread_state, "cost_seconds", checkpoint.COST_SECONDS))


def _checkpoint(connection: duckdb.DuckDBPyConnection, path: Path, blocks: list[int], give_up_at: float) -> None:
    """Move the log into the file; the blocks that this overwrites are kept until it is done.

    If it fails, all commits are still in the log, and the next transaction tries again.
    """
    started = time.thread_time()
    try:
        checkpoint.keep_blocks(path, blocks)
        _attach(connection, path, False, give_up_at)
        try:
            connection.execute("CHECKPOINT store")
        finally:
            connection.execute("DETACH store")
        checkpoint.forget_blocks(path)
        thread_state.cost_seconds = max(time.thread_time() - started, checkpoint.COST_SECONDS)
    except (OSError, duckdb.Error, StoreError) as error:
        log.error("the log of store %s could not be moved into its file: %s", path.name, error)


def _one_transaction(
    connection: duckdb.DuckDBPyConnection, now: Callable[[], datetime], numbered: Path | None
) -> Iterator[Transaction]:
    connection.execute("USE store")
    connection.execute("BEGIN")
    try:
        at = now()
        number = None if numbered is None else CommitNumber(numbered, StatementRunner(connection), at)
        tx = Transaction(connection, at, number)
        yield tx
        tx._commit()
        tx._write_mark()
    except BaseException:
        # A failed COMMIT has already ended the transaction, so there is nothing to roll back.
        with contextlib.suppress(duckdb.TransactionException):
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def locked(path: Path, *, wait_seconds: float = 60.0) -> Iterator[None]:
    """Hold the lock of the store without opening it; no other process has it open meanwhile.

    Raises:
        StoreBusy: another process still holds the store after ``wait_seconds``; the error names it.
    """
    with _locked(path, False, time.monotonic() + wait_seconds):
        yield


@contextlib.contextmanager
def locked_without_log(path: Path, *, wait_seconds: float = 60.0) -> Iterator[None]:
    """Hold the lock of the store as ``locked`` does, after its log was moved into its file; StoreError: it was not."""
    give_up_at = time.monotonic() + wait_seconds
    with _locked(path, False, give_up_at):
        connection = thread_instance()
        _attach(connection, path, False, give_up_at)
        try:
            connection.execute("USE store")
            blocks = checkpoint.live_blocks(connection)
        finally:
            connection.execute("USE memory")
            connection.execute("DETACH store")
        _checkpoint(connection, path, blocks, give_up_at)
        if path.with_name(f"{path.name}.wal").exists():
            raise StoreError(
                f"the log of store {path.name} could not be moved into its file; the log of the run says why"
            )
        yield


@contextlib.contextmanager
def _locked(path: Path, read_only: bool, give_up_at: float) -> Iterator[None]:
    """Hold ``flock`` on the lock file, shared for readers; the file has the last process, for the error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_path = path.with_name(path.name + ".lock")
    with open(os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0) as lock_file:
        undo = checkpoint.undo_path(path)
        while not _try_lock(lock_file, undo, read_only):
            if time.monotonic() > give_up_at:
                holder = describe_holder(lock_file.read().decode().strip())
                raise StoreBusy(f"store {path.name} is held by {holder}")
            time.sleep(random.uniform(0.001, 0.005))  # noqa: S311 - spreads the waiting processes
        if undo.exists():
            checkpoint.undo_checkpoint(path)
        os.pwrite(lock_file.fileno(), f"{os.getpid():<20}".encode(), 0)
        yield


def _try_lock(lock_file: IO[bytes], undo: Path, read_only: bool) -> bool:
    """Try to lock the store; the lock is exclusive if an unfinished checkpoint must be undone first."""
    is_shared = read_only and not undo.exists()
    try:
        fcntl.flock(lock_file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if is_shared and undo.exists():
        fcntl.flock(lock_file, fcntl.LOCK_UN)
        return False
    return True


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, read_only: bool, give_up_at: float) -> float:
    """Attach a store, which replays its log; return the CPU time in seconds."""
    quoted = str(path).replace("'", "''")
    sql = f"ATTACH '{quoted}' AS store" + (" (READ_ONLY)" if read_only else "")
    while True:
        started = time.thread_time()
        try:
            connection.execute(sql)
            return time.thread_time() - started
        except duckdb.Error as error:
            holder = _HOLDER.search(str(error))
            if holder is None:
                raise StoreError(f"store {path.name} cannot be opened: {_first_line(error)}") from error
            if time.monotonic() > give_up_at:
                raise StoreBusy(
                    f"store {path.name} is held by process {holder['pid']} ({Path(holder['program']).name}), "
                    "which is not Campanile; close it there, and use a copy of the file instead"
                ) from error
            time.sleep(0.05)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
