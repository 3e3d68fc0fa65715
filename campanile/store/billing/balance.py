"""The balance of a gateway: readings, top-ups, what is committed, and drift from the recaps' prices."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.errors import CampaignError
from campanile.sms.states import CreditKind
from campanile.sms.text.formatting import amount_text
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction
from schemas.billing_rows import NO_ANSWERS, AnswerForecast, BalanceReading, Credit, LedgerSums

#: No alert is raised while a gateway charges at most this share more than the recaps said; readings may be rounded by
#: this amount.
_DRIFT_SHARE, _ROUNDED = Decimal("0.01"), Decimal("0.01")
#: A price that rises by more than this share is less likely than another program that uses the account.
_LARGEST_PRICE_DRIFT = Decimal("0.25")
#: Replies to a message are expected for so long.
_ANSWERED_WITHIN = timedelta(days=3)


class Drift(NamedTuple):
    """By how much a balance fell since ``since``, and what was spent: ``captured``, or ``reserved`` and not settled.

    ``reserved_at_base``: was open at that time, and perhaps billed before it. ``refunded``: recorded since.
    ``reading_id``: the reading of that time.
    """

    fell: Decimal
    captured: Decimal
    reserved: Decimal
    unit: str
    since: datetime
    reserved_at_base: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    reading_id: int = 0

    @property
    def difference(self) -> Decimal:
        """What the gateway took beyond what was captured; below zero: it took less."""
        return self.fell + self.refunded - self.captured

    @property
    def unexplained(self) -> Decimal:
        """The part of the difference that messages in flight or unknown cannot explain; zero within the tolerance."""
        found = self.difference
        beyond = max(found - self.reserved, Decimal(0)) + min(found + self.reserved_at_base, Decimal(0))
        return beyond if abs(beyond) > _ROUNDED + self.captured * _DRIFT_SHARE else Decimal(0)

    @property
    def likely_cause(self) -> str:
        """Why balance and ledger differ, as far as the amounts show it; empty: they agree."""
        if self.unexplained > self.captured * _LARGEST_PRICE_DRIFT:
            return "another program on the account"
        if self.unexplained > 0:
            return "messages cost more than the tariff says, or another program on the account"
        if self.unexplained < 0:
            return "a refund, a small top-up, or messages cost less than the tariff says"
        return "messages in flight or unknown" if abs(self.difference) > _ROUNDED + self.captured * _DRIFT_SHARE else ""

    @property
    def is_alarming(self) -> bool:
        """Whether messages cost more than the recaps said; if no message was sent, a lower balance does not show it."""
        allowed = self.captured * (1 + _DRIFT_SHARE) + self.reserved + _ROUNDED
        return self.captured > 0 and self.fell > allowed


def captured(tx: Transaction, gateway: str) -> Decimal:
    """Return the sum of all captures on a gateway; call it before a balance is read."""
    return Decimal(tx.value("credit.captured", gateway=gateway))


def ledger_sums(tx: Transaction, gateway: str) -> LedgerSums:
    """Return the captured credit and the open reserves of a gateway; call it before a balance is read."""
    return tx.get(LedgerSums, "credit.sums", gateway=gateway)


def add_reading(
    tx: Transaction,
    gateway: str,
    amount: Decimal,
    unit: str,
    captured_before: Decimal,
    reserved_before: Decimal = Decimal(0),
    topped_up: Decimal | None = None,
) -> None:
    """Store a balance reading; what was captured and reserved is as of the time when it was requested."""
    tx.run(
        "balance.add",
        gateway=gateway,
        amount=amount,
        unit=unit,
        captured_before=captured_before,
        reserved_before=reserved_before,
        topped_up=topped_up,
        at=tx.at,
    )


def add_reported(tx: Transaction, gateway: str, amount: Decimal, unit: str, before: LedgerSums) -> None:
    """Store a balance that the gateway reported; what it has more than the ledger explains is a top-up.

    A rise up to a quarter of what was captured is no top-up: messages may cost less than the tariff says.
    """
    topped_up, last = None, tx.find(BalanceReading, "balance.latest", gateway=gateway)
    if last is not None:
        captured_since = before.captured - last.captured_before
        refunded = tx.value("balance.refunded_since", gateway=gateway, since=last.read_at)
        risen = amount - (last.amount - captured_since) - refunded
        if risen > last.reserved_before + _ROUNDED + abs(captured_since) * _LARGEST_PRICE_DRIFT:
            topped_up = risen
            tx.run("credit.add_to_gateway", gateway=gateway, kind=CreditKind.TOPUP, amount=risen, at=tx.at)
    add_reading(tx, gateway, amount, unit, before.captured, before.reserved, topped_up)


def capped_balance(tx: Transaction, gateway: str, cap: Decimal, began_at: datetime) -> Decimal:
    """Return what is left of the monthly cap of a postpaid gateway; below zero if more was charged."""
    return cap - Decimal(tx.value("credit.captured_since", gateway=gateway, began_at=began_at))


def read_drift(tx: Transaction, gateway: str) -> Drift | None:
    """Return how a gateway's balance fell since the last top-up, and what was spent here; None: it was never read."""
    return tx.find(Drift, "balance.drift", gateway=gateway)


def declared_balance(tx: Transaction, gateway: str) -> Decimal | None:
    """Return the balance of a gateway that reports none: the last reading less what was captured since, or None."""
    found = tx.find(BalanceReading, "balance.latest", gateway=gateway)
    return None if found is None else found.amount - (captured(tx, gateway) - found.captured_before)


def add_refund(tx: Transaction, gateway: str, amount: Decimal, unit: str, actor: str) -> None:
    """Record what a provider credited back; the balance itself comes with the next reading."""
    tx.run("credit.add_to_gateway", gateway=gateway, kind=CreditKind.REFUND, amount=amount, at=tx.at)
    put_setting(tx, f"refund.{gateway}", amount_text(amount, unit), actor)


def add_top_up(
    tx: Transaction, gateway: str, amount: Decimal, unit: str, actor: str, kind: CreditKind = CreditKind.TOPUP
) -> Decimal:
    """Add bought credit, or a refund, to the declared balance of a gateway; return the balance.

    Raises:
        CampaignError: the balance would be negative.
    """
    balance = (declared_balance(tx, gateway) or Decimal(0)) + amount
    if balance < 0:
        given, result = amount_text(amount, unit), amount_text(balance, unit)
        raise CampaignError(
            f"amount {given} is not valid: the balance of {gateway} would be {result}, which is negative"
        )
    tx.run("credit.add_to_gateway", gateway=gateway, kind=kind, amount=amount, at=tx.at)
    before = ledger_sums(tx, gateway)
    add_reading(tx, gateway, balance, unit, before.captured, before.reserved, amount)
    name = "top_up" if kind is CreditKind.TOPUP else "refund"
    put_setting(tx, f"{name}.{gateway}", amount_text(amount, unit), actor)
    return balance


def committed_credit(tx: Transaction, gateway: str) -> Decimal:
    """Return the credit that approved campaigns of a gateway still need."""
    found = credit_left(tx, gateway)
    return Decimal(0) if found is None else found.committed


def credit_left(
    tx: Transaction, gateway: str, answers: AnswerForecast = NO_ANSWERS, day_began_at: datetime | None = None
) -> Credit | None:
    """Return a gateway's credit, or None when its balance was never read.

    Args:
        tx: the open transaction.
        gateway: the gateway.
        answers: what automatic answers will cost.
        day_began_at: from when on ``spent_today`` counts; None: now.
    """
    found = tx.find(Credit, "credit.position", gateway=gateway, day_began_at=day_began_at or tx.at)
    if found is None or not answers.share:
        return found
    expected = tx.value(
        "credit.expected_answers",
        gateway=gateway,
        reply_share=answers.share,
        answer_price=answers.price,
        answers_since=tx.at - _ANSWERED_WITHIN,
    )
    return replace(found, expected_answers=Decimal(expected))
