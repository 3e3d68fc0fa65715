"""Record the decision of a person on a doubtful reply."""

from campanile.services.context import Context
from campanile.services.input_checks import require_actor
from campanile.sms.errors import CampaignError
from campanile.store.contacts.opt_outs import settle_reply

_VERDICTS = ("lift", "keep")


def settle_doubtful(context: Context, reply_id: int, verdict: str, actor: str) -> str:
    """Settle a doubtful reply; return one line with the result.

    Raises:
        CampaignError: there is no such doubtful reply, the verdict is unknown, or actor is empty.
    """
    if verdict not in _VERDICTS:
        raise CampaignError(f"verdict {verdict!r} is not valid; give one of {', '.join(_VERDICTS)}")
    actor = require_actor(actor)
    with context.transaction() as tx:
        other_source = settle_reply(tx, reply_id, "lift" if verdict == "lift" else "keep", actor)
    if other_source is None:
        line = f"reply {reply_id}: the person may be written to again"
    elif verdict == "keep":
        line = f"reply {reply_id}: the person stays opted out"
    else:
        line = f"reply {reply_id} is lifted; the person stays opted out by another opt-out ({other_source})"
    context.log.info(line)
    return line
