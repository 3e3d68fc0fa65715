"""An opt-out that a person told a colleague: on the telephone, by mail, in the shop."""

from typing import Literal

from schemas.form import Actor, OptionalText
from tasks.contacts import record_told_opt_out
from tasks.outcome_pages import publish_opt_out
from tasks.refusals import flow

Source = Literal["phone", "mail", "letter", "shop", "web", "other"]


@flow(name="record-opt-out")
def record_opt_out(
    number: str, source: Source, actor: Actor, note: OptionalText = "", said_at: OptionalText = ""
) -> bool:
    """Record that somebody does not want messages any more; it binds at once, for every campaign.

    Args:
        number: The number, as people write it. Prefect keeps it as the run's parameter.
        source: How the person said so.
        actor: Who records it.
        note: What is worth remembering, such as the number of the ticket.
        said_at: When the person said so, such as 2026-11-22 14:30, in the team's time zone. Empty: now.
    """
    is_new = record_told_opt_out(number, source, actor, note or None, said_at or None)
    publish_opt_out(number, is_new)
    return is_new
