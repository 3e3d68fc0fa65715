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
    rows = members.reindex(columns=["recipient_id", "gateway_message_id", "reason"])
    if reason is not None:
        rows["reason"] = reason
    append_events(visit, rows.assign(campaign_id=lease.campaign_id, slice_no=slice_no, fence=lease.fence, event=event))


def append_events(visit: Transaction, rows: pd.DataFrame) -> None:
    """Append one event a row, in the rows' order; the columns are those of ``event.add`` but its id."""
    if rows.empty:
        return
    first_id = int(visit.value("event.next_id"))
    texts = rows[["gateway_message_id", "reason"]].astype(object)
    numbered = rows.assign(event_id=range(first_id, first_id + len(rows)), **texts.where(texts.notna(), None))
    visit.run_staged("event.add", numbered, at=visit.at)


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
