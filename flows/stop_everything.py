"""Pause every campaign at once."""

from schemas.form import Actor
from tasks import control
from tasks.outcome_pages import publish_stopped
from tasks.refusals import flow


@flow(name="stop-everything")
def stop_everything(actor: Actor, reason: str) -> str:
    """Pause every campaign that is on its way, marketing and alerts; resume-campaign lets each go on by itself.

    Automatic answers, notices to the team and tests still leave: configure-auto-responder switches the answers off.

    Args:
        actor: Who stops it all.
        reason: Why, for the history.
    """
    line = control.stop_everything(actor, reason)
    publish_stopped(line)
    return line
