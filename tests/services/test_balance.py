"""Watching a balance: where it comes from, what a difference does, and the daily limit on its page."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from campanile.services.billing.balance import add_top_up, read_balance, watch_balance
from campanile.services.context import Context
from campanile.services.sending.pause import resume_campaign
from campanile.sms.errors import BalanceRefused, CampaignError, ConfigurationError
from campanile.store.ledger.claim_checks import StopReason
from schemas.gateway import Balance
from tests.store.conftest import Clock, Desk

LIMIT = Decimal(50)


@pytest.fixture
def desk(store: Path, clock: Clock) -> Desk:
    """A team that works on the store of the contexts."""
    desk = Desk(store)
    desk.clock = clock
    return desk


@pytest.fixture
def open_context(make_context: Callable[..., Context]) -> Callable[..., Context]:
    """Return a function that makes a context whose sandbox reports ``context.reported``."""

    def make(amount: str = "1000", **settings: Any) -> Context:
        context = make_context(**({"balance_difference_limit": LIMIT, "balance_critical": 0} | settings))
        report(context, amount)
        return context

    return make


def report(context: Context, amount: str, unit: str = "EUR") -> None:
    context._gateways["sandbox"] = SimpleNamespace(balance=lambda: Balance(Decimal(amount), unit))  # type: ignore[assignment]


def watch(context: Context, desk: Desk, amount: str) -> str:
    """Let a minute pass, and watch a balance of this amount."""
    desk.clock.forward(minutes=1)
    report(context, amount)
    return watch_balance(context, "sandbox")


def alerts(desk: Desk) -> list[str]:
    return [kind for (kind,) in desk.sql("SELECT kind FROM alert WHERE cleared_at IS NULL ORDER BY alert_id")]


def test_a_large_difference_pauses_once(desk: Desk, open_context: Callable[..., Context]) -> None:
    context = open_context()
    desk.start("winter", range(4))
    desk.prepare("flood", [8], kind="alert", emergency_reason="a water main broke")
    desk.approve("flood")
    watch(context, desk, "1000")
    line = watch(context, desk, "950")
    assert "50.00 EUR more than the ledger says; likely cause: another program on the account" in line
    assert desk.find("winter").state == "sending", "as much as the limit is not beyond it"
    watch(context, desk, "930")
    found = desk.find("winter")
    assert (found.state, desk.find("flood").state) == ("paused", "approved")
    assert str(found.state_reason).startswith("paused by balance check: gateway sandbox: since ")
    assert [row.actor for row in desk.events("winter") if row.event == "paused"] == ["balance check"]
    assert alerts(desk) == ["balance_difference"]
    resume_campaign(context, "winter", "camille", "a colleague's tests")
    assert "likely cause" in watch(context, desk, "900")
    assert desk.find("winter").state == "approved", "the same difference, and a little more"
    watch(context, desk, "870")
    assert desk.find("winter").state == "paused", "once more beyond the limit"
    resume_campaign(context, "winter", "camille", "a colleague's tests")
    assert "likely cause" not in watch(context, desk, "2000")
    assert alerts(desk) == []
    assert "likely cause" in watch(context, desk, "1960")
    assert desk.find("winter").state == "approved"


@pytest.mark.parametrize("billing", ["declared", "postpaid"])
def test_only_a_reported_balance_is_compared(desk: Desk, open_context: Callable[..., Context], billing: str) -> None:
    context = open_context(sandbox_billing=billing, sandbox_monthly_cap=10)
    desk.start("winter", range(4))
    desk.put_balance("1000")
    desk.put_balance("900")
    assert "likely cause" not in watch_balance(context, "sandbox")
    assert desk.find("winter").state == "sending"


def test_a_postpaid_gateway_has_what_is_left_of_its_month(desk: Desk, open_context: Callable[..., Context]) -> None:
    context = open_context(sandbox_billing="postpaid", sandbox_monthly_cap="10")
    assert read_balance(context, "sandbox") == Balance(Decimal(10), "EUR")
    lease = desk.start("winter", range(4), price="3")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    assert read_balance(context, "sandbox").amount == 4
    assert len(desk.must_claim(lease).messages) == 1, "two are planned, and one is covered"
    desk.clock.at += timedelta(days=7)  # 1 December
    desk.read_stops()
    assert read_balance(context, "sandbox").amount == 10


def test_what_is_recorded_by_hand_depends_on_the_billing(desk: Desk, open_context: Callable[..., Context]) -> None:
    prepaid = open_context()
    watch(prepaid, desk, "1000")
    with pytest.raises(CampaignError, match="reports its balance itself; run check-balance"):
        add_top_up(prepaid, "sandbox", 10, "camille")
    assert (
        add_top_up(prepaid, "sandbox", 10, "camille", "refund") == "camille recorded a refund of 10.00 EUR by sandbox"
    )
    assert "likely cause" not in watch(prepaid, desk, "1010")
    postpaid = open_context(sandbox_billing="postpaid", sandbox_monthly_cap=10)
    with pytest.raises(CampaignError, match="is postpaid: nothing is topped up; change SMS_SANDBOX_MONTHLY_CAP"):
        add_top_up(postpaid, "sandbox", 10, "camille")
    declared = open_context(sandbox_billing="declared")
    assert add_top_up(declared, "sandbox", 5, "camille").endswith("its balance is now 1 015.00 EUR")
    assert desk.sql("SELECT kind, amount, campaign_id FROM credit_entry ORDER BY entry_id") == [
        ("refund", 10, None),
        ("topup", 5, None),
    ]


def test_a_billing_that_cannot_be_is_refused(make_context: Callable[..., Context]) -> None:
    with pytest.raises(ConfigurationError, match="SMS_KANNEL_BILLING=prepaid is not possible"):
        make_context(kannel_billing="prepaid").billing("kannel")
    with pytest.raises(ValidationError, match="SMS_TWILIO_BILLING is postpaid and SMS_TWILIO_MONTHLY_CAP is not set"):
        make_context(twilio_billing="postpaid")


@pytest.mark.parametrize(("gateway", "billing"), [("sandbox", "prepaid"), ("kannel", "declared")])
def test_without_a_setting_the_adapter_knows(context: Context, gateway: str, billing: str) -> None:
    assert context.billing(gateway) == billing


def test_the_daily_limit_is_on_the_page_and_ends_with_the_day(desk: Desk, open_context: Callable[..., Context]) -> None:
    context = open_context(sandbox_daily_spending_limit="0.12")
    lease = desk.start("winter", range(4))
    desk.rules = context.claim_rules(context.manifest("sandbox"))
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.refuse(lease, StopReason.DAILY_LIMIT)
    line = watch(context, desk, "999.90")
    assert line.endswith("0.10 EUR of 0.12 EUR spent today: nothing more is sent today but emergencies")
    assert alerts(desk) == ["daily_limit"]
    desk.clock.forward(minutes=20)
    desk.read_stops()
    watch(context, desk, "999.90")
    desk.refuse(lease, StopReason.DAILY_LIMIT)
    assert desk.sql("SELECT count(*) FROM alert") == [(1,)], "one alert a day"
    desk.clock.forward(hours=14)
    assert watch(context, desk, "999.90").endswith("0.00 EUR of 0.12 EUR spent today")
    assert alerts(desk) == []


def test_a_balance_in_another_currency_is_an_alert_of_its_own_and_changes_nothing(
    desk: Desk, open_context: Callable[..., Context]
) -> None:
    context = open_context()
    watch(context, desk, "1000")
    report(context, "7", "USD")
    assert "cannot be read, and the last reading stays in force" in watch_balance(context, "sandbox")
    assert alerts(desk) == ["balance_unreadable"]
    with pytest.raises(BalanceRefused):
        read_balance(context, "sandbox")
    assert desk.credit_left().balance == 1000
