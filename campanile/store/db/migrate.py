"""Bring a store to this version: numbered SQL files, each in one transaction, each recorded."""

# Annotations stay text: evaluated, they keep DuckDB's types alive in Prefect's threads, and each process would end
# with a page of "leaked" objects.
from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import duckdb

from campanile.sms.errors import StoreError, StoreTooNew
from campanile.store.db.database import Transaction, transaction
from campanile.store.db.queries import STATEMENTS, staged_types

_CREATE = re.compile(r"^CREATE OR REPLACE TEMP TABLE \w+ AS$", re.MULTILINE)  # DuckDB prepares the query only
_FIRST_WITH_STATE = 5
_BOOK = """
CREATE TABLE IF NOT EXISTS schema_migration (
    version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL
)"""


def migrations() -> list[tuple[int, str, str]]:
    """Return (version, name, SQL) of each migration, oldest first."""
    found = []
    for path in files("campanile.store").joinpath("migrations").iterdir():
        if path.name.endswith(".sql"):
            version, _, name = path.name.removesuffix(".sql").partition("_")
            found.append((int(version), name, path.read_text(encoding="utf-8")))
    return sorted(found)


def migrate(path: Path, now: Callable[[], datetime], *, wait_seconds: float = 60.0) -> int:
    """Create the store or bring it up to date; return its version.

    Raises:
        StoreTooNew: a newer version wrote it.
    """
    newest = migrations()[-1][0]
    with transaction(path, now, wait_seconds=wait_seconds, is_numbered=False) as tx:
        tx.execute(_BOOK)
        current = _version(tx)
    if current > newest:
        raise StoreTooNew(
            f"store {path.name} has version {current}, this Campanile supports up to {newest}: install the newer one"
        )
    for version, name, sql in migrations():
        if version > current:
            with transaction(path, now, wait_seconds=wait_seconds, checkpoint_after=True, is_numbered=False) as tx:
                if version > _version(tx):  # another process may have been first
                    _apply(tx, version, name, sql)
    return newest


def _version(tx: Transaction) -> int:
    found = tx.execute("SELECT coalesce(max(version), 0) FROM schema_migration").fetchone()
    return int(found[0]) if found else 0


def _apply(tx: Transaction, version: int, name: str, sql: str) -> None:
    tx.execute(sql)
    tx.execute(
        "INSERT INTO schema_migration VALUES ($version, $name, $at)",
        {"version": version, "name": name, "at": tx.at},
    )
    if version == 1:
        # Client references are made from it: a new store never repeats those of the store before it.
        tx.run("setting.put", name="store_key", value=secrets.token_hex(32), actor="migration", at=tx.at)
    if version == _FIRST_WITH_STATE:
        tx.run("store_state.create", store_id=secrets.token_hex(16), at=tx.at)


def check_statements() -> None:
    """Plan every named statement against an empty store.

    Raises:
        StoreError: a statement does not fit the tables; the error names it.
    """
    connection = duckdb.connect(":memory:")
    for _, _, sql in migrations():
        connection.execute(sql)
    for name, sql in STATEMENTS.items():
        try:
            _plan(connection, name, sql)
        except (duckdb.Error, StoreError) as error:
            raise StoreError(f"statement {name}: {str(error).splitlines()[0]}") from error


def _plan(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
    """Prepare a statement, which checks tables, columns and types without a run; its head names the frames it reads."""
    staged = staged_types(sql)
    for table, types in staged.items():
        columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")
    prepared = name.replace(".", "_")
    connection.execute(f"PREPARE {prepared} AS {_CREATE.sub('', sql)}")
    connection.execute(f"DEALLOCATE {prepared}")
    for table in staged:
        connection.execute(f"DROP TABLE temp.{table}")
