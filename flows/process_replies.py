"""Replies in: STOPs first, then the automatic answers."""

from schemas.form import OptionalText
from tasks.alerts import send_waiting_alerts
from tasks.inbound import plan_answers, read_stops
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.run_pages import publish_replies
from tasks.send import send_own_messages
from tasks.settings import settings
from tasks.watch import watched


@flow(name="process-replies")
@one_at_a_time()
def process_replies(gateway: OptionalText = "") -> dict[str, int]:
    """Honour every STOP and START, then answer the other replies if the auto-responder is on, machines aside.

    Args:
        gateway: The gateway to ask. Empty: the one in the settings.
    """
    gateway = gateway or settings().gateway
    with watched("process-replies", is_scheduled=gateway == settings().gateway):
        read_stops(gateway)
        answers = plan_answers(gateway)
        send_own_messages("auto_reply", gateway)
        if "capped" in answers:
            send_waiting_alerts()
        publish_replies(gateway)
    return answers
