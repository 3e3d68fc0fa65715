"""What every move leaves behind: message events and credit, only ever appended; and what is known of a gateway."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from campanile.sms.states import MessageState
from campanile.store.db.database import Transaction
from campanile.store.ledger.lease import Lease
from schemas.rows import Campaign

#: What an answer of the gateway may still decide.
UNDECIDED = (MessageState.CLAIMED, MessageState.UNKNOWN)
_EVENT_COLUMNS = ["campaign_id", "recipient_id", "event", "slice_no", "fence", "gateway_message_id", "reason"]


class SliceEvents(NamedTuple):
    """One event for each member (``recipient_id``; ``gateway_message_id`` and ``reason`` where it has them)."""

    slice_no: int
    event: str
    members: Sequence[Mapping[str, Any]]
    reason: str | None = None


class SliceCredit(NamedTuple):
    """What a slice does to the credit: ``reserve``, ``capture`` or ``release`` of an amount."""

    slice_no: int
    kind: str
    amount: Decimal


def once_claimed(tx: Transaction, found: Mapping[str, Any], *states: str) -> list[dict[str, Any]]:
    """Return the messages that a slice (its row) had claimed and that are in one of these states now.

    ``UNDECIDED``: still in it. ``planned``: put back, and waiting in another one.
    """
    names = ("campaign_id", "slice_no", "cut_as", "first_event_id")
    return tx.rows("slice.once_claimed", states=list(states), **{name: found[name] for name in names})


def add_slice_events(tx: Transaction, lease: Lease, groups: Sequence[SliceEvents]) -> dict[int, int]:
    """Append events, group after group; return the id of the first one of each slice."""
    if not groups:
        return {}
    event_id = int(tx.value("event.next_id"))
    first_ids: dict[int, int] = {}
    for group in groups:
        first_ids.setdefault(group.slice_no, event_id)
        event_id += len(group.members)
    rows = [(group, row) for group in groups for row in group.members]
    tx.run(
        "event.add_to_slices",
        first_event_id=event_id - len(rows),
        campaign_id=lease.campaign_id,
        fence=lease.fence,
        slice_nos=[group.slice_no for group, _ in rows],
        events=[group.event for group, _ in rows],
        recipient_ids=[row["recipient_id"] for _, row in rows],
        gateway_message_ids=[row.get("gateway_message_id") for _, row in rows],
        reasons=[group.reason or row.get("reason") for group, row in rows],
        at=tx.at,
    )
    return first_ids


def add_events(
    tx: Transaction,
    lease: Lease,
    slice_no: int,
    members: Sequence[Mapping[str, Any]],
    event: str,
    reason: str | None = None,
) -> None:
    """Append one event for each member of a slice, as ``SliceEvents`` has them."""
    if members:
        add_slice_events(tx, lease, [SliceEvents(slice_no, event, members, reason)])


def append_events(tx: Transaction, rows: pd.DataFrame) -> None:
    """Append one event a row, in the rows' order, whatever slices they are of.

    The columns are those of ``MessageEvents`` but its id; ``gateway_message_id`` and ``reason`` may be missing. Others
    are left out.
    """
    if rows.empty:
        return
    first_id = int(tx.value("event.next_id"))
    rows = rows.reindex(columns=_EVENT_COLUMNS)
    texts = rows[["gateway_message_id", "reason"]].astype(object)
    numbered = rows.assign(event_id=range(first_id, first_id + len(rows)), **texts.where(texts.notna(), None))
    tx.run_staged("event.add", numbered, at=tx.at)


def add_credit_entries(tx: Transaction, campaign: Campaign, entries: Sequence[SliceCredit]) -> None:
    """Append credit entries, in their order."""
    if entries:
        tx.run(
            "credit.add",
            gateway=campaign.gateway,
            campaign_id=campaign.campaign_id,
            slice_nos=[entry.slice_no for entry in entries],
            kinds=[entry.kind for entry in entries],
            amounts=[entry.amount for entry in entries],
            at=tx.at,
        )


def add_credit(tx: Transaction, campaign: Campaign, slice_no: int, kind: str, amount: Decimal) -> None:
    """Append a credit entry of one slice; nothing for nothing."""
    if amount:
        add_credit_entries(tx, campaign, [SliceCredit(slice_no, kind, amount)])


def put_state(tx: Transaction, gateway: str, name: str, value: str, at: datetime | None = None) -> None:
    """Remember something of a gateway, since ``at`` or this moment, in place of what was known before."""
    since = at or tx.at
    if not tx.run("state.change", gateway=gateway, name=name, value=value, at=since):
        tx.run("state.add", gateway=gateway, name=name, value=value, at=since)


def total_price(prices: Iterable[Decimal | str]) -> Decimal:
    """Sum prices, exactly."""
    return sum(map(Decimal, prices), Decimal(0))
