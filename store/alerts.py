"""Alerts that wait for a channel: when each is tried, and how long."""

from datetime import datetime, timedelta
from typing import Any, Literal

from store.database import Transaction
from store.operators import mark_alert

Channel = Literal["mail", "sms"]
CHANNELS: tuple[Channel, ...] = ("mail", "sms")
#: After a failure a channel waits so long, then twice as long, up to the longest wait; an older alert is not tried.
_FIRST_WAIT, _LONGEST_WAIT, _OLDEST = timedelta(seconds=30), timedelta(hours=1), timedelta(days=1)


def due_alerts(visit: Transaction, channel: Channel) -> list[dict[str, Any]]:
    """Return the open alerts of all gateways that a channel has not delivered and that it may be tried for now."""
    return [row for row in visit.rows("alert.undelivered", channel=channel) if _is_due(row, visit.at)]


def undelivered_alerts(visit: Transaction, channel: Channel) -> list[dict[str, Any]]:
    """Return the open alerts that a channel failed to deliver, with the error of the last try."""
    return [row for row in visit.rows("alert.undelivered", channel=channel) if row["tries"]]


def count_try(visit: Transaction, alert_id: int, channel: Channel, error: str | None = None) -> None:
    """Count a try before it is made, so that no other process makes it too."""
    values = {"alert_id": alert_id, "channel": channel, "error": error, "at": visit.at}
    if not visit.run("alert.count_try", **values):
        visit.run("alert.add_try", **values)


def end_try(visit: Transaction, alert_id: int, channel: Channel, error: str | None) -> None:
    """Record how a try ended: delivered, or the error."""
    visit.run("alert.set_error", alert_id=alert_id, channel=channel, error=error)
    if error is None:
        mark_alert(visit, alert_id, channel)


def _is_due(row: dict[str, Any], at: datetime) -> bool:
    if at - row["raised_at"] > _OLDEST:
        return False
    wait = min(_FIRST_WAIT * 2 ** min(max(row["tries"] - 1, 0), 10), _LONGEST_WAIT)
    return row["tried_at"] is None or bool(at - row["tried_at"] >= wait)
