"""The sandbox in a thread of the tests: the same server over HTTP, started and stopped in milliseconds."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from campanile.gateways.local_server import listen
from campanile.gateways.sandbox.__main__ import _build_face, _caller, build_parser
from campanile.gateways.sandbox.broken_connections import BreakableProtocol
from campanile.gateways.sandbox.server import build_app
from campanile.gateways.sandbox.testing import START_SECONDS, SandboxProcess


class SandboxThread(SandboxProcess):
    """A sandbox in this process. When it is killed or stopped, its port is closed and all connections are reset."""

    _server: asyncio.Server | None = None
    _calls: asyncio.Task[None] | None = None

    def restart(self) -> None:
        self.stop()
        self.state_dir.mkdir(parents=True, exist_ok=True)
        given = {"state": self.state_dir, "port": self._port, **self._options}
        options = build_parser().parse_args([f"--{name.replace('_', '-')}={value}" for name, value in given.items()])
        listener = listen(options)
        self._port = listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self._port}"
        self._face = _build_face(options)
        self._caller = _caller(options, self._face.sandbox_state)
        self._state = ServerState()
        _in_loop(self._listen(listener))

    def _end(self, signal_number: int) -> None:
        if self._server is not None:
            _in_loop(self._close(self._server))
            self._server = None
            self._face.sandbox_state.close()

    async def _listen(self, listener: Any) -> None:
        config = uvicorn.Config(build_app(self._face), lifespan="off", ws="none", access_log=False, log_config=None)
        config.load()
        self._calls = None if self._caller is None else asyncio.create_task(self._caller.run())
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: BreakableProtocol(config=config, server_state=self._state, app_state={}, _loop=loop), sock=listener
        )

    async def _close(self, server: asyncio.Server) -> None:
        server.close()
        tasks = list(self._state.tasks) + ([] if self._calls is None else [self._calls])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._state.connections):
            connection.transport.abort()
        while self._state.connections:
            await asyncio.sleep(0)
        await server.wait_closed()


def _in_loop(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run_coroutine_threadsafe(work, _loop()).result(START_SECONDS)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the loop of all sandboxes of this process; it runs in a thread that ends with the process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="sandboxes", daemon=True).start()
    return loop
