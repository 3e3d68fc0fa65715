"""Checkpoints that a kill cannot spoil.

A commit only appends to the write-ahead log. A checkpoint moves the log into the file, and there DuckDB 2.0 writes
the blocks that hold its live metadata again in place, 256 KiB each: a process that is killed, or a machine that loses
power, in the middle of such a write leaves a file whose checksums are wrong and which nothing opens any more. So we
checkpoint seldom, by ourselves, and keep what may be overwritten beside the store until it is done. Whoever comes next
after a kill puts it back; the log, which is removed last, still has every commit.
"""

import os
from pathlib import Path

import duckdb

from campanile.store.db.high_water_mark import sync_folder

#: CPU time of an ATTACH above which a checkpoint is cheaper than replaying the log again and again. It is what a
#: checkpoint takes; this value serves until this thread has measured one. An ATTACH without a log takes 4 ms. A small
#: commit in the log adds 0.2 ms, a megabyte of rows 10 ms, and a million rows with a primary key 200 ms, although
#: their log is short: so the time decides, not the size.
COST_SECONDS = 0.010
FIRST_BLOCK_BYTES = 12_288
"""Where block 0 begins: after the file's header and the two headers that a checkpoint flips."""
BLOCK_BYTES = 262_144
_FLIPPED = slice(4_096, FIRST_BLOCK_BYTES)
_FLIPPED_BYTES = _FLIPPED.stop - _FLIPPED.start
_POSITION_BYTES = 8

# The settings of an instance that leaves checkpoints to us.
SETTINGS = ("SET checkpoint_on_detach = 'DISABLED'", "SET checkpoint_threshold = '1TB'")


def undo_path(path: Path) -> Path:
    """Return where the blocks are kept while a checkpoint of a store may be under way."""
    return path.with_name(path.name + ".undo")


def is_due(path: Path, attach_seconds: float, cost_seconds: float) -> bool:
    """Return whether a store has a log, and to replay it took as much CPU time as a checkpoint."""
    return attach_seconds >= cost_seconds and path.with_name(path.name + ".wal").exists()


def live_blocks(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the blocks of the database in use that a checkpoint may write again in place."""
    return [row[0] for row in connection.execute("PRAGMA metadata_info").fetchall()]


def keep_blocks(path: Path, blocks: list[int]) -> None:
    """Keep the headers and some blocks of a store that nobody has attached, on disk before this returns.

    Opened while it is attached, its own process would lose DuckDB's lock on it at the close.
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
    """Say that a checkpoint is done."""
    undo_path(path).unlink()


def undo_checkpoint(path: Path) -> None:
    """Put back what a checkpoint overwrote that did not get to its end; whoever calls has the store alone.

    Its last step is to flip the headers: where they are not what they were, it is done.
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
