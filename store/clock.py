"""The wall clock as the store has seen it: whether it went back, and who says that this is right.

Marketing that leaves by a clock that was set back leaves outside its hours. So what the store has recorded is
compared with the clock at each claim; the order of two records is never read from it.
"""

from datetime import UTC, datetime

from store.database import Transaction
from store.operators import put_setting

_CONFIRMED = "clock_confirmed"


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


def behind_words(newest: datetime, seconds: float) -> str:
    """Say that the clock went back, and what ends that."""
    return (
        f"the clock of this machine is {seconds / 60:.0f} minutes behind the newest time in the store "
        f"({newest:%Y-%m-%d %H:%M} UTC); nothing leaves before it has caught up, or somebody confirms it by "
        "resume-campaign"
    )
