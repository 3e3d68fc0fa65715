"""Files that only their owner reads: they hold people's numbers, texts and keys.

Every entry point calls ``keep_private`` before it writes anything; a child process inherits it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OTHERS = 0o077
"""What a group and everybody else may do with a file, or with a new one: nothing."""


def keep_private(*paths: Path) -> None:
    """Let this process make files for its owner only (0600, folders 0700), and correct those that are there.

    What the owner may do stays as it is. Links are not followed. What belongs to another account, or lies on a file
    system without such rights, stays as it is too: ``open_to_others`` finds it.

    Args:
        paths: folders, with all that is in them, and files; what does not exist is left out.
    """
    os.umask(OTHERS)
    for path, mode in _open_paths(paths):
        with suppress(OSError):
            path.chmod(mode & ~OTHERS)


def open_to_others(*paths: Path) -> list[Path]:
    """Return which files and folders another account may read, write or enter."""
    return [path for path, _ in _open_paths(paths)]


def _open_paths(paths: tuple[Path, ...]) -> Iterator[tuple[Path, int]]:
    """Yield what is open to others and its rights: a folder before what is in it."""
    for path in paths:
        with suppress(OSError):
            status = path.lstat()
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                continue
            if status.st_mode & OTHERS:
                yield path, stat.S_IMODE(status.st_mode)
            if stat.S_ISDIR(status.st_mode):
                yield from _open_paths(tuple(Path(entry.path) for entry in os.scandir(path)))
