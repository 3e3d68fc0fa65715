"""Copies of the store, tables for analysts, and the reconciliation of a store that is older than what was sent."""

from prefect import task

from campanile.pages.data_dictionary import snapshot_documents
from campanile.pages.reconciliation import doubt_page
from campanile.pages.views import Doubt
from campanile.services import snapshot
from campanile.services.sending import reconciliation
from tasks.artifacts import publish
from tasks.context import as_task, current_context

copy_store = as_task(reconciliation.copy_store)
find_doubt = as_task(reconciliation.find_doubt)
confirm_doubt = as_task(reconciliation.confirm_doubt)


@task
def write_snapshot() -> str:
    """Write the tables for analysts and their documents; return one line."""
    return snapshot.write_snapshot(current_context(), snapshot_documents())


@task
def publish_doubt(doubt: Doubt | None) -> str:
    """Publish what is in doubt and what to do, and return the page."""
    page = doubt_page(doubt, current_context().settings.zone)
    publish("reconcile-store", page, "Does the store know all that was sent")
    return page


def check_store_age() -> None:
    """Alert the team if the store is in doubt, and look up messages that were posted while the clock was ahead."""
    context = current_context()
    reconciliation.alert_doubt(context)
    reconciliation.distrust_clock(context)
