"""Record outcomes: the gateway's answers, unknown ones, and those that are found later."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pytest

from campanile.store.inbound.inbound import add_replies
from campanile.store.ledger.outcomes import record
from campanile.store.ledger.unknowns import write_off
from schemas.gateway import DeliveryReport, Outcome, SubmitOutcome

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


# --- delivery reports ------------------------------------------------------------------------------------------


def sent(desk, *outcomes: str):
    lease = desk.start("winter", range(len(outcomes)), per_slice=len(outcomes))
    claim = desk.must_claim(lease)
    if set(outcomes) != {"claimed"}:
        desk.answer(lease, claim, *outcomes)
    return lease, claim


@pytest.mark.parametrize("status", ["delivered", "undelivered"])
def test_report_moves_an_accepted_message(desk, status: str) -> None:
    _, claim = sent(desk, "accepted", "accepted")
    assert desk.report(claim.messages[0], status, reason="why") == {status: 1}
    assert desk.states("winter") == {"accepted": 1, status: 1}
    assert desk.sql(f"SELECT reason FROM message_status WHERE state = '{status}'") == [("why",)]
    assert desk.credit() == {"reserve": WHOLE, "capture": WHOLE}


def test_pending_report_moves_nothing(desk) -> None:
    _, claim = sent(desk, "accepted")
    assert desk.report(claim.messages[0], "pending") == {}
    assert desk.report(claim.messages[0], "delivered") == {"delivered": 1}


def test_report_on_an_unknown_message_proves_it_was_accepted(desk) -> None:
    lease, claim = sent(desk, "unknown", "unknown")
    assert desk.report(claim.messages[0]) == {"delivered": 1}
    assert desk.states("winter") == {"delivered": 1, "unknown": 1}
    assert desk.credit() == {"reserve": WHOLE, "capture": HALF}
    events = "SELECT event, gateway_message_id FROM message_event WHERE recipient_id % 100 = 0 ORDER BY event_id"
    gateway_id = f"gw-{claim.messages[0].client_ref}"
    assert desk.sql(events) == [("claimed", None), ("unknown", None), ("accepted", gateway_id), ("delivered", None)]
    assert desk.answer(lease, claim, "not_accepted") == {"planned": 1}  # the other one only
    assert desk.states("winter") == {"delivered": 1, "planned": 1}


def test_late_report_on_a_message_written_off_captures_its_credit(desk) -> None:
    lease, claim = sent(desk, "unknown")
    desk.close(lease)
    desk.clock.forward(minutes=2)
    with desk.tx() as tx:
        write_off(tx, "winter", "dominique", "the provider's console does not show it")
    assert desk.credit() == {"reserve": HALF, "release": HALF}
    assert desk.report(claim.messages[0]) == {"delivered": 1}
    assert desk.credit() == {"reserve": WHOLE, "release": HALF, "capture": HALF}


def test_double_reports_change_nothing(desk) -> None:
    _, claim = sent(desk, "accepted")
    report = DeliveryReport("r1", "x", claim.messages[0].client_ref, "delivered", None, False, desk.clock.at)
    assert desk.report_all([report, report]) == {"delivered": 1}
    assert desk.report_all([report]) == {}
    again = replace(report, report_id="r2")
    backwards = replace(report, report_id="r3", status="undelivered")
    assert desk.report_all([again, backwards]) == {}
    assert desk.states("winter") == {"delivered": 1}
    assert desk.sql("SELECT count(*), count(applied_at) FROM delivery_report") == [(3, 3)]


def test_two_reports_at_once_the_first_one_counts(desk) -> None:
    _, claim = sent(desk, "accepted")
    late = DeliveryReport("r1", "x", claim.messages[0].client_ref, "undelivered", None, False, desk.clock.at)
    early = replace(late, report_id="r2", status="delivered", reported_at=desk.clock.at - timedelta(seconds=1))
    assert desk.report_all([late, early]) == {"delivered": 1}


def test_report_that_comes_before_the_answer_waits(desk) -> None:
    lease, claim = sent(desk, "claimed")
    assert desk.report(claim.messages[0]) == {}
    assert desk.states("winter") == {"claimed": 1}
    desk.answer(lease, claim, "accepted")
    assert desk.report_all([]) == {"delivered": 1}


def test_report_without_our_reference_is_found_by_the_gateways_own(desk) -> None:
    _, claim = sent(desk, "accepted")
    assert desk.report(claim.messages[0], client_ref=None) == {"delivered": 1}


def test_later_report_without_our_reference_finds_what_the_first_one_proved(desk) -> None:
    _, claim = sent(desk, "unknown")
    desk.report(claim.messages[0])
    desk.report(claim.messages[0], "undelivered", client_ref=None)
    assert desk.sql("SELECT count(*) FROM delivery_report WHERE applied_at IS NULL") == [(0,)]


def test_another_gateway_may_use_the_same_ids(desk) -> None:
    _, claim = sent(desk, "accepted")
    report = DeliveryReport("r1", f"gw-{claim.messages[0].client_ref}", None, "undelivered", None, True, desk.clock.at)
    assert desk.report_all([report], gateway="other") == {}
    assert desk.states("winter") == {"accepted": 1}


def test_report_of_nothing_we_know_waits(desk) -> None:
    _, claim = sent(desk, "accepted")
    assert desk.report(claim.messages[0], client_ref="strange") == {}
    assert desk.value("report.count_unmatched", gateway="sandbox") == 1


@pytest.mark.parametrize("outcome", ["rejected", "blacklisted"])
def test_report_cannot_revive_what_was_refused(desk, outcome: str) -> None:
    _, claim = sent(desk, outcome)
    assert desk.report(claim.messages[0]) == {}
    assert desk.states("winter") == {"rejected": 1}


def test_permanent_failure_makes_a_dead_number(desk) -> None:
    _, claim = sent(desk, "accepted", "accepted")
    desk.report(claim.messages[0], "undelivered", reason="absent")
    desk.report(claim.messages[1], "undelivered", reason="no such number", is_permanent=True)
    assert desk.sql("SELECT msisdn, reason FROM dead_number") == [(claim.messages[1].msisdn, "no such number")]


# --- replies ---------------------------------------------------------------------------------------------------


def test_replies_are_kept_once(desk) -> None:
    rows = pd.DataFrame(
        [["r1", "+33639980001", 33639980001, "Bonjour", "other", desk.clock.at]] * 2
        + [["r2", "MABANQUE", None, "Code 123", "other", desk.clock.at]],
        columns=["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"],
        dtype=object,
    )
    for expected in (2, 0):
        with desk.tx() as tx:
            assert len(add_replies(tx, "sandbox", rows)) == expected
    with desk.tx() as tx:
        assert len(add_replies(tx, "other", rows)) == 2  # another gateway counts for itself
    assert desk.sql("SELECT gateway, reply_id, number_id FROM reply ORDER BY reply_id") == [
        ("sandbox", 1, 33639980001),
        ("sandbox", 2, None),
        ("other", 3, 33639980001),
        ("other", 4, None),
    ]


def test_one_trace_proves_one_message_at_most(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    found = [SubmitOutcome(message.client_ref, Outcome.ACCEPTED, "SM1") for message in claim.messages]
    with desk.session(lease) as session:
        record(session, claim.slice_no, found, session.tx.at, was_looked_up=True)
    assert desk.states("winter") == {"unknown": 2}
