"""Rows of sending, as they travel: one class a table or query, one field a column."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.states import MessageState


class AvailableCredit(NamedTuple):
    """The credit of a gateway: the last ``balance`` read, and of it what is ``available``."""

    available: Decimal
    unit: str
    balance: Decimal


@dataclass(frozen=True, slots=True)
class TerritoryResult:
    """The messages to one territory."""

    territory: str
    message_count: int
    accepted_count: int
    delivered_count: int
    spent: Decimal


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Messages that did not arrive, by state and reason."""

    state: MessageState
    reason: str
    message_count: int


@dataclass(frozen=True, slots=True)
class CampaignEvent:
    """Who did what to a campaign, and when."""

    event: str
    version: int
    actor: str
    detail: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class MessageOfTest:
    """A message of a test; ``price`` of all its segments."""

    msisdn: str
    text: str
    encoding: str
    segment_count: int
    price: Decimal
    state: MessageState
