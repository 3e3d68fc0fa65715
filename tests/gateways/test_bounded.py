"""Connections that never send a whole request keep no other out of the small servers."""

import asyncio
import os
import re
import resource
import signal
import socket
import sys
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn import Config
from uvicorn.server import ServerState

from campanile.gateways import bounded_connections as bounded
from campanile.gateways.bounded_connections import BoundedProtocol
from campanile.gateways.callbacks.spool import read_spool
from campanile.gateways.sandbox.server import MAX_BODY_BYTES
from tests.gateways.kannel_server import told_url
from tests.gateways.receiver_process import ReceiverProcess, call

HALF = b"GET /secret/reports?ref=1 HTTP/1.1\r\nHost: here\r\n"
OLD_LIMIT = 1024  # of many systems: so many files may a process have open


def test_half_open_connections_do_not_silence_the_receiver(tmp_path):
    with ReceiverProcess(tmp_path) as receiver, ExitStack() as held:
        if sys.platform == "linux":
            resource.prlimit(receiver.process.pid, resource.RLIMIT_NOFILE, (OLD_LIMIT, OLD_LIMIT))
        port = int(receiver.url.rpartition(":")[2])
        for _ in range(1_100):
            connection = held.enter_context(closing(socket.create_connection(("127.0.0.1", port), 10)))
            with suppress(OSError):  # closed already, for a later one
                connection.sendall(HALF)
        for number in range(20):
            assert call(told_url(receiver.url, f"ref-{number}", 1)) == (200, b"")
        assert len(os.listdir(f"/proc/{receiver.process.pid}/fd")) < bounded.MAX_OF_AN_ADDRESS + 50


MOST_WAITING = 20
CONNECTIONS = 150


def test_a_flood_of_callbacks_is_refused_and_what_was_taken_is_kept(tmp_path):
    """The receiver is stopped while all send, so it finds all requests at once, more than its queue takes."""
    with ReceiverProcess(tmp_path, f"--most-waiting={MOST_WAITING}") as receiver, ExitStack() as held:
        address = ("127.0.0.1", int(receiver.url.rpartition(":")[2]))
        assert call(told_url(receiver.url, "before", 1)) == (200, b"")
        connections = [held.enter_context(closing(socket.create_connection(address, 60))) for _ in range(CONNECTIONS)]
        memory_before, statuses = memory_kb(receiver), {}
        for wave in range(10):
            os.kill(receiver.process.pid, signal.SIGSTOP)
            for number, connection in enumerate(connections):
                path = told_url("", f"ref-{wave}-{number}", 1)
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            os.kill(receiver.process.pid, signal.SIGCONT)
            statuses |= {f"ref-{wave}-{number}": read_status(one) for number, one in enumerate(connections)}
        kept = {query_of(callback)["ref"] for callback in read_spool(receiver.spool, "reports", "", 10_000)[0]}
        assert set(statuses.values()) == {200, 503}
        assert {ref for ref, status in statuses.items() if status == 200} == kept - {"before"}
        assert call(told_url(receiver.url, "afterwards", 1)) == (200, b"")
        assert receiver.process.poll() is None
        assert memory_kb(receiver) < memory_before + 50_000


def memory_kb(receiver):
    status = Path(f"/proc/{receiver.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


def read_status(connection):
    """Read one answer, which has no body; return its status."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    return int(data.split(b" ", 2)[1])


def query_of(callback):
    return dict(parse_qsl(callback.content))


async def _echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


@pytest.fixture
def talk():
    """Return a function that runs a conversation with a server of this protocol."""

    def run(conversation):
        async def both():
            app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])])
            config, state = Config(app, lifespan="off", log_level="warning"), ServerState()
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: BoundedProtocol(config, state, {}), "127.0.0.1", 0)
            async with server:
                return await conversation(*server.sockets[0].getsockname()[:2])

        return asyncio.run(both())

    return run


DRIBBLES = [
    ("nothing at all", [b""] * 100),
    ("a byte of the head at a time", [bytes([byte]) for byte in HALF * 3]),
    ("a body that never ends", [b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 200]),
    ("a second request that never ends", [b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", *[b"G"] * 100]),
]


@pytest.mark.parametrize("parts", [row[1] for row in DRIBBLES], ids=[row[0] for row in DRIBBLES])
def test_a_request_must_be_whole_in_time(talk, monkeypatch, parts):
    monkeypatch.setattr(bounded, "REQUEST_SECONDS", 0.2)

    async def conversation(host, port):
        reader, writer = await asyncio.open_connection(host, port)
        for part in parts:
            with suppress(ConnectionError):
                writer.write(part)
                await writer.drain()
            await asyncio.sleep(0.01)
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 30)
        writer.close()

    talk(conversation)


def test_one_that_is_answered_is_never_closed_for_another(talk, monkeypatch):
    """The address has its share in use: the one that waits goes, those with whole requests stay."""
    monkeypatch.setattr(bounded, "MAX_OF_AN_ADDRESS", 2)

    async def conversation(host, port):
        waiting = await asyncio.open_connection(host, port)
        waiting[1].write(HALF)
        await waiting[1].drain()
        answers = []
        for _ in range(5):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            answers.append((await asyncio.wait_for(reader.read(), 30))[-2:])
            writer.close()
            await asyncio.sleep(0.05)
        waiting[1].close()
        return answers

    assert talk(conversation) == [b"ok"] * 5


@pytest.mark.parametrize("is_chunked", [False, True], ids=["of a known length", "in chunks"])
def test_the_sandbox_does_not_read_a_body_without_end(sandbox, is_chunked):
    def body():
        for _ in range(MAX_BODY_BYTES // 100_000 + 2):
            yield b"x" * 100_000

    data = body() if is_chunked else b"".join(body())
    answer = requests.post(
        f"{sandbox.base_url}/v1/messages", data=data, headers={"Authorization": f"Bearer {sandbox.api_key}"}, timeout=60
    )
    assert (answer.status_code, answer.json()) == (413, {"error": f"the body is longer than {MAX_BODY_BYTES} bytes"})


@pytest.mark.parametrize(("host", "status"), [("evil.example", 400), ("localhost", 200), ("127.0.0.1", 200)])
def test_the_sandbox_answers_to_the_names_of_this_machine_only(sandbox, host, status):
    """A page on the web that gave its own name our address would read people's messages, and write in their name."""
    headers = {"Authorization": f"Bearer {sandbox.api_key}", "Host": f"{host}:8900"}
    for path in ("/", "/sandbox/billing"):
        assert requests.get(sandbox.base_url + path, headers=headers, timeout=60).status_code == status
