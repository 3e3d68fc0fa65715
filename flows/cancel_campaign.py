"""Cancel a campaign: free before the first message is sent; afterwards, the messages that are not sent yet."""

from schemas.form import Actor, CampaignName
from tasks.approval import cancel_rest
from tasks.refusals import flow
from tasks.sending import publish_progress


@flow(name="cancel-campaign")
def cancel_campaign(campaign: CampaignName, reason: str, actor: Actor = "team") -> str:
    """Cancel the messages of a campaign that are not sent yet.

    Args:
        campaign: The campaign's name, or its key.
        reason: Why, for the history.
        actor: Who cancels it.
    """
    state = cancel_rest(campaign, reason, actor)
    publish_progress(campaign)
    return state
