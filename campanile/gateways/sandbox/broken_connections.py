"""Breaking a connection for real: what the sandbox's faults do to the socket under an answer."""

import asyncio
import socket
import struct

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from campanile.gateways.bounded_connections import BoundedProtocol

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class BreakableProtocol(BoundedProtocol):
    """The server's HTTP protocol, which also lets an answer find the socket it goes over."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the socket by the client's address, which the application knows too."""
        super().connection_made(transport)
        _TRANSPORTS[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the socket."""
        _TRANSPORTS.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


class ResetResponse(Response):
    """No answer: a TCP reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reset the connection."""
        if transport := _TRANSPORTS.get(tuple(scope["client"])):
            connection = transport.get_extra_info("socket")
            # Closing with no time to linger sends a reset instead of an orderly end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        await _until_gone(receive)


class TruncatedResponse(Response):
    """The first half of an answer, then an orderly end of the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half, then close."""
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        if transport := _TRANSPORTS.get(tuple(scope["client"])):
            transport.close()
        await _until_gone(receive)


class SlowResponse(Response):
    """An answer after a long time, unless the client has left by then."""

    seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then send."""
        try:
            await asyncio.wait_for(_until_gone(receive), self.seconds)
        except TimeoutError:
            await super().__call__(scope, receive, send)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
