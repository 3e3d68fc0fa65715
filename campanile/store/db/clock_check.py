"""The wall clock as the store has seen it: whether it went back, and who says that this is right.

Marketing that leaves by a clock that was set back leaves outside its hours. So what the store has recorded is
compared with the clock at each claim; the order of two records is never read from it.
"""

from datetime import UTC, datetime, timedelta

from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction

_CONFIRMED = "clock_confirmed"
#: What was posted by now is seen by every gateway's look-ups after so long.
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
    """Take the clock as right as it stands now (or ``at``): what was recorded before is no longer compared with it."""
    confirmed_at = (at or tx.at).astimezone(UTC).isoformat()
    put_setting(tx, _CONFIRMED, {"at": confirmed_at, "event_id": int(tx.value("event.next_id"))}, actor)


def distrust_ahead(tx: Transaction, margin_seconds: float) -> int:
    """Have what was posted by a clock that was ahead looked up, and never posted again; return how many slices.

    When that clock's time comes, the gateway may have forgotten the key for long, and a look-up from then on would miss
    the message. So such a slice is looked up as one of a restored store is.

    Args:
        tx: the open transaction.
        margin_seconds: a clock that was ahead by less was right.
    """
    latest = tx.at + timedelta(seconds=margin_seconds)
    if not tx.value("slice.count_ahead", latest=latest):
        return 0
    ask_after = tx.at + _SETTLED_AFTER
    tx.run("campaign.ask_now", latest=latest, due_at=ask_after)
    return tx.run("slice.distrust_ahead", latest=latest, ask_after=ask_after, oldest=tx.at - timedelta(days=1))


def behind_words(newest: datetime, seconds: float) -> str:
    """Say that the clock went back, and what ends that."""
    return (
        f"the clock of this machine is {seconds / 60:.0f} minutes behind the newest time in the store "
        f"({newest:%Y-%m-%d %H:%M} UTC); nothing leaves before it has caught up, or somebody confirms it by "
        "resume-campaign"
    )
