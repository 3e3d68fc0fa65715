"""The wall clock jumps: the order of what happened stays right, and nothing leaves by a clock that went back."""

from datetime import timedelta
from typing import Any

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.campaigns import find_campaign, set_state, withdraw_approval
from campanile.store.campaigns.pause import resume
from campanile.store.db.clock_check import confirm_clock, seconds_behind
from campanile.store.inbound.histories import move_cursor
from campanile.store.ledger.claim_checks import StopReason
from campanile.store.ledger.lease import LeaseLost
from campanile.store.ledger.outcomes import unknown_slices


def back(desk: Any, **time: float) -> None:
    desk.clock.forward(**{name: -value for name, value in time.items()})


def make_due(desk: Any, state: str) -> None:
    with desk.tx() as tx:
        set_state(tx, 1, state, tx.at, None)


def confirm_by_resume(desk: Any, name: str = "soldes") -> None:
    with desk.tx() as tx:
        resume(tx, name, "dominique", "the clock was an hour ahead")


# --- order ------------------------------------------------------------------------------------------------------------


def test_claimed_by_a_clock_behind_its_approval_breaks_no_invariant(desk: Any) -> None:
    desk.prepare("soldes", range(4))
    desk.put_balance("100")
    desk.approve("soldes")
    back(desk, seconds=100)
    desk.read_stops()
    with desk.tx() as tx:
        tx.run("campaign.set_state", campaign_id=1, state="approved", due_at=tx.at, state_reason=None, at=tx.at)
    lease = desk.open("soldes")
    assert desk.must_claim(lease).messages
    assert desk.broken() == {}


def test_an_opt_out_recorded_by_a_clock_behind_the_claim_breaks_no_invariant(desk: Any) -> None:
    claim = desk.must_claim(desk.start("soldes"))
    back(desk, hours=1)
    assert desk.opt_out(0) == 1
    assert claim.messages
    assert desk.broken() == {}


def test_a_claim_after_an_opt_out_is_seen_whatever_the_clock_says(desk: Any) -> None:
    """Tampered with: the opt-out is from a clock an hour ahead of the claim that came after it."""
    desk.clock.forward(hours=1)
    desk.opt_out(0)
    (kept,) = desk.sql("SELECT * FROM opt_out_entry")
    desk.sql("DELETE FROM opt_out_entry")
    back(desk, hours=1)
    desk.must_claim(desk.start("soldes", [0]))
    with desk.tx() as tx:
        marks = ", ".join(f"${number}" for number in range(1, len(kept) + 1))
        tx.execute(f"INSERT INTO opt_out_entry VALUES ({marks})", {str(n): value for n, value in enumerate(kept, 1)})
    assert desk.broken() == {"invariant.nothing_claimed_after_an_opt_out": 1}
    desk.sql("DELETE FROM opt_out_entry")


def test_ids_that_a_revision_forgets_are_not_given_again(desk: Any) -> None:
    """An opt-out suppresses a message of a campaign that is then revised; another one was approved in between."""
    desk.read_stops()
    desk.put_balance("100")
    desk.prepare("first", [0], due_at=desk.clock.at)
    desk.approve("first")
    desk.opt_out(0)
    lease = desk.open("first")
    assert desk.claim(lease) is None
    desk.prepare("second", range(1, 3))
    make_due(desk, "parked")
    desk.approve("second")
    with desk.tx() as tx:
        withdraw_approval(tx, find_campaign(tx, "first"), "dominique", "wrong price")
    desk.prepare("first", [0], revises=True)
    assert desk.must_claim(desk.open("second")).messages
    assert desk.broken() == {}


# --- back -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "seconds", "stop_reasons"),
    [
        pytest.param("marketing", 119, False, id="within the margin"),
        pytest.param("marketing", 121, True, id="beyond it"),
        pytest.param("alert", 3600, True, id="an alert too"),
    ],
)
def test_nothing_is_claimed_by_a_clock_that_went_back(desk: Any, kind: str, seconds: float, stop_reasons: bool) -> None:
    lease = desk.start("soldes", kind=kind)
    desk.must_claim(lease)
    back(desk, seconds=seconds)
    desk.read_stops()
    if stop_reasons:
        desk.refuse(lease, StopReason.CLOCK_BEHIND, f"{seconds / 60:.0f} minutes behind the newest time in the store")
    else:
        assert desk.must_claim(lease).messages


def test_it_ends_by_itself_when_the_clock_has_caught_up(desk: Any) -> None:
    lease = desk.start("soldes")
    desk.must_claim(lease)
    back(desk, hours=1)
    desk.read_stops()
    desk.refuse(lease, StopReason.CLOCK_BEHIND)
    desk.clock.forward(minutes=59)
    desk.read_stops()
    assert desk.must_claim(lease).messages


def test_a_person_confirms_the_clock_by_resume(desk: Any) -> None:
    """It was an hour ahead, and is right now; the next step back is noticed again."""
    lease = desk.start("soldes", range(6))
    desk.answer(lease, desk.must_claim(lease), "accepted")
    back(desk, hours=1)
    desk.read_stops()
    desk.refuse(lease, StopReason.CLOCK_BEHIND)
    desk.close(lease, "the clock went back", is_alarming=True, trusts_clock=False)
    confirm_by_resume(desk)
    lease = desk.open("soldes")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    back(desk, minutes=10)
    desk.read_stops()
    desk.refuse(lease, StopReason.CLOCK_BEHIND)
    with desk.tx(read_only=True) as tx:
        assert 540 < seconds_behind(tx) <= 600


def test_a_campaign_that_waits_for_something_else_is_not_resumed(desk: Any) -> None:
    lease = desk.start("soldes")
    desk.close(lease, "the gateway is away")
    with pytest.raises(CampaignError, match="only a paused one can be resumed"):
        confirm_by_resume(desk)


def test_a_lease_of_a_clock_that_was_ahead_ends_with_the_confirmation(desk: Any) -> None:
    """Its sender died two days ahead of the time that it is now."""
    desk.clock.forward(days=2)
    desk.start("soldes")
    back(desk, days=2)
    assert desk.open("soldes", "second sender") is None
    confirm_by_resume(desk)
    assert desk.open("soldes", "second sender") is not None


def test_confirmed_twice_it_stays_confirmed(desk: Any) -> None:
    desk.must_claim(desk.start("soldes"))
    for _ in range(2):
        back(desk, hours=1)
        with desk.tx() as tx:
            assert seconds_behind(tx) == 3600
            confirm_clock(tx, "dominique")
            assert seconds_behind(tx) == 0


@pytest.mark.parametrize("name", ["replies", "opt_outs"])
def test_stops_read_in_the_future_are_not_fresh(desk: Any, name: str) -> None:
    """The clock was ahead when they were read: what came since is not known."""
    lease = desk.start("soldes")
    desk.clock.forward(minutes=8)
    with desk.tx() as tx:
        move_cursor(tx, "sandbox", name, "2")
    back(desk, minutes=8)
    desk.refuse(lease, StopReason.STALE_STOPS, f"{name} of gateway sandbox were last read 480 s in the future")
    desk.read_stops()
    assert desk.must_claim(lease).messages


# --- forward ----------------------------------------------------------------------------------------------------------


def test_what_a_jump_takes_from_a_living_sender_is_not_asked_for_while_it_may_post(desk: Any) -> None:
    """Its lease runs out at once by a clock that jumps: it may be posting at this very moment."""
    first = desk.start("soldes")
    claim = desk.must_claim(first)
    desk.clock.forward(minutes=10)
    taken_at = desk.clock.at
    second = desk.open("soldes", "second sender")
    with pytest.raises(LeaseLost):
        desk.answer(first, claim, "accepted")
    with desk.tx(read_only=True) as tx:
        (unknown,) = unknown_slices(tx, second.campaign_id)
    rules = desk.rules
    seconds = rules.claim_seconds + rules.deadline_seconds + rules.settle_seconds
    assert unknown.ask_after == taken_at + timedelta(seconds=seconds)


def test_a_clock_that_jumped_gives_nothing_up(desk: Any) -> None:
    """Two days forward: what would be too late by it waits for a person."""
    lease = desk.start("soldes", max_lateness_hours=4)
    desk.clock.forward(days=2)
    closed = desk.close(lease, "nobody looked after it", needs_person=True, trusts_clock=False)
    assert closed.state == "paused"
    assert desk.states("soldes") == {"planned": 4}
