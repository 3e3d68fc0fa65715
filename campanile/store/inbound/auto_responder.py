"""The auto-responder's switch: while it is off, no answer leaves that was not claimed before."""

from dataclasses import asdict
from datetime import datetime

from campanile.sms.rules.auto_reply import AutoResponder
from campanile.sms.states import CampaignKind
from campanile.store.billing.operator_settings import get_setting, put_setting
from campanile.store.campaigns.campaigns import cancel_planned
from campanile.store.db.database import Transaction
from schemas.rows import Campaign

_SETTING = "auto_responder"


def auto_responder(tx: Transaction) -> AutoResponder:
    """Return the auto-responder as it is set; off when nobody ever set it."""
    value = get_setting(tx, _SETTING)
    if value is None:
        return AutoResponder(enabled=False, text="")
    until = value["valid_until"]
    return AutoResponder(**(value | {"valid_until": datetime.fromisoformat(until) if until else None}))


def put_auto_responder(tx: Transaction, responder: AutoResponder, actor: str) -> None:
    """Put the auto-responder's settings in force, and cancel the answers that wait while it is off.

    Also those that it outlived until now: switched on again, it starts with what comes from then on.
    """
    _cancel_waiting(tx)
    until = responder.valid_until
    value = asdict(responder) | {"valid_until": until.isoformat() if until else None}
    put_setting(tx, _SETTING, value, actor)
    _cancel_waiting(tx)


def why_silent(tx: Transaction, campaign: Campaign) -> str | None:
    """Return why nothing unclaimed of a campaign of answers may leave; None where it may, and for other campaigns."""
    return auto_responder(tx).why_off(tx.at) if campaign.kind == CampaignKind.AUTO_REPLY else None


def cancel_silent(tx: Transaction, campaign: Campaign) -> None:
    """Cancel what waits in a campaign of answers while the auto-responder is off."""
    if (why := why_silent(tx, campaign)) is not None:
        cancel_planned(tx, campaign.campaign_id, why)


def _cancel_waiting(tx: Transaction) -> None:
    for campaign in tx.select(Campaign, "campaign.standing_of", kind=CampaignKind.AUTO_REPLY):
        cancel_silent(tx, campaign)
