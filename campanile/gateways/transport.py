"""One request over one fresh connection, under one total deadline.

A connection is never used twice: on a kept-alive one, a reset does not tell whether the provider had read the
request. So every failure before the connection is made proves that nothing was sent, and no failure after it does.

A read time-out alone would not do, for a server that dribbles one byte a second never trips it: a timer shuts
the socket down when the time is up, whatever is being read or written at that moment.
"""

import math
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError

from campanile.gateways.allowed_addresses import refused_reason

NETWORK_ERRORS = (requests.RequestException, HTTPError, HTTPException, OSError)
_CHUNK_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back, whole."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):  # noqa: N818 - internal to the floor; ``http`` makes an SmsError of it
    """No whole answer came.

    Attributes:
        was_connected: the connection was made, so the request may have been read.
    """

    def __init__(self, what: str, was_connected: bool) -> None:
        super().__init__(what)
        self.was_connected = was_connected


def clock() -> float:
    """Return seconds on a clock that also counts the machine's sleep, where the system has one."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class Watchdog:
    """Cuts a connection when the time is up, and remembers how far the request got."""

    def __init__(self, seconds: float, not_after: float = math.inf) -> None:
        self.is_connected = False
        self.has_cut = False
        self._not_after = not_after
        self._ends_at = clock() + seconds
        self._timer: threading.Timer | None = None

    def watch(self, connection: Any) -> None:
        """Start watching a connection just made, before anything is sent over it."""
        at = clock()
        remaining_seconds = self._ends_at - at
        if remaining_seconds <= 0 or at >= self._not_after:
            # A slow look-up of the name, a stopped process, a sleep of the machine: too late to send.
            raise ConnectTimeoutError("connected too late to send")
        self._timer = threading.Timer(remaining_seconds, self._cut, (connection,))
        self._timer.daemon = True
        self._timer.start()

    def let_send(self) -> None:
        """Refuse to send once it is too late: a process that is stopped may have lost any time since it connected."""
        if self._timer is None:
            return  # what a proxy is told is no request yet
        if clock() >= self._not_after:  # guard: not-after
            raise ConnectTimeoutError("connected too late to send")
        self.is_connected = True

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self, connection: Any) -> None:
        self.has_cut = True
        # TLS within a TLS proxy has the socket one floor below.
        plain = getattr(connection, "socket", connection)
        with suppress(OSError):
            # Forget what the system still holds to send: it must not arrive after we gave up.
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # The plain shutdown: that of an SSLSocket drops its state under the reading thread.
            socket.socket.shutdown(plain, socket.SHUT_RDWR)


class _WatchedHTTPConnection(HTTPConnection):
    def __init__(self, *args: Any, watchdog: Watchdog, **options: Any) -> None:
        super().__init__(*args, **options)
        self._watchdog = watchdog

    def _new_conn(self) -> socket.socket:
        return _allowed(super()._new_conn())

    def connect(self) -> None:
        super().connect()
        self._watchdog.watch(self.sock)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._watchdog.let_send()
        super().send(data)


class _WatchedHTTPSConnection(HTTPSConnection):
    def __init__(self, *args: Any, watchdog: Watchdog, **options: Any) -> None:
        super().__init__(*args, **options)
        self._watchdog = watchdog

    def _new_conn(self) -> socket.socket:
        return _allowed(super()._new_conn())

    def connect(self) -> None:
        super().connect()
        self._watchdog.watch(self.sock)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._watchdog.let_send()
        super().send(data)


def _allowed(connected: socket.socket) -> socket.socket:
    """Return a connection just made, before a byte goes over it; close it where no gateway may be."""
    reason = refused_reason(str(connected.getpeername()[0]))
    if reason is None:
        return connected
    connected.close()
    raise ConnectTimeoutError(f"{reason}, where no gateway may be")


class _OneShotAdapter(HTTPAdapter):
    """Below the Session of requests on purpose: no cookies, redirects, netrc or environment to switch off."""

    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._watchdog = watchdog

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        is_tls = isinstance(pool, HTTPSConnectionPool)
        pool.ConnectionCls = _WatchedHTTPSConnection if is_tls else _WatchedHTTPConnection
        pool.conn_kw["watchdog"] = self._watchdog
        return pool


def send_once(
    request: requests.PreparedRequest,
    deadline_seconds: float,
    max_body_bytes: int,
    proxies: dict[str, str],
    not_after: float = math.inf,
) -> RawAnswer:
    """Send a request and read the whole answer, within the deadline; nothing is sent from ``not_after`` on.

    Raises:
        NoAnswer: anything else than a whole answer.
    """
    watchdog = Watchdog(deadline_seconds, not_after)
    adapter = _OneShotAdapter(watchdog)
    failure = None
    answer = None
    try:
        answer = _exchange(adapter, request, deadline_seconds, max_body_bytes, proxies)
    except NETWORK_ERRORS as error:
        failure = _innermost(error)
    finally:
        watchdog.stop()
        adapter.close()
    if watchdog.has_cut or (watchdog.is_connected and isinstance(failure, TimeoutError)):
        raise NoAnswer(f"no whole answer within {deadline_seconds:g} s", was_connected=True)
    if answer is None:
        # Raised here, out of the except clause: the chain of urllib3 would print the URL with its secrets.
        raise NoAnswer(_words(failure), watchdog.is_connected)
    return answer


def _exchange(
    adapter: HTTPAdapter,
    request: requests.PreparedRequest,
    deadline_seconds: float,
    max_body_bytes: int,
    proxies: dict[str, str],
) -> RawAnswer:
    response = adapter.send(request, stream=True, timeout=deadline_seconds, proxies=proxies)
    try:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) > max_body_bytes:
                raise HTTPException(f"the answer is longer than {max_body_bytes / 1e6:g} MB")
    finally:
        response.close()
    return RawAnswer(response.status_code, response.reason or "", response.headers, bytes(body))


def _innermost(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _words(error: BaseException | None) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
