"""The balance of a gateway, and the costs of a month."""

from prefect import task

from campanile.pages.month import month_file, month_page
from campanile.pages.result_views import MonthView
from campanile.services.billing import balance, month
from campanile.services.inbound.responder_state import remind_of_responder
from tasks.artifacts import publish
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


@task(task_run_name="read the costs of {month_name}")
def read_month(month_name: str, invoice: str, gateway: str) -> MonthView:
    """Return the costs of a month, with the comparison of an invoice if there is one."""
    return month.read_month(current_context(), month_name, invoice, gateway)


@task
def publish_month(view: MonthView) -> str:
    """Publish the report of a month, write its HTML file, and return the page."""
    context = current_context()
    page = month_page(view, context.settings.zone)
    month.write_month_page(view, month_file(view, context.settings.zone, context.simulation_note))
    publish(f"month-{view.month}", page, f"Costs of {view.month}")
    return page
