"""One sender a campaign: a lease that runs out, under a fence number that only grows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campanile.sms.errors import CampaignError
from campanile.store.db.database import Transaction

#: The fence of what no known sender wrote.
NO_SENDER = 0


class LeaseLost(CampaignError):  # noqa: N818 - reads as what it is
    """Another sender took the campaign over: what this one still holds is no longer its own to write."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send one campaign."""

    campaign_id: int
    fence: int


def take_lease(
    tx: Transaction, campaign_id: int, owner: str, lease_seconds: float, run_id: str | None = None
) -> Lease | None:
    """Take a campaign's lease under a new fence, or return None while another owner's is running.

    Args:
        tx: the open transaction.
        campaign_id: whose lease it is.
        owner: who takes it, for people.
        lease_seconds: how long it holds if it is not extended.
        run_id: the Prefect run that sends, where there is one.
    """
    found = tx.row("lease.get", campaign_id=campaign_id)
    if found is not None and found["expires_at"] > tx.at:
        return None
    fence = 1 + (found["fence"] if found else 0)
    expires_at = tx.at + timedelta(seconds=lease_seconds)
    tx.run("lease.take", campaign_id=campaign_id, fence=fence, owner=owner, expires_at=expires_at, run_id=run_id)
    return Lease(campaign_id, fence)


def extend_lease(tx: Transaction, lease: Lease, lease_seconds: float) -> None:
    """Keep the lease for another while; zero seconds give it back.

    A lease of which less than a third is used stays as it is: nothing is written for it.

    Raises:
        LeaseLost: another owner took it.
    """
    keep_lease(tx, lease, check_lease(tx, lease), lease_seconds)


def keep_lease(tx: Transaction, lease: Lease, ran_out_at: datetime, lease_seconds: float) -> None:
    """Extend a lease that was looked at in this transaction, as ``extend_lease`` does."""
    while_it_holds = timedelta(seconds=lease_seconds)
    if not while_it_holds or ran_out_at - tx.at < while_it_holds * 2 / 3:
        expires_at = tx.at + while_it_holds
        tx.run("lease.extend", campaign_id=lease.campaign_id, fence=lease.fence, expires_at=expires_at)


def check_lease(tx: Transaction, lease: Lease) -> datetime:
    """Refuse an owner whose fence is old; return when the lease runs out.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    found = tx.row("lease.get", campaign_id=lease.campaign_id)
    if found is None or found["fence"] != lease.fence:  # guard: fence
        raise LeaseLost(f"campaign {lease.campaign_id} was taken over by another sender (fence {lease.fence} is old)")
    expires_at: datetime = found["expires_at"]
    return expires_at
