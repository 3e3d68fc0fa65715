"""The types that the store, the tasks and every gateway share.

They are here because the store and the gateways do not import each other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

from campanile.sms.errors import ConfigurationError
from schemas.report_words import ReportReason

T = TypeVar("T")


class Outcome(StrEnum):
    """The outcome of a submit for one message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """Refused for good, with the gateway's reason."""
    BLACKLISTED = "blacklisted"
    """Refused because the person opted out at the provider; recorded as an opt-out."""
    NOT_ACCEPTED = "not_accepted"
    """Proved not accepted; may be sent again."""
    UNKNOWN = "unknown"
    """Not known; never sent again blindly."""


class Resolution(StrEnum):
    """How an unknown message of a gateway can be settled."""

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
    """The provider must not deliver it later; None: no limit."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one request. The same claim always gives exactly the same batch with the same key.

    ``since``: the time of the first claim; no message reached the provider before it.
    """

    messages: Sequence[OutgoingMessage]
    request_key: str
    since: datetime


#: The least settling time of a gateway by its class, in seconds, whatever its adapter states.
SAFE_SETTLE_SECONDS: Mapping[Resolution, float] = {
    Resolution.IDEMPOTENCY_KEY: 30.0,
    Resolution.LOOK_UP: 60.0,
    Resolution.NEITHER: 60.0,
}


@dataclass(frozen=True, slots=True)
class Charge:
    """The charge for one message, as the provider reports it.

    ``amount`` is in ``unit`` (a currency code, or ``credit``); ``segment_count`` is None if it is not given.
    """

    amount: Decimal
    unit: str
    segment_count: int | None = None


@dataclass(frozen=True, slots=True)
class SubmitOutcome:
    """The outcome of one message of a batch.

    ``charge``: what the provider charged, if it reports it. ``is_disputed``: the provider accepted the message, or may
    have, under an id that cannot be right. The message is unknown, and absence never proves that it may be sent again.
    """

    client_ref: str
    outcome: Outcome
    gateway_message_id: str | None = None
    reason: str | None = None
    charge: Charge | None = None
    is_disputed: bool = False

    @classmethod
    def disputed(cls, client_ref: str, why: str) -> Self:
        """Return the outcome of a message for which the gateway's answer cannot be right."""
        return cls(client_ref, Outcome.UNKNOWN, reason=why, is_disputed=True)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A provider's report on one message; ``status`` is a ``ReportStatus``.

    ``reason``: why it was not delivered, as people see it. ``is_permanent``: the number does not exist and must get no
    more messages. ``word``: the provider's words as they came, without numbers. ``cause``: the reason in our words.
    """

    report_id: str
    gateway_message_id: str
    client_ref: str | None
    status: str
    reason: str | None
    is_permanent: bool
    reported_at: datetime
    charge: Charge | None = None
    word: str = ""
    cause: ReportReason | None = None


@dataclass(frozen=True, slots=True)
class IncomingReply:
    """A message from a person; ``sender`` is as the gateway reports it, usually E.164."""

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
    """Items after a cursor, and the cursor of the next page. A page without items is the last, unless ``has_more``."""

    items: Sequence[T]
    cursor: str
    has_more: bool = False
    """There are more pages, even if this one has no items."""
    epoch: str = ""
    """The provider's name for its numbering, if it has one; cursors of another epoch are not valid."""


@dataclass(frozen=True, slots=True)
class SenderRule:
    """The rules for one kind of sender in one territory."""

    can_be_answered: bool
    stop_mention: str
    """Text added to marketing messages, with its leading space; empty if a plain reply works."""
    allows_links: bool = True
    """False if the provider blocks messages with a link."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The properties of a gateway. Times are in seconds."""

    gateway: str
    batch_size: int
    """How many messages one request may carry."""
    concurrency: int
    """How many requests may be open at once, unless the team sets another number."""
    resolution: Resolution
    key_life_seconds: float
    """How long the provider remembers an idempotency key; 0: it has no keys."""
    look_up_lag_seconds: float
    """How long a look-up may not find an accepted message, according to the provider."""
    segments_per_second: float
    gateway_concatenates: bool
    unit: str
    history_days: int
    report_horizon_hours: float
    """How long after the acceptance a delivery report may come; later none is expected any more."""
    one_text_a_batch: bool = False
    """All messages of one request must have the same text, sender and validity."""
    splits_surrogates: bool = False
    """It may split an emoji between two segments, so its segment count of such a text can be one lower than ours."""
    looks_up_by_request: bool = False
    """A look-up finds a message only by the request that posted it, so it does not find messages of another store."""
    has_balance: bool = True
    """False: the provider reports none, and the team records what it bought."""
    takes_opt_outs: bool = False
    """The provider takes opt-outs of ours into its own list: the adapter has the method of ``TakesOptOuts``."""
    reply_ids_are_unique: bool = False
    """The provider never gives the id of a reply to another one, so the id alone identifies it, whatever time a
    callback or its history gives it."""
    is_lag_exact: bool = False
    """True: the gateway is configured with ``look_up_lag_seconds``, so the safe default does not apply."""
    sender_rules: Mapping[tuple[str, str], SenderRule] = field(default_factory=dict)
    """By (territory or ``*``, kind of sender: ``alphanumeric`` or ``short_code``)."""

    @property
    def looks_up_messages(self) -> bool:
        """Whether a look-up finds a message of any request, so that absence is a proof in a restored store."""
        return self.resolution is not Resolution.NEITHER and not self.looks_up_by_request

    @property
    def settle_seconds(self) -> float:
        """How long after a post absence proves nothing: the lag, but at least the default of the class."""
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
        raise ConfigurationError(f"gateway {self.gateway} allows no {kind} sender; allowed are {', '.join(kinds)}")


class Gateway(Protocol):
    """The methods of every adapter. Each request has a total deadline; ``submit`` makes one request at most.

    All methods raise the ``GatewayError`` family of ``errors``; a cursor that the provider does not know raises
    ``GatewayDenied``.
    """

    manifest: Manifest

    @property
    def callbacks(self) -> Mapping[str, Callable[[str], Page[Any]]]:
        """The callbacks that the receiver keeps, by history (``reports``, ``replies``, ``opt_outs``).

        Each is read from a cursor of its own, beside what the method of that history polls. Empty if the gateway does
        not call back.
        """

    def submit(self, batch: Batch, not_after: float) -> Sequence[SubmitOutcome]:
        """Submit a batch once; return one outcome per message, in any order; missing ones are unknown.

        From ``not_after`` on (seconds of ``transport.clock``) nothing is sent, and ``GatewayUnreachable`` is raised.
        """

    def look_up(self, batch: Batch) -> Sequence[SubmitOutcome]:
        """Return the outcomes of an earlier batch: accepted, rejected, ``not_accepted`` (not found) or unknown."""

    def delivery_reports(self, cursor: str) -> Page[DeliveryReport]:
        """Return reports after ``cursor`` (empty: from the first)."""

    def replies(self, cursor: str) -> Page[IncomingReply]:
        """Return replies after ``cursor``."""

    def opt_outs(self, cursor: str) -> Page[ProviderOptOut]:
        """Return the provider's own opt-outs after ``cursor``."""

    def balance(self) -> Balance:
        """Return the credit left; ``ConfigurationError`` if the provider reports none (``has_balance``)."""


@runtime_checkable
class TakesOptOuts(Protocol):
    """The additional method of adapters whose manifest says ``takes_opt_outs``."""

    def push_opt_outs(self, msisdns: Sequence[str]) -> None:
        """Add numbers to the provider's list of opt-outs, at most ``batch_size``; a number that is there already stays.

        Raises:
            GatewayError: it is not known whether they are there; the same call may be made again.
        """
