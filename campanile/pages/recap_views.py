"""Typed data of the recap page: figures, header, details and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from schemas.rows import Campaign


@dataclass(frozen=True, slots=True)
class RecapFigures:
    """The row of a recap; ``total_price`` in ``unit``."""

    version: int
    recap_hash: str
    audience_count: int
    message_count: int
    exclusion_count: int
    segment_count: int
    total_price: Decimal
    unit: str
    prepared_at: datetime


@dataclass(frozen=True, slots=True)
class RecapHeader:
    """Data that the hash covers besides the messages; ``prices`` of a segment and ``stop_mentions`` by territory."""

    kind: str
    text: str
    replace_characters: str
    sender_id: str
    gateway: str
    requested_service: bool
    emergency_reason: str | None
    policy: str
    policy_valid_from: str
    alsace_moselle: Literal["all_mainland", "by_postcode"]
    prices: Mapping[str, Decimal]
    stop_mentions: Mapping[str, str]
    can_be_answered: bool
    sender_notes: Sequence[str]
    max_messages_in_days: str | None
    if_closed: str = "next_opening"
    max_lateness_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where contacts come from: a list, a file or typed numbers; ``message_count`` of them get a message."""

    origin: str
    contact_count: int
    message_count: int


@dataclass(frozen=True, slots=True)
class ExclusionCount:
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


@dataclass(frozen=True, slots=True)
class SizeShare:
    """The messages of one encoding and ``segment_count`` each; ``price`` of all of them."""

    encoding: Literal["GSM-7", "UCS-2"]
    segment_count: int
    message_count: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class FoundByLinter:
    """A lint finding; ``price`` is what could be saved, None where it costs nothing."""

    code: str
    severity: Literal["costs", "advice"]
    words: str
    message_count: int | None = None
    segment_count: int | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class MessagePreview:
    """A real message, and what it is an example of."""

    which: str
    msisdn: str
    text: str
    segment_count: int
    price: Decimal
    territory: str


@dataclass(frozen=True, slots=True)
class LeavingMessages:
    """Messages to one territory that are sent evenly between two times."""

    window_key: str
    starts_at: datetime
    ends_at: datetime
    message_count: int


@dataclass(frozen=True, slots=True)
class ExpiringMessages:
    """Messages to one territory that will not be sent in time, by a key of ``forecast.EXPIRING_WORDS``."""

    window_key: str
    reason: str
    message_count: int


@dataclass(frozen=True, slots=True)
class PlaceView:
    """The messages to one territory: times of the first and the last, and how many will not be sent in time.

    ``closed_days``: closed days that they wait for, with the reason. ``zone``: the territory's clock.
    """

    window_key: str
    message_count: int
    first_at: datetime | None
    last_at: datetime | None
    closed_days: Sequence[tuple[str, str]]
    expiring_count: int
    zone: str


@dataclass(frozen=True, slots=True)
class UnsentMessages:
    """The messages that will not be sent in time, and their price."""

    message_count: int
    segment_count: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the header before and after, as JSON has it."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure of the recap before and after."""

    figure: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class PeopleChange:
    """How many people a new version adds, removes, and gives another text."""

    added: int
    removed: int
    rewritten: int


@dataclass(frozen=True, slots=True)
class RecapChanges:
    """Differences from the version before."""

    since_version: int
    fields: Sequence[FieldChange]
    figures: Sequence[FigureChange]
    people: PeopleChange


@dataclass(frozen=True, slots=True)
class CreditView:
    """A gateway's credit: ``available`` is free of reserves; ``committed`` to approved campaigns, and to alerts."""

    available: Decimal
    committed: Decimal
    committed_to_alerts: Decimal


@dataclass(frozen=True, slots=True)
class AutoReplyView:
    """The auto-responder as the recap shows it.

    ``reply_share``: replies a message, None before the first campaign. ``price`` of one answer with this ``text``, None
    where there is none.
    """

    enabled: bool
    reply_share: float | None
    can_answer: bool
    text: str = ""
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RecapView:
    """All data of the recap page.

    ``credit`` is None when the balance was never read; ``balance_error`` is then the reason. ``undeclared``: lists
    of the campaign without a legal basis.
    """

    campaign: Campaign
    recap: RecapFigures
    header: RecapHeader
    sources: Sequence[Source]
    findings: Sequence[FoundByLinter]
    expiring: Sequence[ExpiringMessages]
    advice: Sequence[str]
    changes: RecapChanges | None
    exclusions: Sequence[ExclusionCount]
    territories: Sequence[TerritoryCount]
    encodings: Sequence[SizeShare]
    previews: Sequence[MessagePreview]
    departures: Sequence[LeavingMessages]
    places: Sequence[PlaceView]
    unsent: UnsentMessages
    alsace_moselle_count: int
    unreadable_postcode_count: int
    credit: CreditView | None
    balance_error: str | None
    undeclared: Sequence[str]
    auto_reply: AutoReplyView
