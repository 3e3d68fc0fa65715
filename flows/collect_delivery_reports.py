"""Delivery reports in: they only move forward, whatever comes twice, late or in the wrong order."""

from schemas.form import OptionalText
from tasks.inbound import read_reports
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.run_pages import publish_reports
from tasks.settings import settings
from tasks.watch import watched


@flow(name="collect-delivery-reports")
@one_at_a_time()
def collect_delivery_reports(gateway: OptionalText = "") -> dict[str, int]:
    """Read what became of accepted messages.

    Args:
        gateway: The gateway to ask. Empty: the one in the settings.
    """
    gateway = gateway or settings().gateway
    with watched("collect-delivery-reports", is_scheduled=gateway == settings().gateway):
        moved = read_reports(gateway)
        publish_reports(gateway, moved)
    return moved
