"""Record an opt-out that a colleague received: by telephone, by mail, in the shop."""

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
    """Record that a person wants no messages any more; this applies at once, to every campaign.

    Args:
        number: The number, in any usual form. Prefect stores it as a parameter of the run.
        source: How the person said so.
        actor: Who records it.
        note: Anything useful, such as a ticket number.
        said_at: When the person said so, such as 2026-11-22 14:30, in the team's time zone. Empty: now.
    """
    is_new = record_told_opt_out(number, source, actor, note or None, said_at or None)
    publish_opt_out(number, is_new)
    return is_new
