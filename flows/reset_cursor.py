"""Read a gateway's replies, opt-outs or delivery reports again from their beginning."""

from typing import Literal

from tasks.history import reset_history
from tasks.refusals import flow
from tasks.run_pages import publish_reset


@flow(name="reset-cursor")
def reset_cursor(
    gateway: str, name: Literal["replies", "opt_outs", "delivery_reports"], actor: str, reason: str
) -> str:
    """Give up how far a history was read, so that the next run reads all of it again; what is known is kept once.

    Nothing is sent before replies and opt-outs were read to their end again.

    Args:
        gateway: The gateway, by the name that campaigns give.
        name: What is read again.
        actor: Your name.
        reason: Why, for the history.
    """
    line = reset_history(gateway, name, actor, reason)
    publish_reset(line)
    return line
