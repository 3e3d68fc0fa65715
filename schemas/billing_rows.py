"""Rows of credit, alerts and operator settings."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class BalanceReading(NamedTuple):
    """A reading of a gateway's balance; ``captured_before``: the credit that was captured at that time."""

    amount: Decimal
    unit: str
    captured_before: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """A gateway's credit.

    ``available``: the balance minus the price of messages in flight. ``committed``: what approved campaigns still need;
    ``committed_to_alerts``: the part of it that an emergency must not use.
    """

    balance: Decimal
    available: Decimal
    committed: Decimal
    committed_to_alerts: Decimal
    unit: str


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
    """An open alert that a channel has not delivered; ``tries``, ``tried_at`` and ``error`` are of that channel."""

    alert_id: int
    kind: str
    gateway: str
    message: str
    raised_at: datetime
    tries: int
    tried_at: datetime | None
    error: str | None


class OperatorSetting(NamedTuple):
    """The current value of a setting, as JSON."""

    value: str
    actor: str
    changed_at: datetime
