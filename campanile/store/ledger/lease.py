"""Leases: one sender for each campaign, for a limited time, under a fence number that only increases."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campanile.sms.errors import CampaignError
from campanile.store.db.database import Transaction
from schemas.ledger_rows import HeldLease

#: The fence of changes that no known sender wrote.
NO_SENDER = 0


class LeaseLost(CampaignError):  # noqa: N818 - reads as what it is
    """Another sender took the campaign over: this one must not write any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send one campaign."""

    campaign_id: int
    fence: int


def find_lease(tx: Transaction, campaign_id: int) -> HeldLease | None:
    """Return the last lease of a campaign, also an expired one; None: it was never sent."""
    return tx.find(HeldLease, "lease.get", campaign_id=campaign_id)


def take_lease(
    tx: Transaction, campaign_id: int, owner: str, lease_seconds: float, run_id: str | None = None
) -> Lease | None:
    """Take the lease of a campaign under a new fence, or return None while another owner holds it.

    Args:
        tx: the open transaction.
        campaign_id: the campaign.
        owner: the name of the new owner, for people.
        lease_seconds: how long the lease holds if it is not extended.
        run_id: the Prefect run that sends, if there is one.
    """
    found = find_lease(tx, campaign_id)
    if found is not None and found.expires_at > tx.at:
        return None
    fence = 1 + (found.fence if found else 0)
    expires_at = tx.at + timedelta(seconds=lease_seconds)
    tx.run("lease.take", campaign_id=campaign_id, fence=fence, owner=owner, expires_at=expires_at, run_id=run_id)
    return Lease(campaign_id, fence)


def extend_lease(tx: Transaction, lease: Lease, lease_seconds: float) -> None:
    """Extend a lease from now on; zero seconds end it.

    A lease is not extended while less than a third of it is used, to save a write.

    Raises:
        LeaseLost: another owner took it.
    """
    keep_lease(tx, lease, check_lease(tx, lease), lease_seconds)


def keep_lease(tx: Transaction, lease: Lease, ran_out_at: datetime, lease_seconds: float) -> None:
    """Extend a lease that was checked in this transaction, as ``extend_lease`` does."""
    while_it_holds = timedelta(seconds=lease_seconds)
    if not while_it_holds or ran_out_at - tx.at < while_it_holds * 2 / 3:
        expires_at = tx.at + while_it_holds
        tx.run("lease.extend", campaign_id=lease.campaign_id, fence=lease.fence, expires_at=expires_at)


def check_lease(tx: Transaction, lease: Lease) -> datetime:
    """Refuse an owner whose fence is old; return when the lease expires.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    found = find_lease(tx, lease.campaign_id)
    if found is None or found.fence != lease.fence:  # guard: fence
        raise LeaseLost(f"campaign {lease.campaign_id} was taken over by another sender (fence {lease.fence} is old)")
    return found.expires_at
