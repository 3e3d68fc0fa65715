"""The alert on a low balance: its rule with the history, its state, and the figures that it gives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from campanile.sms.rules.balance_alert import BURN_DAYS, AlertLevel, AlertRule, Burn, Decision, Need, burn_of
from campanile.store.billing.alerts import Channel, clear_alert, raise_alert
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction
from schemas.billing_rows import BalanceState, OperatorSetting, Spent

LOW, EMPTY, REMINDER = "balance_critical", "balance_empty", "balance_reminder"
_KINDS = {AlertLevel.LOW: LOW, AlertLevel.EMPTY: EMPTY, AlertLevel.REMINDER: REMINDER}
#: The kinds of alerts whose people are those of the rule.
BALANCE_KINDS = frozenset(_KINDS.values())


def balance_state(tx: Transaction, gateway: str) -> BalanceState | None:
    """Return what decides on the alert of a gateway; None: its balance was never read."""
    return tx.find(BalanceState, "balance_alert.state", gateway=gateway, setting=_setting(gateway))


def burn_rate(tx: Transaction, gateway: str) -> Burn:
    """Return what messages of a gateway cost in the last 24 hours, and a day on average."""
    day_ago, days_ago = tx.at - timedelta(days=1), tx.at - timedelta(days=BURN_DAYS)
    found = tx.get(Spent, "balance_alert.spent", gateway=gateway, day_ago=day_ago, days_ago=days_ago)
    return burn_of(found.last_day, found.last_days, found.first_at, tx.at)


def approved_needs(tx: Transaction, gateway: str) -> list[Need]:
    """Return what the approved campaigns of a gateway still have to send, in the order in which they are sent."""
    return tx.select(Need, "balance_alert.needs", gateway=gateway)


def apply_decision(
    tx: Transaction, gateway: str, decision: Decision, message: str, facts: str, channels: Sequence[Channel]
) -> None:
    """Raise and clear the alerts of a gateway as it was decided.

    If the balance falls below both lines at once, only the alert at zero is delivered.
    """
    told = _KINDS[decision.tell] if decision.tell else None
    if told == REMINDER:
        clear_alert(tx, REMINDER, gateway)
    for kind, is_open in ((LOW, decision.is_low), (EMPTY, decision.is_empty), (REMINDER, decision.is_low)):
        if not is_open:
            clear_alert(tx, kind, gateway)
        elif kind == told:
            raise_alert(tx, kind, gateway, message, channels=channels, facts=facts)
        elif kind != REMINDER:
            raise_alert(tx, kind, gateway, message, channels=[], facts=facts)


def put_rule(tx: Transaction, gateway: str, rule: AlertRule, actor: str) -> None:
    """Set the rule of a gateway; the rule before stays in the history."""
    amounts = {"threshold": str(rule.threshold), "margin": str(rule.margin)}
    people = {"mail_to": list(rule.mail_to), "sms_to": list(rule.sms_to)}
    put_setting(tx, _setting(gateway), asdict(rule) | amounts | people, actor)


def rule_from_json(text: str) -> AlertRule:
    """Return a rule as ``put_rule`` stored it."""
    value: Mapping[str, Any] = json.loads(text)
    amounts = {name: Decimal(value[name]) for name in ("threshold", "margin")}
    people = {name: tuple(value[name]) for name in ("mail_to", "sms_to")}
    return AlertRule(**{**value, **amounts, **people})


def find_rule(tx: Transaction, gateway: str) -> AlertRule | None:
    """Return the rule of a gateway; None: it was never set."""
    found = tx.find(OperatorSetting, "setting.get", name=_setting(gateway))
    return None if found is None else rule_from_json(found.value)


def rule_history(tx: Transaction, gateway: str) -> list[OperatorSetting]:
    """Return all rules of a gateway as JSON, the newest first, each with who set it and when."""
    return tx.select(OperatorSetting, "setting.history", name=_setting(gateway))


def _setting(gateway: str) -> str:
    return f"balance_alert.{gateway}"
