"""Pause, resume and stop campaigns; pause the campaign of a cancelled run."""

from typing import Any

from prefect import Flow, task
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger
from prefect.settings import PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW, temporary_settings

from campanile.services.sending import pause
from tasks.context import as_task, current_context
from tasks.events import announce
from tasks.sending import publish_progress

resume_campaign = as_task(pause.resume_campaign, task_run_name="resume {campaign}")


@task(task_run_name="pause {campaign}")
def pause_campaign(campaign: str, actor: str, reason: str) -> str:
    """Pause a campaign; return one line."""
    line, paused = pause.pause_campaign(current_context(), campaign, actor, reason)
    announce("paused", paused, actor=actor)
    return line


@task(task_run_name="stop everything")
def stop_everything(actor: str, reason: str) -> str:
    """Pause every campaign that can still send; return one line."""
    line, paused = pause.stop_everything(current_context(), actor, reason)
    for campaign in paused:
        announce("paused", campaign, actor=actor)
        publish_progress(campaign.name, return_state=True)  # a page that fails must not stop the loop
    return line


def pause_cancelled_run(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Pause the campaign of a cancelled send run: an ``on_cancellation`` hook."""
    campaign = (flow_run.parameters or {}).get("campaign")
    if isinstance(campaign, str) and pause_after_cancel(campaign, flow_run):
        flow_run_logger(flow_run, flow).info("%s is paused: its run was cancelled", campaign)
        with temporary_settings({PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore"}):  # a hook runs outside a run
            publish_progress(campaign, return_state=True)


def pause_after_cancel(campaign: str, run: FlowRun) -> bool:
    """Pause a cancelled run's campaign, unless it is over, paused, or sent by another run; return whether it was."""
    paused = pause.pause_after_cancel(current_context(), campaign, str(run.id), run.name)
    if paused is not None:
        announce("paused", paused, actor="prefect")
    return paused is not None
