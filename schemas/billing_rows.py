"""Rows of credit, alerts and operator settings."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class BalanceReading(NamedTuple):
    """What a gateway's balance was, and what had been captured on it before."""

    amount: Decimal
    unit: str
    captured_before: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """A gateway's credit.

    ``available``: the balance less what is in flight. ``committed`` to approved campaigns, and of that
    ``committed_to_alerts``, which an emergency must not use.
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
    """An open alert that a channel has not delivered: how often and when it was tried, and the last error."""

    alert_id: int
    kind: str
    gateway: str
    message: str
    raised_at: datetime
    tries: int
    tried_at: datetime | None
    error: str | None


class OperatorSetting(NamedTuple):
    """A setting in force; ``value`` is JSON."""

    value: str
    actor: str
    changed_at: datetime
