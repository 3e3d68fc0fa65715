"""Replies that a gateway received: each is stored once, also if it is read twice, and its automatic answer decided."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from campanile.sms.rules.replies.verdicts import STOP_DOUBTFUL, SUPPRESSING
from campanile.store.db.database import Transaction
from campanile.store.inbound.dead_numbers import forget_absences
from schemas.inbound_rows import NearReply, UnansweredReply

_HISTORY = timedelta(days=90)
#: The columns that identify a reply; of a gateway whose ids are unique the id does.
_SAYS = ["gateway_reply_id", "sender", "text", "received_at"]


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
            uses an id again. Only a reply that is no refusal is also known by number and text within a minute, where
            one of the two has no id.
        history: how long the gateway keeps replies.
        ids_are_unique: the gateway never uses an id again, so the id alone identifies a reply. Its callback and its
            list may then give it two times.
    """
    if replies.empty:
        return replies.assign(reply_id=pd.Series(dtype=object))
    is_refusal = replies["verdict"].isin(SUPPRESSING)
    asked = replies[[*_SAYS, "number_id"]].assign(position=replies.index, is_refusal=is_refusal)
    with tx.staged("reply.known", staged_rows=asked):
        known = set(tx.values("reply.known", gateway=gateway, ids_are_unique=ids_are_unique))
    fresh = replies[~replies.index.isin(known)]
    fresh = fresh[~_identities(fresh, ids_are_unique).duplicated()]
    first_id = int(tx.value("reply.next_id"))
    fresh = fresh.assign(reply_id=range(first_id, first_id + len(fresh)))
    tx.run_staged("reply.add", fresh, gateway=gateway, at=tx.at, oldest=tx.at - history)
    forget_absences(tx, fresh["number_id"])
    return fresh


def _identities(replies: pd.DataFrame, ids_are_unique: bool) -> pd.DataFrame:
    """Return the columns that identify each reply: only its id, if it has one and ids are unique."""
    identities = replies[_SAYS].astype(object)
    if ids_are_unique:
        identities.loc[identities["gateway_reply_id"] != "", _SAYS[1:]] = None
    return identities


def near_replies(tx: Transaction, gateway: str, fresh: pd.DataFrame, seconds: int) -> list[NearReply]:
    """Return what the people of new replies wrote within some seconds of them, in the order of the times.

    Args:
        tx: the open transaction.
        gateway: the gateway.
        fresh: new replies, as ``add_replies`` returns them.
        seconds: how far apart.
    """
    people = fresh.loc[fresh["number_id"].notna(), ["reply_id"]]
    if people.empty:
        return []
    with tx.staged("reply.near", staged_rows=people):
        return tx.select(NearReply, "reply.near", gateway=gateway, seconds=seconds)


def mark_doubtful(tx: Transaction, reply_ids: Sequence[int]) -> None:
    """Make replies doubtful STOPs, because they are parts of a longer reply that may be one."""
    rows = pd.DataFrame({"reply_id": list(reply_ids)})
    tx.run_staged("reply.set_verdicts", rows, verdict=STOP_DOUBTFUL)


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
