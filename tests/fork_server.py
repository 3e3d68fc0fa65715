"""Processes of the tests: a server forks one process for each connection to its socket.

A module is started as ``python -m tests.… SOCKET`` and calls ``serve_forks``. It imports once what its processes need,
and never opens a DuckDB file: starting each process from nothing would take longer than its work.

The first line that a process receives is the job as JSON, the first line that it sends is its process id.
"""

import ctypes
import gc
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
    gc.collect()
    gc.freeze()  # what the children share stays shared
    with socket.socket(socket.AF_UNIX) as home:
        home.bind(sys.argv[1])
        home.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        _serve(home, work)


def _serve(listener: socket.socket, work: Callable[[Line, Any], None]) -> None:
    """Fork a process for each connection, until the tests are over."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel removes dead children
    tests = os.getppid()
    listener.settimeout(1)
    while os.getppid() == tests:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # no process outlives the tests
            listener.close()
            line = Line(connection.makefile("rw"))
            line.send(os.getpid())
            work(line, line.receive())
            os._exit(0)
        connection.close()


# --- the tests' side --------------------------------------------------------------------------------------------------


@contextmanager
def opened_fork_server(module: str) -> Iterator[Path]:
    """Start the fork server of a module, and return its socket."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        command = [sys.executable, "-m", module, str(path)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SMS_")}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            try:
                yield path
            finally:
                process.kill()


class ForkedProcess:
    """A process of a fork server."""

    def __init__(self, server: Path, job: object) -> None:
        self.is_dead = False
        self._received = b""
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(str(server))
        self.pid: int = self.receive()
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
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                time.sleep(0.001)
