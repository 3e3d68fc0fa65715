"""`make up`, killed or stopped at different moments: within two minutes of the next start everything runs again.

All tests share one installation and one database, so that the remains of one stop are there at the next one.
"""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.soak

ROOT = Path(__file__).parents[1]
START_SECONDS = 900  # a server, a registration and two workers, on a busy machine
LOOK_SECONDS = 0.1
WITHIN_SECONDS = 120  # what docs/operations.md promises
EVERY_MINUTE = ("process-replies", "send-due-campaigns")


class Installation:
    """`make up` on a folder of its own, with access to its processes and to the server's database."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port, self.sandbox_port, self.callbacks_port = free_port(), free_port(), free_port()
        self.up: subprocess.Popen[str] | None = None
        self.lives = 0

    def start(self, until: str = "Ctrl-C stops all of it.") -> None:
        """Start `make up`, and return when it prints a given line."""
        self.lives += 1
        with (self.home / f"up-{self.lives}.log").open("w") as log:
            self.up = subprocess.Popen(
                [sys.executable, "scripts/up.py", "--home", str(self.home), "--port", str(self.port),
                 "--sandbox-port", str(self.sandbox_port), "--callbacks-port", str(self.callbacks_port)],
                cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdout=log, stderr=log, text=True,
            )  # fmt: skip
        self.wait_for(lambda: until in self.printed(), START_SECONDS, f"never printed {until!r}")

    def printed(self) -> str:
        text = (self.home / f"up-{self.lives}.log").read_text()
        assert self.up is not None
        assert self.up.poll() is None, f"make up ended: {text}"
        return text

    def ctrl_c(self) -> None:
        assert self.up is not None
        self.up.send_signal(signal.SIGINT)
        self.up.wait(120)

    def kill(self, *words: str) -> None:
        """Kill the processes whose command line has all of the words; without words: all of this installation."""
        if not words:
            self.kill_up()
        while found := [pid for pid in self.processes() if all(word in command_line(pid) for word in words)]:
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if words:
                break
            time.sleep(0.05)

    def kill_one(self, *words: str) -> None:
        """Kill a child of `make up`, which then stops the others."""
        assert self.up is not None
        self.kill(*words)
        self.up.wait(120)

    def kill_up(self) -> None:
        """Kill `make up` alone: its children go on."""
        assert self.up is not None
        self.up.kill()
        self.up.wait()

    def processes(self) -> set[int]:
        found = set()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"PREFECT_HOME={self.home / 'prefect'}".encode() in environ.read_bytes().split(b"\0"):
                    found.add(int(environ.parent.name))
        return found

    def ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Query the server's database."""
        with contextlib.closing(
            sqlite3.connect(f"file:{self.home}/prefect/prefect.db?mode=ro", uri=True, timeout=30)
        ) as database:
            return database.execute(sql, values).fetchall()

    def count(self, name: str, condition: str, *values: object) -> int:
        ((count,),) = self.ask(
            "SELECT count(*) FROM flow_run JOIN deployment ON deployment.id = flow_run.deployment_id "
            f"WHERE deployment.name = ? AND {condition}", name, *values,
        )  # fmt: skip
        return int(str(count))

    def wait_for_run(self, state_name: str) -> None:
        """Return when some run of a schedule is in a state."""
        self.wait_for(
            lambda: any(self.count(name, "flow_run.state_name = ?", state_name) for name in EVERY_MINUTE),
            600, f"no run was {state_name}",
        )  # fmt: skip

    def wait_for(self, is_so: Callable[[], bool], seconds: float, complaint: str) -> None:
        give_up_at = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < give_up_at, f"{complaint} within {seconds} s"
            time.sleep(LOOK_SECONDS)

    def assert_all_runs(self) -> None:
        """Check that within two minutes each schedule completes a run, a STOP is read, and no orphan remains."""
        began = datetime.now(UTC)
        sender = f"+3361234{5600 + self.lives}"
        requests.post(
            f"http://127.0.0.1:{self.sandbox_port}/sandbox/replies", json={"from": sender, "text": "STOP"},
            headers={"Authorization": f"Bearer {(self.home / 'sandbox-key').read_text().strip()}"}, timeout=30,
        ).raise_for_status()  # fmt: skip
        since = f"{began:%Y-%m-%d %H:%M:%S}"

        def all_run() -> bool:
            done = "flow_run.state_name = 'Completed' AND flow_run.start_time > ?"
            return all(self.count(name, done, since) for name in EVERY_MINUTE) and self.is_opted_out(sender)

        self.wait_for(all_run, WITHIN_SECONDS, "not all of it ran again")
        orphans = self.ask(
            "SELECT flow_run.name, flow_run.state_name, flow_run_state.timestamp FROM flow_run "
            "JOIN flow_run_state ON flow_run_state.id = flow_run.state_id "
            "WHERE flow_run.state_type IN ('PENDING', 'RUNNING', 'CANCELLING') AND flow_run_state.timestamp < ?", since,
        )  # fmt: skip
        assert orphans == []
        assert self.ask("SELECT name FROM concurrency_limit_v2") == []

    def is_opted_out(self, msisdn: str) -> bool:
        from campanile.store.db.database import transaction

        with transaction(self.home / "sms.duckdb", lambda: datetime.now(UTC), read_only=True) as tx:
            found = tx.execute("SELECT count(*) FROM opt_out WHERE msisdn = $msisdn", {"msisdn": msisdn}).fetchone()
        return found == (1,)


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    return ""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("installation"))
    try:
        made.start()
        yield made
        made.ctrl_c()
    finally:
        made.kill()


RUN = "prefect.engine"
SERVER = ("scripts/prefect_server.py",)
WORKER = ("worker", "start", "--work-queue default")


@pytest.mark.parametrize(
    ("state_name", "stop"),
    [
        pytest.param("Pending", Installation.ctrl_c, id="Ctrl-C, a run is Pending"),
        pytest.param("Submitting", Installation.ctrl_c, id="Ctrl-C, a run is Submitting"),
        pytest.param("Running", Installation.ctrl_c, id="Ctrl-C, a run is Running"),
        pytest.param("Pending", Installation.kill, id="the machine, a run is Pending"),
        pytest.param("Submitting", Installation.kill, id="the machine, a run is Submitting"),
        pytest.param("Running", Installation.kill, id="the machine, a run is Running"),
        pytest.param("Running", lambda it: it.kill_one(*SERVER), id="the server, a run is Running"),
        pytest.param("Pending", lambda it: it.kill_one(*WORKER), id="the worker, a run is Pending"),
        pytest.param("Running", Installation.kill_up, id="make up alone, a run is Running"),
    ],
)
def test_stopped_and_started_all_runs_again(
    installation: Installation, state_name: str, stop: Callable[[Installation], None]
) -> None:
    installation.wait_for_run(state_name)
    stop(installation)
    installation.start()
    installation.assert_all_runs()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("registering the flows", id="while the flows are registered"),
        pytest.param("Ctrl-C stops all of it.", id="when the workers have just started"),
    ],
)
def test_killed_during_a_start_the_next_one_runs_all(installation: Installation, line: str) -> None:
    installation.kill()
    installation.start(until=line)
    time.sleep(3)
    installation.kill()
    installation.start()
    installation.assert_all_runs()


def test_the_next_run_works_when_one_was_killed(installation: Installation) -> None:
    installation.wait_for_run("Running")
    installation.kill(RUN)
    installation.assert_all_runs()
