"""The row of a campaign: which fields of its draft are columns of the store."""

from campanile.sms.schedule.forecast import Timing
from campanile.store.campaigns.writer import CampaignRow
from schemas.draft import CampaignDraft


def campaign_row_of(draft: CampaignDraft, timing: Timing, is_sample: bool) -> CampaignRow:
    """Return the campaign row of a draft."""
    return CampaignRow(
        name=draft.name,
        kind=draft.kind,
        gateway=draft.gateway,
        policy=draft.policy,
        sender_id=draft.sender_id,
        requested_service=draft.requested_service,
        is_sample=is_sample,
        draft=draft,
        due_at=timing.due_at,
        actor=draft.actor,
        emergency_reason=draft.emergency_reason,
        offer_ends_at=timing.expiry_rules.offer_ends_at,
        if_closed=draft.if_closed,
        max_lateness_hours=draft.max_lateness,
        not_before=timing.not_before,
    )
