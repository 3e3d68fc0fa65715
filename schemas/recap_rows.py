"""Rows of a recap and of its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class Recap:
    """The recap of a version of a campaign; key ``campaign_id``, ``version``. ``total_price`` is in ``unit``.

    ``header``: what ``recap_hash`` covers besides the messages. ``details``: further data of the page, JSON-ready.
    ``details`` is empty and ``audience_mark`` is None in a recap that was made before they were stored.
    """

    campaign_id: int
    version: int
    recap_hash: str
    header: Mapping[str, Any]
    details: Mapping[str, Any]
    audience_mark: str | None
    audience_count: int
    message_count: int
    exclusion_count: int
    segment_count: int
    total_price: Decimal
    unit: str
    prepared_at: datetime


class RecapTotals(NamedTuple):
    """The totals of a campaign's messages."""

    message_count: int
    segment_count: int
    total_price: Decimal


class Source(NamedTuple):
    """A source of contacts: a list, a file or typed numbers; ``message_count``: the contacts that get a message."""

    origin: str
    contact_count: int
    message_count: int


class Defaulted(NamedTuple):
    """How many messages use the default of a merge field, and one of their recipients; None: there is none."""

    message_count: int
    recipient_id: int | None


class ExclusionCount(NamedTuple):
    """Contacts that get no message, by a key of ``exclusions.EXCLUSION_REASONS``."""

    reason: str
    contact_count: int


@dataclass(frozen=True, slots=True)
class TerritoryCount:
    """The messages to one territory; ``price``: of all of them."""

    territory: str
    message_count: int
    segment_count: int
    price: Decimal


class SizeShare(NamedTuple):
    """The messages of one encoding and ``segment_count``; ``price``: of all of them."""

    encoding: Literal["GSM-7", "UCS-2"]
    segment_count: int
    message_count: int
    price: Decimal


class MessagePreview(NamedTuple):
    """A real message, and what it is an example of."""

    which: str
    msisdn: str
    text: str
    segment_count: int
    price: Decimal
    territory: str


class WindowCount(NamedTuple):
    """The messages of one window key."""

    window_key: str
    message_count: int


class WindowLoad(NamedTuple):
    """The messages of one window key, and the local time that they wait for; None: the time of the campaign."""

    window_key: str
    message_count: int
    segment_count: int
    not_before: datetime | None


class UnsentMessages(NamedTuple):
    """The messages that will expire, and their price."""

    message_count: int
    segment_count: int
    price: Decimal


class PeopleChange(NamedTuple):
    """The number of people that a new version adds, removes, or gives another text."""

    added: int
    removed: int
    rewritten: int
