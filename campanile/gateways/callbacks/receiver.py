"""The server that gateways call: it writes each callback to the disk, and only then answers 200.

What is not genuine is answered with 403 before anything of it is read, and leaves no trace in the spool. No answer
contains anything of a request: Kannel and Twilio would send the text of an answer to the person, at the team's cost.
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from campanile.gateways.callbacks.group_commit import MOST_WAITING, GroupCommit, QueueFullError
from campanile.gateways.callbacks.spool import Callback, SpoolWriter
from campanile.gateways.callbacks.table import CallbackRequest, CallbackTable
from campanile.gateways.http import UNREADABLE
from campanile.sms.errors import SmsError
from campanile.sms.text.masking import mask_numbers

MAX_BODY_BYTES = 65_536
"""The longest reply of a provider takes some kilobytes."""
RETRY_SECONDS = "5"
LOG_LENGTH = 200
LOGGED_REFUSALS = 100
"""Refusals that are logged, by gateway and status, while the process lives: a flood must not fill the disk."""


@dataclass(frozen=True, slots=True)
class GatewayCallbacks:
    """The table of one gateway, its settings, and the queue in front of each of its spool files."""

    table: CallbackTable
    options: Mapping[str, str]
    commits: Mapping[str, GroupCommit]


class _TooLong(Exception):  # noqa: N818 - an answer, not an error of ours
    """The body is longer than ``MAX_BODY_BYTES``."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the one endpoint needs."""

    gateways: Mapping[str, GatewayCallbacks]
    now: Callable[[], datetime]
    refusals: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def take(self, request: Request) -> Response:
        """Keep one callback: ``/<gateway>/<history>`` or ``/<gateway>/<secret>/<history>``."""
        name, history = request.path_params["gateway"], request.path_params["history"]
        gateway = self.gateways.get(name)
        if gateway is None:
            return Response(status_code=404)
        if request.method not in gateway.table.methods:
            return Response(status_code=405, headers={"Allow": ", ".join(sorted(gateway.table.methods))})
        try:
            whole = await _read_whole(request)
        except _TooLong:
            return self._refuse(413, name, f"a callback is longer than {MAX_BODY_BYTES} bytes")
        except ClientDisconnect:
            return Response(status_code=400)
        if not gateway.table.is_genuine(whole, gateway.options):
            return self._refuse(403, name, "a callback with a wrong secret or signature")
        if history not in gateway.table.readers:
            return Response(status_code=404)
        return await self._keep(name, gateway, whole)

    async def _keep(self, name: str, gateway: GatewayCallbacks, request: CallbackRequest) -> Response:
        what = f"a callback of {request.history}"
        callback = Callback(request.content, self.now())
        try:
            if gateway.table.readers[request.history](callback.content, callback.received_at):
                await gateway.commits[request.history].keep(callback)
        except QueueFullError as error:
            return self._refuse(503, name, f"{what}: {error}", {"Retry-After": RETRY_SECONDS})
        except (OSError, SmsError) as error:
            return self._refuse(503, name, f"{what}: {error}", {"Retry-After": RETRY_SECONDS})
        except UNREADABLE as error:
            return self._refuse(400, name, f"{what}: {_words_of(error)}")
        body, media_type = gateway.table.answer
        return Response(body, media_type=media_type)

    def _refuse(self, status: int, gateway: str, why: str, headers: Mapping[str, str] | None = None) -> Response:
        self.refusals[gateway, status] += 1
        count = self.refusals[gateway, status]
        if count <= LOGGED_REFUSALS:
            more = "; no more of these are logged" if count == LOGGED_REFUSALS else ""
            sys.stderr.write(f"{status} to {gateway}: {why}{more}\n")
        return Response(status_code=status, headers=headers)


def open_gateway(
    folder: Path,
    table: CallbackTable,
    options: Mapping[str, str],
    keep_days: int,
    most_waiting: int = MOST_WAITING,
) -> GatewayCallbacks:
    """Return a gateway with its spool files; the folder must be held (``spool.received_into``)."""
    commits = {
        history: GroupCommit(SpoolWriter(folder, history, keep_days).append, most_waiting) for history in table.readers
    }
    return GatewayCallbacks(table, options, commits)


def build_app(gateways: Mapping[str, GatewayCallbacks], now: Callable[[], datetime]) -> Starlette:
    """Return the application for these gateways."""
    receiver = Receiver(gateways, now)
    paths = ("/{gateway}/{history}", "/{gateway}/{secret}/{history}")
    return Starlette(routes=[Route(path, receiver.take, methods=["GET", "POST"]) for path in paths])


async def _read_whole(request: Request) -> CallbackRequest:
    """Return a request with its body.

    Raises:
        _TooLong: the body is longer than allowed, whatever the request says of its length.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _TooLong
    return CallbackRequest(
        history=request.path_params["history"],
        secret=request.path_params.get("secret", ""),
        query=request.scope["query_string"].decode("latin-1"),
        body=body.decode("latin-1"),
        headers=request.headers,
    )


def _words_of(error: Exception) -> str:
    words = f"no {error}" if isinstance(error, KeyError) else f"{error}"
    return mask_numbers(" ".join(words.split()))[:LOG_LENGTH]
