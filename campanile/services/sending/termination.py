"""SIGTERM and Ctrl-C while a campaign is sent: what is in flight is recorded, then the process ends in time.

Prefect's engine reports the end of a run and its last logs and events, with retries: without a server a process that
was told to end would live on for minutes. So a thread ends it, once nothing is being sent.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: From SIGTERM to the end, when what is in flight is recorded by then.
END_SECONDS = 8.0
_told = threading.Event()
_sending = threading.Lock()


@contextmanager
def told_to_end() -> Iterator[threading.Event]:
    """Give an event that SIGTERM or Ctrl-C sets; after SIGTERM the process ends when the block is left, or soon after.

    A process that was told to end begins nothing new: then the event is set from the start.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    if _told.is_set():
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
    """Return a handler of SIGTERM with which the process ends in time too, after a sending: Prefect's waits for it."""
    if not callable(handler) or getattr(handler, "ends_in_time", False):
        return handler

    def end(number: int, frame: FrameType | None) -> None:
        _end_in_time()
        handler(number, frame)

    end.ends_in_time = True  # type: ignore[attr-defined]
    return end


def _end_in_time() -> None:
    if not _told.is_set():
        _told.set()
        threading.Thread(target=_end_process, name="end-in-time", daemon=True).start()


def _end_process() -> None:
    threading.Event().wait(END_SECONDS)
    with _sending:  # what is in flight is being recorded
        sys.stderr.write("told to end, and Prefect's server did not take the last reports: ended without them\n")
        sys.stderr.flush()
        os._exit(128 + signal.SIGTERM)
