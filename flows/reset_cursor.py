"""Read a gateway's replies, opt-outs or delivery reports again from their beginning."""

from typing import Literal

from schemas.form import Actor
from tasks.inbound import reset_history
from tasks.outcome_pages import publish_reset
from tasks.refusals import flow


@flow(name="reset-cursor")
def reset_cursor(
    gateway: str, history: Literal["replies", "opt_outs", "delivery_reports"], actor: Actor, reason: str
) -> str:
    """Give up how far a history was read, so that the next run reads all of it again; what is known is kept once.

    Nothing is sent before replies and opt-outs were read to their end again.

    Args:
        gateway: The gateway, by the name that campaigns give.
        history: What is read again.
        actor: Your name.
        reason: Why, for the history.
    """
    line = reset_history(gateway, history, actor, reason)
    publish_reset(line)
    return line
