"""The alert on a low balance: its rule, and the decision by the ledger after each reading and while it is spent."""

from contextlib import suppress
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from campanile.pages.alert_mail import balance_line
from campanile.services.billing.alerts import send_waiting_alerts
from campanile.services.context import Context
from campanile.sms.errors import ConfigurationError
from campanile.sms.rules.balance_alert import (
    MESSAGES,
    AlertLevel,
    AlertLines,
    AlertRule,
    AlertState,
    Decision,
    decide,
    is_reminder_due,
    not_covered,
)
from campanile.store.billing.alerts import Channel
from campanile.store.billing.balance import credit_left
from campanile.store.billing.balance_alert import (
    apply_decision,
    approved_needs,
    balance_state,
    burn_rate,
    rule_from_json,
)
from campanile.store.db.database import Transaction
from schemas.balance_facts import BalanceFacts, facts_to_json
from schemas.billing_rows import BalanceState

#: The margin is this share of the threshold if none was set.
MARGIN_SHARE = Decimal("0.1")


def default_rule(context: Context, gateway: str) -> AlertRule:
    """Return the rule of a gateway for which configure-balance-alert was never run: the settings."""
    threshold = context.settings.balance_critical
    return AlertRule(threshold, context.manifest(gateway).unit, threshold * MARGIN_SHARE)


def message_price(context: Context, gateway: str) -> Decimal | None:
    """Return the price of one segment at home; None: the tariff has none."""
    with suppress(ConfigurationError):
        return context.tariff(gateway).price(context.settings.region)
    return None


def judge_balance(context: Context, gateway: str) -> AlertLevel | None:
    """Raise or clear the alerts on a balance by the ledger, and send them; return what the team is told.

    Raises:
        ConfigurationError: the threshold counts messages, and the tariff has no price for one.
    """
    price = message_price(context, gateway)
    with context.transaction() as tx:
        found = balance_state(tx, gateway)
        if found is None:
            return None
        told = _judge(context, tx, gateway, found, price)
    if told is not None:
        send_waiting_alerts(context)
    return told


def _judge(
    context: Context, tx: Transaction, gateway: str, found: BalanceState, price: Decimal | None
) -> AlertLevel | None:
    rule = rule_of(context, gateway, found)
    decision = _decide(context, tx, rule, found, price)
    if decision.tell is None:
        apply_decision(tx, gateway, decision, "", "", [])
        return None
    credit = credit_left(tx, gateway)
    facts = BalanceFacts(
        gateway=gateway,
        level=decision.tell,
        balance=found.balance,
        unit=found.unit,
        threshold=rule.threshold,
        threshold_unit=rule.unit,
        message_price=price,
        read_at=found.read_at,
        burn=burn_rate(tx, gateway),
        not_covered=not_covered(credit.available if credit else found.balance, approved_needs(tx, gateway)),
        top_up=top_up_of(context, gateway),
    )
    line = balance_line(facts)
    apply_decision(tx, gateway, decision, line, facts_to_json(facts), channels_of(rule))
    context.log.warning(line)
    has_mail, has_sms = (
        rule.mail and context.mail is not None,
        rule.sms and (rule.sms_to or context.settings.alert_numbers),
    )
    if not (has_mail or has_sms):
        context.log.warning("nobody is told of it: set SMS_MAIL_HOST or SMS_ALERT_NUMBERS, or configure-balance-alert")
    return decision.tell


def _decide(context: Context, tx: Transaction, rule: AlertRule, found: BalanceState, price: Decimal | None) -> Decision:
    state = AlertState(found.is_low, found.is_empty, found.told_at)
    is_due = rule.reminder and is_reminder_due(found.told_at, tx.at, context.settings.zone)
    return decide(found.balance, _lines(rule, price), state, is_reminder_due=is_due)


def _lines(rule: AlertRule, price: Decimal | None) -> AlertLines:
    if rule.unit == MESSAGES and price is None:
        raise ConfigurationError(
            f"the threshold is {rule.threshold:f} messages, and the tariff has no price for one at home: add the "
            "price, or run configure-balance-alert with an amount"
        )
    return rule.lines(price)


class ReadingNeed(Enum):
    """Why the gateway must be asked for its balance while it is spent."""

    CROSSED = "the ledger says that it fell below a line"
    OLD = "it was last read long ago"


class Headroom(NamedTuple):
    """How much may be spent before the next line, and why the balance must be read now; None: it need not be."""

    amount: Decimal
    need: ReadingNeed | None


def headroom(context: Context, tx: Transaction, gateway: str, price: Decimal | None) -> Headroom:
    """Return how far the balance by the ledger is from the next line of its alert, by one statement."""
    found = balance_state(tx, gateway)
    if found is None:
        return _ENDLESS
    rule = rule_of(context, gateway, found)
    if rule.unit == MESSAGES and price is None:
        return _ENDLESS
    lines, state = rule.lines(price), AlertState(found.is_low, found.is_empty, found.told_at)
    next_line = Decimal("-Infinity") if found.is_empty else Decimal(0) if found.is_low else lines.threshold
    amount = found.balance - next_line
    if decide(found.balance, lines, state).tell is not None:
        return Headroom(amount, ReadingNeed.CROSSED)
    is_old = (tx.at - found.read_at).total_seconds() > context.settings.balance_read_seconds
    return Headroom(amount, ReadingNeed.OLD if is_old else None)


#: The balance was never read, or it is known to be used up.
_ENDLESS = Headroom(Decimal("Infinity"), None)


def rule_of(context: Context, gateway: str, found: BalanceState) -> AlertRule:
    """Return the rule in force: the one of configure-balance-alert, else the settings."""
    return default_rule(context, gateway) if found.rule is None else rule_from_json(found.rule)


def channels_of(rule: AlertRule) -> list[Channel]:
    """Return the channels of a rule; the event for Prefect is always emitted."""
    chosen: list[tuple[Channel, bool]] = [("mail", rule.mail), ("sms", rule.sms), ("event", True)]
    return [channel for channel, is_on in chosen if is_on]


def top_up_of(context: Context, gateway: str) -> str:
    """Return where to top up a gateway, from ``SMS_<GATEWAY>_TOP_UP``; empty: not set."""
    return str(getattr(context.settings, f"{gateway}_top_up", None) or "")
