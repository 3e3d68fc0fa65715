"""Resume a paused campaign, at once if it is due."""

from flows.send_campaign import send_campaign
from schemas.form import Actor, CampaignName, OptionalText
from tasks import control
from tasks.dispatch import find_due, start_runs
from tasks.refusals import flow
from tasks.sending import publish_progress


@flow(name="resume-campaign")
def resume_campaign(campaign: CampaignName, actor: Actor, reason: OptionalText = "") -> str:
    """Resume a paused campaign: it is sent at once if it is due, else at the time that it waits for.

    Args:
        campaign: The campaign's name, or its key.
        actor: Who resumes it.
        reason: Why, for the history.
    """
    line = control.resume_campaign(campaign, actor, reason)
    publish_progress(campaign)
    start_runs(find_due(campaign), send_campaign)
    return line
