"""The hours of a recap, looked at again when it is approved: time has passed since it was made."""

from datetime import datetime

from campanile.services.campaigns.send_schedule import expiring_words, hours_of
from campanile.services.context import Context
from campanile.services.sending.throughput import pace_of
from campanile.sms.errors import CampaignError
from campanile.sms.schedule.departures import Departure
from campanile.sms.schedule.forecast import Forecast, Load, Timing, forecast_departures
from campanile.sms.schedule.policy import load_policy
from campanile.sms.text.formatting import local_time
from campanile.store.db.database import Transaction
from schemas.recap_rows import PlaceLoad, Recap
from schemas.rows import Campaign


def check_times_hold(context: Context, tx: Transaction, campaign: Campaign) -> Forecast:
    """Refuse a recap whose hours do not hold any more: what is approved would leave later than it says, or not at all.

    A recap that was made when its hour had come already has shown that it leaves at once, on that day. Where it shows
    that some messages to a place will not leave, more of them may not.

    Returns:
        When its messages leave, and what will not leave in time, if it is approved now.

    Raises:
        CampaignError: the hour to leave has passed since, at the first of its places; or messages to a place that all
            leave by the recap, or all messages, would not leave in time any more.
    """
    name, zone = campaign.name, context.settings.zone
    recap = tx.get(Recap, "recap.get", campaign_id=campaign.campaign_id, version=campaign.version)
    first_at = _first_shown(tx, campaign)
    is_over = recap.prepared_at < first_at or first_at.astimezone(zone).date() < tx.at.astimezone(zone).date()
    if campaign.due_at is not None and first_at < tx.at and is_over:
        raise CampaignError(
            f"campaign {name} was to leave at {local_time(first_at, zone)} ({zone.key}), which has passed; prepare or "
            "revise it with another hour"
        )
    shown = {row["window_key"] for row in recap.details.get("expiring", [])}
    forecast = forecast_now(context, tx, campaign)
    news = [row for row in forecast.expiring if row.window_key not in shown or not forecast.departures]
    if news:
        raise CampaignError(
            f"approved now, campaign {name} would not send in time what its recap says that it sends "
            f"({expiring_words(news)}); prepare it again to see that, or revise its hours"
        )
    return forecast


def forecast_now(context: Context, tx: Transaction, campaign: Campaign) -> Forecast:
    """Return when the messages of a prepared campaign leave if it is approved now."""
    places = tx.select(PlaceLoad, "campaign.loads", campaign_id=campaign.campaign_id)
    timing = Timing(
        at=tx.at,
        due_at=campaign.due_at,
        policy=hours_of(campaign.kind, load_policy(campaign.policy)),
        margin_seconds=context.closing_margin_seconds,
        expiry_rules=campaign.expiry_rules,
        not_before={place.window_key: place.not_before for place in places if place.not_before is not None},
    )
    loads = [Load(place.window_key, place.message_count, place.segment_count) for place in places]
    return forecast_departures(
        loads, pace_of(context.settings, context.manifest(campaign.gateway)).segments_per_second, timing
    )


def _first_shown(tx: Transaction, campaign: Campaign) -> datetime:
    """Return when, by the recap, the first message leaves."""
    departures = tx.select(Departure, "departure.list", campaign_id=campaign.campaign_id)
    return min((leaving.starts_at for leaving in departures), default=tx.at)
