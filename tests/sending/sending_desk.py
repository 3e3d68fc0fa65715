"""A desk with a real gateway: its store, the sandbox over HTTP, and senders in this process or in one of their own."""

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gateways.sandbox.process import SandboxProcess
from schemas.gateway import Batch, Gateway, Manifest, Resolution, SubmitOutcome
from store.sending import Ending, Opened, Owner, close_sending, open_sending
from tests.sending.books import Bill
from tests.store.conftest import MORNING, Desk

ROOT = Path(__file__).parents[2]
PRICE = "0.045"
#: What a busy gateway takes to read what has arrived.
SLACK_SECONDS = 0.5
#: Times so short that a test sees them pass, and so long that a busy machine still gets its work done.
QUICK = {
    "slice_size": 2,
    "gateway_deadline_seconds": 0.3,
    "claim_seconds": 0.8,
    "lease_seconds": 0.3,
    "settle_seconds": 0.02,
    "replies_max_age_seconds": 1e9,
    "wake_up_minutes": 1e6,
    "refusals_before_parking": 1000,
    "strange_answers_before_pause": 1000,
}


class RunningClock:
    """The real clock, put forward: it starts at a moment of the test's choice and is moved by hand."""

    def __init__(self, at: datetime = MORNING) -> None:
        self.shift = at - datetime.now(UTC)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    @property
    def at(self) -> datetime:
        return self()

    def forward(self, **time: float) -> None:
        self.shift += timedelta(**time)


class SendingDesk(Desk):
    """A team with one store and one sandbox, whose clocks go together."""

    def __init__(self, path: Path, sandbox: SandboxProcess, nursery: Path, at: datetime = MORNING) -> None:
        super().__init__(path)
        self.sandbox, self.nursery = sandbox, nursery
        self.clock = RunningClock(at)
        self.settings: dict[str, object] = dict(QUICK)
        self.sandbox.set_clock(self.clock.shift.total_seconds())
        self._first_line = len(sandbox.billing())

    def forward(self, **time: float) -> None:
        """Let time pass, here and at the gateway."""
        self.clock.forward(**time)
        self.sandbox.set_clock(self.clock.shift.total_seconds())

    def begin(self, name: str, people: Sequence[int] | Mapping[str, Sequence[int]], **how: Any) -> None:
        """Prepare and approve a campaign that is due now, with credit, and with STOPs just read."""
        self.put_balance(str(self.sandbox.balance()))
        self.read_stops()
        self.prepare(name, people, **({"price": PRICE} | how))
        self.approve(name)

    def alerts(self) -> list[str]:
        """Return the open alerts: the kind of each."""
        return [kind for (kind,) in self.sql("SELECT kind FROM alert WHERE cleared_at IS NULL ORDER BY alert_id")]

    def environment(self) -> dict[str, str]:
        """Return the settings as a process reads them."""
        fixed = {
            "store_path": self.path,
            "data_dir": self.path.parent,
            "sandbox_url": self.sandbox.base_url,
            "sandbox_api_key": self.sandbox.api_key,
            "sandbox_resolution": self.sandbox.resolution,
            "sandbox_look_up_lag": max(self.sandbox.look_up_lag, SLACK_SECONDS),
        }
        return {f"SMS_{name.upper()}": str(value) for name, value in (fixed | self.settings).items()}

    def hire(self, name: str, *accidents: Sequence[object], is_patient: bool = True) -> "SenderProcess":
        """Let a process of its own send a campaign; ``accidents`` are those of ``senders.py``, with their arguments."""
        job = {
            "folder": str(self.path.parent),
            "environment": self.environment(),
            "shift_seconds": self.clock.shift.total_seconds(),
            "campaign": name,
            "accidents": accidents,
            "is_patient": is_patient,
        }
        return SenderProcess(self.nursery, job)

    # --- what is seen -----------------------------------------------------------------------------------------------

    def bill(self) -> list[dict[str, Any]]:
        """Return what the gateway billed since this desk was opened."""
        return self.sandbox.billing()[self._first_line :]

    def books(self, name: str) -> Bill:
        """Compare the store with the gateway's bill."""
        lasts = float(str(self.settings["claim_seconds"])) + float(str(self.settings["gateway_deadline_seconds"]))
        has_keys = self.sandbox.resolution is Resolution.IDEMPOTENCY_KEY  # there one claim may be posted twice
        return Bill.of(self, name, self.bill(), None if has_keys else timedelta(seconds=lasts + SLACK_SECONDS))

    def assert_in_order(self, name: str) -> Bill:
        """See that the store and the gateway's bill say the same, and return what they say."""
        found = self.books(name)
        assert found.wrong() == {}, found
        return found


@dataclass
class SenderProcess:
    """A sender in a process of its own."""

    nursery: Path
    job: Mapping[str, Any]
    told: list[dict[str, Any]] = field(default_factory=list)
    is_dead: bool = False

    def __post_init__(self) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(str(self.nursery))
        self._stream = self._connection.makefile("rw")
        self.pid: int = json.loads(self._stream.readline())
        self._stream.write(json.dumps(self.job, default=str) + "\n")
        self._stream.flush()

    def hear(self, seconds: float = 60.0, *, may_fail: bool = False) -> dict[str, Any] | None:
        """Return the next thing it tells; None when it is dead, or says nothing for so long."""
        if self.is_dead or not select.select([self._connection], [], [], seconds)[0]:
            return None
        line = ""
        with suppress(ConnectionResetError):  # killed with a word unread
            line = self._stream.readline()
        if not line:
            self._bury()
            return None
        self.told.append(json.loads(line))
        assert may_fail or "failed" not in self.told[-1], self.told[-1]["traceback"]
        return self.told[-1]

    def wait(self, *, may_fail: bool = False) -> dict[str, Any]:
        """Wait until it is dead, and return what it told, all in one; that it failed only where it may."""
        while not self.is_dead:
            self.hear(may_fail=may_fail)
        return {name: value for words in self.told for name, value in words.items()}

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def _bury(self) -> None:
        self.is_dead = True
        self._stream.close()
        self._connection.close()


@contextmanager
def opened_nursery() -> Iterator[Path]:
    """Open a nursery of senders, and return its socket."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        command = [sys.executable, "-m", "tests.sending.senders", str(path)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SMS_")}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            try:
                yield path
            finally:
                process.kill()


# --- senders in this process ----------------------------------------------------------------------------------------


class Seam:
    """The gateway as it is, with hands on what goes in and what comes out."""

    def __init__(self, gateway: Gateway, manifest: Manifest | None = None) -> None:
        self._gateway = gateway
        self.manifest = manifest or gateway.manifest
        self.posts: list[Batch] = []
        self.look_ups: list[Batch] = []
        self.before_post: Callable[[Batch], None] = lambda _: None
        self.after_post: Callable[[Sequence[SubmitOutcome]], Sequence[SubmitOutcome]] = lambda outcomes: outcomes

    def submit(self, batch: Batch, not_after: float) -> Sequence[SubmitOutcome]:
        self.posts.append(batch)
        self.before_post(batch)
        return self.after_post(self._gateway.submit(batch, not_after))

    def look_up(self, batch: Batch) -> Sequence[SubmitOutcome]:
        self.look_ups.append(batch)
        return self._gateway.look_up(batch)


class DeskSender:
    """Sends in this process, under the desk's settings and clock; ``seam`` is the way to the gateway."""

    def __init__(self, desk: SendingDesk, monkeypatch: pytest.MonkeyPatch, **manifest: Any) -> None:
        from dataclasses import replace

        self.desk, self._monkeypatch = desk, monkeypatch
        gateway = self._gateway()
        self.seam = Seam(gateway, replace(gateway.manifest, **{"look_up_lag_seconds": SLACK_SECONDS} | manifest))
        self.stop = threading.Event()
        self.read_stops: Callable[[], object] = desk.read_stops

    def set(self, **settings: object) -> None:
        """Change settings."""
        self.desk.settings |= settings
        self._read_settings()

    def take_time(self) -> None:
        """Let a busy machine take its time for a post: for tests of nothing that runs out."""
        self.set(claim_seconds=30, gateway_deadline_seconds=5)
        self.seam = Seam(self._gateway(), self.seam.manifest)

    def _gateway(self) -> Gateway:
        return self.desk.sandbox.gateway(float(str(self.desk.settings["gateway_deadline_seconds"])))

    def run(self, name: str, legs: float = 60.0) -> tuple[Ending | None, dict[str, Any]]:
        """Open a campaign, send it until the end, close it; return how it ended, and its row."""
        from tasks.sender import Sender

        self._read_settings()
        opened = self.open(name)
        assert opened.lease is not None, opened.why
        log = logging.getLogger("campanile.sender")
        with Sender(opened.lease, self.seam, log, self.read_stops, self.stop) as sender:
            while (ending := sender.run(legs)) is None:
                pass
        with self.desk.visit() as visit:
            return ending, close_sending(visit, opened.lease, self._rules(), ending)

    def open(self, name: str) -> Opened:
        self._read_settings()
        with self.desk.visit() as visit:
            return open_sending(visit, name, Owner("this process"), self._rules())

    def _rules(self) -> Any:
        from tasks.house import claim_rules

        return claim_rules(self.seam.manifest)

    def _read_settings(self) -> None:
        from tasks.clock import clock_offset
        from tasks.settings import settings

        for name, value in self.desk.environment().items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr("tasks.house.now", self.desk.clock)
        for cached in (settings, clock_offset):
            cached.cache_clear()


def start_sandbox(folder: Path, resolution: Resolution, **options: Any) -> SandboxProcess:
    """Start a sandbox with enough credit, and reports that nobody waits for."""
    known = {"balance": Decimal(100_000), "delivery_seconds": 0, "resolution": resolution}
    return SandboxProcess.start(folder, **(known | options))
