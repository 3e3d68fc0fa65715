"""The figures of an alert on a low balance, as they were when it was raised; stored as JSON with the alert."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import TypeAdapter

from campanile.sms.rules.balance_alert import AlertLevel, Burn, Need


@dataclass(frozen=True, slots=True)
class BalanceFacts:
    """What an alert on a balance says.

    Attributes:
        gateway: the gateway.
        level: low, used up, or still low.
        balance: the last reading less what was captured since, in ``unit``.
        unit: the unit of the gateway's prices.
        threshold: in ``threshold_unit``: the unit of the prices, or ``messages``.
        threshold_unit: see ``threshold``.
        message_price: the price of one segment at home today; None: the tariff has none.
        read_at: when the gateway was last asked.
        burn: what was spent in the last 24 hours, and a day on average.
        not_covered: the messages of approved campaigns that the balance does not cover, by campaign.
        top_up: where to top up; empty: not set.
    """

    gateway: str
    level: AlertLevel
    balance: Decimal
    unit: str
    threshold: Decimal
    threshold_unit: str
    message_price: Decimal | None
    read_at: datetime
    burn: Burn
    not_covered: Sequence[Need]
    top_up: str

    @property
    def messages_left(self) -> int | None:
        """How many messages of one segment the balance pays for at home today; None: the price is not known."""
        if not self.message_price:
            return None
        return int(max(self.balance, Decimal(0)) / self.message_price)

    @property
    def missing(self) -> Decimal:
        """The price of what is not covered."""
        return sum((need.price for need in self.not_covered), Decimal(0))

    @property
    def missing_count(self) -> int:
        """The number of messages that are not covered."""
        return sum(need.message_count for need in self.not_covered)


_ADAPTER = TypeAdapter(BalanceFacts)


def facts_to_json(facts: BalanceFacts) -> str:
    """Return the figures as JSON."""
    return _ADAPTER.dump_json(facts).decode("utf-8")


def facts_from_json(text: str) -> BalanceFacts:
    """Return figures that were written by ``facts_to_json``."""
    return _ADAPTER.validate_json(text)
