"""Back up a store that is in use: its file and its log are copied under the lock, then the copy is checked."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campanile.sms.errors import StoreError
from campanile.store.db.database import locked, transaction
from campanile.store.db.high_water_mark import sync_folder
from campanile.store.db.invariants import broken_invariants
from schemas.ledger_rows import StoreState

#: The parts of a store: DuckDB's file and its write-ahead log. The mark is not copied: a copy is older than it.
PARTS = ("", ".wal")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was opened and checked: ``sequence`` is the number of its last commit, ``size_bytes`` its size."""

    folder: Path
    sequence: int
    committed_at: datetime
    size_bytes: int


def back_up(
    path: Path,
    folder: Path,
    now: Callable[[], datetime],
    *,
    wait_seconds: float = 60.0,
    opt_out_key: bytes | None = None,
) -> Backup:
    """Copy a store into a new folder and check the copy; all other processes wait while the files are copied.

    Args:
        path: the store's file.
        folder: where the copy goes; it must not exist yet.
        now: the wall clock.
        wait_seconds: how long to wait for the process that holds the store.
        opt_out_key: the key of a store that keeps opt-outs as keyed hashes.

    Raises:
        StoreBusy: another process still holds the store after ``wait_seconds``.
        StoreError: the folder exists already, there is no store, or the copy is damaged, and deleted again.
    """
    if folder.exists():
        raise StoreError(f"backup folder {folder} exists already; give another one")
    if not path.exists():
        raise StoreError(f"store {path} does not exist, so there is nothing to back up")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        with locked(path, wait_seconds=wait_seconds):
            for file in _parts(path):
                shutil.copyfile(file, unfinished / file.name)
        state = _check(unfinished / path.name, now, opt_out_key)
        for file in unfinished.iterdir():
            with file.open("rb") as copied:
                os.fsync(copied.fileno())
        sync_folder(unfinished)
        unfinished.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    size = sum(file.stat().st_size for file in folder.iterdir())
    return Backup(folder, state.sequence, state.committed_at, size)


def _parts(path: Path) -> list[Path]:
    return [file for part in PARTS if (file := path.with_name(path.name + part)).exists()]


def _check(copy: Path, now: Callable[[], datetime], opt_out_key: bytes | None) -> StoreState:
    """Open a copy and check its invariants; return its row of ``store_state``."""
    with transaction(copy, now, read_only=True, opt_out_key=opt_out_key) as tx:
        broken = broken_invariants(tx)
        state = tx.find(StoreState, "store_state.get")
    copy.with_name(copy.name + ".lock").unlink()
    if broken or state is None:
        what = ", ".join(f"{name} ({count} rows)" for name, count in broken.items()) or "its state is missing"
        raise StoreError(f"the copy of store {copy.name} is damaged: {what}; run diagnose-setup on the store itself")
    return state
