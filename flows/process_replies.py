"""Read replies, those of files and those of the gateway: STOPs first, then the automatic answers."""

from schemas.form import OptionalText
from tasks.contacts import fail_if_refused
from tasks.context import current_context
from tasks.inbound import (
    hand_over_replies,
    plan_answers,
    push_opt_outs,
    read_reply_files,
    send_waiting_alerts,
    sync_opt_outs,
)
from tasks.outcome_pages import publish_replies
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.sending import send_notices, send_system_messages
from tasks.watch import watched


@flow(name="process-replies")
@one_at_a_time()
def process_replies(gateway: OptionalText = "", path: OptionalText = "") -> dict[str, int]:
    """Apply every STOP and START, then answer the other replies if the auto-responder is on; machines get no answer.

    Args:
        gateway: The gateway to ask, and to which the replies of files belong. Empty: the one in the settings.
        path: One file of replies in the data folder. Empty: every stable file in `data/inbox/replies/`.
    """
    gateway = gateway or current_context().settings.gateway
    with watched("process-replies", is_scheduled=not path and gateway == current_context().settings.gateway):
        read, refused = read_reply_files(gateway, path or None)
        sync_opt_outs(gateway)
        answers = plan_answers(gateway)
        send_system_messages("auto_reply", gateway)
        send_notices(gateway)
        hand_over_replies()
        push_opt_outs(gateway)
        if {"capped", "balance_low"} & answers.keys():
            send_waiting_alerts()
        publish_replies(gateway, [*read, *refused])
    fail_if_refused(refused)
    return answers
