"""Random days: senders die, gateways lose answers, people say STOP, somebody cancels; nobody gets a message twice.

The gateway of these tests keeps its own bill and is the judge: the store's books are never asked about themselves.
"""

from collections.abc import Callable, Sequence
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
FATES = st.sampled_from(["answered", "answered", "in part", "answer lost", "never arrived", "refused"])
ENDS = st.sampled_from(["records", "records", "dies before it records", "dies before it posts"])
SECONDS = st.sampled_from([0, 0, 31])
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
        self.is_first = True


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
        self.chance_of_sleep = 100.0
        self.sender: Sender | None = Sender(self.desk.start("winter", PEOPLE, per_slice=3))

    # --- the sender -----------------------------------------------------------------------------------------

    def find_sender(self) -> bool:
        """Let somebody send when nobody does; tell whether the campaign is still going on."""
        campaign = self.desk.find("winter")
        if campaign["state"] in ("finished", "cancelled"):
            self.sender = None
        elif self.sender is None:
            self.desk.clock.at = max(self.desk.clock.at, campaign["due_at"])
            lease = self.desk.open("winter", f"sender {len(self.dead)}")
            assert lease is not None
            self.sender = Sender(lease)
        return self.sender is not None

    @rule(outcomes=OUTCOMES, fate=FATES, end=ENDS, stopped=st.sampled_from([None, *PEOPLE]), seconds=SECONDS)
    def send(self, outcomes: list[str], fate: str, end: str, stopped: int | None, seconds: float) -> None:
        """Claim, post, record; meanwhile time passes, somebody may say STOP, and the sender may die."""
        if not self.find_sender() or self.desk.find("winter")["is_stopped"]:
            return
        self.go_on(self.claim(), True, outcomes, fate, end, stopped, seconds)

    @rule(outcomes=OUTCOMES, fate=FATES, end=ENDS, stopped=st.sampled_from([None, *PEOPLE]), seconds=SECONDS)
    def ask_again(self, outcomes: list[str], fate: str, end: str, stopped: int | None, seconds: float) -> None:
        """Post an unknown slice again under its first key."""
        if self.find_sender() and (unknown := self.desk.unknown("winter")):
            self.desk.clock.at = max(self.desk.clock.at, unknown[0]["ask_after"])
            self.desk.read_stops()
            claim = self.desk.claim_again(self.sender.lease, unknown[0]["slice_no"])
            self.go_on(claim, False, outcomes, fate, end, stopped, seconds)

    def claim(self) -> Claim | None:
        try:
            return self.desk.claim(self.sender.lease)
        except StaleStops:
            self.desk.read_stops()
            return self.desk.claim(self.sender.lease)

    def go_on(self, claim, is_first: bool, outcomes: list[str], fate: str, end: str, stopped, seconds: float) -> None:
        if claim is None:
            return
        assert not self.stopped & {message.msisdn for message in claim.messages}
        self.posted |= {message.client_ref: message for message in claim.messages}
        self.sender.claim, self.sender.is_first = claim, is_first
        self.desk.clock.forward(seconds=seconds)
        if stopped is not None:
            self.stop(stopped)
        if end != "dies before it posts":
            self.post(self.sender, outcomes, fate)
        if end == "records":
            self.record()
        else:
            self.die()

    def post(self, sender: Sender, outcomes: list[str], fate: str) -> None:
        """Post as a sender does: in time or not at all; what is proved speaks of a first post only."""
        claim = sender.claim
        sender.answer = []
        if self.desk.clock.at >= claim.post_before or fate == "refused":
            if sender.is_first:
                sender.answer = [SubmitOutcome(item.client_ref, Outcome.NOT_ACCEPTED) for item in claim.messages]
        elif fate != "never arrived":
            assert is_key_open(self.desk.clock.at, "FR", "fr-strict")
            answer = self.bill.post(claim, outcomes)
            sender.answer = {"answered": answer, "in part": answer[:1], "answer lost": []}[fate]

    def record(self) -> None:
        self.desk.record(self.sender.lease, self.sender.claim.slice_no, self.sender.answer)
        blacklisted = [item.client_ref for item in self.sender.answer if item.outcome is Outcome.BLACKLISTED]
        self.stopped |= {self.posted[client_ref].msisdn for client_ref in blacklisted}
        self.sender.claim = self.sender.answer = None

    def die(self) -> None:
        self.dead.append(self.sender)
        self.sender = None
        self.desk.clock.forward(seconds=self.chance_of_sleep)
        self.chance_of_sleep = 121 - self.chance_of_sleep

    @rule(outcomes=OUTCOMES)
    def wake_up_too_late(self, outcomes: list[str]) -> None:
        """A sender that was thought dead goes on where it was: it may post while its claim lasts, never record."""
        if not self.dead or not self.find_sender():
            return
        sleeper = self.dead.pop()
        if sleeper.answer is None:
            self.post(sleeper, outcomes, "answered")
        with pytest.raises(LeaseLost):
            self.desk.record(sleeper.lease, sleeper.claim.slice_no, sleeper.answer)
        with pytest.raises(LeaseLost):
            self.desk.claim(sleeper.lease)

    @rule()
    def close(self) -> None:
        if self.find_sender():
            self.desk.close(self.sender.lease)
            self.sender = None

    @rule()
    def look_up(self) -> None:
        """Ask for an unknown slice by reference; absence counts when it was seen before."""
        if self.find_sender() and (unknown := self.desk.unknown("winter")):
            self.desk.clock.at = max(self.desk.clock.at, unknown[0]["ask_after"])
            if unknown[0]["absent_count"] == 0:
                self.desk.note_absence(self.sender.lease, unknown[0]["slice_no"])
            else:
                found = self.bill.look_up(list(self.posted.values()))
                self.desk.record(self.sender.lease, unknown[0]["slice_no"], found)

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

    @rule(chance=st.integers(0, 3))
    def cancel(self, chance: int) -> None:
        if chance == 3 and self.desk.find("winter")["state"] not in ("finished", "cancelled"):
            self.desk.cancel("winter")

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
        while self.find_sender():
            while self.desk.unknown("winter"):
                self.look_up()
            while not self.desk.find("winter")["is_stopped"] and (claim := self.claim()):
                self.go_on(claim, True, ["accepted"] * 3, "answered", "records", None, 0)
            self.close()
            self.books_are_right()
        states = self.desk.states("winter")
        accepted = sum(count for state, count in states.items() if state in ACCEPTED)
        assert accepted == len(self.bill.accepted)
        assert not {"planned", "claimed", "unknown"} & set(states)
        assert self.desk.credit().get("capture", 0) == accepted * Decimal("0.05")


def run_days(empty_store: Path, make_desk: Callable, **profile: object) -> None:
    days = type("Days", (RandomDays,), {"make_desk": staticmethod(make_desk), "empty_store": empty_store})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(days, settings=settings(deadline=None, suppress_health_check=checks, **profile))


def test_random_days(empty_store: Path, make_desk: Callable) -> None:
    run_days(empty_store, make_desk, max_examples=8, stateful_step_count=12, derandomize=True, database=None)


@pytest.mark.soak
def test_random_years(empty_store: Path, make_desk: Callable) -> None:
    run_days(empty_store, make_desk, max_examples=200, stateful_step_count=30)
