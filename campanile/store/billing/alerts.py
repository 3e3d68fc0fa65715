"""Alerts: raised once until they are cleared, and delivered by each channel."""

from datetime import datetime, timedelta
from typing import Literal

from campanile.store.db.database import Transaction
from schemas.billing_rows import Alert, WaitingAlert

Channel = Literal["mail", "sms"]
CHANNELS: tuple[Channel, ...] = ("mail", "sms")
#: A channel waits after a failure, then twice as long, up to the longest wait; an alert that is older is not tried.
_FIRST_WAIT, _LONGEST_WAIT, _OLDEST = timedelta(seconds=30), timedelta(hours=1), timedelta(days=1)


def due_alerts(tx: Transaction, channel: Channel) -> list[WaitingAlert]:
    """Return the open alerts of all gateways that a channel has not delivered and may try now."""
    return [row for row in tx.select(WaitingAlert, "alert.undelivered", channel=channel) if _is_due(row, tx.at)]


def undelivered_alerts(tx: Transaction, channel: Channel) -> list[WaitingAlert]:
    """Return the open alerts that a channel failed to deliver, with the error of the last try."""
    return [row for row in tx.select(WaitingAlert, "alert.undelivered", channel=channel) if row.tries]


def count_try(tx: Transaction, alert_id: int, channel: Channel, error: str | None = None) -> None:
    """Count a try before it is made, so that no other process makes it too."""
    values = {"alert_id": alert_id, "channel": channel, "error": error, "at": tx.at}
    if not tx.run("alert.count_try", **values):
        tx.run("alert.add_try", **values)


def end_try(tx: Transaction, alert_id: int, channel: Channel, error: str | None) -> None:
    """Record how a try ended: delivered, or the error."""
    tx.run("alert.set_error", alert_id=alert_id, channel=channel, error=error)
    if error is None:
        mark_alert(tx, alert_id, channel)


def _is_due(row: WaitingAlert, at: datetime) -> bool:
    if at - row.raised_at > _OLDEST:
        return False
    wait = min(_FIRST_WAIT * 2 ** min(max(row.tries - 1, 0), 10), _LONGEST_WAIT)
    return row.tried_at is None or bool(at - row.tried_at >= wait)


def raise_alert(tx: Transaction, kind: str, gateway: str, message: str) -> Alert:
    """Raise an alert, unless one of that kind is open on that gateway; return the open one."""
    found = tx.find(Alert, "alert.open", kind=kind, gateway=gateway)
    if found is None:
        tx.run(
            "alert.raise",
            alert_id=tx.value("alert.next_id"),
            kind=kind,
            gateway=gateway,
            message=message,
            at=tx.at,
        )
        found = tx.get(Alert, "alert.open", kind=kind, gateway=gateway)
    return found


def clear_alert(tx: Transaction, kind: str, gateway: str) -> bool:
    """Close the open alert of a kind, so that the next crossing raises a new one; return whether there was one."""
    return tx.run("alert.clear", kind=kind, gateway=gateway, at=tx.at) > 0


def mark_alert(tx: Transaction, alert_id: int, channel: str) -> None:
    """Record that an alert was delivered by ``mail`` or ``sms``."""
    statement = {"mail": "alert.set_mailed", "sms": "alert.set_texted"}[channel]
    tx.run(statement, alert_id=alert_id, at=tx.at)
