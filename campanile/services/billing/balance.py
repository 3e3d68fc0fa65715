"""Read the balance, compare it with committed credit, and alert at once when it is critical."""

from decimal import Decimal
from math import isfinite
from typing import Literal

from campanile.services.billing.alerts import alert, send_waiting_alerts
from campanile.services.billing.balance_alert import judge_balance
from campanile.services.billing.reconcile_balance import end_of_daily_limit, reconcile_balance
from campanile.services.context import Context
from campanile.services.input_checks import require_actor
from campanile.sms.errors import (
    BalanceRefused,
    CampaignError,
    GatewayError,
    GatewayThrottled,
    GatewayUnreachable,
    SmsError,
)
from campanile.sms.states import CreditKind
from campanile.sms.text.formatting import amount_text, local_time
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.billing.balance import (
    add_reading,
    add_refund,
    add_reported,
    capped_balance,
    committed_credit,
    declared_balance,
    ledger_sums,
    read_drift,
)
from campanile.store.billing.balance import add_top_up as record_top_up
from schemas.billing_rows import Billing
from schemas.gateway import Balance

TopUpKind = Literal["top-up", "refund"]

DRIFT = "cost_drift"
UNREADABLE = "balance_unreadable"
#: Errors that say nothing about the balance: the gateway could not be asked, and the next reading asks again.
_NOT_ASKED = (GatewayUnreachable, GatewayThrottled)
#: An amount must be below this: the store keeps DECIMAL(18, 6).
_MAX_AMOUNT = 10**12


def read_balance(context: Context, gateway: str) -> Balance:
    """Read a gateway's balance and store the reading; if it reports none, compute it.

    A postpaid gateway has what is left of its monthly cap, and a declared one its top-ups less what was spent.

    Raises:
        CampaignError: the gateway reports no balance, and no top-up was declared.
        GatewayError: it cannot be read, or is in another unit than the prices: the previous reading stays in force.
    """
    if context.billing(gateway) is not Billing.PREPAID:
        return _compute_balance(context, gateway)
    with context.transaction(read_only=True) as tx:
        before = ledger_sums(tx, gateway)
    balance = ask_balance(context, gateway)
    with context.transaction() as tx:
        add_reported(tx, gateway, balance.amount, balance.unit, before)
    return balance


def ask_balance(context: Context, gateway: str) -> Balance:
    """Ask a gateway for its balance.

    Raises:
        BalanceRefused: it is not in the unit of the prices.
        GatewayError: it cannot be read.
    """
    balance, unit = context.gateway(gateway).balance(), context.tariff(gateway).unit
    if balance.unit != unit:
        raise BalanceRefused(
            f"gateway {gateway} gives its balance as {amount_text(balance.amount, balance.unit)}, and its prices are "
            f"in {unit}: correct the unit in its tariff, or the account's currency"
        )
    return balance


def add_top_up(context: Context, gateway: str, amount: float, actor: str, kind: TopUpKind = "top-up") -> str:
    """Add bought credit to the balance of a gateway that reports none, or record a refund; return one line.

    Raises:
        CampaignError: the balance of the gateway is not declared, the amount is not valid, or actor is empty.
    """
    manifest, actor, billing = context.manifest(gateway), require_actor(actor), context.billing(gateway)
    if billing is Billing.PREPAID and kind == "top-up":
        raise CampaignError(f"gateway {gateway} reports its balance itself; run check-balance to read it")
    if billing is Billing.POSTPAID and kind == "top-up":
        raise CampaignError(
            f"gateway {gateway} is postpaid: nothing is topped up; change SMS_{gateway.upper()}_MONTHLY_CAP instead"
        )
    if not isfinite(amount) or amount == 0 or abs(amount) >= _MAX_AMOUNT:
        raise CampaignError(
            f"amount {amount} is not valid: give the amount that was bought, or a negative one to correct a mistake"
        )
    bought = round(Decimal(str(amount)), 6)
    added = amount_text(bought, manifest.unit)
    with context.transaction() as tx:
        if billing is Billing.DECLARED:
            ledger_kind = CreditKind.TOPUP if kind == "top-up" else CreditKind.REFUND
            total = amount_text(record_top_up(tx, gateway, bought, manifest.unit, actor, ledger_kind), manifest.unit)
            line = f"{actor} added {added} to {gateway}; its balance is now {total}"
        else:
            add_refund(tx, gateway, bought, manifest.unit, actor)
            line = f"{actor} recorded a refund of {added} by {gateway}"
    context.log.info(line)
    return line


def watch_balance(context: Context, gateway: str) -> str:
    """Read the balance, and alert once a crossing of the threshold; return one line with the result.

    A balance that cannot be read or trusted raises a separate alert until a reading succeeds; all other alerts stay
    unchanged. Alerts that wait for a channel are sent too.

    Raises:
        GatewayError: no connection, or the gateway asked to slow down; the next reading tries again.
    """
    try:
        balance = read_balance(context, gateway)
    except GatewayError as error:
        if isinstance(error, _NOT_ASKED):
            raise
        line = f"the balance of gateway {gateway} cannot be read, and the last reading stays in force: {error}"
        context.log.error(line)
        alert(context, UNREADABLE, gateway, line)
        return line
    _watch_drift(context, gateway)
    details = [reconcile_balance(context, gateway), end_of_daily_limit(context, gateway)]
    with context.transaction() as tx:
        clear_alert(tx, UNREADABLE, gateway)
        committed = committed_credit(tx, gateway)
    line = (
        f"gateway {gateway}: balance {amount_text(balance.amount, balance.unit)}, "
        f"{amount_text(committed, balance.unit)} committed to approved campaigns"
    )
    line = "; ".join([line, *filter(None, details)])
    judge_balance(context, gateway)
    send_waiting_alerts(context)
    context.log.info(line)
    return line


def refresh_balance(context: Context, gateway: str) -> None:
    """Watch the balance after sending; if it cannot be read, the run still succeeds, and the ledger decides."""
    try:
        watch_balance(context, gateway)
    except SmsError as error:
        context.log.warning("the balance cannot be read: %s", error)
        try:
            judge_balance(context, gateway)
        except SmsError as unknown:
            context.log.error("the balance could not be compared with its threshold: %s", unknown)


def _watch_drift(context: Context, gateway: str) -> None:
    """Raise an alert, once a crossing, when messages cost more than in their recaps; it is sent with the others."""
    with context.transaction() as tx:
        drift = read_drift(tx, gateway)
        if drift is None or not drift.is_alarming:
            clear_alert(tx, DRIFT, gateway)
            return
        fell, captured = (amount_text(amount, drift.unit) for amount in (drift.fell, drift.captured))
        since = f"{local_time(drift.since, context.settings.zone)} ({context.settings.team_zone})"
        line = (
            f"gateway {gateway} charges more than the recaps said: since {since} its balance fell by {fell}, and the "
            f"messages that it accepted cost {captured} by the tariff. Compare the tariff with the contract, or find "
            "out what else is charged to this account"
        )
        raise_alert(tx, DRIFT, gateway, line)
    context.log.warning(line)


def _compute_balance(context: Context, gateway: str) -> Balance:
    unit = context.manifest(gateway).unit
    with context.transaction() as tx:
        before = ledger_sums(tx, gateway)
        if context.billing(gateway) is Billing.POSTPAID:
            month = tx.at.astimezone(context.settings.zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            amount: Decimal | None = capped_balance(tx, gateway, context.monthly_cap(gateway), month)
        else:
            amount = declared_balance(tx, gateway)
        if amount is None:
            raise CampaignError(
                f"gateway {gateway} reports no balance; run record-top-up with the credit that it has, then try again"
            )
        add_reading(tx, gateway, amount, unit, before.captured, before.reserved)
    return Balance(amount, unit)
