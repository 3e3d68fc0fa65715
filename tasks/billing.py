"""The balance of a gateway, and the costs of a month."""

from prefect import task

from campanile.pages.month import month_file, month_page
from campanile.pages.result_views import MonthView
from campanile.services.billing import alert_rules, alerts, balance, forecast, month
from campanile.services.inbound.responder_state import remind_of_responder
from tasks.artifacts import publish
from tasks.context import GATEWAY_READ, as_task, current_context

add_top_up = as_task(balance.add_top_up, task_run_name="top up {gateway}")
set_alert_rule = as_task(alert_rules.set_alert_rule, task_run_name="set the alert of {gateway}")
fail_if_undelivered = as_task(alerts.fail_if_undelivered)
read_month = as_task(month.read_month, task_run_name="read the costs of {month}")


@task(**GATEWAY_READ)
def watch_balance(gateway: str) -> str:
    """Read the balance and alert once per crossing, also of the forecast; return one line."""
    remind_of_responder(current_context())
    line = balance.watch_balance(current_context(), gateway)
    forecast.watch_forecast(current_context(), gateway)
    return line


@task
def publish_month(view: MonthView) -> str:
    """Publish the report of a month, write its HTML file, and return the page."""
    context = current_context()
    page = month_page(view, context.settings.zone)
    month.write_month_page(view, month_file(view, context.settings.zone, context.simulation_note))
    publish(f"month-{view.month}", page, f"Costs of {view.month}")
    return page
