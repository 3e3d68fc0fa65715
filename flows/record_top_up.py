"""Record credit bought at a provider that does not report its balance."""

from typing import Literal

from schemas.form import Actor
from tasks.billing import add_top_up, watch_balance
from tasks.outcome_pages import publish_balance
from tasks.refusals import flow


@flow(name="record-top-up")
def record_top_up(gateway: str, amount: float, actor: Actor, kind: Literal["top-up", "refund"] = "top-up") -> str:
    """Add bought credit to the balance that Campanile keeps for a gateway without one. The first top-up is its start.

    Args:
        gateway: The gateway, by its name in the campaigns.
        amount: What was bought, in the unit of its prices. A negative amount corrects a mistake.
        actor: Who records it.
        kind: refund: what the provider credited back; also for a gateway that reports its balance.
    """
    add_top_up(gateway, amount, actor, kind)
    line = watch_balance(gateway)
    publish_balance(gateway, line)
    return line
