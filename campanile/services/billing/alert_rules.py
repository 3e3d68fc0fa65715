"""Change and show when and whom an alert on a balance reaches: configure-balance-alert."""

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Literal

from campanile.gateways.mail import check_address
from campanile.pages.alert_rules import AlertRuleView, RuleChange, rule_text
from campanile.services.billing.alerts import alert_gateway
from campanile.services.billing.balance_alert import MARGIN_SHARE, default_rule, judge_balance, message_price
from campanile.services.context import Context
from campanile.services.input_checks import require_actor
from campanile.sms.errors import ConfigurationError, InvalidNumber
from campanile.sms.numbers.msisdn import parse_number
from campanile.sms.rules.balance_alert import MESSAGES, AlertRule
from campanile.sms.text.masking import mask_numbers
from campanile.store.billing.balance_alert import find_rule, put_rule, rule_from_json, rule_history
from campanile.store.db.database import Transaction

Channels = Literal["mail and sms", "mail", "sms", "none"]
#: An amount must be below this: the store keeps DECIMAL(18, 6).
_MAX_AMOUNT = 10**12


def set_alert_rule(
    context: Context,
    gateway: str,
    threshold: float,
    unit: str,
    margin: float | None,
    channels: Channels,
    people: str,
    *,
    reminder: bool,
    actor: str,
) -> str:
    """Set when and whom an alert on the balance of a gateway reaches, and apply it at once; return one line.

    Args:
        context: the context.
        gateway: its name.
        threshold: the balance is low below it.
        unit: the unit of the gateway's prices, or ``messages``; empty: the unit of the prices.
        margin: the balance is no longer low above threshold plus margin; None: a tenth of the threshold.
        channels: by what the team is told.
        people: mail addresses and numbers, separated by commas; empty: those of the settings.
        reminder: whether the team is told again each day while it is low.
        actor: who sets it.

    Raises:
        ConfigurationError: a value is not allowed, or a channel reaches nobody; the rule before stays in force.
    """
    actor, named_unit = require_actor(actor), _unit(context, gateway, unit)
    limit = _amount("threshold", threshold, named_unit)
    mail_to, sms_to = _people(context, people)
    rule = AlertRule(
        limit,
        named_unit,
        limit * MARGIN_SHARE if margin is None else _amount("margin", margin, named_unit),
        mail="mail" in channels,
        sms="sms" in channels,
        mail_to=mail_to,
        sms_to=sms_to,
        reminder=reminder,
    )
    _check_channels(context, gateway, rule)
    with context.transaction() as tx:
        before = alert_rule(context, tx, gateway)
        put_rule(tx, gateway, rule, actor)
    line = f"{actor} set the alert on the balance of {gateway}: {rule_text(rule)}; before: {rule_text(before)}"
    context.log.info(line)
    judge_balance(context, gateway)
    return line


def read_alert_rule(context: Context, gateway: str) -> AlertRuleView:
    """Return the rule of a gateway with its history, the newest change first."""
    with context.transaction(read_only=True) as tx:
        rule, history = find_rule(tx, gateway), rule_history(tx, gateway)
    first = default_rule(context, gateway)
    rules = [*(rule_from_json(row.value) for row in history), first]
    changes = [
        RuleChange(row.changed_at, row.actor, rule_text(before), rule_text(after))
        for row, after, before in zip(history, rules, rules[1:], strict=False)
    ]
    return AlertRuleView(gateway, rule or first, is_default=rule is None, changes=changes)


def alert_rule(context: Context, tx: Transaction, gateway: str) -> AlertRule:
    """Return the rule of a gateway in force."""
    return find_rule(tx, gateway) or default_rule(context, gateway)


def _unit(context: Context, gateway: str, unit: str) -> str:
    own, given = context.manifest(gateway).unit, unit.strip()
    if given.casefold() in ("", own.casefold()):
        return own
    if given.casefold() != MESSAGES:
        raise ConfigurationError(
            f"unit {given!r} is not possible on gateway {gateway}: its prices are in {own}. Give {own}, or messages"
        )
    if not message_price(context, gateway):
        raise ConfigurationError(
            f"a threshold in messages needs the price of one, and the tariff of {gateway} has none for "
            f"{context.settings.region}: add it to {gateway}.csv, or give an amount in {own}"
        )
    return MESSAGES


def _amount(name: str, value: float, unit: str) -> Decimal:
    is_whole = unit != MESSAGES or float(value).is_integer()
    if not isfinite(value) or not 0 <= value < _MAX_AMOUNT or not is_whole:
        allowed = "a whole number of messages" if unit == MESSAGES else f"an amount in {unit}"
        raise ConfigurationError(f"{name} {value} is not valid: give {allowed}, 0 or more")
    return round(Decimal(str(value)), 6)


def _people(context: Context, people: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the addresses and the numbers of a list that people typed; each one once."""
    listed = [part.strip() for part in people.replace(";", ",").replace("\n", ",").split(",") if part.strip()]
    addresses = [part for part in listed if "@" in part]
    for address in addresses:
        check_address(address)
    numbers = [_number(context, part) for part in listed if "@" not in part]
    return tuple(dict.fromkeys(addresses)), tuple(dict.fromkeys(numbers))


def _number(context: Context, typed: str) -> str:
    try:
        return parse_number(typed, context.settings.region).msisdn
    except InvalidNumber as error:
        raise ConfigurationError(
            f"people: {mask_numbers(typed)!r} is neither a mail address nor a mobile number ({error.reason}): write "
            "team@example.org, 06 12 34 56 78; separated by commas"
        ) from None


def _check_channels(context: Context, gateway: str, rule: AlertRule) -> None:
    """Refuse a channel that would reach nobody, before it is needed."""
    settings = context.settings
    if rule.mail and rule.mail_to and context.mail is None:
        raise ConfigurationError("mail is not set up: set SMS_MAIL_HOST and SMS_MAIL_TO, or choose the channel sms")
    numbers = rule.sms_to or settings.alert_numbers
    mails = context.mail is not None and bool(rule.mail_to or settings.mail_to)
    if (rule.mail or rule.sms) and not ((rule.mail and mails) or (rule.sms and numbers)):
        raise ConfigurationError(
            "the alert would reach nobody: give people, or set SMS_MAIL_HOST and SMS_MAIL_TO or SMS_ALERT_NUMBERS"
        )
    if rule.sms and rule.sms_to:
        tariff = context.tariff(alert_gateway(context, gateway))
        for number in rule.sms_to:
            tariff.price(parse_number(number, settings.region).territory)
