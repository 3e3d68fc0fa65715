"""The receiver of callbacks in a thread of the tests: the same application over HTTP, started in milliseconds."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime

import uvicorn
from uvicorn.server import ServerState

from campanile.gateways.bounded_connections import BoundedProtocol
from campanile.gateways.callbacks.group_commit import MOST_WAITING
from campanile.gateways.callbacks.receiver import build_app, open_gateway
from campanile.gateways.callbacks.registry import TABLES, configured
from campanile.gateways.callbacks.spool import received_into
from tests.sandbox_thread import _in_loop


class ReceiverThread:
    """Receives for the gateways of ``settings`` into ``folder``; ``url`` is known at once, ``start`` may come later."""

    def __init__(self, folder, settings, most_waiting=MOST_WAITING, now=lambda: datetime.now(UTC)):
        self.folder, self.settings = folder, settings
        self._most_waiting, self._now, self._port = most_waiting, now, 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        self._held = ExitStack()
        found = configured(self.settings)
        for name in found:
            self._held.enter_context(received_into(self.folder / name))
        gateways = {
            name: open_gateway(self.folder / name, TABLES[name], options, 90, self._most_waiting)
            for name, options in found.items()
        }
        self._state = ServerState()
        _in_loop(self._listen(build_app(gateways, self._now)))

    def stop(self):
        _in_loop(self._close())
        self._held.close()

    def everything(self):
        """Return all files of the spool, with what is in them."""
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    async def _listen(self, app):
        config = uvicorn.Config(app, lifespan="off", ws="none", access_log=False, log_config=None)
        config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: BoundedProtocol(config, self._state, {}, _loop=loop), "127.0.0.1", self._port
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self):
        self._server.close()
        tasks = list(self._state.tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._state.connections):
            connection.transport.abort()
        while self._state.connections:
            await asyncio.sleep(0)
        await self._server.wait_closed()
