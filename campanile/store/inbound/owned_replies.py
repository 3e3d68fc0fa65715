"""Replies that a person must read: which are in the file of their campaign, and which were mailed to its owner."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from campanile.store.db.database import Transaction
from schemas.inbound_rows import OwnedReply


def campaigns_to_hand_over(tx: Transaction) -> list[str | None]:
    """Return the campaigns with replies that are not in their file yet; None: replies to no campaign."""
    return tx.values("reply.to_hand_over")


def replies_of_owner(tx: Transaction, campaign: str | None) -> pd.DataFrame:
    """Return all replies that a person must read of a campaign, or of none. Key: ``reply_id``."""
    return tx.frame("reply.of_owner", campaign=campaign)


def mark_handed_over(tx: Transaction, reply_ids: Sequence[int]) -> int:
    """Record that replies are in their file; return how many were not before."""
    return tx.run_staged("reply.mark_handed_over", pd.DataFrame({"reply_id": list(reply_ids)}), at=tx.at)


def replies_to_mail(tx: Transaction, most: int) -> list[OwnedReply]:
    """Return replies that their owner has not got by mail, the oldest first."""
    return tx.select(OwnedReply, "reply.to_mail", most=most)


def mark_mailed(tx: Transaction, replies: Sequence[OwnedReply], at: datetime | None) -> None:
    """Record when replies were mailed; None: the mail was refused, and they are mailed again."""
    rows = pd.DataFrame({"reply_id": [reply.reply_id for reply in replies]})
    tx.run_staged("reply.mark_mailed", rows, at=at)
