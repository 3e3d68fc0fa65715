"""The hours of a recap, looked at again when it is approved: time has passed since it was made."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateways.registry import manifest_of
from sms.errors import CampaignError
from sms.policy import load_policy
from sms.timetable import plan_departures
from store.database import Transaction
from tasks.house import closing_margin_seconds
from tasks.pages import local_time
from tasks.settings import settings


def refuse_late(visit: Transaction, campaign: Mapping[str, Any]) -> None:
    """Refuse a recap whose hours do not hold any more: what is approved would leave later than it says.

    A recap that was made when its hour had come already has shown that it leaves at once; one that shows messages
    after the end of its offer may be approved as it is.

    Raises:
        CampaignError: the hour to leave has passed since, or only now would messages leave after the offer's end.
    """
    name, zone = campaign["name"], settings().zone
    recap = visit.row("recap.get", campaign_id=campaign["campaign_id"], version=campaign["version"]) or {}
    due_at, offer_ends_at = campaign["due_at"], campaign["offer_ends_at"]
    first_at, last_at = _shown(visit, campaign)
    if due_at is not None and recap["prepared_at"] < first_at < visit.at:
        raise CampaignError(
            f"campaign {name} was to leave at {local_time(first_at, zone)} ({zone.key}), which has passed; prepare or "
            "revise it with another hour"
        )
    if offer_ends_at is None or last_at > offer_ends_at:
        return
    last_at = _last_now(visit, campaign)
    if last_at > offer_ends_at:
        raise CampaignError(
            f"the last messages of {name} would leave until {local_time(last_at, zone)} ({zone.key}) if it were "
            f"approved now, and its offer ends at {local_time(offer_ends_at, zone)}; prepare it again to see how many, "
            "or revise it with another offer_ends"
        )


def _shown(visit: Transaction, campaign: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return when, by the recap, the first and the last message leave."""
    departures = visit.rows("departure.list", campaign_id=campaign["campaign_id"])
    first_at = min((leaving["starts_at"] for leaving in departures), default=visit.at)
    return first_at, max((leaving["ends_at"] for leaving in departures), default=visit.at)


def _last_now(visit: Transaction, campaign: Mapping[str, Any]) -> datetime:
    """Return when the last message leaves if the campaign is approved now."""
    loads = [tuple(row.values()) for row in visit.rows("campaign.loads", campaign_id=campaign["campaign_id"])]
    departures = plan_departures(
        loads,
        max(campaign["due_at"] or visit.at, visit.at),
        manifest_of(campaign["gateway"]).messages_per_second,
        load_policy(campaign["policy"]) if campaign["kind"] == "marketing" else None,
        closing_margin_seconds(),
    )
    return max((leaving.ends_at for leaving in departures), default=visit.at)
