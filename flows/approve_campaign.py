"""Approve a campaign by the hash of its recap."""

from flows.send_campaign import send_campaign
from schemas.form import Actor, CampaignName, OptionalText
from tasks.approval import approve_recap, publish_approval
from tasks.dispatch import find_due, start_runs
from tasks.refusals import flow


@flow(name="approve-campaign")
def approve_campaign(
    campaign: CampaignName, recap_hash: str, actor: Actor, code: OptionalText = "", figures: OptionalText = ""
) -> str:
    """Approve a campaign: from then on it is locked, its credit is committed, and it is sent at its time.

    Args:
        campaign: The campaign's name, or its key.
        recap_hash: The hash that its recap shows; the first eight characters are enough.
        actor: Who approves it.
        code: If approvers have secrets: what `python -m campanile.approval_code` prints for the whole hash.
        figures: The number of messages and their price, filled in by the recap's link; other figures are refused.
    """
    approved = approve_recap(campaign, recap_hash, actor, code, figures)
    publish_approval(approved, actor)
    start_runs(find_due(campaign), send_campaign)
    return str(approved.campaign.recap_hash)
