"""Predict what a campaign brings, store it with its recap, and score it when the outcome is known."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from campanile.services.campaigns.approval_checks import loads_now
from campanile.services.campaigns.preparation_context import PreparationContext
from campanile.services.campaigns.recap_header import BuiltMessages
from campanile.services.context import Context
from campanile.services.sending.throughput import pace_of
from campanile.sms.errors import ConfigurationError
from campanile.sms.predictions.campaign import (
    SETTLED_AFTER,
    Plan,
    Predicted,
    Quantity,
    predict_campaign,
    predict_duration,
)
from campanile.sms.schedule.forecast import Forecast, Load, Timing, forecast_departures
from campanile.sms.states import CampaignState
from campanile.sms.text.segments import count_segments
from campanile.store.campaigns.predictions import outcomes_of, past_courses, past_of, predictions_of, put_predictions
from campanile.store.db.database import Transaction
from campanile.store.db.statement_runner import StatementRunner
from campanile.store.inbound.auto_responder import auto_responder
from schemas.campaign_rows import Campaign
from schemas.draft import CampaignDraft
from schemas.result_rows import CampaignCost, ScoredPrediction, StoredPrediction


class _StagedTerritory(NamedTuple):
    territory: str
    message_count: int
    price: Decimal


def predict_recap(
    context: Context,
    scratch: StatementRunner,
    draft: CampaignDraft,
    prepared: PreparationContext,
    built: BuiltMessages,
) -> tuple[list[Predicted], datetime | None]:
    """Return what a recap predicts, and when its first message is sent; the store is free during the computation."""
    with context.transaction(read_only=True) as tx:
        past, responder = past_of(tx, draft.kind, draft.gateway), auto_responder(tx)
        is_answering = responder.why_off(tx.at) is None
    territories = scratch.select(_StagedTerritory, "prediction.staged")
    can_answer = any(prepared.rule(draft, row.territory).can_be_answered for row in territories)
    whole = sum(row.message_count for row in territories)
    sent = sum(departure.message_count for departure in built.forecast.departures)
    share = sent / whole if whole else 0.0
    rate = pace_of(context.settings, prepared.manifest).segments_per_second
    plan = Plan(
        {row.territory: round(row.message_count * share) for row in territories},
        sum((row.price for row in territories), Decimal(0)) * sent / max(whole, 1),
        _answer_price(context, draft.gateway, responder.text) if can_answer and is_answering else None,
        _starts_at(built.forecast),
        lambda pace: _ends_at(built.loads, rate / pace, built.timing),
    )
    return predict_campaign(plan, past), plan.starts_at


def predict_end_again(context: Context, tx: Transaction, campaign: Campaign) -> None:
    """Predict again when an approved campaign ends: its recap said it for an approval at the time of the recap."""
    loads, timing = loads_now(context, tx, campaign)
    rate = pace_of(context.settings, context.manifest(campaign.gateway)).segments_per_second
    starts_at = _starts_at(forecast_departures(loads, rate, timing))
    plan = Plan({}, Decimal(0), None, starts_at, lambda pace: _ends_at(loads, rate / pace, timing))
    duration = predict_duration(plan, past_courses(tx, campaign.kind, campaign.gateway))
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


def _answer_price(context: Context, gateway: str, text: str) -> Decimal | None:
    """Return the price of one automatic answer in the home region; None: the tariff has none."""
    try:
        price = context.tariff(gateway).price(context.settings.region)
    except ConfigurationError:
        return None
    return price * count_segments(text).segment_count


def _starts_at(forecast: Forecast) -> datetime | None:
    return min((departure.starts_at for departure in forecast.departures), default=None)


def _ends_at(loads: Sequence[Load], rate: float, timing: Timing) -> datetime:
    """Return when the last message is sent at a rate of segments a second."""
    departures = forecast_departures(loads, rate, timing).departures
    return max((departure.ends_at for departure in departures), default=timing.at)


def _took(row: StoredPrediction, accepted_until: datetime) -> Decimal | None:
    if row.starts_at is None:
        return None
    return Decimal(max((accepted_until - row.starts_at).total_seconds(), 0.0))
