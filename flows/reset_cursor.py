"""Read a gateway's replies, opt-outs or delivery reports again from the beginning."""

from typing import Literal

from schemas.form import Actor
from tasks.inbound import reset_history
from tasks.outcome_pages import publish_outcome
from tasks.refusals import flow


@flow(name="reset-cursor")
def reset_cursor(
    gateway: str, history: Literal["replies", "opt_outs", "delivery_reports"], actor: Actor, reason: str
) -> str:
    """Forget how far a history was read, so that the next run reads all of it again; no entry is stored twice.

    Nothing is sent before replies and opt-outs have been read to their end again.

    Args:
        gateway: The gateway, by its name in the campaigns.
        history: What is read again.
        actor: Your name.
        reason: Why, for the history.
    """
    line = reset_history(gateway, history, actor, reason)
    publish_outcome("histories", line)
    return line
