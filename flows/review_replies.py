"""List the doubtful replies, and settle them by a named person."""

from typing import Literal

from schemas.form import OptionalActor, OptionalNumber
from tasks.inbound import publish_doubtful, settle_doubtful
from tasks.refusals import flow


@flow(name="review-replies")
def review_replies(
    reply_id: OptionalNumber = 0, verdict: Literal["", "lift", "keep"] = "", actor: OptionalActor = ""
) -> str:
    """List the replies that may be refusals, or settle one of them. Until then their senders get no message.

    Args:
        reply_id: The reply to settle, by its number on the page. Empty: only list them.
        verdict: lift: it was no refusal, and the person may get messages again. keep: it was one.
        actor: Who settles it.
    """
    if reply_id:
        settle_doubtful(reply_id, verdict, actor)
    return publish_doubtful()
