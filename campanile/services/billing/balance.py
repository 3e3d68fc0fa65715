"""The balance: read, compared with what is committed, and an alert at once when it is critical."""

from decimal import Decimal
from math import isfinite

from campanile.services.billing.alerts import alert, send_waiting_alerts
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
from campanile.sms.text.formatting import amount_text, local_time
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.billing.balance import add_reading, captured, committed_credit, declared_balance, read_drift
from campanile.store.billing.balance import add_top_up as record_top_up
from schemas.gateway import Balance

BALANCE = "balance_critical"
DRIFT = "cost_drift"
UNREADABLE = "balance_unreadable"
#: The balance is not wrong: nobody could ask for it, and the next reading will.
_NOT_ASKED = (GatewayUnreachable, GatewayThrottled)
#: More than any balance: the store keeps DECIMAL(18, 6).
_MAX_AMOUNT = 10**12


def read_balance(context: Context, gateway: str) -> Balance:
    """Read a gateway's balance and keep the reading; where it tells none, reckon it from what the team declared.

    Raises:
        CampaignError: it tells none, and nothing was declared.
        GatewayError: it cannot be read, or is in another unit than the prices: the reading before stays in force.
    """
    if not context.manifest(gateway).has_balance:
        return _reckon_balance(context, gateway)
    with context.transaction(read_only=True) as tx:
        captured_before = captured(tx, gateway)
    balance = ask_balance(context, gateway)
    with context.transaction() as tx:
        add_reading(tx, gateway, balance.amount, balance.unit, captured_before)
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


def add_top_up(context: Context, gateway: str, amount: float, actor: str) -> str:
    """Add what was bought at a gateway that tells no balance; return one line.

    Raises:
        CampaignError: the gateway tells its balance, the amount cannot be, or nobody says who records it.
    """
    manifest, who = context.manifest(gateway), require_actor(actor)
    if manifest.has_balance:
        raise CampaignError(f"gateway {gateway} tells its balance by itself; run check-balance to read it")
    if not isfinite(amount) or amount == 0 or abs(amount) >= _MAX_AMOUNT:
        raise CampaignError(
            f"amount {amount} cannot be: give what was bought, or a negative one to take a mistake back"
        )
    bought = round(Decimal(str(amount)), 6)
    with context.transaction() as tx:
        balance = record_top_up(tx, gateway, bought, manifest.unit, who)
    added, there = amount_text(bought, manifest.unit), amount_text(balance, manifest.unit)
    line = f"{who} added {added} to {gateway}: {there} are there"
    context.log.info(line)
    return line


def watch_balance(context: Context, gateway: str) -> str:
    """Read the balance and alert once a crossing of the critical threshold; return one line that says how it is.

    One that cannot be read, or not be believed, is an alert of its own until a reading is good again; every other
    alert stays as it is. Alerts that wait for a channel are sent too.

    Raises:
        GatewayError: no connection, or asked to slow down: nothing is known, and the next reading will tell.
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
    with context.transaction() as tx:
        clear_alert(tx, UNREADABLE, gateway)
        committed = committed_credit(tx, gateway)
    line = (
        f"gateway {gateway}: balance {amount_text(balance.amount, balance.unit)}, "
        f"{amount_text(committed, balance.unit)} committed to approved campaigns"
    )
    if balance.amount < context.settings.balance_critical:
        critical = amount_text(context.settings.balance_critical, balance.unit)
        alert(context, BALANCE, gateway, f"{line}; below the critical {critical}: top it up")
    else:
        with context.transaction() as tx:
            clear_alert(tx, BALANCE, gateway)
    send_waiting_alerts(context)
    context.log.info(line)
    return line


def refresh_balance(context: Context, gateway: str) -> None:
    """Watch the balance after a sending; where it cannot be read the run ends well, for it is read every hour."""
    try:
        watch_balance(context, gateway)
    except SmsError as error:
        context.log.warning("the balance cannot be read: %s", error)


def _watch_drift(context: Context, gateway: str) -> None:
    """Raise an alert, once a crossing, when messages cost more than their recaps said; it is sent with the others."""
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
            "out who else spends there"
        )
        raise_alert(tx, DRIFT, gateway, line)
    context.log.warning(line)


def _reckon_balance(context: Context, gateway: str) -> Balance:
    with context.transaction() as tx:
        amount = declared_balance(tx, gateway)
        if amount is None:
            raise CampaignError(
                f"gateway {gateway} tells no balance; run record-top-up with the credit that is there, then ask again"
            )
        unit = context.manifest(gateway).unit
        add_reading(tx, gateway, amount, unit, captured(tx, gateway))
    return Balance(amount, unit)
