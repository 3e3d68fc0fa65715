"""Rows of a recap, and of what its page counts and shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class Recap:
    """The recap of a version of a campaign; key ``campaign_id``, ``version``. ``total_price`` is in ``unit``.

    ``header``: what ``recap_hash`` covers besides the messages. ``details``: what the page shows besides, JSON-ready;
    empty where a recap was made before they were kept. ``audience_mark`` is None for the same reason.
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
    """All messages of a campaign together."""

    message_count: int
    segment_count: int
    total_price: Decimal


class Source(NamedTuple):
    """Where contacts come from: a list, a file or typed numbers; ``message_count`` of them get a message."""

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
    """The messages to one territory; ``price`` of all of them."""

    territory: str
    message_count: int
    segment_count: int
    price: Decimal


class SizeShare(NamedTuple):
    """The messages of one encoding and ``segment_count`` each; ``price`` of all of them."""

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


class PlaceCount(NamedTuple):
    """The messages to one place."""

    window_key: str
    message_count: int


class PlaceLoad(NamedTuple):
    """How much one place has, and the hour of its own, None where it has none."""

    window_key: str
    message_count: int
    segment_count: int
    not_before: datetime | None


class UnsentMessages(NamedTuple):
    """What will not be sent in time, and what it would cost."""

    message_count: int
    segment_count: int
    price: Decimal


class PeopleChange(NamedTuple):
    """How many people a new version adds, removes, and gives another text."""

    added: int
    removed: int
    rewritten: int
