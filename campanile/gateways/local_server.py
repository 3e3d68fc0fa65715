"""A small server as a process of its own: it listens on loopback, says so on one line, and ends at a signal."""

import argparse
import asyncio
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from campanile.gateways.bounded_connections import BoundedProtocol
from campanile.sms.errors import ConfigurationError


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the options that say where to listen."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--allow-remote", action="store_true", help="let --host be an address other machines can reach")
    parser.add_argument(
        "--port", type=_port, metavar="N", default=port, help="0 picks a free one (default: %(default)s)"
    )


def listen(options: argparse.Namespace) -> socket.socket:
    """Return a bound socket.

    Raises:
        ConfigurationError: the port is taken, or the address is not loopback and nobody said that it may be.
    """
    host, port = options.host, options.port
    if not (_is_loopback(host) or options.allow_remote):
        raise ConfigurationError(f"{host} can be reached from other machines: add --allow-remote to mean it")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def serve(
    app: ASGIApp,
    listener: socket.socket,
    announce: Callable[[str], str],
    protocol: type[BoundedProtocol] = BoundedProtocol,
    background: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Serve until a signal; what ``announce`` makes of its address is printed once it listens.

    ``background`` runs in the loop of the server, from then on.
    """
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_level=logging.WARNING,
        timeout_graceful_shutdown=1,
    )
    server = _AnnouncedServer(config)
    server.announcement = announce(_address(listener))
    server.background = background
    # uvicorn stops on SIGTERM, then raises it again for whoever was there before it: nobody, so exit with 0.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run(sockets=[listener])


class _AnnouncedServer(uvicorn.Server):
    announcement = ""
    background: Callable[[], Coroutine[Any, Any, None]] | None = None
    _task: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(self.announcement + "\n")
        sys.stdout.flush()
        if self.background is not None:
            self._task = asyncio.create_task(self.background())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._task is not None:
            self._task.cancel()
        await super().shutdown(sockets)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{port} is none of 0 to 65535")
    return port


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
