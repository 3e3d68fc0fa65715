"""The mail of an alert to the team: subject, text and HTML with the same figures; and the text of its SMS."""

from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from campanile.pages.html import render_html
from campanile.sms.rules.balance_alert import MESSAGES, AlertLevel
from campanile.sms.text.formatting import amount_text, count_text, grouped, local_time
from schemas.balance_facts import BalanceFacts, facts_from_json
from schemas.billing_rows import WaitingAlert

#: What the subject and the SMS say of a balance, by level.
_LEVEL_WORDS = {
    AlertLevel.LOW: "is {balance}, below {threshold}",
    AlertLevel.EMPTY: "is used up: {balance}",
    AlertLevel.REMINDER: "is still low: {balance}, below {threshold}",
}
_TEXT = Environment(
    loader=PackageLoader("campanile.pages"),
    autoescape=False,  # noqa: S701 - the text part of a mail
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


class AlertMail(NamedTuple):
    """A mail with two parts."""

    subject: str
    text: str
    html: str


class NotCovered(NamedTuple):
    """One campaign with messages that the balance does not cover, as texts."""

    campaign: str
    due: str
    messages: str
    price: str


def alert_mail(raised: WaitingAlert, zone: ZoneInfo) -> AlertMail:
    """Return the mail of an alert; one on the balance has its figures."""
    facts = None if raised.facts is None else facts_from_json(raised.facts)
    subject = _headline(facts) if facts else f"{raised.kind.replace('_', ' ')} on {raised.gateway}"
    values = {
        "subject": subject,
        "message": raised.message,
        "raised_at": f"{local_time(raised.raised_at, zone)} ({zone.key})",
        "figures": _figures(facts, zone) if facts else [],
        "not_covered": _not_covered(facts, zone) if facts else [],
        "missing": amount_text(facts.missing, facts.unit) if facts else "",
        "top_up": facts.top_up if facts else "",
        "is_link": bool(facts and facts.top_up.startswith(("https://", "http://"))),
    }
    text = _TEXT.get_template("alert.txt.jinja").render(values)
    return AlertMail(f"Campanile: {subject}", text.strip() + "\n", render_html("alert", **values))


def balance_line(facts: BalanceFacts) -> str:
    """Return an alert on a balance in one line: the text of its SMS, and of the log."""
    parts = [_headline(facts)]
    days = facts.burn.days_left(facts.balance)
    if days is not None and facts.balance > 0:
        parts.append(f"It lasts {_days_text(days)} at {amount_text(facts.burn.a_day, facts.unit)} a day")
    if facts.not_covered:
        parts.append(
            f"Approved and not covered: {count_text(facts.missing_count, 'message')} of "
            f"{count_text(len(facts.not_covered), 'campaign')}, {amount_text(facts.missing, facts.unit)}"
        )
    if facts.top_up:
        parts.append(f"Top up: {facts.top_up}")
    return ". ".join(parts)


def threshold_text(facts: BalanceFacts) -> str:
    """Return the threshold in its own unit."""
    if facts.threshold_unit == MESSAGES:
        return count_text(int(facts.threshold), "message")
    return amount_text(facts.threshold, facts.threshold_unit)


def _headline(facts: BalanceFacts) -> str:
    balance = amount_text(facts.balance, facts.unit)
    if facts.threshold_unit == MESSAGES and facts.messages_left is not None:
        balance = f"{count_text(facts.messages_left, 'message')} ({balance})"
    words = _LEVEL_WORDS[facts.level].format(balance=balance, threshold=threshold_text(facts))
    return f"balance of {facts.gateway} {words}"


def _figures(facts: BalanceFacts, zone: ZoneInfo) -> Sequence[tuple[str, str]]:
    """Return the figures of a mail, each with its label."""
    balance = amount_text(facts.balance, facts.unit)
    if facts.messages_left is not None:
        balance += f", or {count_text(facts.messages_left, 'message')} of one segment at today's price"
    threshold = threshold_text(facts)
    if facts.threshold_unit == MESSAGES and facts.message_price is not None:
        threshold += f", {amount_text(facts.threshold * facts.message_price, facts.unit)} at today's price"
    day, mean = (amount_text(amount, facts.unit) for amount in facts.burn)
    rows = [("Balance", balance), ("Threshold", threshold), ("Spent", f"{day} in the last 24 hours, {mean} a day")]
    days = facts.burn.days_left(facts.balance)
    if days is not None:
        rows.append(("Lasts", f"{_days_text(days)} at this rate"))
    rows.append(("Read", f"{local_time(facts.read_at, zone)}; what was sent since is deducted"))
    return rows


def _not_covered(facts: BalanceFacts, zone: ZoneInfo) -> Sequence[NotCovered]:
    return [
        NotCovered(
            need.campaign,
            local_time(need.due_at, zone) if need.due_at else "paused",
            grouped(need.message_count),
            amount_text(need.price, facts.unit),
        )
        for need in facts.not_covered
    ]


def _days_text(days: object) -> str:
    found = f"{days:.1f}"
    return "less than a day" if float(found) < 1 else f"{found} days"
