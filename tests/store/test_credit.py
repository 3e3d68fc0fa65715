"""The money of a gateway: one statement for all who count with it, its ledger entries, and what a reading shows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import CampaignError
from campanile.sms.states import CreditKind
from campanile.store.billing.balance import add_refund, add_reported, add_top_up, ledger_sums, read_drift
from campanile.store.campaigns.writer import add_messages, standing_campaign
from campanile.store.ledger.claim_checks import DailyLimit, StopReason
from schemas.billing_rows import AnswerForecast
from schemas.gateway import Charge, Outcome, SubmitOutcome
from tests.store.conftest import message_rows

PARIS = ZoneInfo("Europe/Paris")


def test_what_is_free_is_the_balance_less_all_that_is_spoken_for(desk: Any) -> None:
    lease = desk.start("winter", range(6), price="1", sender_id="36180")
    desk.prepare("flood", range(10, 12), price="2", kind="alert")
    desk.approve("flood")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.answer(lease, desk.must_claim(lease), "unknown")
    found = desk.credit_left(answers=AnswerForecast(0.5, Decimal("0.10")))
    assert (found.balance, found.reserved, found.committed, found.committed_to_alerts) == (100, 2, 6, 4)
    assert found.available == 100 - 2 - 2
    assert found.expected_answers == Decimal("0.30"), "half of the six people of winter answer"
    assert found.free == found.available - found.committed - found.expected_answers == Decimal("89.70")
    assert found.free_for_emergency == 96 - 4
    assert found.spent_today == 4, "captured and in flight"
    tomorrow = desk.credit_left(day_began_at=desk.clock.at + timedelta(hours=14))
    assert tomorrow.spent_today == 2, "what is in flight counts on the next day too"


def test_answers_that_were_given_are_not_expected_again(desk: Any) -> None:
    terms = AnswerForecast(0.5, Decimal(1))
    lease = desk.start("winter", range(4), per_slice=4, sender_id="36180")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    assert desk.credit_left(answers=terms).expected_answers == 2
    with desk.tx() as tx:
        standing = standing_campaign(tx, "auto_reply", "sandbox")
        add_messages(tx, standing.campaign_id, message_rows([1], "Merci").assign(slice_no=1), first_slice_no=1)
        tx.execute(
            "UPDATE slice SET claimed_at = $at WHERE campaign_id = $id", {"at": tx.at, "id": standing.campaign_id}
        )
    assert desk.credit_left(answers=terms).expected_answers == 1
    desk.clock.forward(days=4)
    assert desk.credit_left(answers=terms).expected_answers == 0, "nobody answers after three days"
    with desk.tx() as tx:
        tx.execute("DELETE FROM message WHERE campaign_id = $id", {"id": standing.campaign_id})
        tx.execute("DELETE FROM slice WHERE campaign_id = $id", {"id": standing.campaign_id})


def test_nobody_answers_a_sender_that_is_a_name(desk: Any) -> None:
    desk.start("winter", range(4))
    assert desk.credit_left(answers=AnswerForecast(0.5, Decimal(1))).expected_answers == 0


def test_an_approval_keeps_the_credit_of_expected_answers(desk: Any) -> None:
    desk.start("winter", range(4), price="1", sender_id="36180")
    desk.put_balance("10")
    desk.prepare("spring", range(5), price="1")
    with pytest.raises(CampaignError, match=r"5\.00 EUR are missing|1\.00 EUR are missing"):
        desk.approve("spring", answers=AnswerForecast(0.5, Decimal(1)))
    assert desk.approve("spring").state == "approved"


# --- the daily limit ---------------------------------------------------------------------------------------------


def limited(desk: Any, amount: str) -> None:
    desk.rules = desk.rules.__class__(
        **{name: getattr(desk.rules, name) for name in desk.rules.__slots__}
        | {"daily_limit": DailyLimit(Decimal(amount), PARIS)}
    )


def test_the_daily_limit_stops_a_campaign_until_the_next_day_of_the_team(desk: Any) -> None:
    lease = desk.start("winter", range(6))
    limited(desk, "0.15")
    found = desk.claimed(lease, most=4)
    assert [len(claim.messages) for claim in found.claims] == [2, 1]
    assert found.stop_reason is StopReason.DAILY_LIMIT
    assert found.wait_seconds == timedelta(hours=14).total_seconds(), "it is 10:00 in Paris"
    assert "the daily spending limit of gateway sandbox leaves 0" in found.why
    for claim in found.claims:
        desk.answer(lease, claim, "accepted")
    desk.refuse(lease, StopReason.DAILY_LIMIT, "is sent the next day")
    assert desk.sql("SELECT kind, gateway FROM alert") == [("daily_limit", "sandbox")]
    desk.clock.forward(hours=23)
    desk.read_stops()
    assert len(desk.must_claim(lease).messages) == 2


def test_the_daily_limit_counts_what_another_campaign_spent(desk: Any) -> None:
    lease = desk.start("winter", range(2))
    desk.answer(lease, desk.must_claim(lease), "accepted")
    other = desk.start("spring", range(2))
    limited(desk, "0.12")
    desk.refuse(other, StopReason.DAILY_LIMIT)


@pytest.mark.parametrize(
    ("how", "is_bound"),
    [
        pytest.param({"kind": "marketing"}, True, id="marketing"),
        pytest.param({"kind": "alert"}, True, id="an alert"),
        pytest.param({"kind": "alert", "emergency_reason": "a water main broke"}, False, id="an emergency"),
    ],
)
def test_the_daily_limit_stops_all_but_emergencies(desk: Any, how: dict[str, Any], is_bound: bool) -> None:
    lease = desk.start("winter", range(2), **how)
    limited(desk, "0")
    assert (desk.claimed(lease).stop_reason is StopReason.DAILY_LIMIT) is is_bound


def test_without_credit_the_credit_is_the_reason_and_not_the_limit(desk: Any) -> None:
    lease = desk.start("winter", range(2))
    limited(desk, "0")
    desk.put_balance("0.01")
    desk.refuse(lease, StopReason.NOT_COVERED)
    assert desk.sql("SELECT kind FROM alert") == []


@pytest.mark.parametrize(
    ("at", "began_at", "seconds"),
    [
        pytest.param("2026-11-24T09:00", "2026-11-23T23:00", 14 * 3600, id="winter"),
        pytest.param("2026-11-23T22:59:59", "2026-11-22T23:00", 1, id="the last second"),
        pytest.param("2026-10-25T12:00", "2026-10-24T22:00", 11 * 3600, id="the day with 25 hours"),
        pytest.param("2026-03-29T00:30", "2026-03-28T23:00", 21.5 * 3600, id="the day with 23 hours"),
    ],
)
def test_the_day_is_that_of_the_team(at: str, began_at: str, seconds: float) -> None:
    now, limit = datetime.fromisoformat(at).replace(tzinfo=UTC), DailyLimit(Decimal(1), PARIS)
    assert limit.began_at(now) == datetime.fromisoformat(began_at).replace(tzinfo=UTC)
    assert limit.seconds_to_next_day(now) == seconds


# --- readings, top-ups, refunds ------------------------------------------------------------------------------------


def read(desk: Any, amount: str) -> None:
    """Read a balance as it is requested from the gateway: nothing is captured meanwhile."""
    desk.clock.forward(minutes=1)
    with desk.tx() as tx:
        add_reported(tx, "sandbox", Decimal(amount), "EUR", ledger_sums(tx, "sandbox"))


def entries(desk: Any, kind: str) -> list[Decimal]:
    return [amount for (amount,) in desk.sql(f"SELECT amount FROM credit_entry WHERE kind = '{kind}'")]


def drift(desk: Any) -> Any:
    with desk.tx(read_only=True) as tx:
        return read_drift(tx, "sandbox")


@pytest.mark.parametrize(
    ("balance", "top_ups"),
    [
        pytest.param("98", [], id="what was sent"),
        pytest.param("97", [], id="less"),
        pytest.param("98.03", [], id="rounded"),
        pytest.param("148", [50], id="a top-up"),
        pytest.param("98.40", [], id="messages that cost less"),
        pytest.param("99", [1], id="a top-up that is smaller than what was sent"),
    ],
)
def test_a_rise_that_the_ledger_does_not_explain_is_a_top_up(desk: Any, balance: str, top_ups: list[Decimal]) -> None:
    lease = desk.start("winter", range(2), price="1")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    read(desk, balance)
    assert entries(desk, "topup") == top_ups
    assert drift(desk).fell == (0 if top_ups else 100 - Decimal(balance))


def test_a_message_that_was_billed_before_it_was_captured_is_no_top_up(desk: Any) -> None:
    lease = desk.start("winter", range(2), price="1")
    claim = desk.must_claim(lease)
    read(desk, "98")  # the gateway has billed it, and its answer is not recorded yet
    desk.answer(lease, claim, "accepted")
    read(desk, "98")
    assert entries(desk, "topup") == []
    assert drift(desk).likely_cause == ""


def test_a_refund_is_no_top_up_and_no_lower_price(desk: Any) -> None:
    lease = desk.start("winter", range(2), price="1")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    read(desk, "98")
    with desk.tx() as tx:
        add_refund(tx, "sandbox", Decimal(1), "EUR", "camille")
    read(desk, "99")
    assert (entries(desk, "topup"), entries(desk, "refund")) == ([], [1])
    assert desk.credit_left().available == 99


def test_declared_credit_is_topped_up_and_refunded_by_hand(desk: Any) -> None:
    lease = desk.start("winter", range(2), price="1")
    with desk.tx() as tx:
        tx.execute("DELETE FROM balance_reading")
        assert add_top_up(tx, "sandbox", Decimal(10), "EUR", "camille") == 10
    desk.answer(lease, desk.must_claim(lease), "accepted")
    with desk.tx() as tx:
        assert add_top_up(tx, "sandbox", Decimal(1), "EUR", "camille", CreditKind.REFUND) == 9
    assert (entries(desk, "topup"), entries(desk, "refund")) == ([10], [1])
    assert desk.credit_left().available == 9


@pytest.mark.parametrize(
    ("balance", "answer", "cause"),
    [
        pytest.param("98", "accepted", "", id="they agree"),
        pytest.param("97.99", "accepted", "", id="within the tolerance"),
        pytest.param("97.80", "accepted", "messages cost more than the tariff says", id="dearer by a tenth"),
        pytest.param("90", "accepted", "another program on the account", id="much more"),
        pytest.param("98.40", "accepted", "a refund, a small top-up, or messages cost less", id="cheaper by a fifth"),
        pytest.param("98", "unknown", "messages in flight or unknown", id="unknown messages"),
        pytest.param("90", "rejected", "another program on the account", id="nothing was sent"),
    ],
)
def test_a_difference_has_a_likely_cause(desk: Any, balance: str, answer: str, cause: str) -> None:
    lease = desk.start("winter", range(2), price="1")
    desk.answer(lease, desk.must_claim(lease), answer)
    read(desk, balance)
    found = drift(desk).likely_cause
    assert found.startswith(cause)
    assert bool(found) is bool(cause)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["accepted", "rejected", "unknown", "not_accepted"]), st.booleans()), max_size=5
    )
)
def test_ledger_and_gateway_agree_whatever_the_answers(
    make_desk: Any, empty_store: Any, tmp_path: Any, steps: Any
) -> None:
    """A gateway that charges what the recap says shows no unexplained difference, whenever it is read."""
    from tests.stores import copy_store

    desk = make_desk(copy_store(empty_store, tmp_path / "sms.duckdb"))
    lease = desk.start("winter", range(12), price="1")
    balance = Decimal(100)
    for answer, is_read in steps:
        claim = desk.claim(lease)
        if claim is None:
            break
        balance -= len(claim.messages) if answer in ("accepted", "unknown") else 0
        if is_read:
            read(desk, str(balance))
        desk.answer(lease, claim, answer)
        if not is_read:
            read(desk, str(balance))
        assert drift(desk).unexplained == 0
        assert entries(desk, "topup") == []
    assert desk.broken() == {}


def test_a_charge_that_differs_counts_today(desk: Any) -> None:
    lease = desk.start("winter", range(2))
    began_at = desk.clock.at
    claim = desk.must_claim(lease)
    said = [
        SubmitOutcome(
            row.client_ref, Outcome.ACCEPTED, f"gw-{row.client_ref}", None, Charge(Decimal("0.051"), "EUR", 1)
        )
        for row in claim.messages
    ]
    desk.record(lease, claim.slice_no, said)
    assert desk.credit_left(day_began_at=began_at).spent_today == Decimal("0.102")
