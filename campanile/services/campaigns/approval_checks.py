"""Check the times of a recap again when it is approved: time has passed since it was made."""

from collections.abc import Sequence
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
from schemas.campaign_rows import Campaign
from schemas.recap_rows import Recap, WindowLoad


def check_times_hold(context: Context, tx: Transaction, campaign: Campaign) -> Forecast:
    """Refuse a recap whose times are out of date: its messages would be sent later than it says, or not at all.

    A recap that was made after its send time already says that its messages are sent at once; it is valid on that day.
    If it says that some messages to a territory expire, more of them may expire.

    Returns:
        When its messages are sent, and which cannot be sent in time, if it is approved now.

    Raises:
        CampaignError: the send time at the first of its territories has passed since; or some messages to a territory
            where the recap shows none that expire, or all messages, can no longer be sent in time.
    """
    name, zone = campaign.name, context.settings.zone
    recap = tx.get(Recap, "recap.get", campaign_id=campaign.campaign_id, version=campaign.version)
    first_at = _first_shown(tx, campaign)
    is_over = recap.prepared_at < first_at or first_at.astimezone(zone).date() < tx.at.astimezone(zone).date()
    if campaign.due_at is not None and first_at < tx.at and is_over:
        raise CampaignError(
            f"campaign {name} was to be sent at {local_time(first_at, zone)} ({zone.key}), which has passed; prepare "
            "or revise it with a later time"
        )
    shown = {row["window_key"] for row in recap.details.get("expiring", [])}
    forecast = forecast_now(context, tx, campaign)
    news = [row for row in forecast.expiring if row.window_key not in shown or not forecast.departures]
    if news:
        raise CampaignError(
            f"campaign {name} can no longer send in time all the messages that its recap shows "
            f"({expiring_words(news)}); prepare it again to see which, or revise its times"
        )
    return forecast


def forecast_now(context: Context, tx: Transaction, campaign: Campaign) -> Forecast:
    """Return when the messages of a prepared campaign are sent if it is approved now."""
    loads, timing = loads_now(context, tx, campaign)
    rate = pace_of(context.settings, context.manifest(campaign.gateway)).segments_per_second
    return forecast_departures(loads, rate, timing)


def loads_now(context: Context, tx: Transaction, campaign: Campaign) -> tuple[Sequence[Load], Timing]:
    """Return what a prepared campaign has to send, and when it may if it is approved now."""
    windows = tx.select(WindowLoad, "campaign.loads", campaign_id=campaign.campaign_id)
    timing = Timing(
        at=tx.at,
        due_at=campaign.due_at,
        policy=hours_of(campaign.kind, load_policy(campaign.policy)),
        margin_seconds=context.closing_margin_seconds,
        expiry_rules=campaign.expiry_rules,
        not_before={window.window_key: window.not_before for window in windows if window.not_before is not None},
    )
    loads = [Load(window.window_key, window.message_count, window.segment_count) for window in windows]
    return loads, timing


def _first_shown(tx: Transaction, campaign: Campaign) -> datetime:
    """Return when the first message is sent according to the recap."""
    departures = tx.select(Departure, "departure.list", campaign_id=campaign.campaign_id)
    return min((departure.starts_at for departure in departures), default=tx.at)
