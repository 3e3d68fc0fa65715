"""Pause a campaign at once: accepted messages stay accepted, the rest waits for resume-campaign."""

from schemas.form import Actor, CampaignName
from tasks import control
from tasks.refusals import flow
from tasks.sending import publish_progress


@flow(name="pause-campaign")
def pause_campaign(campaign: CampaignName, actor: Actor, reason: str) -> str:
    """Pause a campaign: messages in flight may still be accepted; nothing else is sent.

    Args:
        campaign: The campaign's name, or its key.
        actor: Who pauses it.
        reason: Why, for the history.
    """
    line = control.pause_campaign(campaign, actor, reason)
    publish_progress(campaign)
    return line
