"""When the team is told of a low balance: once a crossing, with a margin, once at zero; and what it does not cover."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

#: The unit of a threshold that counts messages of one segment at today's price, instead of credits or money.
MESSAGES = "messages"
#: A reminder is due on the first check of a day from this hour on, on the clock of the team.
REMINDER_HOUR = 9
#: The burn rate is the mean of so many days, or of all days since the first message.
BURN_DAYS = 7


class AlertLevel(StrEnum):
    """What the team is told: below the threshold, nothing left, or still low."""

    LOW = "low"
    EMPTY = "empty"
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When and whom to tell about the balance of a gateway.

    Attributes:
        threshold: the balance is low below it, in ``unit``.
        unit: the unit of the gateway's prices (credits, EUR), or ``MESSAGES``.
        margin: the balance is no longer low above threshold plus margin, in ``unit``.
        mail: whether a mail is sent.
        sms: whether an SMS is sent.
        mail_to: the addresses; empty: those of the settings.
        sms_to: the numbers; empty: those of the settings.
        reminder: whether the team is told again each day while it is low.
    """

    threshold: Decimal
    unit: str
    margin: Decimal
    mail: bool = True
    sms: bool = True
    mail_to: Sequence[str] = ()
    sms_to: Sequence[str] = ()
    reminder: bool = False

    def lines(self, message_price: Decimal | None) -> "AlertLines":
        """Return threshold and margin as amounts; ``message_price`` is needed if they count messages."""
        factor = (message_price or Decimal(0)) if self.unit == MESSAGES else Decimal(1)
        return AlertLines(self.threshold * factor, self.margin * factor)


class AlertLines(NamedTuple):
    """Threshold and margin, in the unit of the balance."""

    threshold: Decimal
    margin: Decimal


class AlertState(NamedTuple):
    """Which alerts are open, and when the team was last told of the balance."""

    is_low: bool = False
    is_empty: bool = False
    told_at: datetime | None = None


class Decision(NamedTuple):
    """Which alerts are open from now on, and what the team is told; None: nothing."""

    is_low: bool
    is_empty: bool
    tell: AlertLevel | None


def decide(balance: Decimal, lines: AlertLines, state: AlertState, *, is_reminder_due: bool = False) -> Decision:
    """Decide what a balance means after the alerts that are open.

    It is low below the threshold, and until it rises above threshold plus margin. It is used up at zero, and until it
    rises above the margin. Each of the two is told once a crossing; both at once are told as one.

    >>> lines = AlertLines(Decimal(500), Decimal(50))
    >>> decide(Decimal(499), lines, AlertState()).tell
    <AlertLevel.LOW: 'low'>
    >>> decide(Decimal(550), lines, AlertState(is_low=True))
    Decision(is_low=True, is_empty=False, tell=None)
    >>> decide(Decimal(0), lines, AlertState()).tell
    <AlertLevel.EMPTY: 'empty'>
    """
    is_empty = balance <= 0 or (state.is_empty and balance <= lines.margin)
    stays_low = state.is_low and balance <= lines.threshold + lines.margin
    is_low = is_empty or balance < lines.threshold or stays_low
    tell = None
    if is_empty and not state.is_empty:
        tell = AlertLevel.EMPTY
    elif is_low and not state.is_low:
        tell = AlertLevel.LOW
    elif is_low and is_reminder_due:
        tell = AlertLevel.REMINDER
    return Decision(is_low, is_empty, tell)


def is_reminder_due(told_at: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
    """Return whether a day has begun, from ``REMINDER_HOUR`` on, in which the team was not told yet."""
    today = now.astimezone(zone)
    return told_at is not None and told_at.astimezone(zone).date() < today.date() and today.hour >= REMINDER_HOUR


class Need(NamedTuple):
    """What an approved campaign still has to send, in the order in which it is sent."""

    campaign: str
    due_at: datetime | None
    message_count: int
    price: Decimal


def not_covered(available: Decimal, needs: Iterable[Need]) -> list[Need]:
    """Return what the available credit does not cover, campaign by campaign; the first ones are covered first.

    >>> needs = [Need("soldes", None, 100, Decimal(5)), Need("relance", None, 10, Decimal(1))]
    >>> [(need.campaign, need.message_count, str(need.price)) for need in not_covered(Decimal("4.97"), needs)]
    [('soldes', 1, '0.03'), ('relance', 10, '1.00')]
    """
    left, found = max(available, Decimal(0)), []
    for need in needs:
        missing = need.price - min(left, need.price)
        left -= need.price - missing
        if missing > 0:
            share = need.message_count * missing / need.price
            count = int(share.to_integral_value(ROUND_CEILING))
            found.append(need._replace(message_count=count, price=missing))
    return found


class Burn(NamedTuple):
    """What was spent in the last 24 hours, and a day on average."""

    last_day: Decimal
    a_day: Decimal

    def days_left(self, balance: Decimal) -> Decimal | None:
        """Return for how many days a balance lasts at this rate; None: nothing was spent."""
        return None if self.a_day <= 0 else max(balance, Decimal(0)) / self.a_day


def burn_of(last_day: Decimal, last_days: Decimal, first_at: datetime | None, now: datetime) -> Burn:
    """Return the burn rate from what was spent in the last 24 hours and in the last ``BURN_DAYS``.

    Args:
        last_day: spent in the last 24 hours.
        last_days: spent in the last ``BURN_DAYS``.
        first_at: when anything was first spent; None: never.
        now: the current time.
    """
    age = timedelta(0) if first_at is None else now - first_at
    days = min(max(Decimal(age / timedelta(days=1)), Decimal(1)), Decimal(BURN_DAYS))
    return Burn(last_day, (last_days / days).quantize(Decimal("0.000001")))
