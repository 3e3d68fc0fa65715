"""A store, the sandbox over HTTP, and senders in this process or in their own processes."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from campanile.gateways.sandbox.testing import SandboxProcess
from campanile.services.context import Context
from campanile.services.sending.sender import Sender
from campanile.store.ledger.claim_checks import ClaimRules
from campanile.store.ledger.run_lifecycle import Opened, Owner, RunOutcome, close_sending, open_sending
from schemas.gateway import Batch, Gateway, Manifest, Resolution, SubmitOutcome
from tests.fork_server import ForkedProcess
from tests.sending.books import Bill
from tests.store.conftest import MORNING, Desk
from tests.stores import context_on

PRICE = "0.045"
#: The module whose processes send.
SENDERS = "tests.sending.senders"
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
    """A team with one store and one sandbox, which have the same clock."""

    def __init__(self, path: Path, sandbox: SandboxProcess, fork_server: Path | None, at: datetime = MORNING) -> None:
        super().__init__(path)
        self.sandbox, self._fork_server = sandbox, fork_server
        self.clock = RunningClock(at)
        self.settings: dict[str, object] = QUICK | {
            "sandbox_url": sandbox.base_url,
            "sandbox_api_key": sandbox.api_key,
            "sandbox_resolution": sandbox.resolution,
            "sandbox_look_up_lag": max(sandbox.look_up_lag, SLACK_SECONDS),
        }
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

    def context(self) -> Context:
        """Return what the use cases get: the desk's store, settings and clock."""
        return context_on(self.path, self.clock, **self.settings)

    def start_sender(self, name: str, *accidents: Sequence[object], is_patient: bool = True) -> "SenderProcess":
        """Send a campaign in another process; ``accidents`` are those of ``senders.py``, with their arguments."""
        assert self._fork_server is not None
        job = {
            "store": str(self.path),
            "settings": self.settings,
            "shift_seconds": self.clock.shift.total_seconds(),
            "campaign": name,
            "accidents": accidents,
            "is_patient": is_patient,
        }
        return SenderProcess(self._fork_server, job)

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
        """Assert that the store and the gateway's bill agree, and return the comparison."""
        found = self.books(name)
        assert found.wrong() == {}, found
        return found


class SenderProcess(ForkedProcess):
    """A sender in its own process; ``outputs``: its messages so far."""

    def __init__(self, server: Path, job: object) -> None:
        self.outputs: list[dict[str, Any]] = []
        super().__init__(server, job)

    def poll_output(self, seconds: float = 0, *, may_fail: bool = False) -> bool:
        """Read its next message within ``seconds``, if there is one; it may report a failure only with ``may_fail``."""
        output = self.poll(seconds)
        if output is None:
            return False
        self.outputs.append(output)
        assert may_fail or "failed" not in output, output["traceback"]
        return True

    def wait(self, *, may_fail: bool = False) -> dict[str, Any]:
        """Wait until the process has ended, and return its messages as one mapping."""
        while not self.is_dead:
            self.poll_output(60, may_fail=may_fail)
        return {name: value for output in self.outputs for name, value in output.items()}


# --- senders in this process ----------------------------------------------------------------------------------------


class Seam:
    """The real gateway, with hooks before and after each call."""

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

    def __init__(self, desk: SendingDesk, **manifest: Any) -> None:
        self.desk = desk
        gateway = self._gateway()
        self.seam = Seam(gateway, replace(gateway.manifest, **{"look_up_lag_seconds": SLACK_SECONDS} | manifest))
        self.stop = threading.Event()
        self.read_stops: Callable[[], object] = desk.read_stops

    def set(self, **settings: object) -> None:
        """Change settings."""
        self.desk.settings |= settings

    def take_time(self) -> None:
        """Set long deadlines, for tests on a busy machine in which nothing may expire."""
        self.set(claim_seconds=30, gateway_deadline_seconds=5)
        self.seam = Seam(self._gateway(), self.seam.manifest)

    def _gateway(self) -> Gateway:
        return self.desk.sandbox.gateway(float(str(self.desk.settings["gateway_deadline_seconds"])))

    def run(self, name: str, intervals: float = 60.0) -> tuple[RunOutcome | None, dict[str, Any]]:
        """Open a campaign, send it until the end, close it; return how it ended, and its row."""
        opened = self.open(name)
        assert opened.lease is not None, opened.why
        with Sender(self.desk.context(), opened.lease, self.seam, self.read_stops, self.stop) as sender:
            while (run_outcome := sender.run(intervals)) is None:
                pass
        with self.desk.tx() as tx:
            return run_outcome, close_sending(tx, opened.lease, self._rules(), run_outcome)

    def open(self, name: str) -> Opened:
        with self.desk.tx() as tx:
            return open_sending(tx, name, Owner("this process"), self._rules())

    def _rules(self) -> ClaimRules:
        return self.desk.context().claim_rules(self.seam.manifest)


def start_sandbox(folder: Path, resolution: Resolution, **options: Any) -> SandboxProcess:
    """Start a sandbox with enough credit and immediate delivery reports."""
    known = {"balance": Decimal(100_000), "delivery_seconds": 0, "resolution": resolution}
    return SandboxProcess.start(folder, **(known | options))
