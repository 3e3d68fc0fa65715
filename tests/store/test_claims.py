"""Claim: whatever could forbid a message is looked at in the transaction that claims it."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.services.inbound.history_rows import report_rows
from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.timezones import zone_of
from campanile.store.inbound.reports import ReportRules, take_reports
from campanile.store.ledger.claim_checks import SpendableCredit, StopReason
from schemas.gateway import DeliveryReport
from schemas.ledger_rows import Slice
from tests.store.conftest import PRICES
from tests.stores import IN_BOTH_MODES

CLOSING = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)  # of 20:00 in Paris
REUNION_CLOSING = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # of 20:00 in Saint-Denis


def numbers(claim) -> list[int]:
    return [int(message.msisdn[-2:]) for message in claim.messages]


def test_slices_are_claimed_once_and_in_order(desk) -> None:
    lease = desk.start("winter", range(5), per_slice=2, text="Bonjour STOP 36111")
    claims = [desk.must_claim(lease) for _ in range(3)]
    assert [claim.slice_no for claim in claims] == [1, 2, 3]
    assert [numbers(claim) for claim in claims] == [[0, 1], [2, 3], [4]]
    assert desk.claim(lease) is None
    message = claims[0].messages[0]
    assert (message.text, message.encoding, message.sender_id) == ("Bonjour STOP 36111", "GSM-7", "CAMPANILE")
    stored = desk.sql("SELECT client_ref FROM message ORDER BY recipient_id")
    assert [(message.client_ref,) for claim in claims for message in claim.messages] == stored
    assert desk.credit() == {"reserve": Decimal("0.25")}
    assert desk.states("winter") == {"claimed": 5}


def test_claim_extends_the_lease(desk) -> None:
    lease = desk.start("winter", range(6))
    for _ in range(3):
        desk.clock.forward(seconds=80)
        desk.must_claim(lease)
    assert desk.open("winter", "second sender") is None


# --- opt-outs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["marketing", "alert"])
def test_without_a_tz_database_no_marketing_is_claimed(desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    lease = desk.start("winter", kind=kind)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zone_of.cache_clear()
    if kind == "alert":  # which no hours bind
        desk.must_claim(lease)
        return
    with pytest.raises(ConfigurationError, match=r"^the tz database is missing"):
        desk.claim(lease)
    assert desk.states("winter") == {"planned": 4}
    assert desk.credit() == {}


@IN_BOTH_MODES
def test_stop_between_plan_and_claim_wins(desk) -> None:
    lease = desk.start("winter", range(4))
    desk.opt_out(1)
    assert numbers(desk.must_claim(lease)) == [0]
    assert desk.states("winter") == {"claimed": 1, "suppressed": 1, "planned": 2}
    assert desk.credit() == {"reserve": Decimal("0.05")}
    reasons = desk.sql("SELECT reason FROM message_status WHERE state = 'suppressed'")
    assert reasons == [("opted_out",)]


@IN_BOTH_MODES
def test_slice_of_stops_only_is_passed_over(desk) -> None:
    lease = desk.start("winter", range(4))
    desk.opt_out(0, 1)
    assert numbers(desk.must_claim(lease)) == [2, 3]
    assert desk.slices("winter") == {1: "settled", 2: "claimed"}
    desk.opt_out(2, 3)
    assert desk.claim(lease) is None


@IN_BOTH_MODES
def test_stop_wins_over_a_requeued_slice(desk) -> None:
    lease = desk.start("winter", range(2))
    desk.answer(lease, desk.must_claim(lease), "not_accepted")
    desk.opt_out(0)
    again = desk.must_claim(lease)
    assert numbers(again) == [1]
    assert desk.states("winter") == {"claimed": 1, "suppressed": 1}


@IN_BOTH_MODES
@pytest.mark.parametrize(
    ("kind", "requested_service", "leaves"),
    [
        ("marketing", False, [1]),
        ("alert", False, [1]),
        ("alert", True, [0, 1]),
        ("marketing", True, [1]),  # no such draft is taken; were there one, a STOP would bind it
    ],
)
def test_only_an_asked_for_alert_is_not_bound(desk, kind: str, requested_service: bool, leaves: list[int]) -> None:
    lease = desk.start("winter", range(2), kind=kind, requested_service=requested_service)
    desk.opt_out(0)
    claim = desk.must_claim(lease)
    assert numbers(claim) == leaves
    desk.answer(lease, claim, "unknown")
    desk.clock.forward(seconds=60)
    desk.opt_out(1)
    assert (desk.claim_again(lease, claim.slice_no) is not None) == (leaves == [0, 1])


@pytest.mark.parametrize("source", ["replies", "opt_outs"])
@pytest.mark.parametrize(("age", "leaves"), [(0, True), (600, True), (601, False), (None, False)])
def test_nothing_is_sent_on_stale_stops(desk, source: str, age: float | None, leaves: bool) -> None:
    lease = desk.start("winter")
    if age is None:
        desk.sql(f"DELETE FROM gateway_state WHERE name = '{source}'")
    else:
        at = desk.clock.at - timedelta(seconds=age)
        desk.sql(f"UPDATE gateway_state SET changed_at = '{at:%Y-%m-%d %H:%M:%S+00}' WHERE name = '{source}'")
    if leaves:
        desk.must_claim(lease)
        return
    seen = "never" if age is None else "601 s ago"
    desk.refuse(lease, StopReason.STALE_STOPS, rf"^{source} of gateway sandbox were last read {seen}; nothing is sent")
    assert desk.states("winter") == {"planned": 4}
    desk.read_stops()
    desk.must_claim(lease)


def test_stops_of_another_gateway_do_not_count(desk) -> None:
    desk.put_balance("100")
    desk.read_stops("other")
    desk.prepare("winter", range(2))
    desk.approve("winter")
    lease = desk.open("winter")
    desk.refuse(lease, StopReason.STALE_STOPS)


# --- windows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        (CLOSING - timedelta(seconds=141), True),
        (CLOSING - timedelta(seconds=140), False),  # margin and deadline: the gateway must have it in time
        (CLOSING, False),
        (datetime(2026, 11, 25, 6, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 25, 7, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 29, 10, 0, tzinfo=UTC), False),  # a Sunday
        (datetime(2026, 12, 25, 10, 0, tzinfo=UTC), False),  # Christmas
    ],
)
def test_marketing_leaves_in_its_window_only(desk, at: datetime, leaves: bool) -> None:
    lease = desk.start("winter")
    desk.clock.at = at
    desk.read_stops()
    assert (desk.claim(lease) is not None) == leaves


def test_alert_leaves_at_any_time(desk) -> None:
    lease = desk.start("flood", kind="alert")
    desk.clock.at = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
    desk.read_stops()
    claim = desk.must_claim(lease)
    assert claim.post_before == desk.clock.at + timedelta(seconds=30)


def test_post_before_is_the_end_of_the_claim_or_of_the_window(desk) -> None:
    desk.rules = replace(desk.rules, claim_seconds=300, margin_seconds=10)
    lease = desk.start("winter", range(4))
    assert desk.must_claim(lease).post_before == desk.clock.at + timedelta(seconds=300)
    desk.clock.at = CLOSING - timedelta(seconds=60)
    desk.read_stops()
    assert desk.must_claim(lease).post_before == CLOSING - timedelta(seconds=20)


def test_unknown_slice_may_be_asked_for_when_the_first_post_is_settled(desk) -> None:
    lease = desk.start("winter")
    claim = desk.must_claim(lease)
    (found,) = desk.select(Slice, "slice.get", campaign_id=1, slice_no=1)
    assert found.ask_after == claim.post_before + timedelta(seconds=20 + 5)


def test_territories_have_each_their_closing(desk) -> None:
    people = {"FR": [1, 2], "RE": [3, 4], "GP": [5, 6]}
    lease = desk.start("winter", people, per_slice=2)
    first = desk.must_claim(lease)
    assert numbers(first) == [3, 4]  # closes first
    assert numbers(desk.must_claim(lease)) == [1, 2]
    assert desk.claim(lease) is None  # 05:00 in Guadeloupe

    desk.clock.at = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    desk.read_stops()
    assert numbers(desk.must_claim(lease)) == [5, 6]


def test_closed_territory_does_not_hold_back_an_open_one(desk) -> None:
    lease = desk.start("winter", {"RE": [1, 2], "FR": [3, 4]}, per_slice=2)
    desk.clock.at = REUNION_CLOSING
    desk.read_stops()
    assert numbers(desk.must_claim(lease)) == [3, 4]
    assert desk.claim(lease) is None
    assert desk.states("winter") == {"claimed": 2, "planned": 2}


def test_both_territories_of_a_person_must_be_open(desk) -> None:
    lease = desk.start("winter", {"FR+RE": [1, 2]})
    desk.clock.at = REUNION_CLOSING - timedelta(seconds=140)
    desk.read_stops()
    assert desk.claim(lease) is None


def test_unknown_territory_is_never_open(desk) -> None:
    lease = desk.start("winter")
    desk.sql("UPDATE slice SET window_key = 'XX'")
    assert desk.claim(lease) is None


# --- credit ----------------------------------------------------------------------------------------------------


def test_short_credit_claims_nothing(desk) -> None:
    lease = desk.start("winter", range(6), per_slice=2)
    desk.opt_out(0, 1)
    desk.put_balance("0.04")
    line = r"^campaign winter needs 0\.050+ for its next message on sandbox: 0\.040* EUR are left$"
    desk.refuse(lease, StopReason.NOT_COVERED, line)
    assert desk.states("winter") == {"suppressed": 2, "planned": 4}  # a STOP stays a STOP
    assert desk.credit() == {}
    desk.put_balance("0.10")
    desk.must_claim(lease)
    desk.refuse(lease, StopReason.NOT_COVERED)


def test_marketing_leaves_the_credit_that_alerts_need(desk) -> None:
    marketing = desk.start("winter", range(2))
    alert = desk.start("flood", range(10, 12), kind="alert")
    desk.clock.forward(seconds=1)
    desk.put_balance("0.14")
    line = r"0\.14\d* EUR are left, 0\.10\d* of them for alerts$"
    desk.refuse(marketing, StopReason.NOT_COVERED, line)
    desk.must_claim(alert)
    desk.put_balance("0.20")
    desk.must_claim(marketing)


def test_a_slice_is_claimed_as_far_as_the_credit_covers_it(desk) -> None:
    lease = desk.start("winter", range(10), per_slice=4)
    desk.put_balance("0.27")  # five messages of 0.05
    found = desk.claimed(lease, most=4)
    assert [len(claim.messages) for claim in found.claims] == [4, 1]
    assert found.stop_reason is StopReason.NOT_COVERED
    assert desk.credit() == {"reserve": Decimal("0.25")}
    assert desk.states("winter") == {"claimed": 5, "planned": 5}
    for claim in found.claims:
        desk.answer(lease, claim, "accepted")
    desk.opt_out(5)  # of the part that waits
    desk.put_balance("0.10")
    again = desk.must_claim(lease)
    desk.refuse(lease, StopReason.NOT_COVERED)
    assert len(again.messages) == 2
    desk.put_balance("100")
    while (claim := desk.claim(lease)) is not None:
        desk.answer(lease, claim, "accepted")
    desk.answer(lease, again, "accepted")
    assert desk.states("winter") == {"accepted": 9, "suppressed": 1}
    assert desk.close(lease).state == "finished"


@given(
    prices=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    balance=st.integers(0, 60),
    kept=st.integers(0, 9),
)
def test_the_credit_covers_the_first_messages_that_it_pays(prices: list[int], balance: int, kept: int) -> None:
    credit = SpendableCredit("winter", "sandbox", Decimal(balance), Decimal(kept), "EUR")
    count = credit.count_covered(map(Decimal, prices))
    left = balance - kept
    assert sum(prices[:count]) <= left or count == 0
    assert count == len(prices) or sum(prices[: count + 1]) > left
    assert replace(credit, available=None).count_covered(map(Decimal, prices)) == 0


def test_a_report_on_a_message_that_waits_for_credit_shows_a_store_that_knows_less(desk) -> None:
    lease = desk.start("winter", range(2))
    desk.put_balance("0.05")
    desk.must_claim(lease)
    (ref,) = desk.sql("SELECT client_ref FROM message_status WHERE state = 'planned'")[0]
    with desk.tx() as tx:
        report = DeliveryReport("r-1", "gw-1", ref, "delivered", None, False, desk.clock.at)
        take_reports(tx, "sandbox", report_rows([report]), ReportRules(PRICES))
        assert tx.reconciliation is not None


def test_balance_that_was_never_read_covers_nothing(desk) -> None:
    lease = desk.start("winter")
    desk.sql("DELETE FROM balance_reading")
    desk.refuse(lease, StopReason.NOT_COVERED, "its balance was never read")


def test_credit_of_unknown_messages_stays_reserved(desk) -> None:
    lease = desk.start("winter", range(4))
    desk.put_balance("0.10")
    desk.answer(lease, desk.must_claim(lease), "unknown")
    desk.refuse(lease, StopReason.NOT_COVERED)


def test_reading_taken_before_an_acceptance_counts_it_once(desk) -> None:
    lease = desk.start("winter", range(4))
    desk.put_balance("0.20")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    before = desk.credit_left()
    desk.put_balance("0.10")  # the provider's own figure, which has fallen
    after = desk.credit_left()
    assert before.available == after.available == Decimal("0.10")


# --- approval and state ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE campaign SET approved_hash = NULL",
        "UPDATE campaign SET approved_hash = 'another'",
        "UPDATE campaign SET recap_hash = 'another'",
    ],
)
@pytest.mark.parametrize("kind", ["marketing", "alert"])
def test_only_what_was_approved_is_sent(desk, kind: str, sql: str) -> None:
    lease = desk.start("winter", kind=kind)
    kept = desk.sql("SELECT approved_hash, recap_hash FROM campaign")[0]
    desk.sql(sql)
    desk.refuse(lease, StopReason.NOT_APPROVED, "is not approved under its latest recap; nothing is sent")
    assert desk.states("winter") == {"planned": 4}
    desk.sql(f"UPDATE campaign SET approved_hash = '{kept[0]}', recap_hash = '{kept[1]}'")


@pytest.mark.parametrize("state", ["prepared", "approved", "parked", "paused", "cancelled", "finished"])
def test_only_a_sending_campaign_claims(desk, state: str) -> None:
    lease = desk.start("winter")
    desk.sql(f"UPDATE campaign SET state = '{state}'")
    desk.refuse(lease, StopReason.NOT_SENDING, f"^campaign winter is {state}; only a sending one may claim$")
    desk.sql("UPDATE campaign SET state = 'sending'")


# --- the same post again ---------------------------------------------------------------------------------------


@pytest.fixture
def unknown(desk):
    """Return a lease and its claim of three messages with unknown outcomes."""
    lease = desk.start("winter", [2, 0, 1], per_slice=3)
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.clock.forward(seconds=60)
    return lease, claim


def test_same_post_again_is_the_same_to_the_letter(desk, unknown) -> None:
    lease, claim = unknown
    again = desk.claim_again(lease, claim.slice_no)
    assert (again.slice_no, again.claimed_at, again.messages) == (claim.slice_no, claim.claimed_at, claim.messages)
    assert again.at == desk.clock.at
    assert again.post_before == desk.clock.at + timedelta(seconds=30)
    assert desk.credit() == {"reserve": Decimal("0.15")}
    assert desk.answer(lease, again, "accepted") == {"accepted": 3}
    assert desk.credit() == {"reserve": Decimal("0.15"), "capture": Decimal("0.15")}


def test_same_post_again_holds_those_that_are_settled_too(desk, unknown) -> None:
    lease, claim = unknown
    desk.report(claim.messages[1])
    again = desk.claim_again(lease, claim.slice_no)
    assert again.messages == claim.messages
    assert desk.answer(lease, again, "accepted") == {"accepted": 2}
    assert desk.states("winter") == {"accepted": 2, "delivered": 1}


def test_the_age_of_an_unknown_slice_counts_from_the_first_post(desk, unknown) -> None:
    lease, claim = unknown
    for _ in range(3):
        again = desk.claim_again(lease, claim.slice_no)
        desk.record(lease, again.slice_no, [])
        desk.clock.forward(seconds=50)
    (found,) = desk.unknown("winter")
    assert found.claimed_at == claim.at


def bar_by_opt_out(desk, lease) -> None:
    desk.opt_out(1)


def bar_by_window(desk, lease) -> None:
    desk.clock.at = CLOSING - timedelta(seconds=140)
    desk.read_stops()


def bar_by_cancelling(desk, lease) -> None:
    desk.cancel("winter")


def bar_by_pause(desk, lease) -> None:
    desk.sql("UPDATE campaign SET state = 'paused'")


def bar_by_settling(desk, lease) -> None:
    desk.record(lease, 1, [])  # unknown still
    with desk.tx() as tx:
        tx.run("slice.settle", campaign_id=1, slice_nos=[1])


@pytest.mark.parametrize("bar", [bar_by_opt_out, bar_by_window, bar_by_cancelling, bar_by_pause, bar_by_settling])
def test_same_post_again_is_barred(desk, unknown, bar) -> None:
    lease, claim = unknown
    bar(desk, lease)
    assert desk.claim_again(lease, claim.slice_no) is None
    assert desk.states("winter") == {"unknown": 3}


def test_same_post_again_waits_for_fresh_stops(desk, unknown) -> None:
    lease, claim = unknown
    desk.clock.forward(seconds=600)
    assert desk.claim_again(lease, claim.slice_no) is None
    desk.read_stops()
    assert desk.claim_again(lease, claim.slice_no) is not None


def test_absence_seen_before_the_same_post_again_is_forgotten(desk, unknown) -> None:
    lease, claim = unknown
    desk.note_absence(lease, claim.slice_no)
    desk.claim_again(lease, claim.slice_no)
    desk.clock.forward(seconds=91)
    desk.open("winter", "second sender")
    (found,) = desk.unknown("winter")
    assert found.absent_count == 0
