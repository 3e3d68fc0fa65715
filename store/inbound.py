"""What comes back from a gateway: reports, replies, opt-outs; each once, whatever comes twice or late."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from schemas.gateway import DeliveryReport
from sms.errors import CampaignError
from store.database import Transaction
from store.evidence import LATE_STATES, apply_moves
from store.journal import put_state

#: What is read from a gateway page by page, under the names of its cursors.
HISTORIES = ("replies", "opt_outs", "reports")
_HISTORY = timedelta(days=90)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
#: The event a report means for a message in a state. Reports only move forward: any other pair changes nothing.
#: Who reports on a message has it, also when it says no more than that it is on its way.
_FORWARD = {
    (state, status): status for state in ("accepted", *LATE_STATES) for status in ("delivered", "undelivered")
} | {(state, "pending"): "accepted" for state in LATE_STATES}


def cursor_of(visit: Transaction, gateway: str, name: str) -> str:
    """Return where reading a gateway's ``reports``, ``replies`` or ``opt_outs`` got to; empty: nowhere yet."""
    found = visit.row("state.get", gateway=gateway, name=name)
    return "" if found is None else str(found["value"])


def move_cursor(
    visit: Transaction, gateway: str, name: str, cursor: str, *, is_last: bool = True, after: str | None = None
) -> str:
    """Remember where reading got to, and when; return from where it goes on.

    Half a reading is none, so only its last page says that it was read. With ``after``, the cursor that the page was
    read from, nothing is remembered when another one is kept meanwhile: a cursor that was rewound stays rewound.
    """
    found = visit.row("state.get", gateway=gateway, name=name)
    kept = "" if found is None else str(found["value"])
    if after is not None and kept != after:
        return kept
    put_state(visit, gateway, name, cursor, visit.at if is_last else found["changed_at"] if found else _NEVER)
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
    return kept


def add_reports(visit: Transaction, gateway: str, reports: Sequence[DeliveryReport]) -> int:
    """Keep reports that are new; return how many."""
    columns = ["report_id", "gateway_message_id", "client_ref", "status", "reason", "is_permanent", "reported_at"]
    rows = pd.DataFrame([[getattr(report, column) for column in columns] for report in reports], columns=columns)
    return visit.run_staged("report.add", rows, gateway=gateway, at=visit.at)


def unapplied_reports(visit: Transaction, gateway: str) -> list[str]:
    """Return the ids of the reports that wait, in the order in which they are applied."""
    return [row["report_id"] for row in visit.rows("report.unapplied", gateway=gateway)]


def apply_reports(visit: Transaction, gateway: str, report_ids: Sequence[str] | None = None) -> dict[str, int]:
    """Apply the reports that wait, or those of them that are named; return how many messages they moved, by event.

    A report that speaks of a message in flight, of one never tried, or of none we know, goes on waiting.

    A message that was put back, by proof or by a person, and has not been claimed again is accepted by its report, and
    leaves no more. Claimed again, its report waits for that answer: put back once more, it is accepted then; accepted,
    it moves on from there, so that of two reports on two tries the first final one counts; refused for good, it stays.

    A campaign that waited for nothing but a word on its unknown messages is due at once, to be finished.
    """
    ids = unapplied_reports(visit, gateway) if report_ids is None else report_ids
    with visit.staged(types={"staged_rows": {"report_id": "VARCHAR"}}, staged_rows=pd.DataFrame({"report_id": ids})):
        waiting = visit.frame("report.waiting", gateway=gateway)
    events = [_FORWARD.get(pair) for pair in zip(waiting["state"], waiting["status"], strict=True)]
    moves = waiting.assign(event=pd.Series(events, index=waiting.index, dtype=object))
    moves = moves[moves["event"].notna()]
    moves = moves.sort_values("event", key=lambda event: event == "accepted", kind="stable")  # the final ones first
    moves = moves.drop_duplicates(["campaign_id", "recipient_id"])
    apply_moves(visit, moves)
    visit.run_staged("campaign.wake", moves.loc[moves["state"] == "unknown", ["campaign_id"]], at=visit.at)
    dead = moves[moves["is_permanent"].astype(bool)]
    visit.run_staged("dead_number.add", dead.assign(reason=dead["reason"].fillna("unknown")), at=visit.at)
    visit.run_staged("report.mark_applied", waiting[["report_id"]], gateway=gateway, at=visit.at)
    return {str(event): int(count) for event, count in moves["event"].value_counts().items()}


def add_replies(
    visit: Transaction, gateway: str, replies: pd.DataFrame, *, history: timedelta = _HISTORY
) -> pd.DataFrame:
    """Keep replies that are new and return them.

    A ``received_at`` in the future, or longer ago than the gateway keeps replies, is not believed: it is kept, and for
    every decision the time of reading counts.

    Args:
        visit: the open transaction.
        gateway: where they came from.
        replies: one row a reply, keyed by ``gateway_reply_id``: ``sender``, ``number_id`` (missing when the sender is
            no number), ``text``, ``verdict``, ``received_at``.
        history: how long the gateway keeps replies.
    """
    if replies.empty:
        return replies.assign(reply_id=[])
    with visit.staged(staged_rows=replies[["gateway_reply_id"]]):
        known = {row["gateway_reply_id"] for row in visit.rows("reply.known", gateway=gateway)}
    fresh = replies[~replies["gateway_reply_id"].isin(known)].drop_duplicates("gateway_reply_id")
    first_id = int(visit.value("reply.next_id"))
    fresh = fresh.assign(reply_id=range(first_id, first_id + len(fresh)))
    visit.run_staged("reply.add", fresh, gateway=gateway, at=visit.at, oldest=visit.at - history)
    return fresh


def unanswered_replies(visit: Transaction, gateway: str, most: int) -> list[dict[str, Any]]:
    """Return replies for which it is not decided yet whether they get an automatic answer, oldest first.

    ``answer_count``: answers to this person that were decided on in the last 24 hours, on whichever gateway.
    """
    return visit.rows("reply.unanswered", gateway=gateway, most=most, since=visit.at - timedelta(days=1))


def set_answers(visit: Transaction, answers: dict[int, str]) -> None:
    """Write what was decided for each reply; ``planned`` is the only one that sends."""
    rows = pd.DataFrame({"reply_id": list(answers), "answer": list(answers.values())})
    visit.run_staged("reply.set_answers", rows, at=visit.at)
