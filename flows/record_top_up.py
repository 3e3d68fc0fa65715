"""Credit bought at a provider that does not tell how much is left."""

from tasks.balance import add_top_up, watch_balance
from tasks.refusals import flow
from tasks.run_pages import publish_balance


@flow(name="record-top-up")
def record_top_up(gateway: str, amount: float, name: str) -> str:
    """Add what was bought to the balance that Campanile keeps for a gateway that tells none; the first is its start.

    Args:
        gateway: The gateway, by the name that campaigns give.
        amount: What was bought, in the unit of its prices. A negative one takes a mistake back.
        name: Who records it.
    """
    add_top_up(gateway, amount, name)
    line = watch_balance(gateway)
    publish_balance(gateway, line)
    return line
