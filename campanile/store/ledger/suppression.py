"""Suppress the planned messages of people who opt out, in the transaction that records the opt-out."""

import pandas as pd

from campanile.sms.states import MessageState
from campanile.store.db.database import Transaction
from campanile.store.ledger.events import append_events


def suppress_planned(tx: Transaction, numbers: pd.DataFrame) -> int:
    """Suppress the planned messages of these people in every approved campaign; return how many.

    The messages leave their slices and never wait again, also if the person writes START later. A message that is in
    flight is not changed. A claim checks the opt-outs again, for messages that are put back or approved later.

    Before the planned messages of a restored store are marked as unknown (``doubt_everything``) nothing is suppressed:
    they may have been sent, and only a planned message is looked up.

    Args:
        tx: the open transaction.
        numbers: ``StoppedNumbers``.
    """
    if numbers.empty or (tx.reconciliation is not None and tx.reconciliation.doubted_at is None):
        return 0
    with tx.staged("message.planned_to_stopped", staged_rows=numbers):
        rows = tx.frame("message.planned_to_stopped")
    if rows.empty:
        return 0
    first_event_id = append_events(tx, rows.assign(event=MessageState.SUPPRESSED, reason="opted_out", fence=0))
    removed = rows[["campaign_id", "slice_no", "segment_count", "price"]]
    tx.run_staged("slice.take_out", removed, first_event_id=first_event_id)
    return len(rows)
