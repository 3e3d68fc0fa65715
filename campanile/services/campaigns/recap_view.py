"""A recap as people read it: everything its page shows, read back from the store."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from campanile.pages.recap_views import AutoReplyView, CreditView, RecapView
from campanile.pages.views import view_of
from campanile.services.billing.balance import read_balance
from campanile.services.context import Context
from campanile.sms.errors import ConfigurationError, SmsError
from campanile.sms.schedule.policy import load_policy
from campanile.sms.schedule.territories import ALSACE_MOSELLE, UNREADABLE, clocks_of
from campanile.sms.states import CampaignKind
from campanile.sms.text.segments import count_segments
from campanile.store.billing.balance import credit_left
from campanile.store.contacts.lists import declared_basis
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import auto_responder
from schemas.rows import Campaign

#: Of these details, what a recap has that was made before they were kept.
_NO_DETAILS: dict[str, Any] = {
    "sources": [], "findings": [], "defaulted": None, "closed_days": {}, "expiring": [], "advice": [], "changes": None,
}  # fmt: skip


class FirstReading(NamedTuple):
    """A gateway's credit, or in one line why its balance cannot be read."""

    credit: CreditView | None
    balance_error: str | None


def first_reading(context: Context, gateway: str) -> FirstReading:
    """Read a balance that was never read; return the credit, or why it cannot be read."""
    try:
        read_balance(context, gateway)
    except SmsError as error:
        return FirstReading(None, f"The balance cannot be read: {error}")
    with context.transaction(read_only=True) as tx:
        return FirstReading(view_of(CreditView, credit_left(tx, gateway)), None)


def with_answer_price(context: Context, view: RecapView) -> RecapView:
    """Return a recap with what one automatic answer costs where most people are, where there is a price for it."""
    answer = view.auto_reply
    try:
        price = context.tariff(view.campaign.gateway).price(context.settings.region)
    except ConfigurationError:
        return view
    return replace(view, auto_reply=replace(answer, price=price * count_segments(answer.text).segment_count))


def read_recap(context: Context, tx: Transaction, campaign_id: int) -> RecapView:
    """Return everything the recap page shows of a campaign's newest version."""
    campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
    recap = tx.one("recap.get", campaign_id=campaign_id, version=campaign.version)
    header, details = json.loads(recap["header"]), _NO_DETAILS | json.loads(recap["details"] or "{}")
    departures = tx.rows("departure.list", campaign_id=campaign_id)
    counts = tx.rows("recap.places", campaign_id=campaign_id)
    places = [_place(context, row, departures, details) for row in counts]
    unsent = tx.one(
        "recap.unsent",
        campaign_id=campaign_id,
        window_keys=[place["window_key"] for place in places],
        expiring_counts=[place["expiring_count"] for place in places],
    )
    found = {
        **details,
        "campaign": campaign,
        "recap": recap,
        "header": header,
        "exclusions": tx.rows("recap.exclusions", campaign_id=campaign_id, version=recap["version"]),
        "territories": tx.rows("recap.territories", campaign_id=campaign_id),
        "encodings": tx.rows("recap.encodings", campaign_id=campaign_id),
        "previews": _previews(context, tx, campaign_id, details),
        "departures": departures,
        "places": places,
        "unsent": unsent,
        "alsace_moselle_count": _count_keys_with(ALSACE_MOSELLE, campaign, counts),
        "unreadable_postcode_count": _count_keys_with(UNREADABLE, campaign, counts),
        "credit": credit_left(tx, campaign.gateway),
        "balance_error": None,
        "undeclared": _undeclared(tx, header),
        "auto_reply": _auto_reply(tx, header),
    }
    return view_of(RecapView, found)


def _previews(
    context: Context, tx: Transaction, campaign_id: int, details: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    defaulted = details["defaulted"]
    return tx.rows(
        "recap.previews",
        campaign_id=campaign_id,
        home=context.settings.region,
        defaulted_id=defaulted["recipient_id"] if defaulted else None,
    )


def _undeclared(tx: Transaction, header: Mapping[str, Any]) -> list[str]:
    """Return the lists of a marketing campaign whose people get nothing, because nobody said why they may."""
    if header["kind"] != CampaignKind.MARKETING or not load_policy(header["policy"]).needs_legal_basis:
        return []
    return [name for name in header["lists"] if declared_basis(tx, name) is None]


def _place(
    context: Context, row: Mapping[str, Any], departures: Sequence[Mapping[str, Any]], details: Mapping[str, Any]
) -> dict[str, Any]:
    """Return when the messages of one place leave, and how many do not."""
    key = row["window_key"]
    own = [leaving for leaving in departures if leaving["window_key"] == key]
    return {
        **row,
        "first_at": min((leaving["starts_at"] for leaving in own), default=None),
        "last_at": max((leaving["ends_at"] for leaving in own), default=None),
        "closed_days": details["closed_days"].get(key, []),
        "expiring_count": sum(lost["message_count"] for lost in details["expiring"] if lost["window_key"] == key),
        "zone": next((zone for _, zone in clocks_of(key)), context.settings.team_zone),
    }


def _count_keys_with(place: str, campaign: Campaign, counts: Sequence[Mapping[str, Any]]) -> int:
    """Count the messages that keep the holidays of a place: none where no holidays bind."""
    if campaign.kind != CampaignKind.MARKETING or not load_policy(campaign.policy).closes_on_holidays:
        return 0
    return sum(row["message_count"] for row in counts if place in row["window_key"].split("+"))


def _auto_reply(tx: Transaction, header: Mapping[str, Any]) -> AutoReplyView:
    responder = auto_responder(tx)
    return AutoReplyView(responder.enabled, tx.value("reply.share"), header["can_be_answered"], responder.text)
