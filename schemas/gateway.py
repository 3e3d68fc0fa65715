"""The words that the store, the tasks and every gateway share.

They live here because the store and the gateways do not see each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, Protocol, Self, TypeVar

from campanile.sms.errors import ConfigurationError

T = TypeVar("T")


class Outcome(StrEnum):
    """What a submit means for one message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """Refused for good, with the gateway's words."""
    BLACKLISTED = "blacklisted"
    """Refused because the person opted out at the provider: an opt-out for us."""
    NOT_ACCEPTED = "not_accepted"
    """Proved not accepted: may be sent again."""
    UNKNOWN = "unknown"
    """Nobody knows: never sent again blindly."""


class Resolution(StrEnum):
    """How a gateway lets an unknown message be settled."""

    IDEMPOTENCY_KEY = "idempotency_key"
    LOOK_UP = "look_up"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to submit; ``client_ref`` was fixed before the first try."""

    client_ref: str
    msisdn: str
    text: str
    encoding: str
    sender_id: str
    valid_until: datetime | None = None
    """After it nobody may get this message any more; None: as long as the provider tries."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one request. Made again from the same claim it is the same to the letter, and so is its key.

    ``since``: when it was first claimed, so nothing of it reached the provider before.
    """

    messages: Sequence[OutgoingMessage]
    request_key: str
    since: datetime


#: The settling time of a gateway is never below these, whatever its adapter states: seconds by class.
SAFE_SETTLE_SECONDS: Mapping[Resolution, float] = {
    Resolution.IDEMPOTENCY_KEY: 30.0,
    Resolution.LOOK_UP: 60.0,
    Resolution.NEITHER: 60.0,
}


@dataclass(frozen=True, slots=True)
class Charge:
    """What a provider says that it charged for one message.

    ``amount`` is in ``unit`` (a currency code, or ``credit``); ``segment_count`` is None where it is not given.
    """

    amount: Decimal
    unit: str
    segment_count: int | None = None


@dataclass(frozen=True, slots=True)
class SubmitOutcome:
    """What became of one message of a batch.

    ``charge``: what the provider says that it charged, where it says so. ``is_disputed``: it accepted the message, or
    may have, under an id that cannot be right: unknown, and no absence ever proves that it may be sent again.
    """

    client_ref: str
    outcome: Outcome
    gateway_message_id: str | None = None
    reason: str | None = None
    charge: Charge | None = None
    is_disputed: bool = False

    @classmethod
    def disputed(cls, client_ref: str, why: str) -> Self:
        """Return the outcome of a message of which the gateway says something that cannot be right."""
        return cls(client_ref, Outcome.UNKNOWN, reason=why, is_disputed=True)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A provider's word on one message. ``status`` is ``delivered``, ``undelivered`` or ``pending``.

    ``is_permanent`` says that the number itself is dead and must not be written to again.
    """

    report_id: str
    gateway_message_id: str
    client_ref: str | None
    status: str
    reason: str | None
    is_permanent: bool
    reported_at: datetime
    charge: Charge | None = None


@dataclass(frozen=True, slots=True)
class IncomingReply:
    """A message from a person; ``sender`` is as the gateway gave it, usually E.164."""

    gateway_reply_id: str
    sender: str
    text: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderOptOut:
    """A STOP that went to the provider's own short code."""

    msisdn: str
    opted_out_at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """Credit left at the provider, in ``unit`` (a currency code, or ``credit``)."""

    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items after a cursor, and the cursor to give next time. Without items it ends a reading, unless ``has_more``."""

    items: Sequence[T]
    cursor: str
    has_more: bool = False
    """Nothing came, and the list goes on all the same."""
    epoch: str = ""
    """The provider's name for its numbering, where it gives one: under another name no older cursor means anything."""


@dataclass(frozen=True, slots=True)
class SenderRule:
    """What one kind of sender implies in one territory."""

    can_be_answered: bool
    stop_mention: str
    """Text added to marketing messages, with its leading space; empty where a plain reply works."""
    allows_links: bool = True
    """False where the provider blocks a message that holds a link."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an adapter promises. Times are seconds."""

    gateway: str
    batch_size: int
    """How many messages one request may carry."""
    concurrency: int
    """How many requests may be open at once, where the team does not set another number."""
    resolution: Resolution
    key_life_seconds: float
    """How long the provider remembers an idempotency key; 0 without keys."""
    look_up_lag_seconds: float
    """How long an accepted message may stay invisible to a look-up, as far as the provider says."""
    segments_per_second: float
    gateway_concatenates: bool
    unit: str
    history_days: int
    one_text_a_batch: bool = False
    """All messages of one request share text, sender and validity."""
    splits_surrogates: bool = False
    """It may cut an emoji in two between segments, so its count of such a text can be one lower than ours."""
    looks_up_by_request: bool = False
    """A look-up finds a message only by the request that posted it: what another store may have posted is not found."""
    has_balance: bool = True
    """False: the provider tells none, and the team declares what it bought."""
    is_lag_exact: bool = False
    """True: ``look_up_lag_seconds`` is what the gateway is configured with, so the safe default does not apply."""
    sender_rules: Mapping[tuple[str, str], SenderRule] = field(default_factory=dict)
    """By (territory or ``*``, kind of sender: ``alphanumeric`` or ``short_code``)."""

    @property
    def looks_up_messages(self) -> bool:
        """Whether a message is found whatever request posted it, so that its absence is proof in a restored store."""
        return self.resolution is not Resolution.NEITHER and not self.looks_up_by_request

    @property
    def settle_seconds(self) -> float:
        """How long after a post absence begins to prove something: the lag, and never below the class's default."""
        if self.is_lag_exact:
            return self.look_up_lag_seconds
        return max(self.look_up_lag_seconds, SAFE_SETTLE_SECONDS[self.resolution])

    def sender_rule(self, territory: str, sender_id: str) -> SenderRule:
        """Return the rule for a sender in a territory.

        Raises:
            ConfigurationError: the manifest has no rule for that kind of sender.
        """
        kind = "short_code" if sender_id.isdigit() else "alphanumeric"
        for key in ((territory, kind), ("*", kind)):
            if key in self.sender_rules:
                return self.sender_rules[key]
        kinds = sorted({known for _, known in self.sender_rules})
        raise ConfigurationError(f"gateway {self.gateway} takes no {kind} sender; it takes {', '.join(kinds)}")


class Gateway(Protocol):
    """What every adapter does, each call within a total deadline a request. ``submit`` is one request at most.

    All raise the ``GatewayError`` family of ``errors``; for a cursor that the provider does not know that is
    ``GatewayDenied``.
    """

    manifest: Manifest

    def submit(self, batch: Batch, not_after: float) -> Sequence[SubmitOutcome]:
        """Hand a batch over once; one outcome per message, in any order, missing ones unknown.

        Nothing is sent from ``not_after`` on, seconds of ``transport.clock``: that is ``GatewayUnreachable``.
        """

    def look_up(self, batch: Batch) -> Sequence[SubmitOutcome]:
        """Tell what became of an earlier batch: ``accepted``, ``rejected``, ``not_accepted`` (no trace) or unknown."""

    def delivery_reports(self, cursor: str) -> Page[DeliveryReport]:
        """Return reports after ``cursor`` (empty: from the first)."""

    def replies(self, cursor: str) -> Page[IncomingReply]:
        """Return replies after ``cursor``."""

    def opt_outs(self, cursor: str) -> Page[ProviderOptOut]:
        """Return the provider's own opt-outs after ``cursor``."""

    def balance(self) -> Balance:
        """Return the credit left; ``ConfigurationError`` where the provider tells none (``has_balance``)."""
