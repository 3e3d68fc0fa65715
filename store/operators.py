"""What operators set and watch: settings with a history, the balance, alerts once a crossing."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sms.errors import CampaignError
from sms.wording import amount_text
from store.database import Transaction

#: A gateway may charge so much more than the recaps said, and round two readings by so much, before it is told.
_DRIFT_SHARE, _ROUNDED = Decimal("0.01"), Decimal("0.01")


class Drift(NamedTuple):
    """How far a balance fell ``since`` then, and what of it is ours: ``captured``, or ``reserved`` and not settled."""

    fell: Decimal
    captured: Decimal
    reserved: Decimal
    unit: str
    since: datetime

    @property
    def is_alarming(self) -> bool:
        """Whether messages cost more than the recaps said; a balance that falls while none is sent tells nothing."""
        allowed = self.captured * (1 + _DRIFT_SHARE) + self.reserved + _ROUNDED
        return self.captured > 0 and self.fell > allowed


def put_setting(visit: Transaction, name: str, value: object, changed_by: str) -> None:
    """Put a setting in force; the one before stays as history."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    visit.run("setting.put", name=name, value=text, changed_by=changed_by, at=visit.at)


def get_setting(visit: Transaction, name: str) -> Any:
    """Return the setting in force, or None."""
    found = visit.row("setting.get", name=name)
    return None if found is None else json.loads(found["value"])


def captured(visit: Transaction, gateway: str) -> Decimal:
    """Return all that was ever captured on a gateway; asked before a balance is read."""
    return Decimal(visit.value("credit.captured", gateway=gateway))


def add_reading(visit: Transaction, gateway: str, amount: Decimal, unit: str, captured_before: Decimal) -> None:
    """Keep a balance reading; ``captured_before`` is what was captured when it was asked for."""
    visit.run("balance.add", gateway=gateway, amount=amount, unit=unit, captured_before=captured_before, at=visit.at)


def read_drift(visit: Transaction, gateway: str) -> Drift | None:
    """Return how a gateway's balance fell since the last top-up, beside what is known of here; None: never read."""
    found = visit.row("balance.drift", gateway=gateway)
    return None if found is None else Drift(**found)


def declared_balance(visit: Transaction, gateway: str) -> Decimal | None:
    """Return the balance of a gateway that tells none: the last reading less what was captured since, or None."""
    found = visit.row("balance.latest", gateway=gateway)
    return None if found is None else found["amount"] - (captured(visit, gateway) - found["captured_before"])


def add_top_up(visit: Transaction, gateway: str, amount: Decimal, unit: str, actor: str) -> Decimal:
    """Add what a team bought to the balance it declares; return the balance.

    Raises:
        CampaignError: less than nothing would be left.
    """
    balance = (declared_balance(visit, gateway) or Decimal(0)) + amount
    if balance < 0:
        given, left = amount_text(amount, unit), amount_text(balance, unit)
        raise CampaignError(f"amount {given} cannot be: the balance of {gateway} would be {left}")
    add_reading(visit, gateway, balance, unit, captured(visit, gateway))
    put_setting(visit, f"top_up.{gateway}", amount_text(amount, unit), actor)
    return balance


def credit_left(visit: Transaction, gateway: str) -> dict[str, Any] | None:
    """Return a gateway's credit, or None when its balance was never read.

    ``balance``; ``available``, less what is in flight; ``committed`` to approved campaigns, and of that
    ``committed_to_alerts``, which an emergency must leave alone; ``unit``.
    """
    found = visit.row("credit.available", gateway=gateway)
    if found is None:
        return None
    return found | {
        "committed": visit.value("campaign.committed", gateway=gateway),
        "committed_to_alerts": visit.value("campaign.committed_to_alerts", gateway=gateway),
    }


def raise_alert(visit: Transaction, kind: str, gateway: str, message: str) -> dict[str, Any]:
    """Raise an alert, unless one of that kind is open on that gateway; return the open one."""
    found = visit.row("alert.open", kind=kind, gateway=gateway)
    if found is None:
        visit.run(
            "alert.raise",
            alert_id=visit.value("alert.next_id"),
            kind=kind,
            gateway=gateway,
            message=message,
            at=visit.at,
        )
        found = visit.row("alert.open", kind=kind, gateway=gateway) or {}
    return found


def clear_alert(visit: Transaction, kind: str, gateway: str) -> bool:
    """Close the open alert of a kind, so that the next crossing raises a new one; tell whether there was one."""
    return visit.run("alert.clear", kind=kind, gateway=gateway, at=visit.at) > 0


def mark_alert(visit: Transaction, alert_id: int, channel: str) -> None:
    """Remember that an alert left by ``mail`` or ``sms``."""
    statement = {"mail": "alert.set_mailed", "sms": "alert.set_texted"}[channel]
    visit.run(statement, alert_id=alert_id, at=visit.at)


def answered_count(visit: Transaction, gateway: str, since: datetime) -> int:
    """Return how many automatic answers were decided on since then, by our clock."""
    return int(visit.value("reply.answered_since", gateway=gateway, since=since))
