"""Alerts to the team: each channel delivers by itself, and a failed channel never fails a run.

An alert is a row that stays open until it is cleared. The next scheduled run tries a failed delivery again, with
growing waits, for a day.
"""

from collections.abc import Callable, Sequence

from campanile.gateways.mail import send_mail
from campanile.services.context import Context
from campanile.services.sending.system_messages import plan_notices
from campanile.sms.errors import SmsError
from campanile.sms.states import CampaignState
from campanile.sms.text.masking import mask_numbers
from campanile.store.billing.alerts import Channel, count_try, due_alerts, end_try, mark_alert, raise_alert
from campanile.store.contacts.impact import TouchedCampaign
from campanile.store.db.database import Transaction
from schemas.billing_rows import WaitingAlert


def alert(context: Context, kind: str, gateway: str, message: str) -> None:
    """Raise an alert, once until it is cleared, and send it to every channel at once."""
    try:
        with context.transaction() as tx:
            raise_alert(tx, kind, gateway, message)
    except SmsError as error:
        context.log.error("an alert could not be recorded (%s): %s", error, message)
        return
    if context.mail is None and not context.settings.alert_numbers:
        context.log.warning("no channel for alerts (SMS_MAIL_HOST, SMS_ALERT_NUMBERS): %s", message)
    send_waiting_alerts(context)


def send_waiting_alerts(context: Context) -> None:
    """Send every open alert to each channel that has not delivered it and may be tried now."""
    if context.settings.alert_numbers:
        _deliver(context, "sms", _plan_sms)
    if context.mail is not None:  # last: a dead mail server delays no SMS
        _deliver(context, "mail", _send_by_mail)


def send_alerts_about(context: Context, touched: Sequence[TouchedCampaign]) -> None:
    """Send the alerts that a change of a list raised."""
    if any(campaign.state != CampaignState.PREPARED for campaign in touched):
        send_waiting_alerts(context)


def _deliver(context: Context, channel: Channel, send: Callable[[Context, WaitingAlert], None]) -> None:
    try:
        with context.transaction(read_only=True) as tx:
            waiting = due_alerts(tx, channel)
        for raised in waiting:
            send(context, raised)
    except SmsError as error:
        context.log.error("alerts wait because the store cannot be used: %s", error)


def _plan_sms(context: Context, raised: WaitingAlert) -> None:
    """Plan an alert as an SMS to each number of the team, and mark it in the same transaction, so only once."""
    alert_id, gateway = raised.alert_id, raised.gateway
    try:
        tariff = context.tariff(gateway)
        with context.transaction() as tx:
            if _is_still_due(tx, "sms", alert_id):
                plan_notices(context, tx, gateway, tariff, alert_id, raised.message)
                mark_alert(tx, alert_id, "sms")
    except SmsError as error:
        with context.transaction() as tx:
            count_try(tx, alert_id, "sms", mask_numbers(str(error)))
        context.log.error("an alert could not be planned as an SMS and is tried again: %s", error)


def _send_by_mail(context: Context, raised: WaitingAlert) -> None:
    """Send an alert by mail; the try is recorded first, so that no other process sends it at the same time."""
    alert_id, mail = raised.alert_id, context.mail
    with context.transaction() as tx:
        if mail is None or not _is_still_due(tx, "mail", alert_id):
            return
        count_try(tx, alert_id, "mail", "not answered yet")
    why = None
    try:
        send_mail(mail, f"Campanile: {raised.kind.replace('_', ' ')} on {raised.gateway}", raised.message)
    except SmsError as error:
        why = str(error)
        context.log.error("an alert could not be mailed and is tried again: %s", why)
    with context.transaction() as tx:
        end_try(tx, alert_id, "mail", why)


def _is_still_due(tx: Transaction, channel: Channel, alert_id: int) -> bool:
    return any(row.alert_id == alert_id for row in due_alerts(tx, channel))
