"""Credit bought at a provider that does not tell how much is left."""

from schemas.form import Actor
from tasks.billing import add_top_up, watch_balance
from tasks.outcome_pages import publish_balance
from tasks.refusals import flow


@flow(name="record-top-up")
def record_top_up(gateway: str, amount: float, actor: Actor) -> str:
    """Add what was bought to the balance that Campanile keeps for a gateway that tells none; the first is its start.

    Args:
        gateway: The gateway, by the name that campaigns give.
        amount: What was bought, in the unit of its prices. A negative one takes a mistake back.
        actor: Who records it.
    """
    add_top_up(gateway, amount, actor)
    line = watch_balance(gateway)
    publish_balance(gateway, line)
    return line
