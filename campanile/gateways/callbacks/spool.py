"""Callbacks on disk, in the order they came: the receiver writes, Campanile reads.

Gateways report most things once. So what was answered with 200 is on the disk, and what is read stays there: a cursor
is the position of a reader. A gateway has a folder, and in it one file per UTC day and history, so that old ones can
be deleted.
"""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO

from campanile.gateways.jsonl_log import AppendOnlyFile
from campanile.sms.errors import ConfigurationError, GatewayDenied

LOCK_NAME = "receiver.lock"
EPOCH_NAME = "epoch"
LOCK_TRIES = 20
LOCK_WAIT_SECONDS = 0.02
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d)/(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Callback:
    """One request: its parameters or its body, as they came, and when it came."""

    content: str
    received_at: datetime


class SpoolWriter:
    """Writes one kind of callbacks; used by one process, and by one thread of it at a time.

    Args:
        folder: where the files are.
        kind: what their names begin with.
        keep_days: older files are deleted when a new day begins.
    """

    def __init__(self, folder: Path, kind: str, keep_days: int) -> None:
        self._folder = folder
        self._kind = kind
        self._keep = timedelta(days=keep_days)
        self._day = max(_days(folder, kind), default=date.min)
        self._file: AppendOnlyFile | None = None

    def append(self, callbacks: Sequence[Callback]) -> None:
        """Return once the disk has them all, and whoever is killed afterwards.

        Raises:
            OSError: it has not; some may be there nevertheless.
        """
        try:
            file = self._file_of(callbacks[-1].received_at.date())
            file.append([_line(callback) for callback in callbacks])
            file.sync()
        except OSError:
            # The next to open it cuts what a full disk tore, before anything is added behind it.
            self.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _file_of(self, today: date) -> AppendOnlyFile:
        if self._file is None or today > self._day:
            self.close()
            # A clock set back goes on in the newest: readers have left the older ones.
            self._day = max(today, self._day)
            self._file = AppendOnlyFile(_path(self._folder, self._kind, self._day), "receiver")
            _sync_folder(self._folder)
            self._drop_old()
        return self._file

    def _drop_old(self) -> None:
        for day in _days(self._folder, self._kind):
            if day < self._day - self._keep:
                _path(self._folder, self._kind, day).unlink(missing_ok=True)


def read_spool(folder: Path, kind: str, cursor: str, limit: int) -> tuple[list[Callback], str]:
    """Return up to ``limit`` callbacks after a cursor (empty: from the first), and the cursor after them.

    Raises:
        GatewayDenied: the cursor is none of this spool.
    """
    first_day, offset = _parse_cursor(cursor)
    callbacks: list[Callback] = []
    for day in sorted(day for day in _days(folder, kind) if day >= first_day):
        with _path(folder, kind, day).open("rb") as file:
            _seek(file, offset if day == first_day else 0, cursor)
            callbacks += [_parse(line) for line in islice(_whole_lines(file), limit - len(callbacks))]
            cursor = f"{day.isoformat()}/{file.tell()}"
        if len(callbacks) == limit:
            break
    return callbacks, cursor


@contextmanager
def received_into(folder: Path) -> Iterator[None]:
    """Hold a spool as its receiver, until the block or the process ends.

    Raises:
        ConfigurationError: another one does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    try:
        _name_epoch(folder)
        yield
    finally:
        lock.close()


def read_epoch(folder: Path) -> str:
    """Return the name that a spool got when it was made; empty where no receiver of this version has held it yet."""
    try:
        return (folder / EPOCH_NAME).read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def has_receiver(folder: Path) -> bool:
    """Tell whether a receiver holds the spool now."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(folder: Path) -> AppendOnlyFile:
    """Hold the lock; a reader that looks whether somebody does holds it for a moment too."""
    for _ in range(LOCK_TRIES):
        with suppress(ConfigurationError):
            return AppendOnlyFile(folder / LOCK_NAME, "receiver")
        time.sleep(LOCK_WAIT_SECONDS)
    return AppendOnlyFile(folder / LOCK_NAME, "receiver")


def _name_epoch(folder: Path) -> None:
    """Name a spool once: the cursors of one that was made anew in its place are known by it."""
    if read_epoch(folder):
        return
    made = folder / f"{EPOCH_NAME}.new"
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(8))
        file.flush()
        os.fsync(file.fileno())
    made.replace(folder / EPOCH_NAME)
    _sync_folder(folder)


def _path(folder: Path, kind: str, day: date) -> Path:
    return folder / f"{kind}-{day.isoformat()}.jsonl"


def _days(folder: Path, kind: str) -> list[date]:
    return [date.fromisoformat(path.stem.removeprefix(f"{kind}-")) for path in folder.glob(f"{kind}-????-??-??.jsonl")]


def _parse_cursor(cursor: str) -> tuple[date, int]:
    if not cursor:
        return date.min, 0
    with suppress(ValueError):
        if found := _CURSOR.fullmatch(cursor):
            return date.fromisoformat(found[1]), int(found[2])
    raise GatewayDenied(f"{cursor!r} is no cursor of a spool: it must be a day and an offset")


def _seek(file: IO[bytes], offset: int, cursor: str) -> None:
    size = os.fstat(file.fileno()).st_size
    if offset > size:
        # A cursor of an older folder would miss everything up to it in silence.
        raise GatewayDenied(f"{file.name} ends at {size}, before the cursor {cursor}: was the spool made anew?")
    file.seek(offset)


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines that have their end; the file then stands after the last of them."""
    while True:
        start = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.seek(start)
            return
        yield line


def _line(callback: Callback) -> str:
    return json.dumps({"received_at": callback.received_at.isoformat(), "content": callback.content})


def _parse(line: bytes) -> Callback:
    document = json.loads(line)
    # ``query``: in the files of versions that received Kannel only.
    return Callback(
        document["content"] if "content" in document else document["query"],
        datetime.fromisoformat(document["received_at"]),
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
