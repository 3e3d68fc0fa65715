"""Campaigns whose senders are killed at random moments, until nothing is left to send; then the books are compared.

Each campaign has a store and a sandbox of its own. A walk is drawn from its seed, but how far a sender is when the kill
comes is the machine's choice.
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

#: 13 of 100 answers are faulty; of those, six leave messages accepted that nobody here knows of.
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
LONGEST_LIFE_SECONDS = 0.5
SLICE_SIZES = {Resolution.NEITHER: 4}
#: A whole campaign, on a busy machine, to a gateway that takes four messages at a time.
STANDSTILL_SECONDS = 900.0


@dataclass(slots=True)
class Toll:
    """What was done to the senders of one class, and what it came to."""

    kills: int = 0
    sleeps: int = 0
    pairs: int = 0
    campaigns: int = 0
    seconds: float = 0.0
    bill: Bill = field(default_factory=Bill)

    def wrong(self) -> dict[str, Decimal | int]:
        """Return the figures that must be zero and are not."""
        return self.bill.wrong()

    def __add__(self, other: "Toll") -> "Toll":
        return Toll(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})


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
    told: Callable[[Toll], None] = lambda _: None,
) -> Toll:
    """Send as many campaigns as so many kills take; the last one is brought to its end without.

    Args:
        fork_server: the socket of the server that forks senders.
        resolution: the class of the gateway.
        kills: by SIGKILL; of ten dead senders one was put to sleep instead and wakes after another took over, and of
            ten starts one is of two at once.
        messages: of each campaign.
        slice_size: of each claim; four at most where nothing settles an unknown message.
        seed: of the walk.
        seconds: after which nobody is killed any more, however many were.
        accidents: that each sender meets.
        told: called with what there is after each campaign.
    """
    total, dice, ends_at = Toll(), random.Random(f"{seed} {resolution}"), time.monotonic() + seconds
    while total.kills < kills and time.monotonic() < ends_at:
        with TemporaryDirectory() as folder:
            campaign = _Campaign(Path(folder), fork_server, resolution, dice, accidents, ends_at)
            total += campaign.run(messages, slice_size, kills - total.kills)
        told(total)
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
        self.toll = Toll(campaigns=1)
        self._folder, self._fork_server, self._resolution = folder, fork_server, resolution
        self._dice, self._accidents, self._ends_at = dice, accidents, ends_at

    def run(self, messages: int, slice_size: int, kills: int) -> Toll:
        began = time.monotonic()
        with start_sandbox(self._folder / "sandbox", self._resolution, look_up_lag=0.02) as sandbox:
            self._desk = SendingDesk(make_store(self._folder / "data"), sandbox, self._fork_server)
            size = min(slice_size, SLICE_SIZES.get(self._resolution, slice_size))
            self._desk.settings |= {"slice_size": size, "segments_per_second": 100_000}
            self._desk.begin("campaign", range(messages), per_slice=size)
            sandbox.set_faults(**FAULTS)
            self._send(kills)
            self.toll.bill = self._desk.books("campaign")
        self.toll.seconds = time.monotonic() - began
        return self.toll

    def _send(self, kills: int) -> None:
        """Start sender after sender and let each meet its fate, until one says that there is nothing left to do."""
        fleet: list[_Fate] = []
        moved_at = time.monotonic()
        is_over = False
        while fleet or not is_over:
            if not is_over and not any(fate.is_active for fate in fleet):
                fleet += self._start(kills - self.toll.kills - sum(fate.kills for fate in fleet))
            for fate in fleet:
                if fate.live(is_over):
                    moved_at = time.monotonic()
                is_over = is_over or fate.is_end
            self.toll.kills += sum(fate.was_killed for fate in fleet if fate.sender.is_dead)
            fleet = [fate for fate in fleet if not fate.sender.is_dead]
            assert time.monotonic() - moved_at < STANDSTILL_SECONDS, "nothing moves any more"
            time.sleep(0.002)

    def _start(self, kills: int) -> "Iterator[_Fate]":
        if time.monotonic() > self._ends_at:
            kills = 0
        yield _Fate(self._sender(), self._signals(kills > 0), self._dice.random() < 0.15)
        if kills > 1 and self._dice.random() < 0.1:
            self.toll.pairs += 1
            yield _Fate(self._sender(), self._signals(True), self._dice.random() < 0.15)

    def _sender(self) -> SenderProcess:
        return self._desk.start_sender("campaign", *self._accidents)

    def _signals(self, is_killed: bool) -> "list[tuple[float, int]]":
        """Draw what is sent to a sender, and after how many seconds since the last time."""
        if not is_killed:
            return []
        killed = (self._dice.uniform(0, LONGEST_LIFE_SECONDS), signal.SIGKILL)
        if self._dice.random() >= 0.1:
            return [killed]
        self.toll.sleeps += 1
        falls_asleep, wakes_up = self._dice.uniform(0, LONGEST_LIFE_SECONDS), self._dice.uniform(0.3, 2.5)
        return [(falls_asleep, signal.SIGSTOP), (wakes_up, signal.SIGCONT), killed]


@dataclass(slots=True)
class _Fate:
    """A sender and the signals that it will get, counted from its birth or from when it took the campaign."""

    sender: SenderProcess
    signals: list[tuple[float, int]]
    is_from_birth: bool
    is_active: bool = True
    is_end: bool = False
    was_killed: bool = False
    kills: int = 0
    _since: float | None = None

    def __post_init__(self) -> None:
        self.kills = len(self.signals) and 1
        self._since = time.monotonic() if self.is_from_birth else None

    def live(self, is_over: bool) -> bool:
        """Hear what it says and send what is due; tell whether anything happened. Once all is over it may end."""
        has_told = self._hear()
        if is_over:
            self.signals = []
            self.sender.signal(signal.SIGCONT)
        if not self.signals or self._since is None or self.sender.is_dead:
            return has_told
        seconds, number = self.signals[0]
        if time.monotonic() < self._since + seconds:
            return has_told
        self.signals, self._since = self.signals[1:], time.monotonic()
        self.sender.signal(number)
        self.is_active = self.is_active and number != signal.SIGSTOP
        self.was_killed = number == signal.SIGKILL
        if self.was_killed:
            self.sender.wait()
            self.is_end = self.is_end or self._is_said()
        return True

    def _hear(self) -> bool:
        if not self.sender.poll_told():
            return False
        if "opened" in self.sender.told[-1] and self._since is None:
            self._since = time.monotonic()
        self.is_end = self.is_end or self._is_said()
        return True

    def _is_said(self) -> bool:
        """Tell whether it found that nothing is left to do, or that only a person can settle what is left."""
        for told in self.sender.told:
            if told.get("closed") == "finished" or ("closed" in told and told["due_at"] is None):
                return True
            if "nothing to send" in told.get("refused", "") or "there is something" in told.get("refused", ""):
                return True
            assert "refused" not in told or "by another run" in told["refused"], told
        return False
