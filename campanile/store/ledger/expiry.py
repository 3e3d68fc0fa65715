"""Expire messages that can no longer be sent in time: they are never sent, and the results show them."""

from collections.abc import Callable
from datetime import datetime

from campanile.sms.schedule.expiry import EXPIRY_REASONS, ExpiryRules, expiry_reason
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import cancel_silent
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import WaitingWindow


def expire_late(tx: Transaction, campaign: Campaign, opens_at: Callable[[str, datetime], datetime]) -> int:
    """Expire the planned messages of a campaign that can no longer be sent in time; return how many.

    Automatic answers do not expire: they are cancelled when the auto-responder is off.

    Args:
        tx: the open transaction.
        campaign: its row.
        opens_at: returns when a window key opens, from a time on.
    """
    cancel_silent(tx, campaign)
    expiry_rules = campaign.expiry_rules
    if expiry_rules == ExpiryRules():
        return 0
    count = 0
    for waiting in tx.select(WaitingWindow, "slice.waiting", campaign_id=campaign.campaign_id):
        time_at = waiting.not_before or campaign.first_due_at or tx.at
        next_at = opens_at(waiting.window_key, max(tx.at, time_at))
        reason = expiry_reason(tx.at, time_at, next_at, expiry_rules)
        if reason is not None:
            count += _expire(tx, campaign, waiting, reason)
    return count


def _expire(tx: Transaction, campaign: Campaign, waiting: WaitingWindow, reason: str) -> int:
    same = {
        "campaign_id": campaign.campaign_id,
        "window_key": waiting.window_key,
        "not_before": waiting.not_before,
    }
    first_event_id = tx.value("event.next_id")
    words = EXPIRY_REASONS[reason]
    count = tx.run("event.expire", first_event_id=first_event_id, reason=words, at=tx.at, **same)
    tx.run("slice.expire", **same)
    return count
