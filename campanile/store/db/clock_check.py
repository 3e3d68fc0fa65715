"""Detect a wall clock that was set back, and record that a person confirmed it.

With a clock that was set back, marketing would be sent outside its sending windows. So each claim compares the clock
with the newest time in the store. The order of two records is never derived from their times.
"""

from datetime import UTC, datetime, timedelta

from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction

_CONFIRMED = "clock_confirmed"
#: After this time the look-ups of every gateway show what was posted by now.
_SETTLED_AFTER = timedelta(minutes=15)


def newest_time(tx: Transaction) -> datetime | None:
    """Return the newest time that was recorded since a person last confirmed the clock; None: nothing was recorded."""
    found: datetime | None = tx.value("clock.newest")
    return found


def seconds_behind(tx: Transaction) -> float:
    """Return by how many seconds the clock is behind the newest time that was recorded; 0: it is not."""
    newest = newest_time(tx)
    return 0.0 if newest is None else max(0.0, (newest - tx.at).total_seconds())


def confirm_clock(tx: Transaction, actor: str, at: datetime | None = None) -> None:
    """Accept the clock as it is now (or ``at``): times that were recorded before are no longer compared with it."""
    confirmed_at = (at or tx.at).astimezone(UTC).isoformat()
    put_setting(tx, _CONFIRMED, {"at": confirmed_at, "event_id": int(tx.value("event.next_id"))}, actor)


def distrust_ahead(tx: Transaction, margin_seconds: float) -> int:
    """Mark slices that were posted while the clock was ahead, to be looked up and never posted again; return how many.

    When the time of that clock comes, the gateway may have forgotten the key long ago, and a look-up from that time on
    would miss the message. So such a slice is looked up in the same way as one of a restored store.

    Args:
        tx: the open transaction.
        margin_seconds: if the clock was ahead by less, nothing is marked.
    """
    latest = tx.at + timedelta(seconds=margin_seconds)
    if not tx.value("slice.count_ahead", latest=latest):
        return 0
    ask_after = tx.at + _SETTLED_AFTER
    tx.run("campaign.ask_now", latest=latest, due_at=ask_after)
    return tx.run("slice.distrust_ahead", latest=latest, ask_after=ask_after, oldest=tx.at - timedelta(days=1))


def behind_words(newest: datetime, seconds: float) -> str:
    """Return the line that the clock went back, and what to do."""
    return (
        f"the clock of this machine is {seconds / 60:.0f} minutes behind the newest time in the store "
        f"({newest:%Y-%m-%d %H:%M} UTC); nothing is sent before the clock has caught up or a person confirms it with "
        "resume-campaign"
    )
