"""Rows of the store as tests need them: whole, with the fields that a test is about changed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from campanile.sms.states import CampaignKind, CampaignState
from schemas.campaign_rows import Campaign
from schemas.draft import CampaignDraft
from schemas.recap_rows import Recap

AT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # a Monday, 08:00 in Paris
RECAP_HASH = "0123456789abcdef"


def draft(**changes: Any) -> CampaignDraft:
    """Return the draft of a campaign."""
    known = {"name": "soldes", "text": "Bonjour", "sender_id": "36180", "actor": "camille"}
    return CampaignDraft.model_validate(known | changes)


def campaign(**changes: Any) -> Campaign:
    """Return a prepared marketing campaign."""
    known = {
        "campaign_id": 1,
        "name": "soldes",
        "kind": CampaignKind.MARKETING,
        "state": CampaignState.PREPARED,
        "version": 1,
        "gateway": "sandbox",
        "policy": "fr-strict",
        "sender_id": "36180",
        "requested_service": False,
        "is_sample": False,
        "draft": draft(),
        "recap_hash": RECAP_HASH,
        "approved_hash": None,
        "is_stopped": False,
        "due_at": None,
        "state_reason": None,
        "created_at": AT,
        "updated_at": AT,
        "stale_reason": None,
        "emergency_reason": None,
        "offer_ends_at": None,
        "first_due_at": None,
        "if_closed": "next_opening",
        "max_lateness_hours": None,
    }
    return Campaign(**(known | changes))


def recap(**changes: Any) -> Recap:
    """Return the recap of 1 510 messages."""
    known = {
        "campaign_id": 1,
        "version": 1,
        "recap_hash": RECAP_HASH,
        "header": {},
        "details": {},
        "audience_mark": None,
        "audience_count": 1600,
        "message_count": 1510,
        "exclusion_count": 90,
        "segment_count": 2611,
        "total_price": Decimal("118.610000"),
        "unit": "EUR",
        "prepared_at": AT,
    }
    return Recap(**(known | changes))
