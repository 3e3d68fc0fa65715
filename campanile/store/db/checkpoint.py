"""Checkpoints that cannot damage the store if the process is killed.

A commit only appends to the write-ahead log. A checkpoint moves the log into the file, and there DuckDB 2.0 overwrites
the blocks of its live metadata in place, 256 KiB each: if a process is killed, or a machine loses power, in the middle
of such a write, the checksums of the file are wrong and it cannot be opened any more. So DuckDB's own checkpoints are
off. We checkpoint rarely, and until a checkpoint is done we keep a copy of the blocks that it may overwrite beside the
store. After a kill the next process puts the blocks back; the log, which is removed last, still has every commit.
"""

import os
from pathlib import Path

import duckdb

from campanile.store.db.high_water_mark import sync_folder

#: CPU time of an ATTACH in seconds above which a checkpoint is cheaper than replaying the log each time. It is the time
#: of a checkpoint; this value is used until the thread has measured one. An ATTACH without a log takes 4 ms. A small
#: commit in the log adds 0.2 ms, a megabyte of rows 10 ms, and a million rows with a primary key 200 ms, although
#: their log is short: so the time decides, not the size.
COST_SECONDS = 0.010
FIRST_BLOCK_BYTES = 12_288
"""Where block 0 begins: after the file's header and the two headers between which a checkpoint switches."""
BLOCK_BYTES = 262_144
_FLIPPED = slice(4_096, FIRST_BLOCK_BYTES)
_FLIPPED_BYTES = _FLIPPED.stop - _FLIPPED.start
_POSITION_BYTES = 8

# The settings of a DuckDB instance that makes no checkpoints itself.
SETTINGS = ("SET checkpoint_on_detach = 'DISABLED'", "SET checkpoint_threshold = '1TB'")


def undo_path(path: Path) -> Path:
    """Return the file that keeps the blocks during a checkpoint of a store."""
    return path.with_name(path.name + ".undo")


def is_due(path: Path, attach_seconds: float, cost_seconds: float) -> bool:
    """Return whether a store has a log, and replaying it took as much CPU time as a checkpoint."""
    return attach_seconds >= cost_seconds and path.with_name(path.name + ".wal").exists()


def live_blocks(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the blocks of the current database that a checkpoint may overwrite in place."""
    return [row[0] for row in connection.execute("PRAGMA metadata_info").fetchall()]


def keep_blocks(path: Path, blocks: list[int]) -> None:
    """Copy the headers and some blocks of a store, which no process may have attached, to disk.

    If a process opened the file while it is attached, the close would end DuckDB's lock on it.
    """
    with path.open("rb") as store:
        kept = bytearray(os.pread(store.fileno(), _FLIPPED_BYTES, _FLIPPED.start))
        for block in blocks:
            position = FIRST_BLOCK_BYTES + block * BLOCK_BYTES
            kept += position.to_bytes(_POSITION_BYTES, "little") + os.pread(store.fileno(), BLOCK_BYTES, position)
    undo = undo_path(path)
    unnamed = undo.with_name(undo.name + ".new")
    with unnamed.open("wb") as file:
        file.write(kept)
        file.flush()
        os.fsync(file.fileno())
    unnamed.rename(undo)
    sync_folder(path.parent)


def forget_blocks(path: Path) -> None:
    """Delete the copies of blocks: the checkpoint is done."""
    undo_path(path).unlink()


def undo_checkpoint(path: Path) -> None:
    """Put back the blocks that an unfinished checkpoint overwrote; the caller holds the store exclusively.

    The last step of a checkpoint is to switch the headers: if they differ from the copy, it was finished.
    """
    undo = undo_path(path)
    kept = undo.read_bytes()
    with path.open("r+b") as store:
        if os.pread(store.fileno(), _FLIPPED_BYTES, _FLIPPED.start) == kept[:_FLIPPED_BYTES]:
            for start in range(_FLIPPED_BYTES, len(kept), _POSITION_BYTES + BLOCK_BYTES):
                position = int.from_bytes(kept[start : start + _POSITION_BYTES], "little")
                block = kept[start + _POSITION_BYTES : start + _POSITION_BYTES + BLOCK_BYTES]
                os.pwrite(store.fileno(), block, position)
            os.fsync(store.fileno())
    undo.unlink()
