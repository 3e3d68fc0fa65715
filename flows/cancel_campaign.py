"""Cancel a campaign: free until the first message leaves, and after it, all that has not left."""

from schemas.form import Actor, CampaignName
from tasks.approval import cancel_rest
from tasks.refusals import flow
from tasks.sending import publish_progress


@flow(name="cancel-campaign")
def cancel_campaign(campaign: CampaignName, reason: str, actor: Actor = "team") -> str:
    """Cancel what has not left of a campaign.

    Args:
        campaign: The campaign's name, or its key.
        reason: Why, for the history.
        actor: Who cancels it.
    """
    state = cancel_rest(campaign, reason, actor)
    publish_progress(campaign)
    return state
