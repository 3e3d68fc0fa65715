"""Delivery reports: each is kept once, and moves its message forward only."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from campanile.store.ledger.unknowns import write_off
from schemas.gateway import DeliveryReport

HALF, WHOLE = Decimal("0.05"), Decimal("0.10")


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


def test_two_reports_under_one_id_each_settle_their_message(desk) -> None:
    """The gateway renumbers while the first report still waits for its message, which is in flight."""
    lease = desk.start("soldes", range(4))
    first, second = desk.must_claim(lease), desk.must_claim(lease)
    desk.report(first.messages[0], report_id="d-1")
    desk.answer(lease, second, "accepted")
    assert desk.report(second.messages[0], report_id="d-1") == {"delivered": 1}
    desk.answer(lease, first, "accepted")
    assert desk.report_all([]) == {"delivered": 1}
    assert desk.states("soldes") == {"accepted": 2, "delivered": 2}


def test_a_report_that_comes_twice_is_kept_once(desk) -> None:
    claim = desk.must_claim(lease := desk.start("soldes"))
    desk.answer(lease, claim, "accepted")
    for _ in range(2):
        desk.report(claim.messages[0], report_id="d-1")
    assert desk.sql("SELECT count(*) FROM delivery_report") == [(1,)]
