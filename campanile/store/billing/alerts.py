"""Alerts: raised once until they are cleared, and delivered by each of their channels."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from campanile.store.db.database import Transaction
from schemas.billing_rows import Alert, OpenNotification, WaitingAlert

Channel = Literal["mail", "sms", "event"]
#: The channels of an alert if it names none.
TO_PEOPLE: tuple[Channel, ...] = ("mail", "sms")
#: A channel waits after a failure, then twice as long, up to the longest wait, until the alert is delivered or cleared.
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
#: An alert that was never tried, because the channel was not set up, is too old for it after this time.
_OLDEST_UNTRIED = timedelta(days=1)
#: The state of a notification that is no SMS of the ledger.
FAILED = "failed"
#: So many tries have failed before a run fails because of a notification.
TRIES_BEFORE_FAILURE = 3
#: An SMS that waits or is in flight for longer did not reach anybody.
_SMS_WAITS = timedelta(minutes=15)
#: Until then it is shown, unless a later one to the same number was accepted.
_SMS_SHOWN = timedelta(days=7)


def due_alerts(tx: Transaction, channel: Channel) -> list[WaitingAlert]:
    """Return the open alerts of all gateways that a channel has not delivered and may try now."""
    return [row for row in tx.select(WaitingAlert, "alert.undelivered", channel=channel) if _is_due(row, tx.at)]


def open_notifications(tx: Transaction) -> list[OpenNotification]:
    """Return the notifications that did not reach the team, the oldest first."""
    times = {"waits_since": tx.at - _SMS_WAITS, "sms_since": tx.at - _SMS_SHOWN}
    return tx.select(OpenNotification, "alert.open_notifications", **times)


def count_try(tx: Transaction, alert_id: int, channel: Channel, error: str | None = None) -> None:
    """Count a try before it is made, so that no other process makes it too."""
    values = {"alert_id": alert_id, "channel": channel, "error": error, "at": tx.at}
    if not tx.run("alert.count_try", **values):
        tx.run("alert.add_try", **values)


def delivered_to(tx: Transaction, alert_id: int) -> list[str]:
    """Return the addresses that have got the mail of an alert, when a server refused others."""
    return str(tx.value("alert.mailed_to", alert_id=alert_id) or "").split()


def end_try(
    tx: Transaction, alert_id: int, channel: Channel, error: str | None, *, delivered: Sequence[str] = ()
) -> None:
    """Record how a try ended: delivered, or the error; ``delivered``: the addresses that have got it."""
    tx.run("alert.set_error", alert_id=alert_id, channel=channel, error=error, delivered=" ".join(delivered) or None)
    if error is None:
        mark_alert(tx, alert_id, channel)


def _is_due(row: WaitingAlert, at: datetime) -> bool:
    if row.tried_at is None:
        return at - row.raised_at <= _OLDEST_UNTRIED
    wait = min(_FIRST_WAIT * 2 ** min(max(row.tries - 1, 0), 10), _LONGEST_WAIT)
    return bool(at - row.tried_at >= wait)


def raise_alert(
    tx: Transaction,
    kind: str,
    gateway: str,
    message: str,
    *,
    channels: Sequence[Channel] = TO_PEOPLE,
    facts: str | None = None,
) -> Alert:
    """Raise an alert, unless one of that kind is open on that gateway; return the open one.

    Args:
        tx: the open transaction.
        kind: what it is about.
        gateway: the gateway that it concerns.
        message: one line, also the text of the SMS.
        channels: by which it is delivered; none: it only records that the state is known.
        facts: the figures of an alert on the balance, as JSON.
    """
    found = tx.find(Alert, "alert.open", kind=kind, gateway=gateway)
    if found is None:
        tx.run(
            "alert.raise",
            alert_id=tx.value("alert.next_id"),
            kind=kind,
            gateway=gateway,
            message=message,
            at=tx.at,
            channels=" ".join(channels),
            facts=facts,
        )
        found = tx.get(Alert, "alert.open", kind=kind, gateway=gateway)
    return found


def clear_alert(tx: Transaction, kind: str, gateway: str) -> bool:
    """Close the open alert of a kind, so that the next crossing raises a new one; return whether there was one."""
    return tx.run("alert.clear", kind=kind, gateway=gateway, at=tx.at) > 0


def mark_alert(tx: Transaction, alert_id: int, channel: Channel) -> None:
    """Record that an alert was delivered by a channel."""
    statement = {"mail": "alert.set_mailed", "sms": "alert.set_texted", "event": "alert.set_announced"}[channel]
    tx.run(statement, alert_id=alert_id, at=tx.at)
