"""Put messages of a slice into a new slice, from which they are claimed later."""

from collections.abc import Sequence

import pandas as pd

from campanile.sms.states import MessageState
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import why_silent
from campanile.store.ledger.events import SliceEvents, add_events, add_slice_events, total_price
from campanile.store.ledger.lease import Lease
from campanile.store.ledger.sender_session import SenderSession
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import Member, MessageEvent, QueuedSlice, RequeuedMessage, Slice

#: Why a message that was never tried waits in a slice of its own.
NOT_COVERED = "the credit did not cover it yet"


def requeue(
    tx: Transaction, campaign: Campaign, found: Slice | QueuedSlice, messages: Sequence[RequeuedMessage], fence: int
) -> None:
    """Put messages of a slice into a new one, to be sent again.

    On a stopped campaign they are cancelled instead, and so are automatic answers while the auto-responder is off.

    Args:
        tx: the open transaction.
        campaign: its row.
        found: the slice that they were claimed from.
        messages: the messages, each with the reason.
        fence: the fence of the sender, or ``NO_SENDER``.
    """
    lease = Lease(campaign.campaign_id, fence)
    events = [MessageEvent(row.recipient_id, row.gateway_message_id, row.reason) for row in messages]
    why_silent_now = why_silent(tx, campaign, found.cut_as)
    # guard: auto-responder-off
    if campaign.is_stopped or why_silent_now:  # stopped while it was in flight: it is never sent
        add_events(tx, lease, found.slice_no, MessageState.PLANNED, events)
        cancelled = [event._replace(reason=why_silent_now or event.reason) for event in events]
        add_events(tx, lease, found.slice_no, MessageState.CANCELLED, cancelled)
        return
    slice_no = int(tx.value("slice.next_no", campaign_id=lease.campaign_id))
    first_ids = add_slice_events(tx, lease, [SliceEvents(slice_no, MessageState.PLANNED, events)])
    tx.run(
        "slice.requeue",
        campaign_id=lease.campaign_id,
        slice_no=slice_no,
        message_count=len(messages),
        segment_count=sum(row.segment_count for row in messages),
        price=total_price(row.price for row in messages),
        first_event_id=first_ids[slice_no],
        window_key=found.window_key,
        not_before=found.not_before,
        cut_as=found.cut_as,
    )


def put_aside(session: SenderSession, chosen: QueuedSlice, messages: Sequence[Member]) -> None:
    """Put messages of a planned slice that the credit does not cover into a slice of their own; none was tried."""
    rest = [RequeuedMessage(row.recipient_id, row.segment_count, row.price, NOT_COVERED) for row in messages]
    requeue(session.tx, session.campaign, chosen, rest, session.lease.fence)
    gone = [
        {
            "campaign_id": chosen.campaign_id,
            "slice_no": chosen.slice_no,
            "segment_count": row.segment_count,
            "price": str(row.price),
        }
        for row in messages
    ]
    session.tx.run_staged("slice.take_out", pd.DataFrame(gone), first_event_id=None)
