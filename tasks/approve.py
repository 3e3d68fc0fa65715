"""Lock a campaign under its recap, or take it back."""

from typing import Any

from prefect import get_run_logger, task

from gateways.registry import manifest_of
from store.campaigns import approve, cancel, find_campaign
from tasks.balance import read_balance
from tasks.house import visit_store


@task
def gateway_of(campaign: str) -> str:
    """Return the gateway a campaign leaves by.

    Raises:
        CampaignError: there is no such campaign.
    """
    with visit_store(read_only=True) as visit:
        gateway = str(find_campaign(visit, campaign)["gateway"])
    return manifest_of(gateway).gateway


@task
def approve_recap(campaign: str, recap_hash: str, approver: str) -> dict[str, Any]:
    """Approve a prepared campaign, with the balance read just before."""
    read_balance(gateway_of.fn(campaign))
    with visit_store() as visit:
        approved = approve(visit, campaign, recap_hash.strip(), approver)
    get_run_logger().info("%s approved by %s, due at %s", campaign, approver, approved["due_at"])
    return approved


@task
def cancel_rest(campaign: str, reason: str, actor: str) -> str:
    """Cancel what has not left; return the state the campaign is then in."""
    with visit_store() as visit:
        state = str(cancel(visit, campaign, reason, actor)["state"])
    get_run_logger().info("%s: what had not left is cancelled (%s); it is %s", campaign, reason, state)
    return state
