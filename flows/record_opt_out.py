"""An opt-out that a person told a colleague: on the telephone, by mail, in the shop."""

from typing import Literal

from schemas.form import OptionalText
from tasks.lists import record_stop
from tasks.refusals import flow
from tasks.run_pages import publish_opt_out

Source = Literal["phone", "mail", "letter", "shop", "web", "other"]


@flow(name="record-opt-out")
def record_opt_out(number: str, source: Source, name: str, note: OptionalText = "", said_at: OptionalText = "") -> bool:
    """Record that somebody does not want messages any more; it binds at once, for every campaign.

    Args:
        number: The number, as people write it. Prefect keeps it as the run's parameter.
        source: How the person said so.
        name: Who records it.
        note: What is worth remembering, such as the number of the ticket.
        said_at: When the person said so, such as 2026-11-22 14:30, in the team's time zone. Empty: now.
    """
    is_new = record_stop(number, source, name, note or None, said_at or None)
    publish_opt_out(number, is_new)
    return is_new
