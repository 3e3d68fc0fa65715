"""Late proof that a message was accepted: a delivery report, a look-up, or an answer to the same key."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from campanile.sms.states import CreditKind, MessageState
from campanile.store.db.database import Transaction
from campanile.store.ledger.events import add_credit, append_events, once_claimed, total_price
from schemas.campaign_rows import Campaign
from schemas.gateway import Outcome, SubmitOutcome
from schemas.ledger_rows import ClaimedMessage, Slice

#: The states of a message that a late proof changes; and those of them whose reserve was released.
LATE_STATES = (MessageState.UNKNOWN, MessageState.WRITTEN_OFF, MessageState.PLANNED)
_FREED_STATES = (MessageState.WRITTEN_OFF, MessageState.PLANNED)


class LateMessage(NamedTuple):
    """A message that was put back into the queue, and the answer that proves it accepted."""

    message: ClaimedMessage
    answer: SubmitOutcome


def accept_reported(tx: Transaction, rows: pd.DataFrame) -> None:
    """Accept messages of ``LATE_STATES`` that delivery reports prove accepted.

    Args:
        tx: the open transaction.
        rows: one row a message, keyed by (campaign_id, recipient_id): ``state``, ``slice_no``, ``price``,
            ``segment_count``, and the id of the gateway, ``gateway_message_id``.
    """
    _accept(tx, rows, "a delivery report proves it")


def accept_put_back(tx: Transaction, found: Slice, outcomes: Sequence[SubmitOutcome]) -> list[LateMessage]:
    """Accept messages that a slice had put back as not accepted, although the gateway has them; return them.

    Only messages that still wait are accepted here; for the others the answer to their new claim decides.

    Args:
        tx: the open transaction.
        found: the slice that was posted again or looked up.
        outcomes: the answers of the gateway.
    """
    accepted = {item.client_ref: item for item in outcomes if item.outcome is Outcome.ACCEPTED}
    if not accepted:
        return []
    waiting = once_claimed(tx, found, MessageState.PLANNED)
    proved = [LateMessage(row, accepted[row.client_ref]) for row in waiting if row.client_ref in accepted]
    if proved:
        _accept(tx, pd.DataFrame([_acceptance(late) for late in proved]), "the gateway has it after all")
    return proved


def _acceptance(late: LateMessage) -> dict[str, object]:
    """Return a row of the frame that ``_accept`` takes."""
    message = late.message
    return {
        "campaign_id": message.campaign_id,
        "recipient_id": message.recipient_id,
        "slice_no": message.slice_no,
        "state": message.state,
        "segment_count": message.segment_count,
        "price": str(message.price),
        "gateway_message_id": late.answer.gateway_message_id,
    }


def _accept(tx: Transaction, rows: pd.DataFrame, reason: str) -> None:
    """Append the acceptances and capture their credit; credit that was released is reserved again first.

    A message that waited to be sent again is removed from its slice; a slice that is then empty is settled.
    """
    first_event_id = append_events(tx, rows.assign(event=MessageState.ACCEPTED, reason=reason, fence=0))
    for _, group in rows.groupby(["campaign_id", "slice_no"]):
        first = group.iloc[0]
        campaign = tx.get(Campaign, "campaign.get", campaign_id=int(first["campaign_id"]))
        slice_no = int(first["slice_no"])
        freed = group.loc[group["state"].isin(_FREED_STATES), "price"]
        add_credit(tx, campaign, slice_no, CreditKind.RESERVE, total_price(freed))
        add_credit(tx, campaign, slice_no, CreditKind.CAPTURE, total_price(group["price"]))
    removed = rows.loc[rows["state"] == MessageState.PLANNED, ["campaign_id", "slice_no", "segment_count", "price"]]
    tx.run_staged("slice.take_out", removed, first_event_id=first_event_id)
