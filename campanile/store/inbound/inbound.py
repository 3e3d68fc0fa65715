"""Delivery reports, replies and history cursors of a gateway; each item is stored once, also if it is read twice."""

import json
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from campanile.sms.errors import CampaignError
from campanile.sms.states import MessageState
from campanile.store.campaigns.pause import pause_and_alert
from campanile.store.db.database import Transaction
from campanile.store.ledger.charges import PriceRules, deviates, note_charges
from campanile.store.ledger.events import put_state
from campanile.store.ledger.late_acceptance import LATE_STATES, apply_moves
from campanile.store.ledger.look_up_lag import late_reports, take_late
from campanile.store.ledger.message_ids import disputed_reports
from schemas.campaign_rows import Campaign
from schemas.gateway import Charge
from schemas.inbound_rows import GatewayState, UnansweredReply
from schemas.ledger_rows import ChargedMessage

#: The histories that are read from a gateway page by page, by the names of their cursors.
HISTORIES = ("replies", "opt_outs", "reports")
_ACCEPTED = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.UNDELIVERED)
_HISTORY = timedelta(days=90)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
#: The columns that identify a reply.
_SAYS = ["gateway_reply_id", "sender", "text", "received_at"]
#: The event of a report for a message in a state. Reports only move a message forward: any other pair changes nothing.
#: A report proves that the gateway has the message, also when it only says that delivery is pending.
_FORWARD = {
    (state, status): status
    for state in (MessageState.ACCEPTED, *LATE_STATES)
    for status in (MessageState.DELIVERED, MessageState.UNDELIVERED)
} | {(state, "pending"): MessageState.ACCEPTED for state in LATE_STATES}


class History(NamedTuple):
    """How far a history was read.

    Attributes:
        cursor: the next page begins after it; empty: at the beginning.
        epoch: the name of the numbering that the cursor belongs to; empty: the provider gave none.
        unfinished_count: readings in a row that stopped before the end of the history.
    """

    cursor: str
    epoch: str = ""
    unfinished_count: int = 0


def history_of(tx: Transaction, gateway: str, name: str) -> History:
    """Return how far ``replies``, ``reports`` or ``opt_outs`` of a gateway were read."""
    found = _state_of(tx, gateway, _about(name))
    return History(cursor_of(tx, gateway, name), **json.loads(found.value) if found else {})


def put_history(tx: Transaction, gateway: str, name: str, epoch: str, unfinished_count: int) -> None:
    """Write what a reading found besides its cursor, if it changed."""
    found = history_of(tx, gateway, name)
    known = {"epoch": epoch, "unfinished_count": unfinished_count}
    if known != {"epoch": found.epoch, "unfinished_count": found.unfinished_count}:
        put_state(tx, gateway, _about(name), json.dumps(known))


def cursor_of(tx: Transaction, gateway: str, name: str) -> str:
    """Return the cursor of ``reports``, ``replies`` or ``opt_outs`` of a gateway; empty: never read."""
    found = _state_of(tx, gateway, name)
    return "" if found is None else found.value


def move_cursor(
    tx: Transaction, gateway: str, name: str, cursor: str, *, is_last: bool = True, after: str | None = None
) -> str:
    """Write the cursor of a history, and when it was read; return the cursor from which reading continues.

    Only the last page of a reading sets the time. ``after`` is the cursor that the page was read from: if another
    cursor was written meanwhile, nothing is written, so a cursor that was rewound stays rewound.
    """
    found = _state_of(tx, gateway, name)
    kept = "" if found is None else found.value
    if after is not None and kept != after:
        return kept
    put_state(tx, gateway, name, cursor, tx.at if is_last else found.changed_at if found else _NEVER)
    return cursor


def rewind_cursors(tx: Transaction, gateway: str, names: Sequence[str] = HISTORIES) -> dict[str, str]:
    """Rewind histories of a gateway to their beginning; return the cursors that they had, by name.

    An item that is read again is stored once. Replies and opt-outs count as never read until a reading reaches their
    end: no campaign claims anything before. The next reading of each history begins at its beginning.

    Args:
        tx: the open transaction.
        gateway: the gateway.
        names: some of ``HISTORIES``.

    Raises:
        CampaignError: there is no history of such a name.
    """
    if unknown := [name for name in names if name not in HISTORIES]:
        raise CampaignError(f"history {unknown[0]!r} is unknown; give one of {', '.join(HISTORIES)}")
    kept = {name: cursor_of(tx, gateway, name) for name in names}
    for name in names:
        put_state(tx, gateway, name, "", _NEVER)
        put_history(tx, gateway, name, "", history_of(tx, gateway, name).unfinished_count)
    return kept


def _about(name: str) -> str:
    return f"{name}.history"


def _state_of(tx: Transaction, gateway: str, name: str) -> GatewayState | None:
    return tx.find(GatewayState, "state.get", gateway=gateway, name=name)


def add_reports(tx: Transaction, gateway: str, reports: pd.DataFrame) -> int:
    """Write the reports (``DeliveryReports``) that are new; return how many."""
    return tx.run_staged("report.add", reports, gateway=gateway, at=tx.at)


def unapplied_reports(tx: Transaction, gateway: str) -> list[int]:
    """Return the numbers of the waiting reports, in the order in which they are applied."""
    return tx.values("report.unapplied", gateway=gateway)


def apply_reports(
    tx: Transaction, gateway: str, prices: PriceRules, report_nos: Sequence[int] | None = None
) -> dict[str, int]:
    """Apply waiting reports, all or those with these numbers; return how many messages changed, by event.

    ``_FORWARD`` decides which report changes which state. A report on a message that is in flight or not known keeps
    waiting. So does a report on a message that was never posted: ``require_tried``, which the caller runs first, begins
    a reconciliation then.

    A message that was put back, by proof or by a person, and not claimed again, is accepted by its report and not sent
    again. If it is claimed again, its report waits for the answer. If the message is put back once more, it is accepted
    then. If it is accepted, the report moves it forward, so that of two reports on two posts the first final one
    counts. If it is rejected, it stays rejected.

    A campaign that waited only for a decision on its unknown messages is due at once, to be finished.

    A report under an id that belongs to another message proves nothing. A report under another id than its message has
    pauses the campaign. A report on a message that was taken as absent raises the settling time. The charge of a report
    is written beside the price of the recap, by the rules ``prices``.
    """
    take_late(tx, gateway, late_reports(tx, gateway))
    disputed = disputed_reports(tx, gateway)
    numbers = unapplied_reports(tx, gateway) if report_nos is None else report_nos
    asked = pd.DataFrame({"report_no": pd.Series(numbers, dtype="int64")})
    with tx.staged("report.waiting", staged_rows=asked):
        waiting = tx.frame("report.waiting", gateway=gateway)
    events = [_FORWARD.get(pair) for pair in zip(waiting["state"], waiting["status"], strict=True)]
    moves = waiting.assign(event=pd.Series(events, index=waiting.index, dtype=object))
    moves = moves[~moves["report_id"].isin(disputed)]
    charged = moves[moves["charge"].notna() & (moves["event"].notna() | moves["state"].isin(_ACCEPTED))]
    moves = moves[moves["event"].notna()]
    moves = moves.sort_values(
        "event", key=lambda event: event == MessageState.ACCEPTED, kind="stable"
    )  # the final ones first
    moves = moves.drop_duplicates(["campaign_id", "recipient_id"])
    apply_moves(tx, moves)
    tx.run_staged("campaign.wake", moves.loc[moves["state"] == MessageState.UNKNOWN, ["campaign_id"]], at=tx.at)
    dead = moves[moves["is_permanent"].astype(bool)]
    dead = dead[["number_id", "msisdn", "reason"]].fillna({"reason": "unknown"})
    tx.run_staged("dead_number.add", dead, at=tx.at)
    tx.run_staged("report.mark_applied", waiting[["report_no"]], at=tx.at)
    _note_report_charges(tx, charged, prices)
    return {str(event): int(count) for event, count in moves["event"].value_counts().items()}


def _note_report_charges(tx: Transaction, charged: pd.DataFrame, prices: PriceRules) -> None:
    """Write the charges of reports, the last one of each message; pause a campaign that is charged too much."""
    last = charged.drop_duplicates(["campaign_id", "recipient_id"], keep="last")
    by_campaign: dict[int, list[ChargedMessage]] = {}
    for row in last.to_dict("records"):
        by_campaign.setdefault(row["campaign_id"], []).append(_charged_message(row))
    for campaign_id, messages in by_campaign.items():
        if any(deviates(message, prices) for message in messages):
            campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
            if (why := note_charges(tx, campaign, messages, prices)) is not None:
                pause_and_alert(tx, campaign, why)


def _charged_message(row: Mapping[Hashable, Any]) -> ChargedMessage:
    """Return a row of ``report.waiting`` with its charge."""
    before = row["charged_before"]
    return ChargedMessage(
        row["recipient_id"],
        row["slice_no"],
        Decimal(row["price"]),
        row["segment_count"],
        Charge(Decimal(row["charge"]), row["charge_unit"], _count(row["charge_segments"])),
        None if pd.isna(before) else Decimal(before),
    )


def _count(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def add_replies(tx: Transaction, gateway: str, replies: pd.DataFrame, *, history: timedelta = _HISTORY) -> pd.DataFrame:
    """Write the replies that are new and return them.

    A ``received_at`` in the future, or longer ago than the gateway keeps replies, is not trusted: it is stored, but
    every decision uses the time of reading.

    Args:
        tx: the open transaction.
        gateway: the gateway.
        replies: ``IncomingReplies``. Id, sender, text and time together identify a reply: a provider that renumbers
            uses an id again.
        history: how long the gateway keeps replies.
    """
    if replies.empty:
        return replies.assign(reply_id=pd.Series(dtype=object))
    asked = replies[_SAYS].assign(position=replies.index)
    with tx.staged("reply.known", staged_rows=asked):
        known = set(tx.values("reply.known", gateway=gateway))
    fresh = replies[~replies.index.isin(known)].drop_duplicates(_SAYS)
    first_id = int(tx.value("reply.next_id"))
    fresh = fresh.assign(reply_id=range(first_id, first_id + len(fresh)))
    tx.run_staged("reply.add", fresh, gateway=gateway, at=tx.at, oldest=tx.at - history)
    return fresh


def unanswered_replies(tx: Transaction, gateway: str, most: int) -> list[UnansweredReply]:
    """Return the replies without a decision on their automatic answer, oldest first."""
    return tx.select(UnansweredReply, "reply.unanswered", gateway=gateway, most=most, since=tx.at - timedelta(days=1))


def set_answers(tx: Transaction, answers: dict[int, str]) -> None:
    """Write the decision on each reply; only ``planned`` sends an answer."""
    rows = pd.DataFrame({"reply_id": list(answers), "answer": list(answers.values())})
    tx.run_staged("reply.set_answers", rows, at=tx.at)


def answered_count(tx: Transaction, gateway: str, since: datetime) -> int:
    """Return how many automatic answers were planned since then, by our clock."""
    return int(tx.value("reply.answered_since", gateway=gateway, since=since))
