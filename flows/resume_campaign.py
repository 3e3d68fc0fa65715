"""Let a paused campaign go on, at once if it is due."""

from flows.send_campaign import send_campaign
from schemas.form import CampaignName, OptionalText
from tasks.control import let_go
from tasks.dispatch import find_due, start_runs
from tasks.refusals import flow
from tasks.send import publish_progress


@flow(name="resume-campaign")
def resume_campaign(campaign: CampaignName, name: str, reason: OptionalText = "") -> str:
    """Let a paused campaign go on: at once if its time has come, else at the hour it waits for.

    Args:
        campaign: The campaign's name, or its key.
        name: Who resumes it.
        reason: Why, for the history.
    """
    line = let_go(campaign, name, reason)
    publish_progress(campaign)
    start_runs(find_due(campaign), send_campaign)
    return line
