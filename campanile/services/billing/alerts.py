"""Alerts to the team: each channel delivers by itself, and a failed channel never fails a run that sends messages.

An alert is a row that stays open until it is cleared. The next scheduled run tries a failed delivery again, with
growing waits. What did not reach the team is listed by ``undelivered`` until it did.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from campanile.gateways.mail import send_mail
from campanile.pages.alert_mail import alert_mail
from campanile.services.context import Context
from campanile.services.sending.system_messages import plan_notices
from campanile.sms.errors import MailError, SmsError
from campanile.sms.rules.balance_alert import AlertRule
from campanile.sms.states import CampaignState
from campanile.sms.text.formatting import local_time
from campanile.sms.text.masking import mask_numbers
from campanile.store.billing.alerts import (
    FAILED,
    TRIES_BEFORE_FAILURE,
    Channel,
    count_try,
    delivered_to,
    due_alerts,
    end_try,
    mark_alert,
    open_notifications,
    raise_alert,
)
from campanile.store.billing.balance_alert import BALANCE_KINDS, find_rule
from campanile.store.contacts.impact import TouchedCampaign
from campanile.store.db.database import Transaction
from schemas.balance_facts import facts_from_json
from schemas.billing_rows import OpenNotification, WaitingAlert


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
    """Send every open alert to each of its channels that has not delivered it and may be tried now."""
    _deliver(context, "sms", _plan_sms)
    if context.announce is not None:
        _deliver(context, "event", _announce)
    if context.mail is not None:  # last: a dead mail server delays nothing else
        _deliver(context, "mail", _send_by_mail)


def send_alerts_about(context: Context, touched: Sequence[TouchedCampaign]) -> None:
    """Send the alerts that a change of a list raised."""
    if any(campaign.state != CampaignState.PREPARED for campaign in touched):
        send_waiting_alerts(context)


def undelivered(context: Context) -> list[str]:
    """Return one line for each notification that did not reach the team."""
    with context.transaction(read_only=True) as tx:
        return [_line(context, row) for row in open_notifications(tx)]


def fail_if_undelivered(context: Context) -> None:
    """Fail while a notification did not reach the team after several tries.

    Raises:
        SmsError: one line that names each of them.
    """
    with context.transaction(read_only=True) as tx:
        found = open_notifications(tx)
    overdue = [row for row in found if row.tries >= TRIES_BEFORE_FAILURE or row.state != FAILED]
    if overdue:
        lines = "; ".join(_line(context, row) for row in overdue)
        raise SmsError(
            f"the team was not reached: {lines}. Correct SMS_MAIL_… or SMS_ALERT_NUMBERS; it is tried again, and "
            "diagnose-setup lists it until then"
        )


def alert_gateway(context: Context, gateway: str) -> str:
    """Return the gateway that sends the SMS of an alert: ``SMS_ALERT_GATEWAY``, or the one that it concerns."""
    return context.settings.alert_gateway or gateway


def _line(context: Context, row: OpenNotification) -> str:
    since = f"{local_time(row.raised_at, context.settings.zone)} ({context.settings.team_zone})"
    what = f"{row.kind.replace('_', ' ')} on {row.gateway} of {since}"
    if row.state != FAILED:
        return f"the SMS about {what} is {row.state}" + (f": {mask_numbers(row.error)}" if row.error else "")
    tried = f"{row.tries} {'try' if row.tries == 1 else 'tries'}"
    return f"the {row.channel} about {what} was not delivered after {tried}: {mask_numbers(str(row.error))}"


def _deliver(context: Context, channel: Channel, send: Callable[[Context, WaitingAlert], None]) -> None:
    try:
        with context.transaction(read_only=True) as tx:
            waiting = due_alerts(tx, channel)
        for raised in waiting:
            send(context, raised)
    except SmsError as error:
        context.log.error("alerts wait because the store cannot be used: %s", error)


def _people(tx: Transaction, raised: WaitingAlert, channel: Channel, default: Sequence[str]) -> Sequence[str]:
    """Return who gets an alert: for one on the balance those of its rule, for all others those of the settings."""
    rule: AlertRule | None = find_rule(tx, raised.gateway) if raised.kind in BALANCE_KINDS else None
    if rule is None:
        return default
    return (rule.mail_to if channel == "mail" else rule.sms_to) or default


def _plan_sms(context: Context, raised: WaitingAlert) -> None:
    """Plan an alert as an SMS to each number of the team, and mark it in the same transaction, so only once."""
    alert_id, gateway = raised.alert_id, alert_gateway(context, raised.gateway)
    with context.transaction(read_only=True) as tx:
        numbers = _people(tx, raised, "sms", context.settings.alert_numbers)
    if not numbers:
        return
    try:
        tariff = context.tariff(gateway)
        with context.transaction() as tx:
            if _is_still_due(tx, "sms", alert_id):  # guard: notice-once
                plan_notices(context, tx, gateway, tariff, alert_id, numbers, raised.message)
                mark_alert(tx, alert_id, "sms")
    except SmsError as error:
        with context.transaction() as tx:
            count_try(tx, alert_id, "sms", mask_numbers(str(error)))
        context.log.error("an alert could not be planned as an SMS and is tried again: %s", error)


def _announce(context: Context, raised: WaitingAlert) -> None:
    """Give the event of an alert to Prefect; again if the process dies before that is recorded."""
    with context.transaction() as tx:
        if context.announce is None or not _is_still_due(tx, "event", raised.alert_id):
            return
        count_try(tx, raised.alert_id, "event", "not announced yet")
    if raised.facts is not None:
        context.announce(facts_from_json(raised.facts))
    with context.transaction() as tx:
        end_try(tx, raised.alert_id, "event", None)


def _send_by_mail(context: Context, raised: WaitingAlert) -> None:
    """Send an alert by mail to those who have not got it.

    The try is recorded first, so that no other process sends it at the same time. If this process dies before the end
    of the try is recorded, the mail is sent again: at least once.
    """
    alert_id, mail = raised.alert_id, context.mail
    with context.transaction() as tx:
        if mail is None or not _is_still_due(tx, "mail", alert_id):
            return
        done = delivered_to(tx, alert_id)
        people = [each for each in _people(tx, raised, "mail", mail.recipients) if each not in done]
        count_try(tx, alert_id, "mail", "not answered yet")
    why = None
    made = alert_mail(raised, context.settings.zone)
    try:
        if people:
            send_mail(replace(mail, recipients=people), made.subject, made.text, made.html)
        accepted: Sequence[str] = people
    except SmsError as error:
        why, accepted = str(error), error.accepted if isinstance(error, MailError) else ()
        context.log.error("an alert could not be mailed and is tried again: %s", why)
    with context.transaction() as tx:
        end_try(tx, alert_id, "mail", why, delivered=[*done, *accepted])


def _is_still_due(tx: Transaction, channel: Channel, alert_id: int) -> bool:
    return any(row.alert_id == alert_id for row in due_alerts(tx, channel))
