"""Random days: senders die, gateways lose answers, people say STOP, somebody cancels; nobody gets a message twice.

The gateway of these tests keeps its own bill and is the judge: the store's books are never asked about themselves.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas.gateway import Outcome, OutgoingMessage, SubmitOutcome
from sms.quiet_hours import is_key_open
from store.claims import Claim, StaleStops
from store.invariants import broken_invariants
from store.lease import Lease, LeaseLost

PEOPLE = range(10)
OUTCOMES = st.lists(
    st.sampled_from(["accepted"] * 3 + ["rejected", "blacklisted", "not_accepted"]), min_size=3, max_size=3
)
ACCEPTED = {"accepted", "delivered", "undelivered"}


class Bill:
    """A gateway that remembers: what it accepted, whom it was forbidden to write to, what it answered to each key."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self._answers: dict[str, list[SubmitOutcome]] = {}

    def post(self, claim: Claim, outcomes: Sequence[str]) -> list[SubmitOutcome]:
        """Take a batch, once a key."""
        if claim.request_key not in self._answers:
            self._answers[claim.request_key] = [
                self._take(message, outcome) for message, outcome in zip(claim.messages, outcomes, strict=False)
            ]
        return self._answers[claim.request_key]

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


class Sender:
    """A process that sends: its lease, and the post it has not recorded yet."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.claim: Claim | None = None
        self.answer: list[SubmitOutcome] | None = None
        self.may_requeue = True


class RandomDays(RuleBasedStateMachine):
    """One campaign, its living sender, the dead ones that may still wake up, and a gateway."""

    make_desk: Callable
    empty_store: Path

    @initialize()
    def prepare(self) -> None:
        self._folder = TemporaryDirectory()
        path = Path(self._folder.name) / "sms.duckdb"
        path.write_bytes(self.empty_store.read_bytes())
        self.desk = self.make_desk(path)
        self.bill = Bill()
        self.stopped: set[str] = set()
        self.posted: dict[str, OutgoingMessage] = {}
        self.dead: list[Sender] = []
        self.sender: Sender | None = Sender(self.desk.start("winter", PEOPLE, per_slice=3))

    # --- the sender -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.sender and self.sender.claim is None)
    @rule()
    def claim(self) -> None:
        try:
            claim = self.desk.claim(self.sender.lease)
        except StaleStops:
            self.desk.read_stops()
            claim = self.desk.claim(self.sender.lease)
        if claim is not None:
            self.begin(claim, may_requeue=True)

    def begin(self, claim: Claim, may_requeue: bool) -> None:
        assert not self.stopped & {message.msisdn for message in claim.messages}
        self.posted |= {message.client_ref: message for message in claim.messages}
        self.sender.claim, self.sender.answer, self.sender.may_requeue = claim, None, may_requeue

    @precondition(lambda self: self.sender and self.sender.claim and self.sender.answer is None)
    @rule(
        outcomes=OUTCOMES,
        fate=st.sampled_from(["answered", "answered", "in part", "answer lost", "never arrived", "refused"]),
    )
    def post(self, outcomes: list[str], fate: str) -> None:
        self.post_of(self.sender, outcomes, fate)

    def post_of(self, sender: Sender, outcomes: list[str], fate: str) -> None:
        claim = sender.claim
        if self.desk.clock.at >= claim.post_before or fate == "refused":
            sender.answer = [SubmitOutcome(item.client_ref, Outcome.NOT_ACCEPTED) for item in claim.messages]
            if not sender.may_requeue:  # proof about this request says nothing of the one before it
                sender.answer = []
            return
        sender.answer = []
        if fate == "never arrived":
            return
        assert is_key_open(self.desk.clock.at, "FR", "fr-strict")
        answer = self.bill.post(claim, outcomes)
        sender.answer = {"answered": answer, "in part": answer[:1], "answer lost": []}[fate]

    @precondition(lambda self: self.sender and self.sender.answer is not None)
    @rule()
    def record(self) -> None:
        self.desk.record(self.sender.lease, self.sender.claim.slice_no, self.sender.answer)
        self.take_stops(self.sender.answer)
        self.sender.claim = self.sender.answer = None

    def take_stops(self, answer: Sequence[SubmitOutcome]) -> None:
        self.stopped |= {self.posted[item.client_ref].msisdn for item in answer if item.outcome is Outcome.BLACKLISTED}

    @precondition(lambda self: self.sender)
    @rule(seconds=st.sampled_from([91, 600]))
    def die(self, seconds: float) -> None:
        self.dead.append(self.sender)
        self.sender = None
        self.desk.clock.forward(seconds=seconds)

    @precondition(lambda self: self.sender is None)
    @rule()
    def take_over(self) -> None:
        lease = self.desk.open("winter", f"sender {len(self.dead)}")
        if lease is not None:
            self.sender = Sender(lease)

    @precondition(lambda self: self.sender and self.dead)
    @rule(outcomes=OUTCOMES)
    def wake_up_too_late(self, outcomes: list[str]) -> None:
        """A sender that was thought dead goes on where it was: it may post while its claim lasts, never record."""
        sleeper = self.dead.pop()
        with pytest.raises(LeaseLost):
            self.desk.claim(sleeper.lease)
        if sleeper.claim is not None:
            if sleeper.answer is None:
                self.post_of(sleeper, outcomes, "answered")
            with pytest.raises(LeaseLost):
                self.desk.record(sleeper.lease, sleeper.claim.slice_no, sleeper.answer)

    @precondition(lambda self: self.sender and self.sender.claim is None)
    @rule()
    def close(self) -> None:
        self.desk.close(self.sender.lease)
        self.sender = None

    # --- settling -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.sender and self.sender.claim is None)
    @rule()
    def look_up(self) -> None:
        for unknown in self.desk.unknown("winter")[:1]:
            self.desk.clock.at = max(self.desk.clock.at, unknown["ask_after"])
            found = self.bill.look_up(list(self.posted.values()))
            if unknown["absent_count"] == 0:
                self.desk.note_absence(self.sender.lease, unknown["slice_no"])
            else:
                self.desk.record(self.sender.lease, unknown["slice_no"], found)

    @precondition(lambda self: self.sender and self.sender.claim is None)
    @rule()
    def ask_again(self) -> None:
        for unknown in self.desk.unknown("winter")[:1]:
            self.desk.clock.at = max(self.desk.clock.at, unknown["ask_after"])
            self.desk.read_stops()
            claim = self.desk.claim_again(self.sender.lease, unknown["slice_no"])
            if claim is not None:
                self.begin(claim, may_requeue=False)

    # --- everybody else -------------------------------------------------------------------------------------

    @rule(person=st.sampled_from(PEOPLE))
    def stop(self, person: int) -> None:
        self.desk.opt_out(person)
        self.stopped.add(f"+{33639980000 + person}")

    @precondition(lambda self: self.bill.accepted)
    @rule(which=st.integers(0, 9), status=st.sampled_from(["delivered", "undelivered", "pending"]))
    def report(self, which: int, status: str) -> None:
        self.desk.report(self.posted[self.bill.accepted[which % len(self.bill.accepted)]], status)

    @rule(minutes=st.sampled_from([1, 30, 600]))
    def wait(self, minutes: float) -> None:
        self.desk.clock.forward(minutes=minutes)

    @precondition(lambda self: self.sender is None or self.sender.claim is None)
    @rule(chance=st.integers(0, 5))
    def cancel(self, chance: int) -> None:
        if chance == 0 and self.desk.find("winter")["state"] not in ("finished", "cancelled"):
            self.desk.cancel("winter")
        self.leave_when_over()

    def leave_when_over(self) -> None:
        if self.desk.find("winter")["state"] in ("finished", "cancelled"):
            self.sender = None

    # --- what must hold -------------------------------------------------------------------------------------

    @invariant()
    def books_are_right(self) -> None:
        with self.desk.visit(read_only=True) as visit:
            assert broken_invariants(visit) == {}
            states = dict(visit.execute("SELECT client_ref, state FROM message_status").fetchall())
        in_books = {ref for ref, state in states.items() if state in ACCEPTED}
        assert in_books <= set(self.bill.accepted)
        assert {states[ref] for ref in self.bill.accepted} <= ACCEPTED | {"claimed", "unknown"}

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.bring_to_its_end()
            self._folder.cleanup()

    def bring_to_its_end(self) -> None:
        """Let a sound sender finish: then our books and the gateway's say the same, to the last cent."""
        self.desk.clock.forward(seconds=100)
        self.sender = None
        while (campaign := self.desk.find("winter"))["state"] not in ("finished", "cancelled"):
            self.desk.clock.at = max(self.desk.clock.at + timedelta(seconds=100), campaign["due_at"])
            self.desk.read_stops()
            self.take_over()
            self.finish_what_is_open()
            self.close()
            self.books_are_right()
        states = self.desk.states("winter")
        accepted = sum(count for state, count in states.items() if state in ACCEPTED)
        assert accepted == len(self.bill.accepted)
        assert not {"planned", "claimed", "unknown"} & set(states)
        assert self.desk.credit().get("capture", 0) == accepted * Decimal("0.05")

    def finish_what_is_open(self) -> None:
        while self.desk.unknown("winter"):
            self.look_up()
        if not self.desk.find("winter")["is_stopped"]:
            self.claim()
            while self.sender.claim is not None:
                self.post_of(self.sender, ["accepted"] * 3, "answered")
                self.record()
                self.claim()


def run_days(empty_store: Path, make_desk: Callable, **profile: object) -> None:
    days = type("Days", (RandomDays,), {"make_desk": staticmethod(make_desk), "empty_store": empty_store})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(days, settings=settings(deadline=None, suppress_health_check=checks, **profile))


def test_random_days(empty_store: Path, make_desk: Callable) -> None:
    run_days(empty_store, make_desk, max_examples=6, stateful_step_count=25, derandomize=True, database=None)


@pytest.mark.soak
def test_random_years(empty_store: Path, make_desk: Callable) -> None:
    run_days(empty_store, make_desk, max_examples=200, stateful_step_count=60)
