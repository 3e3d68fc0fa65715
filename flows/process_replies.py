"""Read replies: STOPs first, then the automatic answers."""

from schemas.form import OptionalText
from tasks.context import current_context
from tasks.inbound import plan_answers, send_waiting_alerts, sync_opt_outs
from tasks.outcome_pages import publish_replies
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.sending import send_system_messages
from tasks.watch import watched


@flow(name="process-replies")
@one_at_a_time()
def process_replies(gateway: OptionalText = "") -> dict[str, int]:
    """Apply every STOP and START, then answer the other replies if the auto-responder is on; machines get no answer.

    Args:
        gateway: The gateway to ask. Empty: the one in the settings.
    """
    gateway = gateway or current_context().settings.gateway
    with watched("process-replies", is_scheduled=gateway == current_context().settings.gateway):
        sync_opt_outs(gateway)
        answers = plan_answers(gateway)
        send_system_messages("auto_reply", gateway)
        if {"capped", "balance_low"} & answers.keys():
            send_waiting_alerts()
        publish_replies(gateway)
    return answers
