"""Switch the auto-responder, and give it its words."""

from datetime import datetime
from typing import Literal

from prefect import flow

from sms.auto_reply import AutoResponder
from tasks.inbound import set_auto_responder


@flow(name="configure-auto-responder")
def configure_auto_responder(
    enabled: bool = True,
    text: str = "",
    once_per: Literal["reply", "day"] = "reply",
    daily_cap: int = 500,
    valid_until: datetime | None = None,
    changed_by: str = "team",
) -> str:
    """Set the automatic answer to every reply but STOP. Each answer costs a normal SMS.

    Args:
        enabled: Off: replies are kept, nobody is answered.
        text: What is answered.
        once_per: Answer each reply, or a person once a day.
        daily_cap: Answers in 24 hours at most.
        valid_until: From then on it is off.
        changed_by: Who sets it.
    """
    return set_auto_responder(AutoResponder(enabled, text, once_per, daily_cap, valid_until), changed_by)
