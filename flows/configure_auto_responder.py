"""Switch the auto-responder, and give it its words."""

from datetime import datetime
from typing import Literal

from campanile.sms.rules.auto_reply import AutoResponder
from schemas.form import Actor
from tasks.inbound import set_auto_responder
from tasks.outcome_pages import publish_auto_responder
from tasks.refusals import flow


@flow(name="configure-auto-responder")
def configure_auto_responder(
    enabled: bool = True,
    text: str = "",
    once_per: Literal["reply", "day"] = "reply",
    daily_cap: int = 500,
    valid_until: datetime | None = None,
    actor: Actor = "team",
    person_cap: int = 5,
) -> str:
    """Set the automatic answer to every reply but refusals and machines. Each answer costs a normal SMS.

    Args:
        enabled: Off: replies are kept, nobody is answered.
        text: What is answered.
        once_per: Answer each reply, or a person once a day.
        daily_cap: Answers in 24 hours at most; reached, an alert goes out.
        valid_until: From then on it is off.
        actor: Who sets it.
        person_cap: Answers to one person in 24 hours at most, so that two machines do not answer each other for ever.
    """
    responder = AutoResponder(enabled, text, once_per, daily_cap, valid_until, person_cap)
    line = set_auto_responder(responder, actor)
    publish_auto_responder(line)
    return line
