"""Events that automations can wait for: ``campaign.started``, ``parked``, ``finished``, ``paused``."""

from datetime import datetime

from prefect.events import emit_event

from campanile.sms.text.masking import mask_numbers
from schemas.campaign_rows import Campaign

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


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.isoformat() if isinstance(value, datetime) else mask_numbers(str(value))[:_LONGEST_TEXT]
