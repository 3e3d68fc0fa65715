"""Kill the senders of campaigns at random moments until nothing is left to send, and compare the ledger with the bill.

Each campaign has its own store and sandbox. The kills are drawn from a seed, but the progress of a sender at the time
of a kill depends on the machine.
"""

import math
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from schemas.gateway import Resolution
from tests.sending.books import Bill
from tests.sending.sending_desk import SenderProcess, SendingDesk, start_sandbox
from tests.stores import make_store

#: 13 of 100 answers are faulty; after six of them, messages are accepted without our knowledge.
FAULTS = {
    "throttle": 0.03,
    "unavailable": 0.02,
    "reset": 0.02,
    "accept_then_reset": 0.03,
    "accept_then_500": 0.02,
    "slow": 0.01,
    "retry_after_seconds": 0.02,
    "slow_seconds": 0.6,
}
LONGEST_RUN_SECONDS = 0.5
SLICE_SIZES = {Resolution.NEITHER: 4}
#: The longest time without progress: a whole campaign, on a busy machine, with four messages in flight.
STANDSTILL_SECONDS = 900.0


@dataclass(slots=True)
class KillCounts:
    """The kills of the senders of one gateway class, and the resulting bill."""

    kills: int = 0
    sleeps: int = 0
    pairs: int = 0
    campaigns: int = 0
    seconds: float = 0.0
    bill: Bill = field(default_factory=Bill)

    def wrong(self) -> dict[str, Decimal | int]:
        """Return the figures that must be zero and are not."""
        return self.bill.wrong()

    def __add__(self, other: "KillCounts") -> "KillCounts":
        return KillCounts(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})


def kill_senders(
    fork_server: Path,
    resolution: Resolution,
    kills: int,
    *,
    messages: int = 5000,
    slice_size: int = 10,
    seed: int = 1,
    seconds: float = math.inf,
    accidents: Sequence[Sequence[object]] = (),
    on_progress: Callable[[KillCounts], None] = lambda _: None,
) -> KillCounts:
    """Send campaigns until ``kills`` senders were killed; the last campaign is finished without kills.

    Args:
        fork_server: the socket of the server that forks senders.
        resolution: the class of the gateway.
        kills: by SIGKILL. One of ten senders is stopped first and continues after another took over; one of ten
            starts is of two senders at once.
        messages: of each campaign.
        slice_size: of each claim; four at most if only a person can settle an unknown message.
        seed: of the random choices.
        seconds: after which no sender is killed any more.
        accidents: of each sender, by name.
        on_progress: called with the counts after each campaign.
    """
    total, dice, ends_at = KillCounts(), random.Random(f"{seed} {resolution}"), time.monotonic() + seconds
    while total.kills < kills and time.monotonic() < ends_at:
        with TemporaryDirectory() as folder:
            campaign = _Campaign(Path(folder), fork_server, resolution, dice, accidents, ends_at)
            total += campaign.run(messages, slice_size, kills - total.kills)
        on_progress(total)
    return total


class _Campaign:
    def __init__(
        self,
        folder: Path,
        fork_server: Path,
        resolution: Resolution,
        dice: random.Random,
        accidents: Sequence[Sequence[object]],
        ends_at: float,
    ) -> None:
        self.counts = KillCounts(campaigns=1)
        self._folder, self._fork_server, self._resolution = folder, fork_server, resolution
        self._dice, self._accidents, self._ends_at = dice, accidents, ends_at

    def run(self, messages: int, slice_size: int, kills: int) -> KillCounts:
        began = time.monotonic()
        with start_sandbox(self._folder / "sandbox", self._resolution, look_up_lag=0.02) as sandbox:
            self._desk = SendingDesk(make_store(self._folder / "data"), sandbox, self._fork_server)
            size = min(slice_size, SLICE_SIZES.get(self._resolution, slice_size))
            self._desk.settings |= {"slice_size": size, "segments_per_second": 100_000}
            self._desk.begin("campaign", range(messages), per_slice=size)
            sandbox.set_faults(**FAULTS)
            self._send(kills)
            self.counts.bill = self._desk.books("campaign")
        self.counts.seconds = time.monotonic() - began
        return self.counts

    def _send(self, kills: int) -> None:
        """Start one sender after another and run its kill plan, until one reports that nothing is left to do."""
        plans: list[_KillPlan] = []
        moved_at = time.monotonic()
        is_over = False
        while plans or not is_over:
            if not is_over and not any(plan.is_active for plan in plans):
                plans += self._start(kills - self.counts.kills - sum(plan.kills for plan in plans))
            for plan in plans:
                if plan.advance(is_over):
                    moved_at = time.monotonic()
                is_over = is_over or plan.is_end
            self.counts.kills += sum(plan.was_killed for plan in plans if plan.sender.is_dead)
            plans = [plan for plan in plans if not plan.sender.is_dead]
            assert time.monotonic() - moved_at < STANDSTILL_SECONDS, "nothing moves any more"
            time.sleep(0.002)

    def _start(self, kills: int) -> "Iterator[_KillPlan]":
        if time.monotonic() > self._ends_at:
            kills = 0
        yield _KillPlan(self._sender(), self._signals(kills > 0), self._dice.random() < 0.15)
        if kills > 1 and self._dice.random() < 0.1:
            self.counts.pairs += 1
            yield _KillPlan(self._sender(), self._signals(True), self._dice.random() < 0.15)

    def _sender(self) -> SenderProcess:
        return self._desk.start_sender("campaign", *self._accidents)

    def _signals(self, is_killed: bool) -> "list[tuple[float, int]]":
        """Draw the signals of a sender, each with the seconds since the previous one."""
        if not is_killed:
            return []
        killed = (self._dice.uniform(0, LONGEST_RUN_SECONDS), signal.SIGKILL)
        if self._dice.random() >= 0.1:
            return [killed]
        self.counts.sleeps += 1
        falls_asleep, wakes_up = self._dice.uniform(0, LONGEST_RUN_SECONDS), self._dice.uniform(0.3, 2.5)
        return [(falls_asleep, signal.SIGSTOP), (wakes_up, signal.SIGCONT), killed]


@dataclass(slots=True)
class _KillPlan:
    """A sender and its signals; their times count from its start, or from when it took the campaign."""

    sender: SenderProcess
    signals: list[tuple[float, int]]
    counts_from_start: bool
    is_active: bool = True
    is_end: bool = False
    was_killed: bool = False
    kills: int = 0
    _since: float | None = None

    def __post_init__(self) -> None:
        self.kills = len(self.signals) and 1
        self._since = time.monotonic() if self.counts_from_start else None

    def advance(self, is_over: bool) -> bool:
        """Read its output and send the due signal; return whether anything happened. Once all is over it may end."""
        has_output = self._read_output()
        if is_over:
            self.signals = []
            self.sender.signal(signal.SIGCONT)
        if not self.signals or self._since is None or self.sender.is_dead:
            return has_output
        seconds, number = self.signals[0]
        if time.monotonic() < self._since + seconds:
            return has_output
        self.signals, self._since = self.signals[1:], time.monotonic()
        self.sender.signal(number)
        self.is_active = self.is_active and number != signal.SIGSTOP
        self.was_killed = number == signal.SIGKILL
        if self.was_killed:
            self.sender.wait()
            self.is_end = self.is_end or self._is_finished()
        return True

    def _read_output(self) -> bool:
        if not self.sender.poll_output():
            return False
        if "opened" in self.sender.outputs[-1] and self._since is None:
            self._since = time.monotonic()
        self.is_end = self.is_end or self._is_finished()
        return True

    def _is_finished(self) -> bool:
        """Return whether it found that nothing is left to do, or that only a person can settle the rest."""
        for output in self.sender.outputs:
            if output.get("closed") == "finished" or ("closed" in output and output["due_at"] is None):
                return True
            if "nothing to send" in output.get("refused", "") or "there is something" in output.get("refused", ""):
                return True
            assert "refused" not in output or "by another run" in output["refused"], output
        return False
