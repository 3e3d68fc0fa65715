"""One run of a flow at a time: a lock that the kernel frees when its process dies.

A lock is ``flock`` on ``<data folder>/locks/<flow>.lock``, so it holds for runs of a worker, for ``python -m flows``
and for plain function calls, on one machine, as the store's own lock does. Prefect's concurrency limits are not used:
they keep the slots of killed runs (docs/decisions/0016-locks-of-our-own.md).
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from campanile.services.clock import real_now
from campanile.services.context import Context
from campanile.sms.errors import SmsError

#: A reader of a lock file locks it for an instant, so a locked file is tried again for this long.
_SECOND_LOOK_SECONDS = 0.2
_LINE_BYTES = 60
#: Locks that calling code holds already: a flow may call another flow of the same lock in its process.
_HELD: ContextVar[frozenset[Path]] = ContextVar("_HELD", default=frozenset())


class StillRunning(SmsError):  # noqa: N818 - reads as what it is
    """Another run of the flow was still running when the waiting time of this one ended."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock, since when (UTC), and whether a signal has stopped it."""

    pid: int
    since: datetime
    is_stopped: bool
    zone: ZoneInfo

    def __str__(self) -> str:
        """Return the process, and what to do if a signal has stopped it."""
        since = self.since.astimezone(self.zone)
        line = f"process {self.pid} since {since:%Y-%m-%d %H:%M:%S} {since.tzname()}"
        if self.is_stopped:
            line += f" (stopped by a signal: 'kill -CONT {self.pid}' continues it, 'kill -KILL {self.pid}' ends it)"
        return line


@contextlib.contextmanager
def hold(
    context: Context, flow: str, wait_seconds: float = 0, note: Callable[[str], object] = lambda _: None
) -> Iterator[None]:
    """Hold a flow's lock inside the block; code that is called inside it may hold it too.

    Args:
        context: the context; its data folder holds the locks.
        flow: the flow's name.
        wait_seconds: how long to wait for the run that holds it.
        note: takes one line when there is something to wait for.

    Raises:
        StillRunning: another run still holds it after ``wait_seconds``; the line names its process.
    """
    path = _path(context, flow)
    if path in _HELD.get():
        yield
        return
    with _opened(path) as file:
        _lock(context, file, flow, wait_seconds, note)
        _write(file, f"{os.getpid()} {real_now().isoformat()}")
        before = _HELD.set(_HELD.get() | {path})
        try:
            yield
        finally:
            _HELD.reset(before)
            _write(file, "")


def find_holder(context: Context, flow: str) -> Holder | None:
    """Return the process that holds a flow's lock, or None."""
    path = _path(context, flow)
    if not path.exists():
        return None
    with _opened(path) as file:
        return None if _try_lock(file, fcntl.LOCK_SH) else _read(file, context.settings.zone)


def _lock(context: Context, file: IO[bytes], flow: str, wait_seconds: float, note: Callable[[str], object]) -> None:
    started = time.monotonic()
    is_noted = False
    while not _try_lock(file, fcntl.LOCK_EX):
        waited = time.monotonic() - started
        line = f"{flow} is running in {_read(file, context.settings.zone) or 'another process'}"
        if waited > max(wait_seconds, _SECOND_LOOK_SECONDS):
            raise StillRunning(f"{line}; waited {waited:.0f} s, run it again later" if wait_seconds else line)
        if wait_seconds and waited > _SECOND_LOOK_SECONDS and not is_noted:
            note(f"waiting: {line}")
            is_noted = True
        time.sleep(0.2 if is_noted else 0.02)


def _try_lock(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _path(context: Context, flow: str) -> Path:
    return context.data_path("locks") / f"{flow}.lock"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a lock file; no child inherits it, and closing it frees the lock."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0) as file:
        yield file


def _write(file: IO[bytes], line: str) -> None:
    os.pwrite(file.fileno(), f"{line:<{_LINE_BYTES}}".encode(), 0)


def _read(file: IO[bytes], zone: ZoneInfo) -> Holder | None:
    """Return the process that wrote last; None in the instant between the lock and its line."""
    pid, _, since = os.pread(file.fileno(), _LINE_BYTES, 0).decode().strip().partition(" ")
    return Holder(int(pid), datetime.fromisoformat(since), _is_stopped(int(pid)), zone) if since else None


def _is_stopped(pid: int) -> bool:
    """Return whether a signal (SIGSTOP, a debugger) has stopped a process; False if there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] in ("T", "t")
    except OSError:
        return False
