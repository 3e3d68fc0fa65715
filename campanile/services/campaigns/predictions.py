"""Predict what a campaign brings, store it with its recap, and score it when the outcome is known."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from campanile.services.campaigns.approval_checks import forecast_now
from campanile.services.context import Context
from campanile.sms.errors import ConfigurationError
from campanile.sms.predictions.campaign import (
    SETTLED_AFTER,
    Plan,
    Quantity,
    predict_campaign,
    predict_duration,
)
from campanile.sms.schedule.forecast import Forecast
from campanile.sms.states import CampaignState
from campanile.sms.text.segments import count_segments
from campanile.store.campaigns.predictions import outcomes_of, past_of, predictions_of, put_predictions
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import auto_responder
from schemas.campaign_rows import Campaign
from schemas.recap_rows import Recap, TerritoryCount, UnsentMessages
from schemas.result_rows import CampaignCost, ScoredPrediction, StoredPrediction


def add_predictions(context: Context, tx: Transaction, recap: Recap) -> None:
    """Store what a new recap predicts, in its transaction; its hash does not cover it."""
    campaign = tx.get(Campaign, "campaign.get", campaign_id=recap.campaign_id)
    plan = _plan(context, tx, campaign, recap)
    predicted = predict_campaign(plan, past_of(tx, campaign.kind, campaign.gateway))
    put_predictions(tx, campaign.campaign_id, campaign.version, predicted, plan.starts_at)


def predict_end_again(context: Context, tx: Transaction, campaign: Campaign) -> None:
    """Predict again when an approved campaign ends: its recap said it for an approval at the time of the recap."""
    forecast = forecast_now(context, tx, campaign)
    plan = Plan({}, Decimal(0), None, _starts_at(forecast), lambda pace: _ends_at(context, tx, campaign, pace))
    duration = predict_duration(plan, past_of(tx, campaign.kind, campaign.gateway))
    if duration is not None:
        put_predictions(tx, campaign.campaign_id, campaign.version, [duration], plan.starts_at)


def scored_predictions(tx: Transaction, campaign: Campaign, cost: CampaignCost) -> list[ScoredPrediction]:
    """Return the predictions of a campaign beside what happened.

    The time of the last message is known when the campaign is finished, the rest ``SETTLED_AFTER`` later.
    """
    predicted = predictions_of(tx, campaign)
    found = outcomes_of(tx, [campaign.campaign_id]) if predicted else None
    course = found.courses[0] if found and found.courses else None
    if found is None or course is None or campaign.state != CampaignState.FINISHED:
        return [ScoredPrediction(row, None, None) for row in predicted]
    settles_at = course.accepted_until + SETTLED_AFTER
    settled: dict[Quantity, Decimal] = {
        Quantity.COST: cost.charged,
        Quantity.ANSWERS_COST: cost.answers_charged,
        Quantity.DELIVERED: Decimal(sum(row.delivered_count for row in found.outcomes)),
        Quantity.OPTED_OUT: Decimal(sum(row.opted_out_count for row in found.outcomes)),
        Quantity.REPLIED: Decimal(sum(row.replied_count for row in found.outcomes)),
    }
    actual: dict[Quantity, Decimal | None] = {
        quantity: value if settles_at <= tx.at else None for quantity, value in settled.items()
    }
    return [
        ScoredPrediction(row, _took(row, course.accepted_until), course.accepted_until)
        if row.quantity == Quantity.DURATION
        else ScoredPrediction(row, actual[row.quantity], settles_at)
        for row in predicted
    ]


def _plan(context: Context, tx: Transaction, campaign: Campaign, recap: Recap) -> Plan:
    forecast = forecast_now(context, tx, campaign)
    unsent = tx.get(
        UnsentMessages,
        "recap.unsent",
        campaign_id=campaign.campaign_id,
        window_keys=[row.window_key for row in forecast.expiring],
        expiring_counts=[row.message_count for row in forecast.expiring],
    )
    share = 1 - unsent.message_count / recap.message_count if recap.message_count else 0.0
    territories = tx.select(TerritoryCount, "recap.territories", campaign_id=campaign.campaign_id)
    return Plan(
        {row.territory: round(row.message_count * share) for row in territories},
        recap.total_price - unsent.price,
        _answer_price(context, tx, recap),
        _starts_at(forecast),
        lambda pace: _ends_at(context, tx, campaign, pace),
    )


def _answer_price(context: Context, tx: Transaction, recap: Recap) -> Decimal | None:
    """Return the price of one automatic answer in the home region; None: no replies to this campaign are answered."""
    responder = auto_responder(tx)
    if responder.why_off(tx.at) is not None or not recap.header.get("can_be_answered"):
        return None
    try:
        price = context.tariff(str(recap.header["gateway"])).price(context.settings.region)
    except ConfigurationError:
        return None
    return price * count_segments(responder.text).segment_count


def _starts_at(forecast: Forecast) -> datetime | None:
    return min((departure.starts_at for departure in forecast.departures), default=None)


def _ends_at(context: Context, tx: Transaction, campaign: Campaign, pace: float) -> datetime:
    """Return when the last message is sent if each takes ``pace`` times as long as planned."""
    departures: Sequence[datetime] = [
        departure.ends_at for departure in forecast_now(context, tx, campaign, pace).departures
    ]
    return max(departures, default=tx.at)


def _took(row: StoredPrediction, accepted_until: datetime) -> Decimal | None:
    if row.starts_at is None:
        return None
    return Decimal(max((accepted_until - row.starts_at).total_seconds(), 0.0))
