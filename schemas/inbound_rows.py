"""Rows of inbound: replies, delivery reports, and what is known of a gateway."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReplyCount:
    """Replies of one verdict with one decision on the automatic answer: a key of ``words.ANSWER_WORDS``."""

    verdict: str
    answer: str
    reply_count: int


@dataclass(frozen=True, slots=True)
class DoubtfulReply:
    """A reply that may be a refusal; ``campaign``: the last one to its sender, None when there is none."""

    reply_id: int
    sender: str
    text: str
    received_at: datetime
    campaign: str | None
    doubtful_count: int
