"""A recap as people read it: everything its page shows, read back from the store."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from prefect import task

from sms.errors import ConfigurationError, SmsError
from sms.places import ALSACE_MOSELLE, UNREADABLE, clocks_of
from sms.policy import load_policy
from sms.segments import count_segments
from store.campaigns import find_campaign
from store.changes import TouchedCampaign
from store.database import Transaction
from store.lists import declared_basis
from store.operators import credit_left
from store.recaps import Recap
from tasks.balance import read_balance
from tasks.clock import rehearsal_note
from tasks.house import tariff_of, visit_store
from tasks.inbound import auto_responder
from tasks.links import run_links
from tasks.pages import by_name
from tasks.publish import publish, publish_table
from tasks.recap_page import recap_page
from tasks.settings import settings

#: Of these details, what a recap has that was made before they were kept.
_NO_DETAILS = {
    "sources": [], "findings": [], "defaulted": None, "closed_days": {}, "expiring": [], "advice": [], "changes": None,
}  # fmt: skip


@task
def publish_recap(recap: Recap) -> str:
    """Publish a campaign's recap and return the page."""
    with visit_store(read_only=True) as visit:
        view = read_recap(visit, recap.campaign_id)
    if view["credit"] is None:
        view |= _first_reading(view["campaign"]["gateway"])
    name, page = view["campaign"]["name"], draw_recap(view)
    publish(f"recap-{name}", page, f"Recap of {name}")
    publish_table(
        f"territories-of-{name}", by_name(view["territories"]), f"Messages, segments and price of {name} by territory"
    )
    return page


def publish_stale(touched: Iterable[TouchedCampaign]) -> None:
    """Publish the recaps anew that a change of lists has made stale: their pages say so, and how to refresh them."""
    for name in [campaign.name for campaign in touched if campaign.state == "prepared"]:
        with visit_store(read_only=True) as visit:
            view = read_recap(visit, find_campaign(visit, name)["campaign_id"])
        publish(f"recap-{name}", draw_recap(view), f"Recap of {name}")


def _first_reading(gateway: str) -> dict[str, Any]:
    """Read a balance that was never read; return the credit, or in one line why it cannot be read."""
    try:
        read_balance(gateway)
    except SmsError as error:
        return {"balance_error": f"The balance cannot be read: {error}"}
    with visit_store(read_only=True) as visit:
        return {"credit": credit_left(visit, gateway)}


def draw_recap(view: dict[str, Any]) -> str:
    """Return the page of a recap, with the links to what can be done next."""
    campaign, answers = view["campaign"], view["auto_reply"]
    links = run_links(campaign, view["recap"], view["undeclared"])
    answers["price"] = _answer_price(campaign["gateway"], answers["text"])
    return recap_page(view, settings().zone, rehearsal_note(), links)


def read_recap(visit: Transaction, campaign_id: int) -> dict[str, Any]:
    """Return everything the recap page shows of a campaign's newest version."""
    campaign = visit.row("campaign.get", campaign_id=campaign_id) or {}
    version = campaign["version"]
    recap = visit.row("recap.get", campaign_id=campaign_id, version=version) or {}
    details = _NO_DETAILS | json.loads(recap["details"] or "{}")
    departures = visit.rows("departure.list", campaign_id=campaign_id)
    defaulted_id = (details["defaulted"] or {}).get("recipient_id")
    counts = visit.rows("recap.places", campaign_id=campaign_id)
    places = [_place(row, departures, details) for row in counts]
    return {
        "campaign": campaign,
        "recap": recap,
        "header": json.loads(recap["header"]),
        **details,
        "exclusions": visit.rows("recap.exclusions", campaign_id=campaign_id, version=version),
        "territories": visit.rows("recap.territories", campaign_id=campaign_id),
        "encodings": visit.rows("recap.encodings", campaign_id=campaign_id),
        "previews": visit.rows(
            "recap.previews", campaign_id=campaign_id, home=settings().region, defaulted_id=defaulted_id
        ),
        "departures": departures,
        "places": places,
        "unsent": visit.row(
            "recap.unsent",
            campaign_id=campaign_id,
            window_keys=[place["window_key"] for place in places],
            expiring_counts=[place["expiring_count"] for place in places],
        ),
        "alsace_moselle_count": _count_keys_with(ALSACE_MOSELLE, campaign, counts),
        "unreadable_postcode_count": _count_keys_with(UNREADABLE, campaign, counts),
        "credit": credit_left(visit, campaign["gateway"]),
        "balance_error": None,
        "undeclared": _undeclared(visit, json.loads(recap["header"])),
        "auto_reply": _auto_reply(visit, json.loads(recap["header"])),
    }


def _undeclared(visit: Transaction, header: Mapping[str, Any]) -> list[str]:
    """Return the lists of a marketing campaign whose people get nothing, because nobody said why they may."""
    if header["kind"] != "marketing" or not load_policy(header["policy"]).needs_legal_basis:
        return []
    return [name for name in header["lists"] if declared_basis(visit, name) is None]


def _place(
    row: Mapping[str, Any], departures: Sequence[Mapping[str, Any]], details: Mapping[str, Any]
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
        "zone": next((zone for _, zone in clocks_of(key)), settings().team_zone),
    }


def _count_keys_with(place: str, campaign: Mapping[str, Any], counts: Sequence[Mapping[str, Any]]) -> int:
    """Count the messages that keep the holidays of a place: none where no holidays bind."""
    if campaign["kind"] != "marketing" or not load_policy(campaign["policy"]).closes_on_holidays:
        return 0
    return sum(row["message_count"] for row in counts if place in row["window_key"].split("+"))


def _auto_reply(visit: Transaction, header: Mapping[str, Any]) -> dict[str, Any]:
    responder = auto_responder(visit)
    return {
        "enabled": responder.enabled,
        "text": responder.text,
        "reply_share": visit.value("reply.share"),
        "can_answer": header["can_be_answered"],
    }


def _answer_price(gateway: str, text: str) -> Decimal | None:
    """Return what one automatic answer costs where most people are, or None when there is no price for it."""
    try:
        return tariff_of(gateway).price(settings().region) * count_segments(text).segment_count
    except ConfigurationError:
        return None
