"""What comes back from a gateway: reports, replies, opt-outs; each once, whatever comes twice or late."""

import json
from collections.abc import Sequence
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
from schemas.gateway import Charge
from schemas.rows import Campaign

#: What is read from a gateway page by page, under the names of its cursors.
HISTORIES = ("replies", "opt_outs", "reports")
_ACCEPTED = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.UNDELIVERED)
_HISTORY = timedelta(days=90)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
#: What a reply is known by.
_SAYS = ["gateway_reply_id", "sender", "text", "received_at"]
#: The event a report means for a message in a state. Reports only move forward: any other pair changes nothing.
#: Who reports on a message has it, also when it says no more than that it is on its way.
_FORWARD = {
    (state, status): status
    for state in (MessageState.ACCEPTED, *LATE_STATES)
    for status in (MessageState.DELIVERED, MessageState.UNDELIVERED)
} | {(state, "pending"): MessageState.ACCEPTED for state in LATE_STATES}


class History(NamedTuple):
    """Where reading a history got to.

    Attributes:
        cursor: what the next page comes after; empty: its beginning.
        epoch: the provider's name for the numbering that the cursor is of; empty: it gave none.
        unfinished_count: readings in a row that were ended before the history's end.
    """

    cursor: str
    epoch: str = ""
    unfinished_count: int = 0


def history_of(tx: Transaction, gateway: str, name: str) -> History:
    """Return where reading a gateway's ``replies``, ``reports`` or ``opt_outs`` got to."""
    found = tx.row("state.get", gateway=gateway, name=_about(name))
    return History(cursor_of(tx, gateway, name), **json.loads(found["value"]) if found else {})


def put_history(tx: Transaction, gateway: str, name: str, epoch: str, unfinished_count: int) -> None:
    """Remember what a reading found beside its cursor, where that is new."""
    found = history_of(tx, gateway, name)
    known = {"epoch": epoch, "unfinished_count": unfinished_count}
    if known != {"epoch": found.epoch, "unfinished_count": found.unfinished_count}:
        put_state(tx, gateway, _about(name), json.dumps(known))


def cursor_of(tx: Transaction, gateway: str, name: str) -> str:
    """Return where reading a gateway's ``reports``, ``replies`` or ``opt_outs`` got to; empty: nowhere yet."""
    found = tx.row("state.get", gateway=gateway, name=name)
    return "" if found is None else str(found["value"])


def move_cursor(
    tx: Transaction, gateway: str, name: str, cursor: str, *, is_last: bool = True, after: str | None = None
) -> str:
    """Remember where reading got to, and when; return from where it goes on.

    Half a reading is none, so only its last page says that it was read. With ``after``, the cursor that the page was
    read from, nothing is remembered when another one is kept meanwhile: a cursor that was rewound stays rewound.
    """
    found = tx.row("state.get", gateway=gateway, name=name)
    kept = "" if found is None else str(found["value"])
    if after is not None and kept != after:
        return kept
    put_state(tx, gateway, name, cursor, tx.at if is_last else found["changed_at"] if found else _NEVER)
    return cursor


def rewind_cursors(tx: Transaction, gateway: str, names: Sequence[str] = HISTORIES) -> dict[str, str]:
    """Have histories of a gateway read again from their beginning; return the cursors that were kept, by name.

    What is read again is kept once. Replies and opt-outs count as never read until a reading has come to their end: no
    campaign claims anything before. Nothing is sent from here; the next reading of each history does the work.

    Args:
        tx: the open transaction.
        gateway: whose histories.
        names: some of ``HISTORIES``.

    Raises:
        CampaignError: there is no history of such a name.
    """
    if unknown := [name for name in names if name not in HISTORIES]:
        raise CampaignError(f"history {unknown[0]!r} is unknown; it is one of {', '.join(HISTORIES)}")
    kept = {name: cursor_of(tx, gateway, name) for name in names}
    for name in names:
        put_state(tx, gateway, name, "", _NEVER)
        put_history(tx, gateway, name, "", history_of(tx, gateway, name).unfinished_count)
    return kept


def _about(name: str) -> str:
    return f"{name}.history"


def add_reports(tx: Transaction, gateway: str, reports: pd.DataFrame) -> int:
    """Keep reports (``DeliveryReports``) that are new; return how many."""
    return tx.run_staged("report.add", reports, gateway=gateway, at=tx.at)


def unapplied_reports(tx: Transaction, gateway: str) -> list[int]:
    """Return the numbers of the reports that wait, in the order in which they are applied."""
    return [row["report_no"] for row in tx.rows("report.unapplied", gateway=gateway)]


def apply_reports(
    tx: Transaction, gateway: str, prices: PriceRules, report_nos: Sequence[int] | None = None
) -> dict[str, int]:
    """Apply the reports that wait, or those of them that are named; return how many messages they moved, by event.

    A report that speaks of a message in flight, of one never tried, or of none we know, goes on waiting.

    A message that was put back, by proof or by a person, and has not been claimed again is accepted by its report, and
    leaves no more. Claimed again, its report waits for that answer: put back once more, it is accepted then; accepted,
    it moves on from there, so that of two reports on two tries the first final one counts; refused for good, it stays.

    A campaign that waited for nothing but a word on its unknown messages is due at once, to be finished.

    A report under an id that is another message's proves nothing, and one under another id than the message has pauses
    its campaign. One of what had been taken as absent lets absence count later. The charge that a report names is
    written beside the recap's price, by the rules ``prices``.
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
    """Write the charges of reports, the last one of each message; a campaign that is charged too much is paused."""
    last = charged.drop_duplicates(["campaign_id", "recipient_id"], keep="last")
    by_campaign: dict[int, list[dict[str, Any]]] = {}
    for row in last.to_dict("records"):
        charge = Charge(Decimal(row["charge"]), row["charge_unit"], _count(row["charge_segments"]))
        by_campaign.setdefault(row["campaign_id"], []).append(
            {str(name): row[name] for name in row} | {"charge": charge}
        )
    for campaign_id, rows in by_campaign.items():
        if any(deviates(row, prices) for row in rows):
            campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
            if (why := note_charges(tx, campaign, rows, prices)) is not None:
                pause_and_alert(tx, campaign, why)


def _count(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def add_replies(tx: Transaction, gateway: str, replies: pd.DataFrame, *, history: timedelta = _HISTORY) -> pd.DataFrame:
    """Keep replies that are new and return them.

    A ``received_at`` in the future, or longer ago than the gateway keeps replies, is not believed: it is kept, and for
    every decision the time of reading counts.

    Args:
        tx: the open transaction.
        gateway: where they came from.
        replies: ``IncomingReplies``. One is known by its id, sender, text and time: an id alone comes again where a
            provider numbers anew.
        history: how long the gateway keeps replies.
    """
    if replies.empty:
        return replies.assign(reply_id=pd.Series(dtype=object))
    asked = replies[_SAYS].assign(position=replies.index)
    with tx.staged("reply.known", staged_rows=asked):
        known = {row["position"] for row in tx.rows("reply.known", gateway=gateway)}
    fresh = replies[~replies.index.isin(known)].drop_duplicates(_SAYS)
    first_id = int(tx.value("reply.next_id"))
    fresh = fresh.assign(reply_id=range(first_id, first_id + len(fresh)))
    tx.run_staged("reply.add", fresh, gateway=gateway, at=tx.at, oldest=tx.at - history)
    return fresh


def unanswered_replies(tx: Transaction, gateway: str, most: int) -> list[dict[str, Any]]:
    """Return replies for which it is not decided yet whether they get an automatic answer, oldest first.

    ``answer_count``: answers to this person that were decided on in the last 24 hours, on whichever gateway.
    """
    return tx.rows("reply.unanswered", gateway=gateway, most=most, since=tx.at - timedelta(days=1))


def set_answers(tx: Transaction, answers: dict[int, str]) -> None:
    """Write what was decided for each reply; ``planned`` is the only one that sends."""
    rows = pd.DataFrame({"reply_id": list(answers), "answer": list(answers.values())})
    tx.run_staged("reply.set_answers", rows, at=tx.at)


def answered_count(tx: Transaction, gateway: str, since: datetime) -> int:
    """Return how many automatic answers were decided on since then, by our clock."""
    return int(tx.value("reply.answered_since", gateway=gateway, since=since))
