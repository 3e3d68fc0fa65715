"""What every move leaves behind: message events and credit, only ever appended; and what is known of a gateway."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from store.database import Transaction
from store.lease import Lease


def add_events(
    visit: Transaction,
    lease: Lease,
    slice_no: int,
    members: Sequence[Mapping[str, Any]],
    event: str,
    reason: str | None = None,
) -> int:
    """Append one event for each member (``recipient_id``; ``gateway_message_id`` and ``reason`` where it has them).

    Returns:
        The id of the first.
    """
    first_id = int(visit.value("event.next_id"))
    if members:
        visit.run(
            "event.add_to_slice",
            first_event_id=first_id,
            campaign_id=lease.campaign_id,
            slice_no=slice_no,
            fence=lease.fence,
            event=event,
            recipient_ids=[row["recipient_id"] for row in members],
            gateway_message_ids=[row.get("gateway_message_id") for row in members],
            reasons=[reason or row.get("reason") for row in members],
            at=visit.at,
        )
    return first_id


def append_events(visit: Transaction, rows: pd.DataFrame) -> None:
    """Append one event a row, in the rows' order, whatever slices they are of.

    The columns are those of ``event.add`` but its id; ``gateway_message_id`` and ``reason`` may be missing.
    """
    if rows.empty:
        return
    first_id = int(visit.value("event.next_id"))
    rows = rows.reindex(columns=[*rows.columns.union(["gateway_message_id", "reason"], sort=False)])
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


def put_state(visit: Transaction, gateway: str, name: str, value: str, at: datetime | None = None) -> None:
    """Remember something of a gateway, since ``at`` or this moment, in place of what was known before."""
    since = at or visit.at
    if not visit.run("state.change", gateway=gateway, name=name, value=value, at=since):
        visit.run("state.add", gateway=gateway, name=name, value=value, at=since)


def total_price(prices: Iterable[Decimal | str]) -> Decimal:
    """Sum prices, exactly."""
    return sum(map(Decimal, prices), Decimal(0))
