"""The server that Kannel calls: it keeps what it is told on the disk, and only then answers.

The answer is empty, always: Kannel would send whatever stands in it to the person, at the team's cost.
"""

import asyncio
import hmac
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from campanile.gateways.kannel.callbacks import READERS
from campanile.gateways.kannel.spool import Callback, SpoolWriter
from campanile.sms.errors import SmsError


class GroupCommit:
    """Puts many callbacks on the disk at once: those that come while it writes share the next write."""

    def __init__(self, write: Callable[[Sequence[Callback]], None]) -> None:
        self._write = write
        self._waiting: list[tuple[Callback, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, callback: Callback) -> None:
        """Return once the callback is on the disk.

        Raises:
            OSError, SmsError: it could not be written.
        """
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((callback, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await kept

    async def _write_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure = await asyncio.to_thread(self._try_to_write, [callback for callback, _ in group])
            for kept in (kept for _, kept in group if not kept.done()):
                if failure is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(failure)

    def _try_to_write(self, callbacks: Sequence[Callback]) -> Exception | None:
        try:
            self._write(callbacks)
        except (OSError, SmsError) as error:
            return error
        return None


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the one endpoint needs."""

    secret: str
    commits: Mapping[str, GroupCommit]
    now: Callable[[], datetime]

    async def take(self, request: Request) -> Response:
        """Keep one callback: ``GET /<secret>/reports`` or ``/<secret>/replies``."""
        given, kind = request.path_params["secret"], request.path_params["kind"]
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            return Response(status_code=403)
        if kind not in READERS:
            return Response(status_code=404)
        callback = Callback(request.scope["query_string"].decode("latin-1"), self.now())
        try:
            READERS[kind](callback.query, callback.received_at)
        except ValueError as error:
            return _refuse(400, kind, str(error))
        try:
            await self.commits[kind].keep(callback)
        except (OSError, SmsError) as error:
            return _refuse(503, kind, str(error))
        return Response(media_type="text/plain")


def build_app(folder: Path, secret: str, keep_days: int, now: Callable[[], datetime]) -> Starlette:
    """Return the application; the folder must be held (``spool.received_into``)."""
    commits = {kind: GroupCommit(SpoolWriter(folder, kind, keep_days).append) for kind in READERS}
    receiver = Receiver(secret, commits, now)
    return Starlette(routes=[Route("/{secret}/{kind}", receiver.take, methods=["GET"])])


def _refuse(status: int, kind: str, why: str) -> Response:
    sys.stderr.write(f"{status} to a callback of {kind}: {why}\n")
    return Response(status_code=status)
