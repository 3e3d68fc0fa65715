"""Record outcomes: the gateway's answers, unknown ones, and those that are found later."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campanile.store.ledger.outcomes import record
from schemas.gateway import Outcome, SubmitOutcome

HALF, WHOLE = Decimal("0.05"), Decimal("0.10")

#: outcome, the message's event, credit after it (of 0.10 reserved), the slice's state.
OUTCOMES = [
    ("accepted", "accepted", {"reserve": WHOLE, "capture": WHOLE}, "settled"),
    ("rejected", "rejected", {"reserve": WHOLE, "release": WHOLE}, "settled"),
    ("blacklisted", "rejected", {"reserve": WHOLE, "release": WHOLE}, "settled"),
    ("not_accepted", "planned", {"reserve": WHOLE, "release": WHOLE}, "settled"),
    ("unknown", "unknown", {"reserve": WHOLE}, "unknown"),
]


@pytest.mark.parametrize(("outcome", "event", "credit", "slice_state"), OUTCOMES, ids=[row[0] for row in OUTCOMES])
def test_each_outcome(desk, outcome: str, event: str, credit: dict[str, Decimal], slice_state: str) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    assert desk.answer(lease, claim, outcome) == {event: 2}
    assert desk.states("winter") == {event: 2}
    assert desk.credit() == credit
    assert desk.slices("winter")[claim.slice_no] == slice_state
    assert len(desk.slices("winter")) == (2 if outcome == "not_accepted" else 1)
    assert desk.sql("SELECT count(*) FROM opt_out") == [(2 if outcome == "blacklisted" else 0,)]


def test_every_outcome_has_a_row() -> None:
    assert {row[0] for row in OUTCOMES} == {str(outcome) for outcome in Outcome}


def test_a_mixed_answer(desk) -> None:
    lease = desk.start("winter", range(5), per_slice=5)
    claim = desk.must_claim(lease)
    counts = desk.answer(lease, claim, "accepted", "rejected", "blacklisted", "not_accepted", "unknown")
    assert counts == {"accepted": 1, "rejected": 2, "planned": 1, "unknown": 1}
    assert desk.credit() == {"reserve": 5 * HALF, "capture": HALF, "release": 3 * HALF}
    assert desk.slices("winter") == {1: "unknown", 2: "planned"}
    assert desk.sql("SELECT source, source_ref FROM opt_out") == [("gateway", "blacklisted by sandbox")]


def test_what_the_gateway_does_not_speak_of_is_unknown(desk) -> None:
    lease = desk.start("winter", range(3), per_slice=3)
    claim = desk.must_claim(lease)
    assert desk.answer(lease, claim, "accepted", "accepted") == {"accepted": 2, "unknown": 1}
    reason = desk.sql("SELECT reason FROM message_status WHERE state = 'unknown'")
    assert reason == [("the gateway gave no answer for this message",)]
    (found,) = desk.unknown("winter")
    assert found.ask_after == desk.clock.at + timedelta(seconds=5)


def test_answer_about_messages_that_were_not_submitted_changes_nothing(desk) -> None:
    lease = desk.start("winter", range(4))
    first, second = desk.must_claim(lease), desk.must_claim(lease)
    strange = [SubmitOutcome("not-ours", Outcome.ACCEPTED, "gw-x")]
    others = [SubmitOutcome(message.client_ref, Outcome.ACCEPTED, "gw-y") for message in second.messages]
    assert desk.record(lease, first.slice_no, strange + others) == {"unknown": 2}
    assert desk.states("winter") == {"unknown": 2, "claimed": 2}


def test_ids_and_reasons_are_kept(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    one, two = (message.client_ref for message in claim.messages)
    given = [
        SubmitOutcome(one, Outcome.ACCEPTED, "gw-1"),
        SubmitOutcome(two, Outcome.REJECTED, None, "no such number"),
    ]
    desk.record(lease, claim.slice_no, given)
    found = desk.sql("SELECT gateway_message_id, reason FROM message_status ORDER BY recipient_id")
    assert found == [("gw-1", None), (None, "no such number")]


def test_the_same_answer_twice_changes_nothing(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "accepted")
    assert desk.answer(lease, claim, "accepted") == {}
    assert desk.answer(lease, claim, "not_accepted") == {}
    assert desk.credit() == {"reserve": WHOLE, "capture": WHOLE}


def test_what_is_proved_not_accepted_is_sent_again_as_the_same_message(desk) -> None:
    lease = desk.start("winter", range(3), per_slice=3)
    first = desk.must_claim(lease)
    desk.answer(lease, first, "accepted", "not_accepted", "not_accepted")
    assert desk.slices("winter") == {1: "settled", 2: "planned"}
    second = desk.must_claim(lease)
    assert second.messages == first.messages[1:]
    assert second.slice_no != first.slice_no  # and so another key
    desk.answer(lease, second, "not_accepted", "accepted")
    third = desk.must_claim(lease)
    assert third.messages == first.messages[1:2]
    desk.answer(lease, third, "accepted")
    assert desk.claim(lease) is None
    assert desk.states("winter") == {"accepted": 3}
    assert desk.credit() == {"reserve": 6 * HALF, "capture": 3 * HALF, "release": 3 * HALF}


@pytest.mark.parametrize("outcome", ["unknown", "rejected", "accepted"])
def test_nothing_but_proof_makes_it_leave_again(desk, outcome: str) -> None:
    lease = desk.start("winter", range(2))
    desk.answer(lease, desk.must_claim(lease), outcome)
    desk.clock.forward(seconds=91)
    second = desk.open("winter", "second sender")
    assert desk.claim(second) is None


# --- unknown, and settled later --------------------------------------------------------------------------------


def test_claims_of_a_dead_sender_become_unknown(desk) -> None:
    lease = desk.start("winter", range(6), per_slice=2)
    done, dead = desk.must_claim(lease), desk.must_claim(lease)
    desk.answer(lease, done, "accepted")
    assert desk.open("winter", "second sender") is None
    desk.clock.forward(seconds=91)
    second = desk.open("winter", "second sender")
    assert desk.states("winter") == {"accepted": 2, "unknown": 2, "planned": 2}
    (found,) = desk.unknown("winter")
    assert found.slice_no == dead.slice_no
    assert found.ask_after == desk.clock.at + timedelta(seconds=55), "a post of a sender who lives is over by then"
    assert desk.must_claim(second).slice_no == 3
    assert desk.credit() == {"reserve": 6 * HALF, "capture": 2 * HALF}


def test_sender_that_dies_while_it_asks_again_changes_nothing(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.claim_again(lease, claim.slice_no)
    desk.clock.forward(seconds=91)
    second = desk.open("winter", "second sender")
    assert desk.states("winter") == {"unknown": 2}
    assert [row.slice_no for row in desk.unknown("winter")] == [claim.slice_no]
    assert desk.claim_again(second, claim.slice_no).messages == claim.messages


@pytest.mark.parametrize(
    ("outcome", "state", "credit"),
    [
        ("accepted", "accepted", {"reserve": WHOLE, "capture": WHOLE}),
        ("rejected", "rejected", {"reserve": WHOLE, "release": WHOLE}),
        ("not_accepted", "planned", {"reserve": WHOLE, "release": WHOLE}),
        ("unknown", "unknown", {"reserve": WHOLE}),
    ],
)
def test_look_up_settles_what_was_unknown(desk, outcome: str, state: str, credit: dict[str, Decimal]) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.note_absence(lease, claim.slice_no)
    (found,) = desk.unknown("winter")
    assert found.absent_count == 1
    desk.answer(lease, claim, outcome)
    assert desk.states("winter") == {state: 2}
    assert desk.credit() == credit
    assert [row.absent_count for row in desk.unknown("winter")] == ([0] if outcome == "unknown" else [])
    events = desk.sql("SELECT event, count(*) FROM message_event GROUP BY event")
    assert dict(events)["unknown"] == 2  # those that stay unknown are not written again


def test_a_second_answer_decides_only_what_is_still_open(desk) -> None:
    lease = desk.start("winter", range(3), per_slice=3)
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "accepted", "unknown", "not_accepted")
    assert desk.answer(lease, claim, "rejected") == {"rejected": 1}
    assert desk.states("winter") == {"accepted": 1, "rejected": 1, "planned": 1}


def test_one_trace_proves_one_message_at_most(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    found = [SubmitOutcome(message.client_ref, Outcome.ACCEPTED, "SM1") for message in claim.messages]
    with desk.session(lease) as session:
        record(session, claim.slice_no, found, session.tx.at, was_looked_up=True)
    assert desk.states("winter") == {"unknown": 2}
