"""End this process when one of its transactions holds the store for too long.

While a transaction is open, every other process waits. A transaction that exceeds its limit hangs, or was stopped
(SIGSTOP, a machine that slept) and continues now: its process ends at once, the kernel frees the lock, and nothing of
the transaction is stored.
"""

import contextlib
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger("campanile.store")

EXIT_STATUS = 75
"""EX_TEMPFAIL of <sysexits.h>: try again."""
_LOOK_SECONDS = 1.0
_STOPPED = ("T", "t")  # states of /proc/<pid>/stat: by a signal, by a debugger


class _Watchdog:
    """One thread a process, which checks the open transactions every second."""

    def __init__(self) -> None:
        self._limits: dict[object, tuple[float, float, str]] = {}
        self._pid = 0

    @contextlib.contextmanager
    def limited(self, seconds: float, what: str) -> Iterator[None]:
        if self._pid != os.getpid():  # the first transaction, or that of a child of a fork
            self._pid, self._limits = os.getpid(), {}
            threading.Thread(target=self._watch, name="store watchdog", daemon=True).start()
        key = object()
        self._limits[key] = (_clock() + seconds, seconds, what)
        try:
            yield
        finally:
            del self._limits[key]

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            for ends_at, seconds, what in tuple(self._limits.values()):
                if _clock() > ends_at:
                    _end(seconds, what)


_watchdog = _Watchdog()
limited = _watchdog.limited


def describe_holder(pid: str) -> str:
    """Return what a person can do about the process that holds a store; ``pid`` is the text of the lock file."""
    state = _state_of(pid)
    if state is None:
        return f"process {pid or 'unknown'}; try again when it is done"
    ends = f"`kill -9 {pid}` ends it; this does not damage the store, and what was not committed is not stored"
    if state in _STOPPED:
        return f"process {pid}, which is stopped: `kill -CONT {pid}` continues it, {ends}"
    return f"process {pid}; try again when it is done. If it hangs, {ends}"


def _state_of(pid: str) -> str | None:
    """Return the state of a process as Linux names it; None: there is no such process."""
    try:
        stat = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[0] if pid.isdigit() else None


def _end(seconds: float, what: str) -> None:
    log.critical(
        "a transaction on store %s lasted longer than %.0f s (SMS_STORE_LIMIT_SECONDS) while every other process "
        "waited: process %d ends, and nothing of that transaction is stored. The stack of each thread follows",
        what, seconds, os.getpid(),
    )  # fmt: skip
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    os._exit(EXIT_STATUS)


def _clock() -> float:
    """Return a clock in seconds that counts the sleep of the machine, if the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
