"""The auto-responder's switch: while it is off, no answer leaves that was not claimed before."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sms.auto_reply import AutoResponder
from store.campaigns import cancel_planned
from store.database import Transaction
from store.operators import get_setting, put_setting

_SETTING = "auto_responder"


def auto_responder(visit: Transaction) -> AutoResponder:
    """Return the auto-responder as it is set; off when nobody ever set it."""
    value = get_setting(visit, _SETTING)
    if value is None:
        return AutoResponder(enabled=False, text="")
    until = value["valid_until"]
    return AutoResponder(**(value | {"valid_until": datetime.fromisoformat(until) if until else None}))


def put_auto_responder(visit: Transaction, responder: AutoResponder, changed_by: str) -> None:
    """Put the auto-responder's settings in force, and cancel the answers that wait while it is off.

    Also those that it outlived until now: switched on again, it starts with what comes from then on.
    """
    _cancel_waiting(visit)
    until = responder.valid_until
    value = asdict(responder) | {"valid_until": until.isoformat() if until else None}
    put_setting(visit, _SETTING, value, changed_by)
    _cancel_waiting(visit)


def why_silent(visit: Transaction, campaign: Mapping[str, Any]) -> str | None:
    """Return why nothing unclaimed of a campaign of answers may leave; None where it may, and for other campaigns."""
    return auto_responder(visit).why_off(visit.at) if campaign["kind"] == "auto_reply" else None


def cancel_silent(visit: Transaction, campaign: Mapping[str, Any]) -> None:
    """Cancel what waits in a campaign of answers while the auto-responder is off."""
    if (why := why_silent(visit, campaign)) is not None:
        cancel_planned(visit, campaign["campaign_id"], why)


def _cancel_waiting(visit: Transaction) -> None:
    for campaign in visit.rows("campaign.standing_of", kind="auto_reply"):
        cancel_silent(visit, campaign)
