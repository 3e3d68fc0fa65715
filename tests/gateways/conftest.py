"""A sandbox that runs, and a server that answers with whatever bytes a test wants."""

import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campanile.gateways.sandbox.testing import SandboxProcess
from schemas.gateway import Batch, OutgoingMessage

Write = Callable[[socket.socket], None]


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess.start(tmp_path_factory.mktemp("sandbox"), balance=1000, delivery_seconds=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess) -> SandboxProcess:
    """Return the shared sandbox with credit and without faults; its bill grows from test to test."""
    running_sandbox.set_faults(retry_after_seconds=1, slow_seconds=60)
    running_sandbox.set_balance(1000)
    running_sandbox.set_clock(0)
    return running_sandbox


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[Callable[..., SandboxProcess]]:
    """Return a function that starts a sandbox of the test's own."""
    started: list[SandboxProcess] = []

    def start(**options: str | float) -> SandboxProcess:
        started.append(SandboxProcess.start(tmp_path / "state", **options))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.stop()


@pytest.fixture
def make_batch(request: pytest.FixtureRequest) -> Callable[..., Batch]:
    """Return a function that makes batches with references and, unless it is given, a key of the test's own."""
    count = 0

    def make(size: int = 1, numbers: Sequence[str] = (), text: str = "Bonjour", key: str = "") -> Batch:
        nonlocal count
        count += 1
        name = f"{request.node.name}-{count}"
        messages = [
            OutgoingMessage(f"{name}-{index}", number, text, "GSM-7", "CAMPANILE")
            for index, number in enumerate(numbers or ["+33612345678"] * size)
        ]
        return Batch(messages, key or name, datetime.now(UTC))

    return make


class RawServer:
    """A TCP server that reads one request a connection, then does what ``write`` says."""

    def __init__(self, write: Write, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._write = write
        self._tls = tls
        self._is_stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._is_stopping.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._is_stopping.is_set():
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                if self._is_stopping.is_set():
                    return
                connection.settimeout(5)
                with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as wrapped:
                    self.requests.append(_read_request(wrapped))
                    self._write(wrapped)


def _read_request(connection: socket.socket) -> bytes:
    """Return the request, but for the body of a very long one."""
    data = b""
    while not (end := re.search(rb"(?is)content-length: (\d+).*\r\n\r\n|\r\n\r\n", data)) or (
        end[1] and int(end[1]) < 1_000_000 and len(data) < end.end() + int(end[1])
    ):
        chunk = connection.recv(65536)
        if not chunk:
            break
        data += chunk
    return data


@pytest.fixture
def raw_server() -> Iterator[Callable[..., RawServer]]:
    """Return a function that starts a raw server; bytes are sent, then the connection is closed."""
    servers: list[RawServer] = []

    def start(answer: Write | bytes, tls: ssl.SSLContext | None = None) -> RawServer:
        write = answer if callable(answer) else lambda connection: connection.sendall(answer)
        servers.append(RawServer(write, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def reset() -> Write:
    """Return what ends a connection with a TCP reset."""

    def write(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return write


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 that only those who are given ``ca_file`` trust."""

    ca_file: Path
    key_file: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, self.key_file)
        return context


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "ca.pem", folder / "key.pem")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(made.key_file), "-out", str(made.ca_file)),
        ],
        check=True,
        capture_output=True,
    )
    return made
