"""An opt-out that a person told a colleague: on the telephone, by mail, in the shop."""

from datetime import datetime
from typing import Annotated, Literal

from prefect import flow

from schemas.form import AsBox, OptionalText
from tasks.lists import record_stop

Source = Literal["phone", "mail", "letter", "shop", "web", "other"]


@flow(name="record-opt-out")
def record_opt_out(
    number: str, source: Source, name: str, note: OptionalText = "", said_at: Annotated[datetime | None, AsBox()] = None
) -> bool:
    """Record that somebody does not want messages any more; it binds at once, for every campaign.

    Args:
        number: The number, as people write it. Prefect keeps it as the run's parameter.
        source: How the person said so.
        name: Who records it.
        note: What is worth remembering, such as the number of the ticket.
        said_at: When the person said so. Empty: now.
    """
    return record_stop(number, source, name, note or None, said_at)
