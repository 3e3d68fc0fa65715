"""Pause and resume campaigns by hand; each function returns one line for the person who acts."""

from campanile.services.context import Context
from campanile.services.input_checks import require_actor, require_reason
from campanile.sms.text.formatting import count_text, local_time
from campanile.store.campaigns import pause
from campanile.store.campaigns.campaigns import find_campaign
from schemas.campaign_rows import Campaign


def pause_campaign(context: Context, campaign: str, actor: str, reason: str) -> tuple[str, Campaign]:
    """Pause a campaign; return one line and its row.

    Raises:
        CampaignError: it cannot be paused, or actor or reason is empty.
    """
    actor, why = require_actor(actor), require_reason(reason)
    with context.transaction() as tx:
        paused = pause.pause(tx, campaign, actor, why)
    line = f"{campaign} is paused: nothing more of it is sent until resume-campaign"
    context.log.info(line)
    return line, paused


def resume_campaign(context: Context, campaign: str, actor: str, reason: str) -> str:
    """Resume a paused campaign; return one line.

    Raises:
        CampaignError: it is not paused, or actor is empty.
    """
    actor, settings = require_actor(actor), context.settings
    with context.transaction() as tx:
        margin = settings.clock_margin_seconds
        resumed = pause.resume(tx, campaign, actor, reason.strip(), clock_margin_seconds=margin)
        is_due = resumed.due_at is None or resumed.due_at <= tx.at
    when = (
        "now"
        if resumed.due_at is None or is_due
        else f"at {local_time(resumed.due_at, settings.zone)} ({settings.team_zone})"
    )
    line = f"{campaign} is {resumed.state} again and continues {when}"
    context.log.info(line)
    return line


def stop_everything(context: Context, actor: str, reason: str) -> tuple[str, list[Campaign]]:
    """Pause every campaign that may still be sent; return one line and their rows.

    Raises:
        CampaignError: actor or reason is empty.
    """
    actor, why = require_actor(actor), require_reason(reason)
    with context.transaction() as tx:
        names = pause.stop_everything(tx, actor, why)
        paused = [find_campaign(tx, name) for name in names]
    what = (
        f"{count_text(len(names), 'campaign')} paused: {', '.join(names)}"
        if names
        else "no campaign was being sent or waiting"
    )
    line = f"{what}. Marketing and alerts are paused; automatic answers, notices to the team and tests are not"
    context.log.info(line)
    return line, paused


def pause_after_cancel(context: Context, campaign: str, run_id: str, run_name: str) -> Campaign | None:
    """Pause the campaign of a cancelled run; return its row.

    Returns:
        None when it is over, paused already, or another run sends it.
    """
    with context.transaction() as tx:
        return pause.pause_of_run(tx, campaign, run_id, f"its run {run_name} was cancelled in Prefect")
