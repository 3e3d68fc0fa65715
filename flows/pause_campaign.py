"""Hold a campaign at once; what has left has left, and the rest waits for resume-campaign."""

from schemas.form import CampaignName
from tasks.control import hold
from tasks.refusals import flow
from tasks.send import publish_progress


@flow(name="pause-campaign")
def pause_campaign(campaign: CampaignName, name: str, reason: str) -> str:
    """Hold a campaign: what is being handed over right now may still leave, and nothing after it.

    Args:
        campaign: The campaign's name, or its key.
        name: Who pauses it.
        reason: Why, for the history.
    """
    line = hold(campaign, name, reason)
    publish_progress(campaign)
    return line
