"""Switch the auto-responder on or off, and set its text."""

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
    policy: str = "none",
) -> str:
    """Set the automatic answer to every reply except refusals and replies of machines. Each answer costs a normal SMS.

    Args:
        enabled: Off: replies are stored, no answer is sent.
        text: The answer.
        once_per: Answer each reply, or each person once in 24 hours.
        daily_cap: The most answers in 24 hours; an alert is sent when it is reached.
        valid_until: The time at which it switches off.
        actor: Who sets it.
        person_cap: The most answers to one person in 24 hours, so that two machines do not answer each other for ever.
        policy: none - answers are sent at any hour, because they answer a person. Or a policy such as fr-strict: they
            wait for its sending hours at the recipient.
    """
    responder = AutoResponder(enabled, text, once_per, daily_cap, valid_until, person_cap, policy)
    line = set_auto_responder(responder, actor)
    publish_auto_responder(line)
    return line
