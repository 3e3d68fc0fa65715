"""A message that was found absent and accepted all the same: absence counts later from then on."""

from datetime import timedelta
from typing import Any

import pytest

from campanile.store.ledger.look_up_lag import learned_seconds
from campanile.store.ledger.outcomes import note_absence, record
from schemas.gateway import Outcome, SubmitOutcome
from schemas.ledger_rows import Slice
from tests.store.conftest import Desk


def look_up(desk: Desk, lease: Any, claim: Any, *outcomes: str) -> None:
    """Record what a look-up says of each message."""
    said = [
        SubmitOutcome(message.client_ref, Outcome(word), f"gw-{message.client_ref}" if word == "accepted" else None)
        for message, word in zip(claim.messages, outcomes, strict=True)
    ]
    with desk.session(lease) as now:
        record(now, claim.slice_no, said, now.tx.at + timedelta(seconds=5), was_looked_up=True)


def learned(desk: Desk) -> float:
    with desk.tx(read_only=True) as tx:
        return learned_seconds(tx, "sandbox")


@pytest.fixture
def absent(desk: Desk) -> Any:
    """Two people whose messages were found absent twice, 12 s after their claim, and wait to be sent again."""
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.note_absence(lease, claim.slice_no)
    desk.clock.forward(seconds=12)
    look_up(desk, lease, claim, "not_accepted", "not_accepted")
    assert desk.states("winter") == {"planned": 2}
    return desk, lease, claim


def test_a_report_raises_it_alerts_and_pauses_what_else_was_taken_as_absent(absent: Any) -> None:
    desk, lease, claim = absent
    desk.report(claim.messages[0])
    assert learned(desk) == 24
    assert desk.find("winter").state == "paused"
    assert "wait because they were found absent as well" in desk.find("winter").state_reason
    kinds = [kind for (kind,) in desk.sql("SELECT kind FROM alert WHERE cleared_at IS NULL ORDER BY alert_id")]
    assert kinds == ["late acceptance", "sending stopped: winter"]
    assert desk.claim(lease) is None, "the other one may have been accepted as well"


def test_a_claim_of_the_same_gateway_waits_longer(absent: Any) -> None:
    desk, _, claim = absent
    desk.report(claim.messages[0])
    other = desk.start("spring", [7])
    waits = desk.must_claim(other)
    (row,) = desk.select(Slice, "slice.open", campaign_id=desk.find("spring").campaign_id)
    assert row.ask_after == waits.post_before + timedelta(seconds=20 + 24)


def test_what_is_unknown_is_asked_again_after_the_new_time(desk: Desk) -> None:
    """Found at the second look-up: that lasted longer than was waited for, and what is absent there is not settled."""
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.note_absence(lease, claim.slice_no)
    look_up(desk, lease, claim, "accepted", "not_accepted")
    assert desk.states("winter") == {"accepted": 1, "unknown": 1}
    (row,) = desk.unknown("winter")
    assert (row.absent_count, row.ask_after) == (0, desk.clock.at + timedelta(seconds=10))
    assert learned(desk) == 10


def test_a_report_of_the_second_try_is_no_late_acceptance(absent: Any) -> None:
    desk, lease, claim = absent
    again = desk.must_claim(lease)
    said = [SubmitOutcome(item.client_ref, Outcome.ACCEPTED, f"second-{item.client_ref}") for item in again.messages]
    desk.record(lease, again.slice_no, said)
    desk.report(claim.messages[0], gateway_message_id=f"second-{claim.messages[0].client_ref}")
    assert learned(desk) == 0
    desk.report(claim.messages[1])
    assert learned(desk) == 24, "this one is of the first try: the person got it twice"
    assert "not given" in desk.find("winter").state_reason or desk.find("winter").state == "paused"


def test_a_lower_time_changes_nothing(absent: Any) -> None:
    desk, _, claim = absent
    desk.report(claim.messages[0])
    desk.report(claim.messages[1])
    assert learned(desk) == 24


def test_what_was_found_at_the_first_look_up_and_is_shown_again_delays_nothing(desk) -> None:
    """A look-up asks for the whole request: one message is found, and the other one is absent twice."""
    lease = desk.start("winter", range(2), per_slice=2)
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    found, absent = claim.messages
    outcomes = [
        SubmitOutcome(found.client_ref, Outcome.ACCEPTED, f"gw-{found.client_ref}"),
        SubmitOutcome(absent.client_ref, Outcome.NOT_ACCEPTED),
    ]
    with desk.session(lease) as now:
        record(now, claim.slice_no, [outcomes[0]], now.tx.at, was_looked_up=True)
        note_absence(now, claim.slice_no, now.tx.at)
    with desk.session(lease) as now:
        before = now.settle_seconds
        record(now, claim.slice_no, outcomes, now.tx.at, was_looked_up=True)
        assert now.settle_seconds == before
    assert desk.states("winter") == {"accepted": 1, "planned": 1}
