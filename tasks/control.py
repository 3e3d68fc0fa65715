"""Hands on campaigns on their way: pause, resume, stop everything; and what a cancelled run means."""

from collections.abc import Mapping
from typing import Any

from prefect import Flow, get_run_logger, task
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger
from prefect.settings import PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings

from sms.wording import count_text
from store.control import pause, pause_of_run, resume, stop_everything
from tasks.events import announce
from tasks.house import visit_store
from tasks.names import reasoned, signed
from tasks.pages import local_time
from tasks.send import publish_progress
from tasks.settings import settings


@task(task_run_name="pause {campaign}")
def hold(campaign: str, name: str, reason: str) -> str:
    """Pause a campaign; return one line.

    Raises:
        CampaignError: it cannot be paused, or nobody says who does it and why.
    """
    who, why = signed(name), reasoned(reason)
    with visit_store() as visit:
        held = pause(visit, campaign, who, why)
    announce("paused", held, actor=who)
    line = f"{campaign} is paused: nothing more of it leaves until resume-campaign"
    get_run_logger().info(line)
    return line


@task(task_run_name="resume {campaign}")
def let_go(campaign: str, name: str, reason: str) -> str:
    """Resume a paused campaign; return one line.

    Raises:
        CampaignError: it is not paused, or nobody says who does it.
    """
    who = signed(name)
    with visit_store() as visit:
        margin = settings().clock_margin_seconds
        resumed = resume(visit, campaign, who, reason.strip(), clock_margin_seconds=margin)
        is_due = resumed["due_at"] <= visit.at
    when = "now" if is_due else f"at {local_time(resumed['due_at'], settings().zone)} ({settings().team_zone})"
    line = f"{campaign} is {resumed['state']} again and goes on {when}"
    get_run_logger().info(line)
    return line


@task(task_run_name="stop everything")
def hold_all(name: str, reason: str) -> str:
    """Pause every campaign that may still leave; return one line.

    Raises:
        CampaignError: nobody says who does it and why.
    """
    who, why = signed(name), reasoned(reason)
    with visit_store() as visit:
        names = stop_everything(visit, who, why)
        held = [visit.row("campaign.find", name=campaign) or {} for campaign in names]
    for campaign in held:
        announce("paused", campaign, actor=who)
        publish_progress(campaign["name"], return_state=True)  # a page that is not drawn holds nobody up
    what = f"{count_text(len(names), 'campaign')} paused: {', '.join(names)}" if names else "no campaign was on its way"
    line = f"{what}. Marketing and alerts are held; automatic answers, notices to the team and tests are not"
    get_run_logger().info(line)
    return line


def pause_cancelled_run(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Pause the campaign of a send run that somebody cancels: an ``on_cancellation`` hook."""
    campaign = (flow_run.parameters or {}).get("campaign")
    if isinstance(campaign, str) and hold_cancelled(campaign, flow_run):
        flow_run_logger(flow_run, flow).info("%s is paused, for its run was cancelled", campaign)
        with temporary_settings({PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}):  # no run surrounds a hook
            publish_progress(campaign, return_state=True)


def hold_cancelled(campaign: str, run: FlowRun) -> bool:
    """Pause a cancelled run's campaign, unless it is over, held already or in another run's hands; tell whether."""
    with visit_store() as visit:
        held: Mapping[str, Any] | None = pause_of_run(
            visit, campaign, str(run.id), f"its run {run.name} was cancelled in Prefect"
        )
    if held is not None:
        announce("paused", held, actor="prefect")
    return held is not None
