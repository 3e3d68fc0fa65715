"""Expiry rules: a message that cannot be sent in time expires, and is never sent late."""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Reasons why a message expired unsent, with the texts of the report.
EXPIRY_REASONS = {
    "offer_ended": "the offer had ended",
    "too_late": "its time had passed by more than the draft allows",
    "closed": "its territory was closed, and the draft does not wait for the next opening",
}


@dataclass(frozen=True, slots=True)
class ExpiryRules:
    """How long a campaign's messages wait; ``drops_if_closed``: they do not wait for a later opening."""

    offer_ends_at: datetime | None = None
    max_lateness: timedelta | None = None
    drops_if_closed: bool = False


def last_moment(time_at: datetime, expiry_rules: ExpiryRules) -> datetime | None:
    """Return from when on a message with the time ``time_at`` must not be sent any more; None: it waits for ever.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> last_moment(noon, ExpiryRules(max_lateness=timedelta(hours=2))).hour
    14
    """
    ends = [expiry_rules.offer_ends_at] if expiry_rules.offer_ends_at is not None else []
    ends += [time_at + expiry_rules.max_lateness] if expiry_rules.max_lateness is not None else []
    return min(ends, default=None)


def expiry_reason(at: datetime, time_at: datetime, leaves_at: datetime, expiry_rules: ExpiryRules) -> str | None:
    """Return why a message expires; None: it may still be sent in time.

    Args:
        at: now.
        time_at: when it should be sent.
        leaves_at: when it may be sent at the earliest, now or at the next opening of its territory.
        expiry_rules: how long it waits.

    >>> from datetime import UTC
    >>> noon, night = datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 11, 23, 22, tzinfo=UTC)
    >>> expiry_reason(noon, noon, night, ExpiryRules(offer_ends_at=night))
    'offer_ended'
    >>> expiry_reason(noon, noon, night, ExpiryRules(drops_if_closed=True))
    'closed'
    """
    if expiry_rules.offer_ends_at is not None and leaves_at >= expiry_rules.offer_ends_at:
        return "offer_ended"
    if expiry_rules.max_lateness is not None and leaves_at >= time_at + expiry_rules.max_lateness:
        return "too_late"
    if expiry_rules.drops_if_closed and leaves_at > max(at, time_at):
        return "closed"
    return None
