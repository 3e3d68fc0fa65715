"""The balance: read, compared with what is committed, and an alert at once when it is critical."""

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

from prefect import get_run_logger, task

from gateways.mail import send_mail
from schemas.gateway import Balance
from sms.errors import BalanceRefused, CampaignError, GatewayError, GatewayThrottled, GatewayUnreachable, MailError
from sms.wording import amount_text
from store.campaigns import find_campaign
from store.changes import TouchedCampaign
from store.operators import (
    add_reading,
    captured,
    clear_alert,
    credit_left,
    declared_balance,
    mark_alert,
    open_alerts,
    raise_alert,
    read_drift,
)
from store.operators import add_top_up as record_top_up
from tasks.house import gateway_named, mail_settings, manifest_of, tariff_of, visit_store
from tasks.names import signed
from tasks.notice import plan_notices
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
    alert stays as it is. An alert that could not leave stays open and is tried again at the next reading.

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
    send_waiting_alerts(gateway)
    get_run_logger().info(line)
    return line


def look_at_balance(gateway: str) -> None:
    """Watch the balance after a sending; a gateway that is down by then spoils nothing, for it is read every hour."""
    try:
        watch_balance(gateway)
    except GatewayError as error:
        get_run_logger().warning("the balance cannot be read: %s", error)


def alert(kind: str, gateway: str, message: str) -> None:
    """Raise an alert, once until it is cleared, and send it at once.

    Raises:
        MailError: the mail did not leave; it is tried again at the next reading of the balance.
    """
    with visit_store() as visit:
        raised = raise_alert(visit, kind, gateway, message)
    _send_alert(gateway, raised)


def send_waiting_alerts(gateway: str) -> None:
    """Send every alert of a gateway that a channel has not carried yet.

    Raises:
        MailError: a mail did not leave; it is tried again at the next reading of the balance.
    """
    with visit_store(read_only=True) as visit:
        waiting = open_alerts(visit, gateway)
    for raised in waiting:
        _send_alert(gateway, raised)


def send_alerts_about(touched: Sequence[TouchedCampaign]) -> None:
    """Send the alerts that a change of a list raised; a mail that does not leave is tried again by itself."""
    locked = [campaign.name for campaign in touched if campaign.state != "prepared"]
    with visit_store(read_only=True) as visit:
        gateways = {find_campaign(visit, name)["gateway"] for name in locked}
    for gateway in gateways:
        try:
            send_waiting_alerts(gateway)
        except MailError as error:
            get_run_logger().error("the change is done; its alert waits for the next reading of the balance: %s", error)


def _watch_drift(gateway: str) -> None:
    """Raise an alert, once a crossing, when messages cost more than their recaps said; it is sent with the others."""
    with visit_store() as visit:
        drift = read_drift(visit, gateway)
        if drift is None or not drift.is_alarming:
            clear_alert(visit, DRIFT, gateway)
            return
        fell, captured = (amount_text(amount, drift.unit) for amount in (drift.fell, drift.captured))
        line = (
            f"gateway {gateway} charges more than the recaps said: since {drift.since:%Y-%m-%d %H:%M} UTC its balance "
            f"fell by {fell}, and the messages that it accepted cost {captured} by the tariff. Compare the tariff with "
            "the contract, or find out who else spends there"
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


def _send_alert(gateway: str, raised: dict[str, Any]) -> None:
    """Send an alert by every channel that is set and has not carried it yet."""
    mail = mail_settings()
    if settings().alert_numbers and raised["texted_at"] is None:
        tariff = tariff_of(gateway)
        with visit_store() as visit:  # planning and marking are one act: one notice an alert and number
            plan_notices(visit, gateway, tariff, raised["alert_id"], raised["message"])
            mark_alert(visit, raised["alert_id"], "sms")
    if mail is not None and raised["mailed_at"] is None:  # last: a dead mail server keeps no SMS back
        send_mail(mail, f"Campanile: {raised['kind'].replace('_', ' ')} on {gateway}", raised["message"])
        with visit_store() as visit:
            mark_alert(visit, raised["alert_id"], "mail")
    if mail is None and not settings().alert_numbers:
        get_run_logger().warning("no channel for alerts (SMS_MAIL_HOST, SMS_ALERT_NUMBERS): %s", raised["message"])
