"""Replies in: STOPs first, then the automatic answers."""

from prefect import flow

from schemas.form import OptionalText
from tasks.inbound import alert_capped, plan_answers, read_stops
from tasks.send import send_own_messages
from tasks.settings import settings


@flow(name="process-replies")
def process_replies(gateway: OptionalText = "") -> dict[str, int]:
    """Honour every STOP and START, then answer the other replies if the auto-responder is on, machines aside.

    Args:
        gateway: The gateway to ask. Empty: the one in the settings.
    """
    gateway = gateway or settings().gateway
    read_stops(gateway)
    answers = plan_answers(gateway)
    send_own_messages("auto_reply", gateway)
    if "capped" in answers:
        alert_capped(gateway)
    return answers
