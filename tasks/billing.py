"""The balance of a gateway."""

from prefect import task

from campanile.services.billing import balance
from campanile.services.inbound.responder_state import remind_of_responder
from tasks.context import current_context


@task(task_run_name="top up {gateway}")
def add_top_up(gateway: str, amount: float, actor: str) -> str:
    """Add credit bought at a gateway that does not report its balance; return one line."""
    return balance.add_top_up(current_context(), gateway, amount, actor)


@task(retries=2, retry_delay_seconds=[1, 3], tags=["gateway"])
def watch_balance(gateway: str) -> str:
    """Read the balance and alert once per crossing of the critical threshold; return one line."""
    remind_of_responder(current_context())
    return balance.watch_balance(current_context(), gateway)
