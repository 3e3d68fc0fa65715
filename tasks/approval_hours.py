"""The hours of a recap, looked at again when it is approved: time has passed since it was made."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sms.errors import CampaignError
from sms.expiry import patience_of
from sms.forecast import Forecast, Load, Timing, forecast_departures
from sms.policy import load_policy
from store.database import Transaction
from tasks.hours import expiring_words, hours_of
from tasks.house import closing_margin_seconds, manifest_of
from tasks.pacing import pace_of
from tasks.pages import local_time
from tasks.settings import settings


def refuse_late(visit: Transaction, campaign: Mapping[str, Any]) -> Forecast:
    """Refuse a recap whose hours do not hold any more: what is approved would leave later than it says, or not at all.

    A recap that was made when its hour had come already has shown that it leaves at once, on that day. Where it shows
    that some messages to a place will not leave, more of them may not.

    Returns:
        When its messages leave, and what will not leave in time, if it is approved now.

    Raises:
        CampaignError: the hour to leave has passed since, at the first of its places; or messages to a place that all
            leave by the recap, or all messages, would not leave in time any more.
    """
    name, zone = campaign["name"], settings().zone
    recap = visit.row("recap.get", campaign_id=campaign["campaign_id"], version=campaign["version"]) or {}
    first_at = _first_shown(visit, campaign)
    is_over = recap["prepared_at"] < first_at or first_at.astimezone(zone).date() < visit.at.astimezone(zone).date()
    if campaign["due_at"] is not None and first_at < visit.at and is_over:
        raise CampaignError(
            f"campaign {name} was to leave at {local_time(first_at, zone)} ({zone.key}), which has passed; prepare or "
            "revise it with another hour"
        )
    shown = {row["window_key"] for row in json.loads(recap["details"] or "{}").get("expiring", [])}
    forecast = forecast_now(visit, campaign)
    news = [row for row in forecast.expiring if row.window_key not in shown or not forecast.departures]
    if news:
        raise CampaignError(
            f"approved now, campaign {name} would not send in time what its recap says that it sends "
            f"({expiring_words(news)}); prepare it again to see that, or revise its hours"
        )
    return forecast


def forecast_now(visit: Transaction, campaign: Mapping[str, Any]) -> Forecast:
    """Return when the messages of a prepared campaign leave if it is approved now."""
    rows = visit.rows("campaign.loads", campaign_id=campaign["campaign_id"])
    timing = Timing(
        at=visit.at,
        due_at=campaign["due_at"],
        policy=hours_of(campaign["kind"], load_policy(campaign["policy"])),
        margin_seconds=closing_margin_seconds(),
        patience=patience_of(campaign),
        not_before={row["window_key"]: row["not_before"] for row in rows if row["not_before"] is not None},
    )
    loads = [Load(row["window_key"], row["message_count"], row["segment_count"]) for row in rows]
    return forecast_departures(loads, pace_of(manifest_of(campaign["gateway"])).segments_per_second, timing)


def _first_shown(visit: Transaction, campaign: Mapping[str, Any]) -> datetime:
    """Return when, by the recap, the first message leaves."""
    departures = visit.rows("departure.list", campaign_id=campaign["campaign_id"])
    return min((leaving["starts_at"] for leaving in departures), default=visit.at)
