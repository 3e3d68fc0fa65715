"""What is only ever appended: message events, and the credit that moves with them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from store.database import Transaction
from store.lease import Lease


def add_events(
    visit: Transaction, lease: Lease, slice_no: int, members: pd.DataFrame, event: str, reason: str | None = None
) -> None:
    """Append one event for each member (``recipient_id``; ``gateway_message_id`` and ``reason`` where it has them)."""
    if members.empty:
        return
    first_id = int(visit.value("event.next_id"))
    rows = pd.DataFrame(
        {
            "event_id": range(first_id, first_id + len(members)),
            "campaign_id": lease.campaign_id,
            "recipient_id": members["recipient_id"].to_numpy(),
            "event": event,
            "slice_no": slice_no,
            "fence": lease.fence,
            "gateway_message_id": _texts(members, "gateway_message_id"),
            "reason": _texts(members, "reason") if reason is None else reason,
        }
    )
    visit.run_staged("event.add", rows, at=visit.at)


def add_credit(visit: Transaction, campaign: Mapping[str, Any], slice_no: int, kind: str, amount: Decimal) -> None:
    """Append a credit entry: ``reserve``, ``capture`` or ``release``; nothing for nothing."""
    if amount:
        visit.run(
            "credit.add",
            gateway=campaign["gateway"],
            campaign_id=campaign["campaign_id"],
            slice_no=slice_no,
            kind=kind,
            amount=amount,
            at=visit.at,
        )


def total_price(members: pd.DataFrame) -> Decimal:
    """Sum the members' prices, exactly."""
    return sum((Decimal(price) for price in members["price"]), Decimal(0))


def _texts(members: pd.DataFrame, column: str) -> "pd.Series[str] | None":
    return pd.Series(list(members[column]), dtype=object) if column in members else None
