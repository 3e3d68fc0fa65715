"""The balance of a gateway: readings, top-ups, what is committed, and drift from the recaps' prices."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.errors import CampaignError
from campanile.sms.text.formatting import amount_text
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction
from schemas.billing_rows import BalanceReading, Credit
from schemas.ledger_rows import AvailableCredit

#: No alert is raised while a gateway charges at most this share more than the recaps said; readings may be rounded by
#: this amount.
_DRIFT_SHARE, _ROUNDED = Decimal("0.01"), Decimal("0.01")


class Drift(NamedTuple):
    """By how much a balance fell since ``since``, and what was spent: ``captured``, or ``reserved`` and not settled."""

    fell: Decimal
    captured: Decimal
    reserved: Decimal
    unit: str
    since: datetime

    @property
    def is_alarming(self) -> bool:
        """Whether messages cost more than the recaps said; if no message was sent, a lower balance does not show it."""
        allowed = self.captured * (1 + _DRIFT_SHARE) + self.reserved + _ROUNDED
        return self.captured > 0 and self.fell > allowed


def captured(tx: Transaction, gateway: str) -> Decimal:
    """Return the sum of all captures on a gateway; call it before a balance is read."""
    return Decimal(tx.value("credit.captured", gateway=gateway))


def add_reading(tx: Transaction, gateway: str, amount: Decimal, unit: str, captured_before: Decimal) -> None:
    """Store a balance reading; ``captured_before`` is what was captured when it was requested."""
    tx.run("balance.add", gateway=gateway, amount=amount, unit=unit, captured_before=captured_before, at=tx.at)


def read_drift(tx: Transaction, gateway: str) -> Drift | None:
    """Return how a gateway's balance fell since the last top-up, and what was spent here; None: it was never read."""
    return tx.find(Drift, "balance.drift", gateway=gateway)


def declared_balance(tx: Transaction, gateway: str) -> Decimal | None:
    """Return the balance of a gateway that reports none: the last reading less what was captured since, or None."""
    found = tx.find(BalanceReading, "balance.latest", gateway=gateway)
    return None if found is None else found.amount - (captured(tx, gateway) - found.captured_before)


def add_top_up(tx: Transaction, gateway: str, amount: Decimal, unit: str, actor: str) -> Decimal:
    """Add bought credit to the declared balance of a gateway; return the balance.

    Raises:
        CampaignError: the balance would be negative.
    """
    balance = (declared_balance(tx, gateway) or Decimal(0)) + amount
    if balance < 0:
        given, result = amount_text(amount, unit), amount_text(balance, unit)
        raise CampaignError(
            f"amount {given} is not valid: the balance of {gateway} would be {result}, which is negative"
        )
    add_reading(tx, gateway, balance, unit, captured(tx, gateway))
    put_setting(tx, f"top_up.{gateway}", amount_text(amount, unit), actor)
    return balance


def committed_credit(tx: Transaction, gateway: str) -> Decimal:
    """Return the credit that approved campaigns of a gateway still need."""
    return Decimal(tx.value("campaign.committed", gateway=gateway))


def credit_left(tx: Transaction, gateway: str) -> Credit | None:
    """Return a gateway's credit, or None when its balance was never read."""
    found = tx.find(AvailableCredit, "credit.available", gateway=gateway)
    if found is None:
        return None
    return Credit(
        balance=found.balance,
        available=found.available,
        committed=committed_credit(tx, gateway),
        committed_to_alerts=tx.value("campaign.committed_to_alerts", gateway=gateway),
        unit=found.unit,
    )
