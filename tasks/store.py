"""Copies of the store, and what to do when a store is older than what was sent."""

from prefect import task

from campanile.pages.reconciliation import doubt_page
from campanile.pages.views import Doubt
from campanile.services.sending import reconciliation
from tasks.artifacts import publish
from tasks.context import current_context


@task
def copy_store(folder: str | None = None) -> str:
    """Copy the store into a folder of its own, or into this one; return one line."""
    return reconciliation.copy_store(current_context(), folder)


@task
def find_doubt() -> Doubt | None:
    """Mark as unknown what may have been sent, sync opt-outs again, and return what is in doubt; None: nothing."""
    return reconciliation.find_doubt(current_context())


@task
def confirm_doubt(actor: str, reason: str) -> str:
    """End the reconciliation by the decision of a person; return one line."""
    return reconciliation.confirm_doubt(current_context(), actor, reason)


@task
def publish_doubt(doubt: Doubt | None) -> str:
    """Publish what is in doubt and what to do, and return the page."""
    page = doubt_page(doubt, current_context().settings.zone)
    publish("reconcile-store", page, "Does the store know all that was sent")
    return page


def check_store_age() -> None:
    """Alert the team when the store is in doubt, and look up what was posted by a clock that was ahead."""
    context = current_context()
    reconciliation.alert_doubt(context)
    reconciliation.distrust_clock(context)
