"""A file that only grows, one JSON document a line: what the sandbox and Kannel's receiver remember."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from campanile.sms.errors import ConfigurationError


class AppendOnlyFile:
    """A file of JSON lines; a last line torn by a kill is cut off when it is opened.

    Args:
        path: made when it is not there.
        owner: who else may hold it, for the error.

    Raises:
        ConfigurationError: another process holds it.
    """

    def __init__(self, path: Path, owner: str) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ConfigurationError(f"{path} is in use: another {owner} runs on this folder") from None
        self._cut_torn_line()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)

    def append(self, lines: Sequence[str]) -> None:
        """Add whole lines in one go."""
        data = memoryview("".join(line + "\n" for line in lines).encode())
        while data:
            data = data[os.write(self._descriptor, data) :]

    def sync(self) -> None:
        """Return once the disk itself has what was added."""
        os.fsync(self._descriptor)

    def lines(self) -> Iterator[str]:
        """Yield the lines from the first."""
        with self.path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.rstrip("\n")

    def _cut_torn_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            newline = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._descriptor, end)
