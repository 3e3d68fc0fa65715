"""The settings of the auto-responder; while it is off, no automatic answer is claimed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from campanile.sms.rules.auto_reply import AutoResponder
from campanile.sms.states import CampaignKind
from campanile.store.billing.operator_settings import get_setting, put_setting
from campanile.store.campaigns.campaigns import cancel_planned
from campanile.store.db.database import Transaction
from schemas.billing_rows import OperatorSetting
from schemas.campaign_rows import Campaign
from schemas.inbound_rows import AnswerTotals

_SETTING = "auto_responder"
#: The origin of messages that answer HELP: the switch of the auto-responder does not apply to them.
HELP_ORIGIN = "help"


def auto_responder(tx: Transaction) -> AutoResponder:
    """Return the settings of the auto-responder; it is off if they were never set."""
    value = get_setting(tx, _SETTING)
    return AutoResponder(enabled=False, text="") if value is None else _read(value)


def on_since(tx: Transaction) -> datetime | None:
    """Return since when the auto-responder is on without a break, whatever else was changed; None: it is off."""
    since, ends_at = None, tx.at
    for row in tx.select(OperatorSetting, "setting.history", name=_SETTING):
        if _read(json.loads(row.value)).why_off(ends_at) is not None:
            break
        since = ends_at = row.changed_at
    return since


def answers_since(tx: Transaction, gateway: str, since: datetime) -> AnswerTotals:
    """Return how many automatic answers a gateway accepted since then, and what they cost."""
    return tx.get(AnswerTotals, "reply.answers_of", gateway=gateway, since=since)


def own_senders(tx: Transaction, senders: Sequence[str]) -> set[str]:
    """Return which of these senders are the senders of our own campaigns."""
    return set(tx.values("campaign.is_sender", senders=list(senders))) if senders else set()


def bind_answers(tx: Transaction, responder: AutoResponder) -> None:
    """Let the sending hours of the chosen policy bind the automatic answers, those that wait included."""
    tx.run("campaign.set_answer_policy", policy=responder.policy)


def put_auto_responder(tx: Transaction, responder: AutoResponder, actor: str) -> None:
    """Write the settings of the auto-responder, and cancel the waiting answers while it is off.

    Answers that waited while it was off are cancelled too: only replies that arrive from now on are answered.
    """
    _cancel_waiting(tx)
    until = responder.valid_until
    value = asdict(responder) | {"valid_until": until.isoformat() if until else None}
    put_setting(tx, _SETTING, value, actor)
    bind_answers(tx, responder)
    _cancel_waiting(tx)


def why_silent(tx: Transaction, campaign: Campaign, cut_as: int | None = None) -> str | None:
    """Return why no more automatic answers of a campaign are claimed; None: they are, or it is another campaign.

    ``cut_as``: the slice that the answers were first cut into; answers to HELP are claimed always.
    """
    why = auto_responder(tx).why_off(tx.at) if campaign.kind == CampaignKind.AUTO_REPLY else None
    if why is None or cut_as is None:
        return why
    answers_help = tx.value(
        "message.has_origin_in", campaign_id=campaign.campaign_id, slice_no=cut_as, origin=HELP_ORIGIN
    )
    return None if answers_help else why


def cancel_silent(tx: Transaction, campaign: Campaign) -> None:
    """Cancel the waiting automatic answers of a campaign while the auto-responder is off; answers to HELP stay."""
    if (why := why_silent(tx, campaign)) is not None:
        cancel_planned(tx, campaign.campaign_id, why, except_origin=HELP_ORIGIN)


def _read(value: Mapping[str, Any]) -> AutoResponder:
    until = value["valid_until"]
    return AutoResponder(**{**value, "valid_until": datetime.fromisoformat(until) if until else None})


def _cancel_waiting(tx: Transaction) -> None:
    for campaign in tx.select(Campaign, "campaign.standing_of", kind=CampaignKind.AUTO_REPLY):
        cancel_silent(tx, campaign)
