"""Pause every campaign at once."""

from schemas.form import Actor
from tasks import control
from tasks.outcome_pages import publish_stopped
from tasks.refusals import flow


@flow(name="stop-everything")
def stop_everything(actor: Actor, reason: str) -> str:
    """Pause every campaign that can still send, marketing and alerts; resume-campaign resumes one of them.

    Automatic answers, notices to the team and tests are still sent: configure-auto-responder switches the answers off.

    Args:
        actor: Who stops everything.
        reason: Why, for the history.
    """
    line = control.stop_everything(actor, reason)
    publish_stopped(line)
    return line
