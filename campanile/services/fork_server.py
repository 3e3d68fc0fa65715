"""A process that has imported everything, and forks itself for each request: a new process in milliseconds.

``accept_forks`` is called once, after the imports and before any thread or connection. It serves on a Unix socket, and
returns only in the forked processes, with the request that each one is for. A forked process has the environment, the
working folder and the standard streams of its client, and ends as any process does.

``fork_client`` is the other side: it stays until the forked process ends, and ends with the same status. So whoever
started the client can wait for it, send it signals and kill it, as if it were that process.

    client connects             server: ``ready``, or ``stale`` if the code has changed since it was imported
    request, streams            server: forks; the process id
                                the exit status; a process whose client is gone is killed

A client that was not told ``ready`` starts a new interpreter instead. After its request it never does: the process
may be running.
"""

import atexit
import contextlib
import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

#: Seconds that a client has for its request: a client sends it at once.
REQUEST_SECONDS = 5.0
STREAM_COUNT = 3
LENGTH_BYTES = 4
_SET_DEATH_SIGNAL = 1  # of <linux/prctl.h>


class Request(NamedTuple):
    """What a client asks for."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


@dataclass
class ForkServer:
    """The server's side: its socket, and the clients by the process that each one waits for."""

    listener: socket.socket
    is_stale: Callable[[], bool]
    clients: dict[int, socket.socket] = field(default_factory=dict)
    _has_old_code: bool = False

    def serve(self) -> Request:
        """Fork for each request; return it in the forked process. In the server this returns never."""
        with selectors.DefaultSelector() as selector:
            wake, waker = socket.socketpair()
            for end in (wake, waker):
                end.setblocking(False)
            signal.set_wakeup_fd(waker.fileno())
            signal.signal(signal.SIGCHLD, lambda *_: None)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: os._exit(0))  # the kernel kills the processes
            selector.register(wake, selectors.EVENT_READ)
            selector.register(self.listener, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is wake:
                        with contextlib.suppress(BlockingIOError):
                            wake.recv(4096)
                        self._reap(selector)
                    elif key.fileobj is self.listener:
                        request = self._answer(selector)
                        if request is not None:
                            wake.close()
                            waker.close()
                            return request
                    else:
                        self._drop(selector, key.data)

    def _answer(self, selector: selectors.BaseSelector) -> Request | None:
        """Serve a new connection; return its request in the forked process, None in the server."""
        connection, _ = self.listener.accept()
        connection.settimeout(REQUEST_SECONDS)
        streams: list[int] = []
        try:
            self._has_old_code = self._has_old_code or self.is_stale()
            if self._has_old_code:
                connection.sendall(b"stale\n")
                connection.close()
                self._begin_anew()
                return None
            connection.sendall(b"ready\n")
            request, streams = _receive(connection)
            pid = os.fork()
            if pid == 0:
                self._become(connection, streams)
                return request
            self.clients[pid] = connection
            selector.register(connection, selectors.EVENT_READ, pid)
            _send(connection, pid)
        except (OSError, ValueError) as error:  # this client is gone, or is none; its process, if any, is killed below
            sys.stderr.write(f"a client of the fork server failed: {error}\n")
            if connection not in self.clients.values():
                connection.close()
        for stream in streams:
            os.close(stream)
        return None

    def _become(self, connection: socket.socket, streams: list[int]) -> None:
        """Turn the forked process into the one that the client asked for."""
        server = os.getppid()
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.listener.close()
        for other in (connection, *self.clients.values()):
            other.close()
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
            os.close(stream)

    def _reap(self, selector: selectors.BaseSelector) -> None:
        """Send the status of each ended process to its client."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = ended
                connection = self.clients.pop(pid, None)
                if connection is not None:
                    selector.unregister(connection)
                    with contextlib.suppress(OSError):
                        _send(connection, os.waitstatus_to_exitcode(status))
                    connection.close()
        if self._has_old_code:
            self._begin_anew()

    def _drop(self, selector: selectors.BaseSelector, pid: int) -> None:
        """Kill the process of a client that is gone: clients send nothing after their request."""
        connection = self.clients.pop(pid)
        selector.unregister(connection)
        connection.close()
        os.kill(pid, signal.SIGKILL)

    def _begin_anew(self) -> None:
        """Start this program again with the changed code, as soon as none of its processes is running."""
        if not self.clients:
            self.listener.close()
            os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - this program


def accept_forks(path: Path, is_stale: Callable[[], bool] = lambda: False) -> Request:
    """Serve on a socket; return in each forked process, with its request and in its surroundings.

    Args:
        path: of the socket; only this user may connect.
        is_stale: whether the imported code differs from the files. Then clients are sent away, and the program starts
            again.
    """
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        umask = os.umask(0o177)
        with contextlib.chdir(path.parent):  # the path of a socket has 107 bytes at most
            listener.bind(path.name)
        os.umask(umask)
        listener.listen(64)
        gc.collect()
        gc.freeze()  # what the processes share stays shared
        request = ForkServer(listener, is_stale).serve()
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    sys.argv[:] = request.arguments
    return request


def end_with(run: Callable[[], object]) -> NoReturn:
    """Run the work of a forked process, and end it with its status: what a process does at its end, but for memory.

    The interpreter's own end would visit every object that the processes share, and so copy it: 0.7 s of CPU time.
    Threads are awaited, and what was registered for the end is called, as ``multiprocessing`` does in its processes.
    """
    code: object = 1
    try:
        run()
        code = 0
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            sys.stderr.write(f"{code}\n")
    except BaseException:  # noqa: BLE001 - the interpreter would print whatever ended the program, too
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def files_of(*folders: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of every file in folders: if one changes, imported code may be old."""
    found = {}
    waiting = [str(folder) for folder in folders]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            if entry.is_dir():
                if entry.name != "__pycache__":
                    waiting.append(entry.path)
            else:
                stat = entry.stat()
                found[entry.path] = stat.st_size, stat.st_mtime_ns
    return found


def _receive(connection: socket.socket) -> tuple[Request, list[int]]:
    """Return the request of a client, and its standard streams."""
    data, streams, _, _ = socket.recv_fds(connection, 65536, STREAM_COUNT)
    while len(data) < LENGTH_BYTES or len(data) < LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "big"):
        more = connection.recv(65536)
        if not more:
            break
        data += more
    if len(streams) != STREAM_COUNT:
        for stream in streams:
            os.close(stream)
        raise ValueError(f"it sent {len(streams)} streams instead of {STREAM_COUNT}")
    return Request(*json.loads(data[LENGTH_BYTES:])), streams


def _send(connection: socket.socket, number: int) -> None:
    connection.sendall(f"{number}\n".encode())
