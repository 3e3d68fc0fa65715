"""A late proof that the first try was accepted: what was put back, to be sent again, leaves no more."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from campanile.store.campaigns.pause import resume
from campanile.store.ledger.outcomes import record
from campanile.store.ledger.reconciliation import doubt_everything
from campanile.store.ledger.unknowns import resend
from schemas.gateway import DeliveryReport, Outcome, SubmitOutcome

ONE = Decimal("0.05")


def by_a_person(desk, lease, claim) -> None:
    desk.answer(lease, claim, "unknown")
    desk.close(lease, asks_person=True)
    desk.clock.forward(seconds=60)
    with desk.tx() as tx:
        resend(tx, "winter", "camille", "the console shows none")


def by_a_refusal(desk, lease, claim) -> None:
    desk.answer(lease, claim, "not_accepted")
    desk.close(lease, "the gateway asks for patience", retry_seconds=1)


def by_two_look_ups(desk, lease, claim) -> None:
    desk.answer(lease, claim, "unknown")
    desk.note_absence(lease, claim.slice_no)
    absent = [SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED) for message in claim.messages]
    with desk.session(lease) as session:
        record(session, claim.slice_no, absent, session.tx.at, was_looked_up=True)
    desk.close(lease)


WAYS_BACK = [
    pytest.param(by_a_person, id="a person said resend"),
    pytest.param(by_a_refusal, id="refused, or never reached"),
    pytest.param(by_two_look_ups, id="absent twice"),
]


@pytest.fixture
def put_back(desk, request: pytest.FixtureRequest) -> Any:
    """Two people whose messages were tried once, and wait in a new slice to be sent again."""
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    getattr(request, "param", by_a_person)(desk, lease, claim)
    desk.clock.forward(minutes=2)
    assert desk.states("winter") == {"planned": 2}
    desk.tried = claim.messages
    return desk


def send_what_waits(desk) -> list[str]:
    """Let a person resume what was paused, and a sound sender finish the campaign; return who got a message from it."""
    if desk.find("winter").state == "paused":
        with desk.tx() as tx:
            resume(tx, "winter", "camille", "compared with the bill")
    lease = desk.open("winter", "second sender")
    posted = []
    while claim := desk.claim(lease):
        posted += [message.msisdn for message in claim.messages]
        desk.answer(lease, claim, "accepted")
    assert desk.close(lease).state == "finished"
    return posted


def waiting_slices(desk) -> list[tuple[Any, ...]]:
    """Return the slices that wait: messages, segments, price."""
    return desk.sql("SELECT message_count, segment_count, price FROM slice WHERE state = 'planned'")


@pytest.mark.parametrize("put_back", WAYS_BACK, indirect=True)
@pytest.mark.parametrize(
    ("status", "state"), [("delivered", "delivered"), ("undelivered", "undelivered"), ("pending", "accepted")]
)
def test_a_late_report_stops_what_was_put_back(put_back, status: str, state: str) -> None:
    for message in put_back.tried:
        assert put_back.report(message, status) == {state: 1}
    assert put_back.states("winter") == {state: 2}
    assert put_back.slices("winter") == {1: "settled", 2: "settled"}
    assert put_back.credit() == {"reserve": 4 * ONE, "release": 2 * ONE, "capture": 2 * ONE}
    assert send_what_waits(put_back) == []


@pytest.mark.parametrize("put_back", WAYS_BACK, indirect=True)
def test_the_others_of_its_slice_are_sent_without_it(put_back) -> None:
    proved, other = put_back.tried
    put_back.report(proved)
    assert waiting_slices(put_back) == [(1, 1, ONE)]
    assert send_what_waits(put_back) == [other.msisdn]
    assert put_back.states("winter") == {"accepted": 1, "delivered": 1}
    assert put_back.credit() == {"reserve": 4 * ONE, "release": 2 * ONE, "capture": 2 * ONE}


def test_acceptance_is_written_before_delivery_and_under_the_gateways_id(put_back) -> None:
    put_back.report(put_back.tried[0], reason="to the handset")
    events = put_back.sql("SELECT event, gateway_message_id, reason FROM message_event ORDER BY event_id DESC LIMIT 2")
    gateway_id = f"gw-{put_back.tried[0].client_ref}"
    assert events == [("delivered", None, "to the handset"), ("accepted", gateway_id, "a delivery report proves it")]


def test_a_report_by_the_gateways_own_id_proves_it_too(desk) -> None:
    """Its answer was too strange to be believed, but it named the message."""
    lease = desk.start("winter", range(1))
    claim = desk.must_claim(lease)
    (message,) = claim.messages
    desk.record(
        lease, claim.slice_no, [SubmitOutcome(message.client_ref, Outcome.UNKNOWN, "gw-7", "not a word we know")]
    )
    desk.close(lease, asks_person=True)
    desk.clock.forward(minutes=2)
    with desk.tx() as tx:
        resend(tx, "winter", "camille", "the console shows none")
    assert desk.report(message, client_ref=None, gateway_message_id="gw-7") == {"delivered": 1}
    assert send_what_waits(desk) == []


def test_a_paused_campaign_takes_it_and_ends_without_a_post(put_back) -> None:
    put_back.sql("UPDATE campaign SET state = 'paused'")
    for message in put_back.tried:
        put_back.report(message)
    put_back.sql("UPDATE campaign SET state = 'parked'")
    assert send_what_waits(put_back) == []


def test_pending_and_then_delivered_in_one_reading(put_back) -> None:
    reports = [
        DeliveryReport(f"r{number}", "gw-1", put_back.tried[0].client_ref, status, None, False, put_back.clock.at)
        for number, status in enumerate(["pending", "delivered"])
    ]
    assert put_back.report_all(reports) == {"delivered": 1}
    assert put_back.states("winter") == {"planned": 1, "delivered": 1}


# --- claimed again when it comes -------------------------------------------------------------------------------

#: The answer to the second try, the state that the waiting report then makes of it, and the credit of the message.
SECOND_ANSWERS = [
    pytest.param("accepted", "delivered", {"reserve": 2 * ONE, "release": ONE, "capture": ONE}, id="accepted twice"),
    pytest.param("unknown", "delivered", {"reserve": 2 * ONE, "release": ONE, "capture": ONE}, id="unknown again"),
    pytest.param(
        "not_accepted", "delivered", {"reserve": 3 * ONE, "release": 2 * ONE, "capture": ONE}, id="put back again"
    ),
    pytest.param("rejected", "rejected", {"reserve": 2 * ONE, "release": 2 * ONE}, id="refused for good"),
]


@pytest.mark.parametrize(("answer", "state", "credit"), SECOND_ANSWERS)
def test_in_flight_again_its_report_waits_for_the_answer(
    desk, answer: str, state: str, credit: dict[str, Decimal]
) -> None:
    first = desk.start("winter", range(1))
    by_a_person(desk, first, desk.must_claim(first))
    lease = desk.open("winter", "second sender")
    claim = desk.must_claim(lease)
    assert desk.report(claim.messages[0]) == {}
    assert desk.states("winter") == {"claimed": 1}
    desk.answer(lease, claim, answer)
    desk.report_all([])
    assert desk.states("winter") == {state: 1}
    assert desk.credit() == credit
    assert desk.claim(lease) is None
    assert desk.close(lease).due_at is None or desk.unknown("winter")


def test_accepted_again_both_tries_report_and_the_first_report_counts(desk) -> None:
    first = desk.start("winter", range(1))
    claim = desk.must_claim(first)
    by_a_person(desk, first, claim)
    send_what_waits(desk)
    assert desk.report(claim.messages[0], gateway_message_id="gw-of-the-first-try") == {"delivered": 1}
    assert desk.report(claim.messages[0], "undelivered") == {}
    assert desk.states("winter") == {"delivered": 1}
    assert desk.credit() == {"reserve": 2 * ONE, "release": ONE, "capture": ONE}


# --- what proves nothing ---------------------------------------------------------------------------------------


def twice(desk) -> None:
    desk.report(desk.tried[0], "undelivered")


def backwards(desk) -> None:
    desk.report(desk.tried[0], "pending", reported_at=desk.clock.at - timedelta(minutes=5))


def of_nobody(desk) -> None:
    desk.report(desk.tried[1], client_ref="strange", gateway_message_id="strange")


def of_another_gateway(desk) -> None:
    report = DeliveryReport("r", f"gw-{desk.tried[1].client_ref}", None, "delivered", None, False, desk.clock.at)
    desk.report_all([report], gateway="other")


@pytest.mark.parametrize("strange", [twice, backwards, of_nobody, of_another_gateway])
def test_reports_that_change_nothing(put_back, strange: Callable[[Any], None]) -> None:
    put_back.report(put_back.tried[0])
    events = put_back.sql("SELECT count(*) FROM message_event")
    strange(put_back)
    assert put_back.sql("SELECT count(*) FROM message_event") == events
    assert waiting_slices(put_back) == [(1, 1, ONE)]


def test_a_report_on_what_was_never_tried_waits(desk) -> None:
    """The gateway knows more than the store: the message is doubted, and then its report proves that it was sent."""
    desk.start("winter", range(1))
    (ref,) = desk.sql("SELECT client_ref FROM message")[0]
    report = DeliveryReport("r", "gw-1", ref, "delivered", None, False, desk.clock.at)
    assert desk.report_all([report]) == {}
    assert desk.states("winter") == {"planned": 1}
    with desk.tx() as tx:
        assert tx.reconciliation is not None
        doubt_everything(tx, desk.rules)
    assert desk.states("winter") == {"unknown": 1}
    assert desk.report_all([]) == {"delivered": 1}


# --- asked again -----------------------------------------------------------------------------------------------


def test_a_gateway_that_has_after_all_what_it_had_refused(desk) -> None:
    """Asked again for the rest of the slice, it names the one that was put back: that one leaves no more."""
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "not_accepted", "unknown")
    assert desk.answer(lease, claim, "accepted") == {"accepted": 2}
    assert desk.slices("winter") == {1: "settled", 2: "settled"}
    assert desk.credit() == {"reserve": 3 * ONE, "release": ONE, "capture": 2 * ONE}
    assert desk.claim(lease) is None
    assert desk.close(lease).state == "finished"


def test_claimed_again_it_gets_its_answer_there(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "not_accepted", "unknown")
    again = desk.must_claim(lease)
    assert desk.answer(lease, claim, "accepted") == {"accepted": 1}
    assert desk.states("winter") == {"accepted": 1, "claimed": 1}
    desk.answer(lease, again, "accepted")
    assert desk.credit() == {"reserve": 3 * ONE, "release": ONE, "capture": 2 * ONE}


def test_a_trace_of_another_message_proves_nothing(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "not_accepted", "unknown")
    found = [SubmitOutcome(message.client_ref, Outcome.ACCEPTED, "one id") for message in claim.messages]
    with desk.session(lease) as session:
        record(session, claim.slice_no, found, session.tx.at, was_looked_up=True)
    assert desk.states("winter") == {"planned": 1, "unknown": 1}
