"""Replies that a gateway received: each is stored once, also if it is read twice, and its automatic answer decided."""

from datetime import datetime, timedelta

import pandas as pd

from campanile.store.db.database import Transaction
from schemas.inbound_rows import UnansweredReply

_HISTORY = timedelta(days=90)
#: The columns that identify a reply; of a gateway whose ids are unique the id does.
_SAYS = ["gateway_reply_id", "sender", "text", "received_at"]
_UNIQUE_ID = _SAYS[:1]


def add_replies(
    tx: Transaction,
    gateway: str,
    replies: pd.DataFrame,
    *,
    history: timedelta = _HISTORY,
    ids_are_unique: bool = False,
) -> pd.DataFrame:
    """Write the replies that are new and return them.

    A ``received_at`` in the future, or longer ago than the gateway keeps replies, is not trusted: it is stored, but
    every decision uses the time of reading.

    Args:
        tx: the open transaction.
        gateway: the gateway.
        replies: ``IncomingReplies``. Id, sender, text and time together identify a reply: a provider that renumbers
            uses an id again.
        history: how long the gateway keeps replies.
        ids_are_unique: the gateway never uses an id again, so the id alone identifies a reply. Its callback and its
            list may then give it two times.
    """
    if replies.empty:
        return replies.assign(reply_id=pd.Series(dtype=object))
    asked = replies[_SAYS].assign(position=replies.index)
    with tx.staged("reply.known", staged_rows=asked):
        known = set(tx.values("reply.known", gateway=gateway, ids_are_unique=ids_are_unique))
    fresh = replies[~replies.index.isin(known)].drop_duplicates(_UNIQUE_ID if ids_are_unique else _SAYS)
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
