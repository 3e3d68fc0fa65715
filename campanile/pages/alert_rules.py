"""The rule of the alert on a balance, in words, and its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from campanile.sms.rules.balance_alert import MESSAGES, AlertRule
from campanile.sms.text.formatting import amount_text, count_text
from campanile.sms.text.masking import mask_numbers


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One change of a rule: when, by whom, and the rule before and after."""

    changed_at: datetime
    actor: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AlertRuleView:
    """The rule of a gateway in force, and its changes, the newest first; ``is_default``: it is that of the settings."""

    gateway: str
    rule: AlertRule
    is_default: bool
    changes: Sequence[RuleChange]

    @property
    def line(self) -> str:
        """The rule in one line, with who set it."""
        origin = "by the settings" if self.is_default else f"set by {self.changes[0].actor}"
        return f"{rule_text(self.rule)} ({origin})"


def rule_text(rule: AlertRule) -> str:
    """Return a rule as part of a sentence; numbers are masked.

    >>> rule_text(AlertRule(Decimal(500), "EUR", Decimal(50), sms=False, mail_to=["team@example.org"]))
    'below 500.00 EUR, again after it rose above 550.00 EUR; by mail to team@example.org; no reminder'
    """
    again = rule.threshold + rule.margin
    ways = [
        f"by {way} to {mask_numbers(', '.join(people)) if people else f'those of {setting}'}"
        for way, is_on, people, setting in (
            ("mail", rule.mail, rule.mail_to, "SMS_MAIL_TO"),
            ("SMS", rule.sms, rule.sms_to, "SMS_ALERT_NUMBERS"),
        )
        if is_on
    ]
    reminder = "a reminder each day" if rule.reminder else "no reminder"
    told = " and ".join(ways) or "nobody is told"
    return f"below {_text(rule.threshold, rule)}, again after it rose above {_text(again, rule)}; {told}; {reminder}"


def alert_rule_page(view: AlertRuleView, line: str, links: Sequence[RunLink], zone: ZoneInfo) -> str:
    """Return the page of a rule, with its history."""
    return render(
        "alert_rule", title=f"Alert on the balance of {view.gateway}", view=view, line=line, steps=links, zone=zone
    )


def _text(amount: Decimal, rule: AlertRule) -> str:
    if rule.unit == MESSAGES:
        return count_text(int(amount), "message")
    return amount_text(amount, rule.unit)
