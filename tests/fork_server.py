"""Processes of the tests: a fork server starts each of them, and they talk with the test.

A module is started as ``python -m tests.… SOCKET`` and calls ``serve_forks``. It imports once what its processes need,
and never opens a DuckDB file: starting each process from nothing would take longer than its work.

The first line that a process receives is its job as JSON.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from campanile.services.fork_client import ask, connect
from campanile.services.fork_server import accept_forks

ROOT = Path(__file__).parents[1]
_SET_DEATH_SIGNAL = 1  # of <linux/prctl.h>


class Line:
    """A connection between a process and its test: JSON messages, one on each line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, what: object) -> None:
        self._stream.write(json.dumps(what, default=str) + "\n")
        self._stream.flush()

    def receive(self) -> Any:
        return json.loads(self._stream.readline())


# --- the server -------------------------------------------------------------------------------------------------------


def serve_forks(work: Callable[[Line, Any], None]) -> None:
    """Serve on the socket of the command line: ``work`` gets the connection to the test, and the job."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # no process outlives the tests
    accept_forks(Path(sys.argv[1]))
    line = Line(socket.socket(fileno=0).makefile("rw"))
    work(line, line.receive())
    os._exit(0)


# --- the tests' side --------------------------------------------------------------------------------------------------


@contextmanager
def opened_fork_server(module: str) -> Iterator[Path]:
    """Start the fork server of a module, and return its socket."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        command = [sys.executable, "-m", module, str(path)]
        environment = _environment()
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            try:
                while (connection := connect(str(path))) is None:
                    assert process.poll() is None, "the fork server ended"
                    time.sleep(0.01)
                connection.close()
                yield path
            finally:
                process.kill()


class ForkedProcess:
    """A process of a fork server."""

    def __init__(self, server: Path, job: object) -> None:
        self.is_dead = False
        self._received = b""
        answers = connect(str(server))
        assert answers is not None, "the fork server is gone"
        self._answers = answers.makefile("r")
        self._connection, other = socket.socketpair()
        with answers, other:
            ask(answers, [], _environment(), str(ROOT), (other.fileno(), 2, 2))
        self.pid = int(self._answers.readline())
        self.send(job)

    def send(self, what: object) -> None:
        self._connection.sendall(json.dumps(what, default=str).encode() + b"\n")

    def receive(self) -> Any:
        """Return its next message; it must be alive."""
        message = self.poll(None)
        assert message is not None, "the other process died"
        return message

    def poll(self, seconds: float | None) -> Any:
        """Return its next message; None when it is dead, or sends nothing for ``seconds``."""
        while b"\n" not in self._received:
            if self.is_dead or not select.select([self._connection], [], [], seconds)[0]:
                return None
            data = b""
            with suppress(ConnectionResetError):  # killed with a line unread
                data = self._connection.recv(65536)
            if not data:
                self._note_death()
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def receive_all(self) -> list[Any]:
        """Return all further messages until it is dead."""
        messages = []
        while (message := self.poll(None)) is not None:
            messages.append(message)
        return messages

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> list[Any]:
        """Kill it, wait until it is dead, and return the messages that it sent before."""
        if not self.is_dead:
            self.signal(signal.SIGKILL)
        return self.receive_all()

    def _note_death(self) -> None:
        """Wait until the kernel has removed the process and its locks."""
        self.is_dead = True
        self._connection.close()
        self._answers.readline()  # its status
        self._answers.close()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SMS_")}
