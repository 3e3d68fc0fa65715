"""Expire what could not leave in time: it never left, and it is reported."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sms.expiry import EXPIRY_REASONS, Patience, expiry_reason, patience_of
from store.answers import cancel_silent
from store.database import Transaction


def expire_late(visit: Transaction, campaign: Mapping[str, Any], opens_at: Callable[[str, datetime], datetime]) -> int:
    """Expire the planned messages of a campaign that can no longer leave in time; return how many.

    Automatic answers do not expire: those that the auto-responder outlived are cancelled.

    Args:
        visit: the open transaction.
        campaign: its row.
        opens_at: when a place may be written to, from a moment on.
    """
    cancel_silent(visit, campaign)
    patience = patience_of(campaign)
    if patience == Patience():
        return 0
    count = 0
    for waiting in visit.rows("slice.waiting", campaign_id=campaign["campaign_id"]):
        time_at = waiting["not_before"] or campaign["first_due_at"] or visit.at
        leaves_at = opens_at(waiting["window_key"], max(visit.at, time_at))
        reason = expiry_reason(visit.at, time_at, leaves_at, patience)
        if reason is not None:
            count += _expire(visit, campaign, waiting, reason)
    return count


def _expire(visit: Transaction, campaign: Mapping[str, Any], waiting: Mapping[str, Any], reason: str) -> int:
    same = {
        "campaign_id": campaign["campaign_id"],
        "window_key": waiting["window_key"],
        "not_before": waiting["not_before"],
    }
    first_event_id = visit.value("event.next_id")
    words = EXPIRY_REASONS[reason]
    count = visit.run("event.expire", first_event_id=first_event_id, reason=words, at=visit.at, **same)
    visit.run("slice.expire", **same)
    return count
