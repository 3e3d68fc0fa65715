"""Read delivery reports: states only move forward, even if reports come twice, late or in the wrong order."""

from schemas.form import OptionalText
from tasks.context import current_context
from tasks.inbound import sync_reports
from tasks.outcome_pages import publish_reports
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.watch import watched


@flow(name="collect-delivery-reports")
@one_at_a_time()
def collect_delivery_reports(gateway: OptionalText = "") -> dict[str, int]:
    """Read the delivery reports of accepted messages.

    Args:
        gateway: The gateway to ask. Empty: the one in the settings.
    """
    gateway = gateway or current_context().settings.gateway
    with watched("collect-delivery-reports", is_scheduled=gateway == current_context().settings.gateway):
        moved = sync_reports(gateway)
        publish_reports(gateway, moved)
    return moved
