"""Write the file of a store anew: what was deleted stands in its free blocks, and in its log, until then.

DuckDB reuses the blocks of deleted rows and does not overwrite them. So the live content is copied into a new file,
which replaces the old one by a rename. A kill before the rename leaves the store as it was.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive in Prefect's threads, and each process would end
# with a page of "leaked" objects.
from __future__ import annotations

import os
from pathlib import Path

import duckdb

from campanile.sms.errors import StoreError
from campanile.store.db import checkpoint
from campanile.store.db.database import locked_without_log
from campanile.store.db.high_water_mark import sync_folder


def compact(path: Path, *, wait_seconds: float = 60.0) -> None:
    """Write a store anew, without the rest of anything that was deleted; all other processes wait meanwhile.

    Raises:
        StoreBusy: another process still holds the store after ``wait_seconds``.
        StoreError: the copy failed; the store is as it was.
    """
    with locked_without_log(path, wait_seconds=wait_seconds):
        fresh = path.with_name(f"{path.name}.compact")
        _remove(fresh)
        try:
            _copy(path, fresh)
            with fresh.open("rb") as written:
                os.fsync(written.fileno())
            fresh.replace(path)
        finally:
            _remove(fresh)
        sync_folder(path.parent)


def _copy(path: Path, fresh: Path) -> None:
    connection = duckdb.connect(":memory:")
    try:
        for setting in ("SET TimeZone = 'UTC'", *checkpoint.SETTINGS):
            connection.execute(setting)
        for file, name, options in ((path, "store", " (READ_ONLY)"), (fresh, "fresh", "")):
            quoted = str(file).replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS {name}{options}")
        connection.execute("COPY FROM DATABASE store TO fresh")
        connection.execute("CHECKPOINT fresh")
    except duckdb.Error as error:
        raise StoreError(f"store {path.name} cannot be written anew: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()


def _remove(fresh: Path) -> None:
    for suffix in ("", ".wal"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
