"""Connections of a small server, bounded: one that sends no whole request never keeps another out.

A request must be whole so many seconds after its first byte, or after the connection was made. When an address, or all
of them together, have as many connections open as they may, the one that has waited longest for its request is closed
for the new one; the new one is refused only where every other is being answered.
"""

import asyncio
import resource
from collections.abc import Iterable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
MAX_OF_AN_ADDRESS = 200
MAX_OF_ALL = 800
#: Descriptors left for the server's own files.
SPARE_DESCRIPTORS = 100


class BoundedProtocol(H11Protocol):
    """HTTP of which nobody can hold more than their share; one process has one server."""

    _open: dict["BoundedProtocol", str] = {}  # noqa: RUF012 - of the process, in the order they were opened
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and make room for it."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        theirs = [other for other, known in self._open.items() if known == address]
        if not (_makes_room(theirs, MAX_OF_AN_ADDRESS) and _makes_room(self._open, most_of_all())):
            transport.abort()
            return
        self._open[self] = address
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest no longer than allowed."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._open.pop(self, None)
        self._stop_watching()
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether the request is not whole yet."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def give_up(self) -> None:
        """Close the connection at once, unless its request is whole by now."""
        if self.is_waiting:
            self._open.pop(self, None)
            self.transport.abort()

    def _watch(self) -> None:
        if not self.is_waiting:
            self._stop_watching()
        elif self._timer is None:
            self._timer = self.loop.call_later(REQUEST_SECONDS, self.give_up)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def most_of_all() -> int:
    """Return how many connections may be open at once: fewer where the system allows fewer files."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_OF_ALL if allowed == resource.RLIM_INFINITY else max(1, min(MAX_OF_ALL, allowed - SPARE_DESCRIPTORS))


def _makes_room(connections: Iterable[Any], most: int) -> bool:
    """Tell whether there is room for one more, once the longest waiting was closed where there was none."""
    found = list(connections)
    if len(found) < most:
        return True
    waiting = next((connection for connection in found if connection.is_waiting), None)
    if waiting is None:
        return False
    waiting.give_up()
    return True
