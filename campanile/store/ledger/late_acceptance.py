"""What proves an acceptance late: a delivery report, a look-up, an answer to the same key."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from campanile.sms.states import MessageState
from campanile.store.db.database import Transaction
from campanile.store.ledger.events import add_credit, append_events, once_claimed, total_price
from schemas.gateway import Outcome, SubmitOutcome
from schemas.rows import Campaign

#: States that a proof of acceptance moves; of these, those whose reserve was given back.
LATE_STATES = (MessageState.UNKNOWN, MessageState.WRITTEN_OFF, MessageState.PLANNED)
_FREED_STATES = (MessageState.WRITTEN_OFF, MessageState.PLANNED)


def apply_moves(tx: Transaction, moves: pd.DataFrame) -> None:
    """Append the events that delivery reports prove; on a message of ``LATE_STATES`` a report proves acceptance first.

    Args:
        tx: the open transaction.
        moves: one row a message, keyed by (campaign_id, recipient_id): ``state``, ``event``, ``reason``, ``slice_no``,
            ``price``, ``segment_count``, and the gateway's own id of it, ``gateway_message_id``.
    """
    _accept(tx, moves[moves["state"].isin(LATE_STATES)], "a delivery report proves it")
    append_events(tx, moves[moves["event"] != "accepted"].assign(fence=0, gateway_message_id=None))


def accept_put_back(
    tx: Transaction, found: Mapping[str, Any], outcomes: Sequence[SubmitOutcome]
) -> list[dict[str, Any]]:
    """Accept what a slice had put back as not accepted and its gateway now says it has; return these messages.

    Each as it was put back, with the ``charge`` that the gateway names, or None. Only what still waits: a message that
    is claimed anew gets its answer there.

    Args:
        tx: the open transaction.
        found: the row of the slice that was asked for again.
        outcomes: what the gateway said.
    """
    accepted = {item.client_ref: item for item in outcomes if item.outcome is Outcome.ACCEPTED}
    if not accepted:
        return []
    waiting = once_claimed(tx, found, MessageState.PLANNED)
    proved = [
        row | {name: getattr(accepted[row["client_ref"]], name) for name in ("gateway_message_id", "charge")}
        for row in waiting
        if row["client_ref"] in accepted
    ]
    if proved:
        _accept(tx, pd.DataFrame(proved).drop(columns="charge"), "the gateway has it after all")
    return proved


def _accept(tx: Transaction, rows: pd.DataFrame, reason: str) -> None:
    """Append the acceptances and capture their credit; what had given it back reserves it again first.

    What was to be sent again leaves its slice, so that no claim sees it; a slice that is empty then is settled.
    """
    append_events(tx, rows.assign(event=MessageState.ACCEPTED, reason=reason, fence=0))
    for _, group in rows.groupby(["campaign_id", "slice_no"]):
        first = group.iloc[0]
        campaign = tx.get(Campaign, "campaign.get", campaign_id=int(first["campaign_id"]))
        slice_no = int(first["slice_no"])
        freed = group.loc[group["state"].isin(_FREED_STATES), "price"]
        add_credit(tx, campaign, slice_no, "reserve", total_price(freed))
        add_credit(tx, campaign, slice_no, "capture", total_price(group["price"]))
    gone = rows.loc[rows["state"] == MessageState.PLANNED, ["campaign_id", "slice_no", "segment_count", "price"]]
    tx.run_staged("slice.take_out", gone)
