"""Processes that a fork server starts: they are what a new interpreter would be to the one who started them."""

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CLIENT = (sys.executable, "-I", "-S", str(ROOT / "campanile" / "services" / "fork_client.py"))
WAIT_SECONDS = 60


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@dataclass
class Server:
    """A fork server, the folder of its code, and its clients."""

    folder: Path
    process: subprocess.Popen[str] = field(init=False)
    clients: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.socket = self.folder / "socket"
        self.code = self.folder / "code"
        self.code.mkdir()
        command = [sys.executable, "-m", "tests.forked", str(self.socket), str(self.code)]
        self.process = subprocess.Popen(command, cwd=ROOT, text=True)
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        wait_until(lambda: self.greeting() == b"ready\n")

    def greeting(self) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                with contextlib.chdir(self.folder):
                    connection.connect(self.socket.name)
                return connection.recv(6)
            except OSError:
                return b""

    def start(self, code: str, **options: Any) -> "subprocess.Popen[str]":
        """Start a client whose process runs some code; without a server it prints the platform."""
        environment = os.environ | {"CODE": code} | options.pop("env", {})
        client = subprocess.Popen(
            [*CLIENT, str(self.socket), "platform"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.clients.append(client)
        return client

    def run(self, code: str, typed: str = "", **options: Any) -> "tuple[int, str, str]":
        """Return the status of a client, and what its process wrote."""
        client = self.start(code, **options)
        out, error = client.communicate(typed, timeout=WAIT_SECONDS)
        return client.returncode, out, error

    def start_sleeping(self, code: str = "") -> "tuple[subprocess.Popen[str], int]":
        """Start a process that sleeps after some code; return its client and its process id."""
        client = self.start(f"import os, time, signal\n{code}\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
        assert client.stdout is not None
        return client, int(client.stdout.readline())

    def stop(self) -> None:
        for process in (self.process, *self.clients):
            process.kill()
            process.communicate()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.stop()


def test_a_process_has_streams_folder_environment_and_arguments_of_its_client(server: Server, tmp_path: Path) -> None:
    code = (
        "import os, sys; print(sys.stdin.read(), os.getcwd(), os.environ['WHO'], sys.argv); print('!', file=sys.stderr)"
    )
    status, out, error = server.run(code, "typed", cwd=tmp_path, env={"WHO": "it"})
    assert (status, out, error) == (0, f"typed {tmp_path} it ['platform']\n", "!\n")


def test_processes_share_nothing_that_one_of_them_changes(server: Server) -> None:
    server.run("import sys; sys.changed = True; import os; os.environ['LEFT'] = '1'; os.chdir('/')")
    _, out, _ = server.run("import sys, os; print(hasattr(sys, 'changed'), 'LEFT' in os.environ)")
    assert out == "False False\n"


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        pytest.param("pass", 0, "", id="its end"),
        pytest.param("exit(0)", 0, "", id="exit 0"),
        pytest.param("exit()", 0, "", id="exit"),
        pytest.param("exit(7)", 7, "", id="exit 7"),
        pytest.param("exit('what went wrong')", 1, "what went wrong\n", id="exit with words"),
        pytest.param("1 / 0", 1, "ZeroDivisionError: division by zero\n", id="an error"),
        pytest.param("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, "", id="killed"),
        pytest.param("import os; os.abort()", -signal.SIGABRT, "", id="aborted"),
    ],
)
def test_a_client_ends_as_its_process(server: Server, code: str, status: int, words: str) -> None:
    ended, _, error = server.run(code)
    assert ended == status
    assert error.endswith(words)


def test_a_process_finishes_its_threads_and_what_is_registered_for_its_end(server: Server) -> None:
    code = """
import atexit, threading, time
atexit.register(print, "registered")
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
print("end", end=" ")
"""
    assert server.run(code)[1] == "end thread\nregistered\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_client_reaches_the_process(server: Server, number: signal.Signals) -> None:
    client, _ = server.start_sleeping(f"signal.signal({int(number)}, lambda *_: exit(33))")
    client.send_signal(number)
    assert client.wait(WAIT_SECONDS) == 33


def test_a_process_ends_when_its_client_is_killed(server: Server) -> None:
    client, pid = server.start_sleeping("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    client.kill()
    wait_until(lambda: not is_alive(pid))
    assert server.run("print('the server goes on')")[1] == "the server goes on\n"


def test_processes_end_when_the_server_is_killed_and_their_clients_fail(server: Server) -> None:
    client, pid = server.start_sleeping()
    server.process.kill()
    assert client.wait(WAIT_SECONDS) == 1
    wait_until(lambda: not is_alive(pid))
    assert client.stderr is not None
    assert "the fork server" in client.stderr.read()


def test_processes_run_side_by_side(server: Server) -> None:
    started = [server.start_sleeping() for _ in range(5)]
    assert len({pid for _, pid in started}) == 5
    for client, pid in started[::-1]:
        client.terminate()
        assert client.wait(WAIT_SECONDS) == -signal.SIGTERM
        assert not is_alive(pid)


def test_without_a_server_the_client_becomes_a_new_interpreter(tmp_path: Path) -> None:
    done = subprocess.run([*CLIENT, str(tmp_path / "none"), "platform"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == platform.platform()


def test_after_a_change_of_the_code_a_new_interpreter_runs_and_the_server_starts_again(server: Server) -> None:
    client, pid = server.start_sleeping()
    (server.code / "module.py").write_text("changed", encoding="utf-8")
    assert server.run("print('old code')")[1].strip() == platform.platform()
    assert is_alive(pid), "a process that runs is not ended for it"
    assert server.greeting() == b"stale\n"[:6]
    client.terminate()
    client.wait(WAIT_SECONDS)
    server.wait()
    assert server.run("print('new code')")[1] == "new code\n"


def test_who_asks_for_nothing_or_for_nonsense_stops_nobody(server: Server) -> None:
    assert server.greeting() == b"ready\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.socket))
        connection.sendall(b"\0\0\0\2{]")
        wait_until(lambda: connection.recv(64) == b"")
    assert server.run("print('next')")[1] == "next\n"


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    made = Server(folder)
    try:
        assert made.run("print('reached')")[1] == "reached\n"
    finally:
        made.stop()


def test_only_its_owner_may_connect(server: Server) -> None:
    assert server.socket.stat().st_mode & 0o077 == 0
