"""Rows of campaigns: one class per table or query, one field per column."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from campanile.sms.errors import CampaignError
from campanile.sms.rules.auto_reply import NO_POLICY
from campanile.sms.schedule.expiry import ExpiryRules
from campanile.sms.states import CampaignKind, CampaignState
from schemas.draft import CampaignDraft

#: The stored draft of Campanile's own campaigns: no person wrote one.
_NO_DRAFT = "{}"


@lru_cache(maxsize=32)
def parse_stored_draft(stored: str) -> CampaignDraft | None:
    """Return a draft from its stored JSON, or None for Campanile's own campaigns; callers share the object.

    Raises:
        ValidationError: it is not a draft.
    """
    return None if stored == _NO_DRAFT else CampaignDraft.model_validate_json(stored)


def stored_draft(draft: CampaignDraft | None) -> str:
    """Return a draft as JSON for the store."""
    return _NO_DRAFT if draft is None else draft.model_dump_json()


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of any kind; key ``campaign_id``.

    ``name`` is free again after a cancellation. ``draft`` is None for Campanile's own campaigns: automatic answers,
    notices and tests. ``approved_hash`` is None until the approval. ``first_due_at`` is the approved time; ``due_at``
    moves each time the campaign is parked.
    """

    campaign_id: int
    name: str
    kind: CampaignKind
    state: CampaignState
    version: int
    gateway: str
    policy: str
    sender_id: str
    requested_service: bool
    is_sample: bool
    draft: CampaignDraft | None
    recap_hash: str | None
    approved_hash: str | None
    is_stopped: bool
    due_at: datetime | None
    state_reason: str | None
    created_at: datetime
    updated_at: datetime
    stale_reason: str | None
    emergency_reason: str | None
    offer_ends_at: datetime | None
    first_due_at: datetime | None
    if_closed: str
    max_lateness_hours: float | None

    @property
    def has_windows(self) -> bool:
        """Whether sending hours bind it: marketing always, automatic answers if the team chose a policy for them."""
        is_bound = self.kind == CampaignKind.AUTO_REPLY and self.policy != NO_POLICY
        return self.kind == CampaignKind.MARKETING or is_bound

    @property
    def title(self) -> str | None:
        """The title that people gave, if it differs from the name."""
        return self.draft.title if self.draft else None

    @property
    def own_draft(self) -> CampaignDraft:
        """The draft of a campaign that a person prepared."""
        if self.draft is None:
            raise CampaignError(f"{self.name} is Campanile's own campaign ({self.kind}): it has no draft")
        return self.draft

    @property
    def text(self) -> str:
        """The text of its draft; empty without a draft."""
        return self.draft.text if self.draft else ""

    @property
    def expiry_rules(self) -> ExpiryRules:
        """When its messages expire."""
        hours = self.max_lateness_hours
        max_lateness = None if hours is None else timedelta(hours=hours)
        return ExpiryRules(self.offer_ends_at, max_lateness, self.if_closed == "drop")


class Staying(NamedTuple):
    """How many messages of a recap are not sent: because of an opt-out, and because the number does not exist."""

    opted_out_count: int
    dead_count: int
