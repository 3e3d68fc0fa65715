"""The balance: read, compared with what is committed, and an alert at once when it is critical."""

from decimal import Decimal
from math import isfinite

from prefect import get_run_logger, task

from schemas.gateway import Balance
from sms.errors import BalanceRefused, CampaignError, GatewayError, GatewayThrottled, GatewayUnreachable, SmsError
from sms.wording import amount_text
from store.operators import (
    add_reading,
    captured,
    clear_alert,
    credit_left,
    declared_balance,
    raise_alert,
    read_drift,
)
from store.operators import add_top_up as record_top_up
from tasks.alerts import alert, send_waiting_alerts
from tasks.house import gateway_named, manifest_of, tariff_of, visit_store
from tasks.names import signed
from tasks.pages import local_time
from tasks.settings import settings

BALANCE = "balance_critical"
DRIFT = "cost_drift"
UNREADABLE = "balance_unreadable"
#: The balance is not wrong: nobody could ask for it, and the next reading will.
_NOT_ASKED = (GatewayUnreachable, GatewayThrottled)
#: More than any balance: the store keeps DECIMAL(18, 6).
_MOST = 10**12


def read_balance(gateway: str) -> Balance:
    """Read a gateway's balance and keep the reading; where it tells none, reckon it from what the team declared.

    Raises:
        CampaignError: it tells none, and nothing was declared.
        GatewayError: it cannot be read, or is in another unit than the prices: the reading before stays in force.
    """
    if not manifest_of(gateway).has_balance:
        return _reckon_balance(gateway)
    with visit_store(read_only=True) as visit:
        captured_before = captured(visit, gateway)
    balance = ask_balance(gateway)
    with visit_store() as visit:
        add_reading(visit, gateway, balance.amount, balance.unit, captured_before)
    return balance


def ask_balance(gateway: str) -> Balance:
    """Ask a gateway for its balance.

    Raises:
        BalanceRefused: it is not in the unit of the prices.
        GatewayError: it cannot be read.
    """
    balance, unit = gateway_named(gateway).balance(), tariff_of(gateway).unit
    if balance.unit != unit:
        raise BalanceRefused(
            f"gateway {gateway} gives its balance as {amount_text(balance.amount, balance.unit)}, and its prices are "
            f"in {unit}: correct the unit in its tariff, or the account's currency"
        )
    return balance


@task(task_run_name="top up {gateway}")
def add_top_up(gateway: str, amount: float, name: str) -> str:
    """Add what was bought at a gateway that tells no balance; return one line.

    Raises:
        CampaignError: the gateway tells its balance, the amount cannot be, or nobody says who records it.
    """
    manifest, who = manifest_of(gateway), signed(name)
    if manifest.has_balance:
        raise CampaignError(f"gateway {gateway} tells its balance by itself; run check-balance to read it")
    if not isfinite(amount) or amount == 0 or abs(amount) >= _MOST:
        raise CampaignError(
            f"amount {amount} cannot be: give what was bought, or a negative one to take a mistake back"
        )
    bought = round(Decimal(str(amount)), 6)
    with visit_store() as visit:
        balance = record_top_up(visit, gateway, bought, manifest.unit, who)
    added, there = amount_text(bought, manifest.unit), amount_text(balance, manifest.unit)
    line = f"{who} added {added} to {gateway}: {there} are there"
    get_run_logger().info(line)
    return line


@task
def watch_balance(gateway: str) -> str:
    """Read the balance and alert once a crossing of the critical threshold; return one line that says how it is.

    One that cannot be read, or not be believed, is an alert of its own until a reading is good again; every other
    alert stays as it is. Alerts that wait for a channel are sent too.

    Raises:
        GatewayError: no connection, or asked to slow down: nothing is known, and the next reading will tell.
    """
    try:
        balance = read_balance(gateway)
    except GatewayError as error:
        if isinstance(error, _NOT_ASKED):
            raise
        line = f"the balance of gateway {gateway} cannot be read, and the last reading stays in force: {error}"
        get_run_logger().error(line)
        alert(UNREADABLE, gateway, line)
        return line
    _watch_drift(gateway)
    with visit_store() as visit:
        clear_alert(visit, UNREADABLE, gateway)
        credit = credit_left(visit, gateway) or {}
    line = (
        f"gateway {gateway}: balance {amount_text(balance.amount, balance.unit)}, "
        f"{amount_text(credit['committed'], balance.unit)} committed to approved campaigns"
    )
    if balance.amount < settings().balance_critical:
        critical = amount_text(settings().balance_critical, balance.unit)
        alert(BALANCE, gateway, f"{line}; below the critical {critical}: top it up")
    else:
        with visit_store() as visit:
            clear_alert(visit, BALANCE, gateway)
    send_waiting_alerts()
    get_run_logger().info(line)
    return line


def look_at_balance(gateway: str) -> None:
    """Watch the balance after a sending; where it cannot be read the run ends well, for it is read every hour."""
    try:
        watch_balance(gateway)
    except SmsError as error:
        get_run_logger().warning("the balance cannot be read: %s", error)


def _watch_drift(gateway: str) -> None:
    """Raise an alert, once a crossing, when messages cost more than their recaps said; it is sent with the others."""
    with visit_store() as visit:
        drift = read_drift(visit, gateway)
        if drift is None or not drift.is_alarming:
            clear_alert(visit, DRIFT, gateway)
            return
        fell, captured = (amount_text(amount, drift.unit) for amount in (drift.fell, drift.captured))
        since = f"{local_time(drift.since, settings().zone)} ({settings().team_zone})"
        line = (
            f"gateway {gateway} charges more than the recaps said: since {since} its balance fell by {fell}, and the "
            f"messages that it accepted cost {captured} by the tariff. Compare the tariff with the contract, or find "
            "out who else spends there"
        )
        raise_alert(visit, DRIFT, gateway, line)
    get_run_logger().warning(line)


def _reckon_balance(gateway: str) -> Balance:
    with visit_store() as visit:
        amount = declared_balance(visit, gateway)
        if amount is None:
            raise CampaignError(
                f"gateway {gateway} tells no balance; run record-top-up with the credit that is there, then ask again"
            )
        unit = manifest_of(gateway).unit
        add_reading(visit, gateway, amount, unit, captured(visit, gateway))
    return Balance(amount, unit)
