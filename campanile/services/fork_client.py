"""Run a process by a fork server, or without one: ``python -I -S fork_client.py SOCKET MODULE``.

It stays as long as the process, passes signals on to it, and ends with its status. If no server answers on the socket,
or the server has old code, it becomes ``python -m MODULE`` itself. It imports nothing but a few modules of Python, so
that it starts in some 20 ms. ``fork_server`` has the protocol.
"""

import json
import os
import select
import signal
import socket
import sys

READY_SECONDS = 5.0


def main(path: str, module: str) -> None:
    """Run a module by the server on a socket, and end as it ends."""
    server = connect(path)
    if server is None:
        os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606 - our own interpreter
    ask(server, [module], dict(os.environ), os.getcwd(), (0, 1, 2))
    status = wait(server)
    if status is None:
        sys.exit(f"the fork server {path} ended, and with it this run")
    end_as(status)


def ask(
    server: socket.socket,
    arguments: "list[str]",
    environment: "dict[str, str]",
    folder: str,
    streams: "tuple[int, ...]",
) -> None:
    """Send a request: what the process is for, its surroundings, and its three standard streams."""
    request = json.dumps([arguments, environment, folder]).encode()
    socket.send_fds(server, [len(request).to_bytes(4, "big")], streams)
    server.sendall(request)


def wait(server: socket.socket) -> "int | None":
    """Pass signals on until the process ends; return its status, None: it ended with the server.

    A signal that arrives just before a wait would not end it, so the wait is also for the byte that it writes.
    """
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    received = signals = b""
    while received.count(b"\n") < 2:
        ready, _, _ = select.select([server.fileno(), woken], [], [])
        if server.fileno() in ready:
            more = server.recv(64)
            if not more:
                return None
            received += more
        if woken in ready:
            signals += os.read(woken, 64)
        if b"\n" in received:  # before the process has begun, they wait
            for signal_number in signals:
                send(int(received.partition(b"\n")[0]), signal_number)
            signals = b""
    return int(received.split()[1])


def connect(path: str) -> "socket.socket | None":
    """Return a connection to a server that is ready; None: there is none."""
    server, here = socket.socket(socket.AF_UNIX), os.getcwd()
    server.settimeout(READY_SECONDS)
    folder, name = os.path.split(path)
    try:
        os.chdir(folder)  # the path of a socket has 107 bytes at most
        server.connect(name)
        is_ready = server.recv(6) == b"ready\n"
    except OSError:
        is_ready = False
    os.chdir(here)
    server.settimeout(None)
    if not is_ready:
        server.close()
        return None
    return server


def send(pid: int, number: int) -> None:
    """Send a signal to the process, unless it has just ended."""
    try:  # contextlib would take longer to import than the rest
        os.kill(pid, number)
    except ProcessLookupError:
        return


def end_as(status: int) -> None:
    """End with the status of the process: its exit code, or the signal that killed it."""
    if status >= 0:
        sys.exit(status)
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)


if __name__ == "__main__":
    main(*sys.argv[1:])
