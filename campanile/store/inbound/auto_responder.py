"""The settings of the auto-responder; while it is off, no automatic answer is claimed."""

from dataclasses import asdict
from datetime import datetime

from campanile.sms.rules.auto_reply import AutoResponder
from campanile.sms.states import CampaignKind
from campanile.store.billing.operator_settings import get_setting, put_setting
from campanile.store.campaigns.campaigns import cancel_planned
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign

_SETTING = "auto_responder"


def auto_responder(tx: Transaction) -> AutoResponder:
    """Return the settings of the auto-responder; it is off if they were never set."""
    value = get_setting(tx, _SETTING)
    if value is None:
        return AutoResponder(enabled=False, text="")
    until = value["valid_until"]
    return AutoResponder(**(value | {"valid_until": datetime.fromisoformat(until) if until else None}))


def put_auto_responder(tx: Transaction, responder: AutoResponder, actor: str) -> None:
    """Write the settings of the auto-responder, and cancel the waiting answers while it is off.

    Answers that waited while it was off are cancelled too: only replies that arrive from now on are answered.
    """
    _cancel_waiting(tx)
    until = responder.valid_until
    value = asdict(responder) | {"valid_until": until.isoformat() if until else None}
    put_setting(tx, _SETTING, value, actor)
    _cancel_waiting(tx)


def why_silent(tx: Transaction, campaign: Campaign) -> str | None:
    """Return why no more automatic answers of a campaign are claimed; None: they are, or it is another campaign."""
    return auto_responder(tx).why_off(tx.at) if campaign.kind == CampaignKind.AUTO_REPLY else None


def cancel_silent(tx: Transaction, campaign: Campaign) -> None:
    """Cancel the waiting messages of a campaign of automatic answers while the auto-responder is off."""
    if (why := why_silent(tx, campaign)) is not None:
        cancel_planned(tx, campaign.campaign_id, why)


def _cancel_waiting(tx: Transaction) -> None:
    for campaign in tx.select(Campaign, "campaign.standing_of", kind=CampaignKind.AUTO_REPLY):
        cancel_silent(tx, campaign)
