"""Random days: senders die, gateways lose answers, people say STOP, somebody cancels; nobody gets a message twice.

The gateway of these tests keeps its own bill and is the judge: the store's books are never asked about themselves.
A walk is drawn from its number alone, so a walk that fails can be walked again.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from campanile.sms.schedule.quiet_hours import is_key_open
from campanile.store.db.invariants import broken_invariants
from campanile.store.ledger.claim_checks import StopReason
from campanile.store.ledger.claims import Claim
from campanile.store.ledger.lease import Lease, LeaseLost
from schemas.gateway import Outcome, OutgoingMessage, SubmitOutcome
from tests.lanes import some

PEOPLE = range(12)
OUTCOMES = ["accepted"] * 6 + ["rejected", "blacklisted", "not_accepted"]
FATES = ["answered", "answered", "in part", "answer lost", "never arrived", "refused"]
ENDS = ["records", "records", "dies before it records", "dies before it posts"]
ACCEPTED = {"accepted", "delivered", "undelivered"}


class Bill:
    """A gateway that records what it accepted, who opted out, and its answer to each key."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self._answers: dict[int, list[SubmitOutcome]] = {}

    def post(self, claim: Claim, outcomes: Sequence[str]) -> list[SubmitOutcome]:
        """Take a batch, once a key."""
        if claim.slice_no not in self._answers:
            self._answers[claim.slice_no] = [
                self._take(message, outcome) for message, outcome in zip(claim.messages, outcomes, strict=False)
            ]
        return self._answers[claim.slice_no]

    def look_up(self, messages: Sequence[OutgoingMessage]) -> list[SubmitOutcome]:
        return [
            SubmitOutcome(ref, Outcome.ACCEPTED, f"gw-{ref}")
            if ref in self.accepted
            else SubmitOutcome(ref, Outcome.NOT_ACCEPTED)
            for ref in (message.client_ref for message in messages)
        ]

    def _take(self, message: OutgoingMessage, outcome: str) -> SubmitOutcome:
        if outcome != "accepted":
            return SubmitOutcome(message.client_ref, Outcome(outcome))
        assert message.client_ref not in self.accepted, "billed twice"
        self.accepted.append(message.client_ref)
        return SubmitOutcome(message.client_ref, Outcome.ACCEPTED, f"gw-{message.client_ref}")


@dataclass
class Sender:
    """A process that sends: its lease, and the post it has not recorded yet."""

    lease: Lease
    claim: Claim | None = None
    answer: Sequence[SubmitOutcome] | None = None
    is_first: bool = True


class RandomDays:
    """One campaign, its living sender, the dead ones that may still wake up, and a gateway."""

    def __init__(self, desk, walk: int) -> None:
        self.chance = random.Random(walk)
        self.desk = desk
        desk.rules = replace(desk.rules, lease_seconds=10)  # so short that the dead may still post in time
        self.bill = Bill()
        self.stopped: set[str] = set()
        self.posted: dict[str, OutgoingMessage] = {}
        self.dead: list[Sender] = []
        self.sender: Sender | None = Sender(desk.start(f"walk-{walk}", PEOPLE, per_slice=3))
        self.name = f"walk-{walk}"

    def walk(self, step_count: int) -> None:
        steps = {
            self.send: 8,
            self.ask_again: 3,
            self.look_up: 4,
            self.wake_up_too_late: 3,
            self.report: 3,
            self.say_stop: 1,
            self.wait: 1,
            self.close: 1,
            self.cancel: 0.4,
        }
        for step in self.chance.choices(list(steps), list(steps.values()), k=step_count):
            step()
            self.books_are_right()
        self.bring_to_its_end()

    # --- the sender -----------------------------------------------------------------------------------------

    def find_sender(self) -> bool:
        """Start a sender if none is running; return whether the campaign is still open."""
        campaign = self.desk.find(self.name)
        if campaign.state in ("finished", "cancelled"):
            self.sender = None
        elif self.sender is None:
            self.desk.clock.at = max(self.desk.clock.at, campaign.due_at)
            lease = self.desk.open(self.name, f"sender {len(self.dead)}")
            assert lease is not None
            self.sender = Sender(lease)
        return self.sender is not None

    def send(self) -> None:
        """Claim, post, record; meanwhile time passes, a person may say STOP, and the sender may die."""
        if self.find_sender() and not self.desk.find(self.name).is_stopped:
            self.go_on(self.claim(), is_first=True)

    def ask_again(self) -> None:
        """Post an unknown slice again under its first key."""
        if self.find_sender() and (unknown := self.desk.unknown(self.name)):
            self.desk.clock.at = max(self.desk.clock.at, unknown[0].ask_after)
            self.desk.read_stops()
            claim = self.desk.claim_again(self.sender.lease, unknown[0].slice_no)
            self.go_on(claim, is_first=False)

    def claim(self) -> Claim | None:
        claimed = self.desk.claimed(self.sender.lease)
        if claimed.stop_reason is StopReason.STALE_STOPS:
            self.desk.read_stops()
            claimed = self.desk.claimed(self.sender.lease)
        return next(iter(claimed.claims), None)

    def go_on(self, claim: Claim | None, is_first: bool) -> None:
        if claim is None:
            return
        self.begin(claim, is_first)
        self.desk.clock.forward(seconds=self.chance.choice([0, 0, 31]))
        if self.chance.random() < 0.2:
            self.say_stop()
        end = self.chance.choice(ENDS)
        if end != "dies before it posts":
            self.post(self.sender, self.chance.choice(FATES))
        if end == "records":
            self.record()
        else:
            self.die()

    def begin(self, claim: Claim, is_first: bool) -> None:
        assert not self.stopped & {message.msisdn for message in claim.messages}
        self.posted |= {message.client_ref: message for message in claim.messages}
        self.sender.claim, self.sender.answer, self.sender.is_first = claim, None, is_first

    def post(self, sender: Sender, outcome: str) -> None:
        """Post as a sender does: in time or not at all; what is proved speaks of a first post only."""
        claim = sender.claim
        sender.answer = []
        if self.desk.clock.at >= claim.post_before or outcome == "refused":
            if sender.is_first:
                sender.answer = [SubmitOutcome(item.client_ref, Outcome.NOT_ACCEPTED) for item in claim.messages]
        elif outcome != "never arrived":
            assert is_key_open(self.desk.clock.at, "FR", "fr-strict")
            answer = self.bill.post(claim, self.chance.choices(OUTCOMES, k=3))
            sender.answer = {"answered": answer, "in part": answer[:1], "answer lost": []}[outcome]

    def record(self) -> None:
        self.desk.record(self.sender.lease, self.sender.claim.slice_no, self.sender.answer)
        blacklisted = [item.client_ref for item in self.sender.answer if item.outcome is Outcome.BLACKLISTED]
        self.stopped |= {self.posted[client_ref].msisdn for client_ref in blacklisted}
        self.sender.claim = self.sender.answer = None

    def die(self) -> None:
        self.dead.append(self.sender)
        self.sender = None
        self.desk.clock.forward(seconds=11 if len(self.dead) % 2 else 91)

    def wake_up_too_late(self) -> None:
        """A sender that was thought dead goes on where it was: it may post while its claim lasts, never record."""
        if not self.dead or not self.find_sender():
            return
        sleeper = self.dead.pop()
        if sleeper.answer is None:
            self.post(sleeper, "answered")
        with pytest.raises(LeaseLost):
            self.desk.record(sleeper.lease, sleeper.claim.slice_no, sleeper.answer)
        with pytest.raises(LeaseLost):
            self.desk.claim(sleeper.lease)

    def close(self) -> None:
        if self.find_sender():
            self.desk.close(self.sender.lease)
            self.sender = None

    def look_up(self) -> None:
        """Ask for an unknown slice by reference; absence counts when it was seen before."""
        if self.find_sender() and (unknown := self.desk.unknown(self.name)):
            self.desk.clock.at = max(self.desk.clock.at, unknown[0].ask_after)
            if unknown[0].absent_count == 0:
                self.desk.note_absence(self.sender.lease, unknown[0].slice_no)
            else:
                found = self.bill.look_up(list(self.posted.values()))
                self.desk.record(self.sender.lease, unknown[0].slice_no, found)

    # --- everybody else -------------------------------------------------------------------------------------

    def say_stop(self) -> None:
        person = self.chance.choice(PEOPLE)
        self.desk.opt_out(person)
        self.stopped.add(f"+{33639980000 + person}")

    def report(self) -> None:
        if self.bill.accepted:
            message = self.posted[self.chance.choice(self.bill.accepted)]
            self.desk.report(message, self.chance.choice(["delivered", "undelivered", "pending"]))

    def wait(self) -> None:
        self.desk.clock.forward(minutes=self.chance.choice([1, 30, 600]))

    def cancel(self) -> None:
        if self.desk.find(self.name).state not in ("finished", "cancelled"):
            self.desk.cancel(self.name)

    # --- what must hold -------------------------------------------------------------------------------------

    def books_are_right(self) -> None:
        with self.desk.tx(read_only=True) as tx:
            assert broken_invariants(tx) == {}
            states = dict(tx.execute("SELECT client_ref, state FROM message_status").fetchall())
        in_books = {ref for ref, state in states.items() if state in ACCEPTED}
        assert in_books <= set(self.bill.accepted)
        assert {states[ref] for ref in self.bill.accepted} <= ACCEPTED | {"claimed", "unknown"}

    def bring_to_its_end(self) -> None:
        """Let a sound sender finish: then our books and the gateway's say the same, to the last cent."""
        self.desk.clock.forward(seconds=100)
        rounds_left = 50
        while self.find_sender():
            rounds_left -= 1
            assert rounds_left, "it never ends"
            while self.desk.unknown(self.name):
                self.look_up()
            while not self.desk.find(self.name).is_stopped and (claim := self.claim()):
                self.begin(claim, is_first=True)
                self.post(self.sender, "answered")
                self.record()
            self.close()
            self.books_are_right()
        states = self.desk.states(self.name)
        accepted = sum(count for state, count in states.items() if state in ACCEPTED)
        assert accepted == len(self.bill.accepted)
        assert not {"planned", "claimed", "unknown"} & set(states)
        assert self.desk.credit().get("capture", 0) == accepted * Decimal("0.05")


@pytest.mark.parametrize("walk", some(range(4), 2))
def test_random_days(desk, walk: int) -> None:
    RandomDays(desk, walk).walk(15)


@pytest.mark.soak
@pytest.mark.parametrize("walk", range(100, 200))
def test_random_weeks(desk, walk: int) -> None:
    RandomDays(desk, walk).walk(40)
