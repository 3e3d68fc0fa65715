"""Events that automations can wait for: ``campaign.started``, ``parked``, ``finished``, ``paused``; ``balance.low``."""

from datetime import datetime

from prefect.events import emit_event

from campanile.pages.alert_mail import balance_line
from campanile.sms.text.masking import mask_numbers
from schemas.balance_facts import BalanceFacts
from schemas.campaign_rows import Campaign
from tasks.prefect_calls import bound_events

#: The event of an alert on a balance, and the beginning of its resource, which ends with the gateway.
_BALANCE = "balance"
BALANCE_LOW, BALANCE_RESOURCE = f"{_BALANCE}.low", f"campanile.{_BALANCE}."

_FIELDS = ("kind", "gateway", "state", "version", "due_at")
_LONGEST_TEXT = 500


def announce(event: str, campaign: Campaign, **payload: object) -> None:
    """Emit an event about a campaign to Prefect.

    The event is sent in the background. Without an API it is lost: nothing depends on it.

    Args:
        event: ``started``, ``parked``, ``finished`` or ``paused``.
        campaign: its current row.
        payload: additional values by name; numbers in texts are masked.
    """
    fields = {"campaign": campaign.name, "reason": campaign.state_reason} | {
        name: getattr(campaign, name) for name in _FIELDS
    }
    emit_event(
        event=f"campaign.{event}",
        resource={
            "prefect.resource.id": f"campanile.campaign.{campaign.name}",
            "prefect.resource.name": str(campaign.name),
        },
        payload={name: _plain(value) for name, value in (fields | payload).items()},
    )


def announce_low_balance(facts: BalanceFacts) -> None:
    """Emit the event of an alert on a balance to Prefect, as ``announce`` does. Amounts are texts."""
    bound_events()
    emit_event(
        event=BALANCE_LOW,
        resource={
            "prefect.resource.id": f"{BALANCE_RESOURCE}{facts.gateway}",
            "prefect.resource.name": f"Balance of {facts.gateway}",
        },
        payload={
            "message": balance_line(facts),
            "gateway": facts.gateway,
            "level": str(facts.level),
            "balance": str(facts.balance),
            "unit": facts.unit,
            "threshold": str(facts.threshold),
            "threshold_unit": facts.threshold_unit,
            "spent_a_day": str(facts.burn.a_day),
            "messages_not_covered": facts.missing_count,
            "missing": str(facts.missing),
            "top_up": facts.top_up,
        },
    )


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.isoformat() if isinstance(value, datetime) else mask_numbers(str(value))[:_LONGEST_TEXT]
