"""SIGTERM and Ctrl-C during a run: the answers in flight are recorded, then the process ends in time.

Prefect's engine reports the end of a run, its last logs and its events, with retries: without a server the process
would run on for minutes after SIGTERM. So a thread ends it when no campaign is being sent.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: From SIGTERM to the end of the process, if the answers in flight are recorded by then.
END_SECONDS = 8.0
_got_sigterm = threading.Event()
_sending = threading.Lock()


@contextmanager
def told_to_end() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM or Ctrl-C sets; after SIGTERM the process ends with the block or soon after.

    In a process that received SIGTERM before, the event is set from the start.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    if _got_sigterm.is_set():
        stop.set()

    def end(number: int, _: FrameType | None) -> None:
        stop.set()
        if number == signal.SIGTERM:
            _end_in_time()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with _sending:
            yield stop
    finally:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        signal.signal(signal.SIGTERM, _in_time(before[signal.SIGTERM]))


def _in_time(handler: Any) -> Any:
    """Return a handler of SIGTERM that also ends the process in time after a run; Prefect's own handler waits."""
    if not callable(handler) or getattr(handler, "ends_in_time", False):
        return handler

    def end(number: int, frame: FrameType | None) -> None:
        _end_in_time()
        handler(number, frame)

    end.ends_in_time = True  # type: ignore[attr-defined]
    return end


def _end_in_time() -> None:
    if not _got_sigterm.is_set():
        _got_sigterm.set()
        threading.Thread(target=_end_process, name="end-in-time", daemon=True).start()


def _end_process() -> None:
    threading.Event().wait(END_SECONDS)
    with _sending:  # until the answers in flight are recorded
        sys.stderr.write("ended after SIGTERM: Prefect's server did not accept the last reports of the run\n")
        sys.stderr.flush()
        os._exit(128 + signal.SIGTERM)
