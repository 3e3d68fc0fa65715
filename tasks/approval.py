"""Approve and cancel campaigns, and send their tests."""

from collections.abc import Sequence

from prefect import task
from prefect.runtime import flow_run

from campanile.pages.approval import approval_page, tested_page
from campanile.pages.views import ApprovedView
from campanile.services.campaigns import approval
from campanile.services.sending import send_test
from campanile.services.sending.send_test import KIND
from campanile.store.campaigns.campaigns import find_campaign
from schemas.ledger_rows import MessageOfTest
from tasks.artifacts import publish
from tasks.context import as_task, current_context
from tasks.run_links import approved_links

approve_recap = as_task(approval.approve_recap)
cancel_rest = as_task(approval.cancel_rest)


@task
def publish_approval(approved: ApprovedView, actor: str) -> str:
    """Publish that a campaign is approved, with links to the next steps, and return the page."""
    name = approved.campaign.name
    page = approval_page(approved, actor.strip(), current_context().settings.zone, approved_links(approved.campaign))
    publish(f"approval-{name}", page, f"Approval of {name}")
    return page


@task
def plan_test(campaign: str, numbers: Sequence[str], actor: str) -> str:
    """Plan one message for each number, in the given order; return the gateway."""
    return send_test.plan_test(current_context(), campaign, numbers, actor, _origin())


@task
def publish_test(campaign: str) -> str:
    """Publish the states of the run's test messages, and return the page."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        messages = tx.select(MessageOfTest, "message.of_origin", kind=KIND, origin=_origin())
    unit = context.tariff(found.gateway).unit
    page = tested_page(found, messages, unit)
    publish(f"test-{campaign}", page, f"Test of {campaign}")
    return page


def _origin() -> str:
    """Return the origin of this run's messages; a retry of the run has the same."""
    return f"run {flow_run.id}"
