"""Append message events and credit entries, which record each change; and store the state of a gateway."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

import pandas as pd

from campanile.sms.states import CreditKind, MessageState
from campanile.store.db.database import Transaction
from campanile.store.ledger.lease import Lease
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import ClaimedMessage, MessageEvent, Slice

#: The states of a message that an answer of the gateway may still change.
UNDECIDED = (MessageState.CLAIMED, MessageState.UNKNOWN)
_EVENT_COLUMNS = ["campaign_id", "recipient_id", "event", "slice_no", "fence", "gateway_message_id", "reason"]


class _Recipient(Protocol):
    @property
    def recipient_id(self) -> int: ...


class SliceEvents(NamedTuple):
    """Events of one name in a slice, one for each message."""

    slice_no: int
    event: MessageState
    messages: Sequence[MessageEvent]


class SliceCredit(NamedTuple):
    """An amount by which a slice changes the credit."""

    slice_no: int
    kind: CreditKind
    amount: Decimal


def events_of(messages: Iterable[_Recipient], reason: str | None = None) -> list[MessageEvent]:
    """Return one event for each message, all with the same reason."""
    return [MessageEvent(message.recipient_id, None, reason) for message in messages]


def once_claimed(tx: Transaction, found: Slice, *states: MessageState) -> list[ClaimedMessage]:
    """Return the messages that a slice had claimed and that are in one of these states now.

    ``UNDECIDED``: still in the slice. ``planned``: put back, and waiting in another slice.
    """
    return tx.select(
        ClaimedMessage,
        "slice.once_claimed",
        campaign_id=found.campaign_id,
        slice_no=found.slice_no,
        cut_as=found.cut_as,
        first_event_id=found.first_event_id,
        states=list(states),
    )


def add_slice_events(tx: Transaction, lease: Lease, groups: Sequence[SliceEvents]) -> dict[int, int]:
    """Append events, group after group; return the id of the first one of each slice."""
    if not groups:
        return {}
    event_id = int(tx.value("event.next_id"))
    first_ids: dict[int, int] = {}
    for group in groups:
        first_ids.setdefault(group.slice_no, event_id)
        event_id += len(group.messages)
    rows = [(group, message) for group in groups for message in group.messages]
    tx.run(
        "event.add_to_slices",
        first_event_id=event_id - len(rows),
        campaign_id=lease.campaign_id,
        fence=lease.fence,
        slice_nos=[group.slice_no for group, _ in rows],
        events=[group.event for group, _ in rows],
        recipient_ids=[message.recipient_id for _, message in rows],
        gateway_message_ids=[message.gateway_message_id for _, message in rows],
        reasons=[message.reason for _, message in rows],
        at=tx.at,
    )
    return first_ids


def add_events(
    tx: Transaction, lease: Lease, slice_no: int, event: MessageState, messages: Sequence[MessageEvent]
) -> None:
    """Append one event for each message of a slice."""
    if messages:
        add_slice_events(tx, lease, [SliceEvents(slice_no, event, messages)])


def append_events(tx: Transaction, rows: pd.DataFrame) -> int:
    """Append one event for each row, in the order of the rows, also for several slices; return the id of the first.

    The columns are those of ``MessageEvents`` without its id; ``gateway_message_id`` and ``reason`` may be missing.
    Other columns are ignored.
    """
    first_id = int(tx.value("event.next_id"))
    if rows.empty:
        return first_id
    rows = rows.reindex(columns=_EVENT_COLUMNS)
    texts = rows[["gateway_message_id", "reason"]].astype(object)
    numbered = rows.assign(event_id=range(first_id, first_id + len(rows)), **texts.where(texts.notna(), None))
    tx.run_staged("event.add", numbered, at=tx.at)
    return first_id


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


def add_credit(tx: Transaction, campaign: Campaign, slice_no: int, kind: CreditKind, amount: Decimal) -> None:
    """Append a credit entry of one slice; none for an amount of zero."""
    if amount:
        add_credit_entries(tx, campaign, [SliceCredit(slice_no, kind, amount)])


def put_state(tx: Transaction, gateway: str, name: str, value: str, at: datetime | None = None) -> None:
    """Store a named value of a gateway, changed at ``at`` or now; it replaces the value before."""
    since = at or tx.at
    if not tx.run("state.change", gateway=gateway, name=name, value=value, at=since):
        tx.run("state.add", gateway=gateway, name=name, value=value, at=since)


def total_price(prices: Iterable[Decimal | str]) -> Decimal:
    """Sum prices, exactly."""
    return sum(map(Decimal, prices), Decimal(0))
