"""Copies of the store, tables for analysts, and the reconciliation of a store that is older than what was sent."""

from prefect import task

from campanile.pages.data_dictionary import snapshot_documents
from campanile.pages.reconciliation import doubt_page
from campanile.pages.views import Doubt
from campanile.services import snapshot
from campanile.services.sending import reconciliation
from tasks.artifacts import publish
from tasks.context import current_context


@task
def copy_store(folder: str | None = None) -> str:
    """Copy the store into a given folder, or into a new backup folder; return one line."""
    return reconciliation.copy_store(current_context(), folder)


@task
def write_snapshot() -> str:
    """Write the tables for analysts and their documents; return one line."""
    return snapshot.write_snapshot(current_context(), snapshot_documents())


@task
def find_doubt() -> Doubt | None:
    """Make messages unknown that may have been sent, sync opt-outs, and return what is in doubt; None: nothing."""
    return reconciliation.find_doubt(current_context())


@task
def confirm_doubt(actor: str, reason: str) -> str:
    """End the reconciliation with the decision of a person; return one line."""
    return reconciliation.confirm_doubt(current_context(), actor, reason)


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
