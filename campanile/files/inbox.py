"""The drop folder: what may be taken out of it, and where it goes afterwards.

A file is moved by a hard link and an unlink, because a rename would overwrite: killed between the two, the same
bytes are in both folders and the next call only removes the first. Where there are no links, the file is copied
whole.
"""

import filecmp
import os
import shutil
import stat
from itertools import count
from pathlib import Path

from campanile.files.atomic_write import written_whole

UNFINISHED_SUFFIXES: tuple[str, ...] = (".part", ".partial", ".filepart", ".crdownload", ".tmp")
UNFINISHED_PREFIXES: tuple[str, ...] = (".", "~$")  # hidden, and the lock that Excel puts beside an open workbook

_MAX_STEM_BYTES, _MAX_SUFFIX = 190, 10  # a file system takes 255 bytes for the whole name


def stable_files(folder: Path, *, quiet_seconds: float, now: float) -> list[Path]:
    """Return the files of a folder that nobody is still writing, by name.

    Left out: folders, links, devices, hidden and unfinished names, and what changed in the last ``quiet_seconds``.
    A folder that does not exist is empty.

    Args:
        folder: looked at without its subfolders.
        quiet_seconds: age of the last change from which a file is whole.
        now: POSIX seconds.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    return [Path(entry.path) for entry in entries if _is_stable(entry, now - quiet_seconds)]


def file_away(path: Path, folder: Path, sha256: str) -> Path:
    """Move a file into a folder and return its path there: its own name and the start of its hash.

    Nothing is ever overwritten: another file of that name keeps it and this one gets a rank; the very same bytes
    there already make the move a removal.

    Args:
        path: a regular file.
        folder: made when missing; on another file system the file is copied, then removed.
        sha256: of the bytes, in hexadecimal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = os.fsdecode(os.fsencode(path.stem)[:_MAX_STEM_BYTES])
    for rank in count(1):
        rank_mark = "" if rank == 1 else f"-{rank}"
        target = folder / f"{stem}-{sha256[:8]}{rank_mark}{path.suffix[:_MAX_SUFFIX]}"
        if _put(path, target):
            path.unlink()
            return target
    raise AssertionError("count() does not end")


def _is_stable(entry: os.DirEntry[str], quiet_since: float) -> bool:
    name = entry.name.lower()
    if name.startswith(UNFINISHED_PREFIXES) or name.endswith(UNFINISHED_SUFFIXES):
        return False
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_mtime <= quiet_since


def _same_bytes(path: Path, target: Path) -> bool:
    filecmp.clear_cache()
    return filecmp.cmp(path, target, shallow=False)


def _put(path: Path, target: Path) -> bool:
    """Put the bytes of a file at a free name, or find them there; False when another file has the name."""
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        return _same_bytes(path, target)
    except OSError:  # another file system, or one without links
        return _copy(path, target)
    return True


def _copy(path: Path, target: Path) -> bool:
    if target.exists():
        return _same_bytes(path, target)
    with written_whole(target) as temporary:
        shutil.copyfile(path, temporary)
    return True
