"""Delivery reports: each is kept once, and moves its message forward only."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from campanile.store.db.migrate import migrations
from campanile.store.inbound.histories import move_cursor
from campanile.store.inbound.reports import count_without_report, unknown_words
from campanile.store.ledger.unknowns import write_off
from schemas.gateway import DeliveryReport
from schemas.report_words import ReportTable

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
    assert desk.value("report.count_waiting", gateway="sandbox") == 1


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


def test_reports_of_an_older_store_get_their_campaign_and_are_known(desk) -> None:
    _, claim = sent(desk, "accepted", "accepted")
    first, second = claim.messages

    def report_each() -> None:
        desk.report(first, report_id="r1")
        desk.report(second, report_id="r2", client_ref=None)
        desk.report(second, report_id="r3", client_ref="strange")

    report_each()
    (sql,) = [sql for _, name, sql in migrations() if name.endswith("reports_of_a_campaign")]
    with desk.tx() as tx:
        tx.execute("ALTER TABLE delivery_report DROP COLUMN campaign_id")
        tx.execute(sql)
    campaign_id = desk.find("winter").campaign_id
    found = desk.sql("SELECT report_id, campaign_id FROM delivery_report ORDER BY report_id")
    assert found == [("r1", campaign_id), ("r2", campaign_id), ("r3", None)]
    report_each()
    assert desk.sql("SELECT count(*) FROM delivery_report") == [(3,)]


# --- duplicates, order, strangers: F64, F68 -----------------------------------------------------------------------


def test_f64_a_thousand_reports_before_our_acceptance_have_one_effect(desk) -> None:
    """They come out of order, days late, and before the answer to the submit: they wait, and are bound then."""
    lease, claim = sent(desk, "claimed")
    (message,) = claim.messages
    reports = [
        DeliveryReport(
            f"r{number}",
            f"gw-{message.client_ref}",
            message.client_ref if number % 2 else None,
            "delivered" if number % 3 else "pending",
            None,
            False,
            desk.clock.at - timedelta(days=3, seconds=-(number % 7)),
        )
        for number in range(1000)
    ]
    assert desk.report_all([*reports, *reversed(reports)]) == {}
    assert desk.states("winter") == {"claimed": 1}
    desk.answer(lease, claim, "accepted")
    assert desk.report_all(reports) == {"delivered": 1}
    assert desk.report_all(reports) == {}
    events = "SELECT event FROM message_event ORDER BY event_id"
    assert desk.sql(events) == [("claimed",), ("accepted",), ("delivered",)]
    assert desk.sql("SELECT count(*), count(applied_at) FROM delivery_report") == [(1000, 1000)]
    assert desk.credit() == {"reserve": HALF, "capture": HALF}


def test_f68_reports_that_must_change_nothing(desk) -> None:
    """A duplicate, delivered and then undelivered, an unknown id, the id at another tenant, a replay."""
    _, claim = sent(desk, "accepted", "accepted")
    first, second = claim.messages
    good = DeliveryReport("r1", f"gw-{first.client_ref}", first.client_ref, "delivered", None, False, desk.clock.at)
    assert desk.report_all([good]) == {"delivered": 1}
    events = desk.sql("SELECT * FROM message_event ORDER BY event_id")
    backwards = replace(good, report_id="r2", status="undelivered", is_permanent=True)
    stranger = replace(good, report_id="r3", gateway_message_id="strange", client_ref="strange")
    assert desk.report_all([good, backwards, stranger]) == {}
    of_second = replace(good, report_id="r4", gateway_message_id=f"gw-{second.client_ref}", client_ref=None)
    assert desk.report_all([of_second], gateway="other") == {}, "the same id at another gateway is another message"
    assert desk.report_all([good, backwards, stranger]) == {}, "replayed"
    assert desk.sql("SELECT * FROM message_event ORDER BY event_id") == events
    assert desk.sql("SELECT count(*) FROM dead_number") == [(0,)], "a number that was reached exists"
    assert desk.value("report.count_waiting", gateway="sandbox") == 1


@pytest.mark.parametrize("order", list(permutations(["delivered", "undelivered", "pending"])), ids=" ".join)
def test_reports_of_the_parts_of_one_message_count_once(desk, order: tuple[str, ...]) -> None:
    """Providers report a message as one; where a part reports, the first final report of the message counts."""
    _, claim = sent(desk, "accepted")
    for status in order:
        desk.report(claim.messages[0], status)
    first_final = next(status for status in order if status != "pending")
    assert desk.states("winter") == {first_final: 1}
    assert desk.sql("SELECT count(*) FROM message_event WHERE event IN ('delivered', 'undelivered')") == [(1,)]
    assert desk.credit() == {"reserve": HALF, "capture": HALF}


def test_an_unknown_word_is_kept_as_it_came_counted_and_changes_nothing(desk) -> None:
    _, claim = sent(desk, "accepted")
    word = ReportTable("nowhere", {}).read("teleported", "77")
    for number in range(2):
        desk.report(
            claim.messages[0], word.meaning.status, report_id=f"r{number}", word=word.raw, cause=word.meaning.reason
        )
    assert desk.states("winter") == {"accepted": 1}
    with desk.tx() as tx:
        assert [(row.word, row.report_count) for row in unknown_words(tx, "sandbox")] == [("teleported 77", 2)]
        assert unknown_words(tx, "other") == []
    desk.clock.forward(days=31)
    with desk.tx() as tx:
        assert unknown_words(tx, "sandbox") == []


def test_f69_a_report_that_never_comes_is_shown_and_nothing_is_sent_again(desk) -> None:
    lease, claim = sent(desk, "accepted", "accepted", "accepted")
    desk.report(claim.messages[0])
    desk.close(lease)

    def count(hours: float) -> int:
        campaign = desk.find("winter")
        with desk.tx() as tx:
            return count_without_report(tx, campaign, timedelta(hours=hours))

    assert count(0.1) == 0, "reports were never read"
    read_reports(desk)
    assert count(24) == 0
    desk.clock.forward(hours=25)
    assert count(24) == 0, "what was not read yet is not missing"
    read_reports(desk)
    assert count(24) == 2
    assert desk.states("winter") == {"accepted": 2, "delivered": 1}
    assert desk.due() == []
    assert desk.open("winter") is None, "the campaign is finished: nothing of it is claimed"
    assert desk.report(claim.messages[1]) == {"delivered": 1}, "a report that comes after all still counts"
    assert count(24) == 1


def read_reports(desk) -> None:
    with desk.tx() as tx:
        move_cursor(tx, "sandbox", "reports", "1")
