"""Rows of credit, alerts and operator settings."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Billing(StrEnum):
    """How a provider is paid, and so where the balance comes from."""

    PREPAID = "prepaid"
    """The provider reports the credit that is left."""
    POSTPAID = "postpaid"
    """The provider sends an invoice: the balance is what is left of a monthly cap of the team."""
    DECLARED = "declared"
    """The provider reports no credit: the team records what it bought."""


class BalanceReading(NamedTuple):
    """A reading of a gateway's balance; the captured credit and the open reserves are those of that time."""

    amount: Decimal
    unit: str
    captured_before: Decimal
    reserved_before: Decimal
    read_at: datetime


class LedgerSums(NamedTuple):
    """The captured credit of a gateway, and its open reserves."""

    captured: Decimal
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """A gateway's credit, as ``credit.position`` counts it.

    ``available``: the balance minus open reserves. ``committed``: what approved campaigns still need;
    ``committed_to_alerts``: the part of it that an emergency must not use. ``expected_answers``: of the auto-responder.
    ``spent_today``: what was charged today, and what is in flight.
    """

    balance: Decimal
    available: Decimal
    committed: Decimal
    committed_to_alerts: Decimal
    unit: str
    reserved: Decimal = Decimal(0)
    expected_answers: Decimal = Decimal(0)
    spent_today: Decimal = Decimal(0)

    @property
    def free(self) -> Decimal:
        """What may still be approved: balance − open reserves − needs of approved campaigns − expected answers."""
        return self.available - self.committed - self.expected_answers

    @property
    def free_for_emergency(self) -> Decimal:
        """What an emergency may use: all but what is in flight and what alerts need."""
        return self.available - self.committed_to_alerts


class AnswerForecast(NamedTuple):
    """What decides how much automatic answers will cost: replies a message, and the price of one answer."""

    share: float
    price: Decimal


#: No automatic answers are expected, or they do not matter.
NO_ANSWERS = AnswerForecast(0.0, Decimal(0))


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is not cleared; key ``alert_id``. ``mailed_at`` and ``texted_at``: when it was delivered."""

    alert_id: int
    kind: str
    gateway: str
    message: str
    raised_at: datetime
    mailed_at: datetime | None
    texted_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingAlert:
    """An open alert that a channel has not delivered; ``tries``, ``tried_at`` and ``error`` are of that channel.

    ``facts``: the figures of an alert on the balance, as JSON; None: it has only its message.
    """

    alert_id: int
    kind: str
    gateway: str
    message: str
    raised_at: datetime
    tries: int
    tried_at: datetime | None
    error: str | None
    facts: str | None = None


@dataclass(frozen=True, slots=True)
class OpenNotification:
    """A notification that did not reach the team; key (alert_id, channel), for an SMS also the number.

    ``state``: that of the message for an SMS, else ``failed``. ``error``: of the last try.
    """

    alert_id: int
    kind: str
    gateway: str
    raised_at: datetime
    channel: str
    state: str
    tries: int
    error: str | None


@dataclass(frozen=True, slots=True)
class BalanceState:
    """What decides on the alert of a gateway's balance.

    ``balance``: the last reading (of ``read_at``) less what was captured since. ``told_at``: when the newest of the
    open alerts was raised. ``rule``: as JSON; None: the one of the settings is in force.
    """

    balance: Decimal
    unit: str
    read_at: datetime
    is_low: bool
    is_empty: bool
    told_at: datetime | None
    rule: str | None


class Spent(NamedTuple):
    """What was captured in the last 24 hours and in the last days, and when the first message was."""

    last_day: Decimal
    last_days: Decimal
    first_at: datetime | None


class OperatorSetting(NamedTuple):
    """The current value of a setting, as JSON."""

    value: str
    actor: str
    changed_at: datetime


class OpenLoad(NamedTuple):
    """What an approved campaign still has to send with one window key; ``price``: of all of it."""

    campaign_id: int
    window_key: str
    message_count: int
    segment_count: int
    price: Decimal
    not_before: datetime | None
