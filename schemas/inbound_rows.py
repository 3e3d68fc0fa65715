"""Rows of inbound: replies, delivery reports, and what is known of a gateway."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class DisputedReport(NamedTuple):
    """A report with an id that its message does not have; ``is_of_another``: another message has the id.

    ``position`` is that of ``ReportArrivals``.
    """

    position: int
    campaign_id: int
    is_of_another: bool


class LogEnds(NamedTuple):
    """The newest message event, and how many changes the campaigns had."""

    event_id: int
    change_count: int


class UnfoundReports(NamedTuple):
    """How many delivery reports have no message yet: those with our reference, and those with the gateway's id only.

    Their messages are searched for between two campaigns; None: there is none.
    """

    ref_count: int
    id_count: int
    first_campaign_id: int | None
    last_campaign_id: int | None


class GatewayState(NamedTuple):
    """A stored value of a gateway, such as a cursor or its rate, as text, and the time of its last change."""

    name: str
    value: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ReplyCount:
    """Replies of one verdict with one decision on the automatic answer: a key of ``words.ANSWER_WORDS``."""

    verdict: str
    answer: str
    reply_count: int


class NearReply(NamedTuple):
    """A reply of a person who wrote again within seconds; ``is_new``: it was stored just now."""

    reply_id: int
    number_id: int
    text: str
    verdict: str
    received_at: datetime
    is_new: bool


class AnswerTotals(NamedTuple):
    """Automatic answers that a gateway accepted, and what they cost."""

    answer_count: int
    cost: Decimal


class UnansweredReply(NamedTuple):
    """A reply without a decision on its automatic answer.

    ``counts_at``: when it was received, or when it was read if that time cannot be true. ``answer_count``: automatic
    answers to this person in the last 24 hours, on any gateway.
    """

    reply_id: int
    number_id: int | None
    sender: str
    verdict: str
    counts_at: datetime
    is_opted_out: bool
    answer_count: int


@dataclass(frozen=True, slots=True)
class DoubtfulReply:
    """A reply that may be a refusal; ``campaign``: the last one to its sender, None if there is none."""

    reply_id: int
    sender: str
    text: str
    received_at: datetime
    campaign: str | None
    doubtful_count: int


@dataclass(frozen=True, slots=True)
class OwnedReply:
    """A reply that the owner of its campaign has not got by mail yet."""

    reply_id: int
    received_at: datetime
    sender: str
    text: str
    campaign: str
    owner: str


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word of a provider's delivery reports that is in no table; ``report_count``: reports with it."""

    word: str
    report_count: int
    last_at: datetime
