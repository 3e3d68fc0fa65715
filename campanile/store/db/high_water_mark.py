"""The high-water mark: the number of a store's last commit, in a small file beside it.

A store that was restored from a copy, or that lost its log, misses messages that the gateway has, and nothing inside it
shows that. The mark shows it: it is written after each commit, and it is not part of a copy. It contains the inode
number of its own file and the generation of that number, so a mark that was copied together with its store is not
accepted. Before anything is posted, the mark is written to a new file: an old mark that is copied over it then names
another file.
"""

import array
import contextlib
import fcntl
import os
import zlib
from pathlib import Path
from typing import NamedTuple

_FORMAT = "campanile-mark 1"
_BYTES = 128
_FS_IOC_GETVERSION = 0x80087601
"""Of <linux/fs.h>: the generation of an inode, another one for each file that gets the number (ext4, XFS, Btrfs)."""


class Mark(NamedTuple):
    """A commit: ``store_id`` says of which store, ``sequence`` counts."""

    store_id: str
    sequence: int


class MarkReading(NamedTuple):
    """The content of the file: the mark, or why there is none."""

    mark: Mark | None
    problem: str


def mark_path(path: Path) -> Path:
    """Return where the mark of a store is kept: under a name that ``cp sms.duckdb*`` does not copy."""
    return path.with_name(f"{path.stem}.mark")


def read_mark(path: Path) -> MarkReading:
    """Read the mark of a store; the caller holds the store's lock."""
    file = mark_path(path)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return MarkReading(None, f"its mark {file.name} is missing")
    try:
        text, identity = os.pread(descriptor, _BYTES, 0), _identity(descriptor)
    finally:
        os.close(descriptor)
    return _parse(text, identity, file.name)


def write_mark(path: Path, mark: Mark, *, durable: bool) -> None:
    """Write the mark of a store; ``durable``: to disk, and into a new file, before this returns.

    ``cp -a`` keeps the inode of a file that it overwrites: a mark that is always written in place would be accepted
    after a whole folder was copied back over itself.
    """
    file = mark_path(path)
    if not durable and file.exists():  # guard: durable-mark
        _write(file, mark, os.O_WRONLY)
        return
    draft = file.with_name(f"{file.name}.new")
    _write(draft, mark, os.O_WRONLY | os.O_CREAT, is_synced=True)
    draft.replace(file)
    sync_folder(file.parent)


def _write(file: Path, mark: Mark, flags: int, *, is_synced: bool = False) -> None:
    descriptor = os.open(file, flags | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, _format(mark, _identity(descriptor)), 0)
        if is_synced:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Write the names of a folder's files to disk before this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _identity(descriptor: int) -> str:
    """Return what identifies a file among its copies: inode number and generation, 0 if the file system has none."""
    generation = array.array("l", [0])
    with contextlib.suppress(OSError):
        fcntl.ioctl(descriptor, _FS_IOC_GETVERSION, generation)
    return f"{os.fstat(descriptor).st_ino}.{generation[0]}"


def _format(mark: Mark, identity: str) -> bytes:
    body = f"{_FORMAT} {mark.store_id} {mark.sequence} {identity}"
    return f"{body} {zlib.crc32(body.encode()):08x}".ljust(_BYTES - 1).encode() + b"\n"


def _parse(text: bytes, identity: str, name: str) -> MarkReading:
    body, _, checksum = text.decode("ascii", "replace").rstrip().rpartition(" ")
    words = body.removeprefix(_FORMAT).split()
    if not body.startswith(_FORMAT) or len(words) != 3 or checksum != f"{zlib.crc32(body.encode()):08x}":
        return MarkReading(None, f"its mark {name} cannot be read")
    store_id, sequence, its_identity = words
    if its_identity != identity:
        return MarkReading(None, f"its mark {name} is a copy, so store and mark were restored or moved together")
    return MarkReading(Mark(store_id, int(sequence)), "")
