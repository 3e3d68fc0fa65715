"""Alerts to the team: each goes to each channel by itself, and no run fails because a channel does.

An alert is a row that stays open until it is cleared. What a channel could not deliver, the next scheduled run tries
again, with growing waits, for a day.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prefect import get_run_logger
from prefect.exceptions import MissingContextError

from gateways.mail import send_mail
from sms.errors import SmsError
from sms.masking import mask_numbers
from store.alerts import Channel, count_try, due_alerts, end_try
from store.changes import TouchedCampaign
from store.database import Transaction
from store.operators import mark_alert, raise_alert
from tasks.house import mail_settings, tariff_of, visit_store
from tasks.notice import plan_notices
from tasks.settings import settings


def alert(kind: str, gateway: str, message: str) -> None:
    """Raise an alert, once until it is cleared, and hand it to every channel at once."""
    try:
        with visit_store() as visit:
            raise_alert(visit, kind, gateway, message)
    except SmsError as error:
        run_logger().error("an alert could not be recorded (%s): %s", error, message)
        return
    if mail_settings() is None and not settings().alert_numbers:
        run_logger().warning("no channel for alerts (SMS_MAIL_HOST, SMS_ALERT_NUMBERS): %s", message)
    send_waiting_alerts()


def send_waiting_alerts() -> None:
    """Hand every open alert to each channel that has not delivered it and may be tried now."""
    if settings().alert_numbers:
        _deliver("sms", _plan_sms)
    if mail_settings() is not None:  # last: a dead mail server delays no SMS
        _deliver("mail", _send_by_mail)


def send_alerts_about(touched: Sequence[TouchedCampaign]) -> None:
    """Send the alerts that a change of a list raised."""
    if any(campaign.state != "prepared" for campaign in touched):
        send_waiting_alerts()


def run_logger() -> Any:
    """Return the logger of the run, or the program's own outside of one."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("campanile")


def _deliver(channel: Channel, send: Callable[[Mapping[str, Any]], None]) -> None:
    try:
        with visit_store(read_only=True) as visit:
            waiting = due_alerts(visit, channel)
        for raised in waiting:
            send(raised)
    except SmsError as error:
        run_logger().error("alerts wait, for the store cannot be used: %s", error)


def _plan_sms(raised: Mapping[str, Any]) -> None:
    """Plan an alert as an SMS to each number of the team, and mark it in the same transaction: it is planned once."""
    alert_id, gateway = raised["alert_id"], raised["gateway"]
    try:
        tariff = tariff_of(gateway)
        with visit_store() as visit:
            if _is_still_due(visit, "sms", alert_id):
                plan_notices(visit, gateway, tariff, alert_id, raised["message"])
                mark_alert(visit, alert_id, "sms")
    except SmsError as error:
        with visit_store() as visit:
            count_try(visit, alert_id, "sms", mask_numbers(str(error)))
        run_logger().error("an alert could not be planned as an SMS and is tried again: %s", error)


def _send_by_mail(raised: Mapping[str, Any]) -> None:
    """Send an alert by mail; the try is recorded before it is made, so no other process makes it at the same time."""
    alert_id, mail = raised["alert_id"], mail_settings()
    with visit_store() as visit:
        if mail is None or not _is_still_due(visit, "mail", alert_id):
            return
        count_try(visit, alert_id, "mail", "not answered yet")
    why = None
    try:
        send_mail(mail, f"Campanile: {raised['kind'].replace('_', ' ')} on {raised['gateway']}", raised["message"])
    except SmsError as error:
        why = str(error)
        run_logger().error("an alert could not be mailed and is tried again: %s", why)
    with visit_store() as visit:
        end_try(visit, alert_id, "mail", why)


def _is_still_due(visit: Transaction, channel: Channel, alert_id: int) -> bool:
    return any(row["alert_id"] == alert_id for row in due_alerts(visit, channel))
