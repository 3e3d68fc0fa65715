"""The forecast of a gateway's balance: its inputs from the store, the alert on it, and the report with both."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from campanile.files.atomic_write import written_whole
from campanile.pages.alert_rules import rule_text
from campanile.pages.balance_views import BalanceView
from campanile.services.billing.alert_rules import alert_rule
from campanile.services.billing.alerts import alert
from campanile.services.billing.balance_alert import message_price
from campanile.services.campaigns.send_schedule import hours_of
from campanile.services.context import Context
from campanile.services.inbound.responder_state import answer_prices, responder_state
from campanile.services.sending.throughput import pace_of
from campanile.sms.predictions.balance import (
    PAST_WEEKS,
    BalanceForecast,
    Due,
    Inputs,
    Spent,
    forecast_balance,
    half_of,
)
from campanile.sms.predictions.campaign import Past, rate_of
from campanile.sms.schedule.departures import Departure
from campanile.sms.schedule.forecast import Load, Timing, forecast_departures
from campanile.sms.schedule.policy import load_policy
from campanile.sms.states import CampaignKind
from campanile.sms.text.formatting import amount_text
from campanile.store.billing.alerts import clear_alert
from campanile.store.billing.balance import credit_left
from campanile.store.campaigns.predictions import past_of
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import auto_responder
from schemas.billing_rows import Alert, Credit, OpenLoad
from schemas.campaign_rows import Campaign
from schemas.recap_rows import TerritoryCount

FORECAST = "balance_forecast"
#: The alert on the forecast is cleared when the lowest expected balance is this much above the threshold.
_MARGIN = Decimal("1.1")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the forecast needs from the store, as of ``at``; ``answer_price``: None, no answers are sent."""

    at: datetime
    credit: Credit
    threshold: Decimal
    loads: Sequence[OpenLoad]
    campaigns: Mapping[int, Campaign]
    territories: Mapping[str, int]
    past: Past
    spent: Sequence[Spent]
    known_weeks: int
    answer_price: Decimal | None


def watch_forecast(context: Context, gateway: str) -> str | None:
    """Raise an alert, once per crossing, when the forecast falls below the threshold; return it, None: it does not.

    A balance that is already below has an alert of its own. The alert stays open until the lowest expected balance is
    a tenth above the threshold, so that a forecast that moves around it raises no second one.
    """
    with context.transaction(read_only=True) as tx:
        known = _read_known(context, tx, gateway)
    forecast = None if known is None else _forecast(context, gateway, known)
    if known is None or forecast is None or forecast.lowest >= forecast.threshold * _MARGIN:
        with context.transaction() as tx:
            clear_alert(tx, FORECAST, gateway)
        return None
    if forecast.crosses_on is None or known.credit.balance < forecast.threshold:
        return None
    line = _line(forecast, forecast.crosses_on, gateway, known.credit)
    alert(context, FORECAST, gateway, line)
    return line


def _line(forecast: BalanceForecast, crosses_on: date, gateway: str, credit: Credit) -> str:
    """Return in one line when the balance is expected to fall below the threshold, and what to buy."""
    now, threshold, to_buy = (
        amount_text(amount, credit.unit) for amount in (credit.available, forecast.threshold, forecast.to_buy)
    )
    earliest = ""
    if forecast.may_cross_on is not None and forecast.may_cross_on < crosses_on:
        earliest = f", perhaps on {forecast.may_cross_on:%a %Y-%m-%d}"
    return (
        f"FORECAST for gateway {gateway}: the balance free of reserves, {now}, is expected to fall below the threshold "
        f"of {threshold} on {crosses_on:%a %Y-%m-%d}{earliest}; buy {to_buy} to be covered for two weeks"
    )


def read_balance_view(context: Context, gateway: str, line: str) -> BalanceView:
    """Return everything that the balance report shows; ``line``: the result of the reading."""
    with context.transaction(read_only=True) as tx:
        known, read_at = _read_known(context, tx, gateway), tx.at
        alerts = tx.select(Alert, "alert.open_of", gateway=gateway)
        responder, rule = responder_state(context, tx, gateway), alert_rule(context, tx, gateway)
    return BalanceView(
        gateway=gateway,
        unit=context.manifest(gateway).unit,
        read_at=read_at,
        line=line,
        credit=None if known is None else known.credit,
        forecast=None if known is None else _forecast(context, gateway, known),
        alerts=alerts,
        responder=responder,
        page=context.data_path("exports", "balance") / f"{gateway}.html",
        alert_rule=rule_text(rule),
    )


def write_balance_page(view: BalanceView, page: str) -> Path:
    """Write the HTML file of the balance report, and return its path."""
    with written_whole(view.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return view.page


def _read_known(context: Context, tx: Transaction, gateway: str) -> _Known | None:
    credit = credit_left(tx, gateway)
    if credit is None:
        return None
    loads = tx.select(OpenLoad, "balance.open_loads", gateway=gateway)
    ids = sorted({load.campaign_id for load in loads})
    since = tx.at - timedelta(weeks=PAST_WEEKS, days=1)
    price = _answer_price(context, tx, gateway)
    return _Known(
        at=tx.at,
        credit=credit,
        threshold=alert_rule(context, tx, gateway).lines(message_price(context, gateway)).threshold,
        loads=loads,
        campaigns={key: tx.get(Campaign, "campaign.get", campaign_id=key) for key in ids},
        territories=_territories(tx, ids),
        past=Past() if price is None else past_of(tx, CampaignKind.MARKETING, gateway),
        spent=tx.select(Spent, "balance.spent", gateway=gateway, zone=context.settings.zone.key, since=since),
        known_weeks=_known_weeks(tx, gateway),
        answer_price=price,
    )


def _forecast(context: Context, gateway: str, known: _Known) -> BalanceForecast:
    price = known.answer_price
    return forecast_balance(
        Inputs(
            at=known.at,
            zone=context.settings.zone,
            balance=known.credit.available,
            threshold=known.threshold,
            due=list(due_by_half_day(context, gateway, known.loads, known.campaigns, known.at)),
            spent=known.spent,
            known_weeks=known.known_weeks,
            answer_rate=None if price is None else rate_of("answered", known.territories, known.past),
            answer_price=price or Decimal(0),
        )
    )


def due_by_half_day(
    context: Context, gateway: str, loads: Sequence[OpenLoad], campaigns: Mapping[int, Campaign], at: datetime
) -> Iterator[Due]:
    """Yield what approved campaigns take from the balance, by half day; what expires costs nothing."""
    rate, zone = pace_of(context.settings, context.manifest(gateway)).segments_per_second, context.settings.zone
    for campaign_id, campaign in campaigns.items():
        own = [load for load in loads if load.campaign_id == campaign_id]
        timing = Timing(
            at=at,
            due_at=campaign.due_at,
            policy=hours_of(campaign.kind, load_policy(campaign.policy)),
            margin_seconds=context.closing_margin_seconds,
            expiry_rules=campaign.expiry_rules,
            not_before={load.window_key: load.not_before for load in own if load.not_before is not None},
        )
        rows = [Load(load.window_key, load.message_count, load.segment_count) for load in own]
        prices = {load.window_key: load.price / load.message_count for load in own}
        for departure in forecast_departures(rows, rate, timing).departures:
            yield from _by_half_day(departure, prices[departure.window_key], zone)


def _by_half_day(departure: Departure, price: Decimal, zone: ZoneInfo) -> Iterator[Due]:
    """Yield the messages of a departure by half day, evenly over its span."""
    begins, left = departure.starts_at, departure.message_count
    seconds = (departure.ends_at - departure.starts_at).total_seconds()
    while left > 0:
        half = half_of(begins, zone)
        ends = min(_end_of_half(begins, zone), departure.ends_at)
        share = (ends - departure.starts_at).total_seconds() / seconds if seconds else 1.0
        sent = departure.message_count - left
        count = left if ends >= departure.ends_at else round(departure.message_count * share) - sent
        yield Due(half.day, half.is_morning, count, price * count)
        begins, left = ends, left - count


def _end_of_half(at: datetime, zone: ZoneInfo) -> datetime:
    half = half_of(at, zone)
    day, hour = (half.day, time(12)) if half.is_morning else (half.day + timedelta(days=1), time(0))
    return datetime.combine(day, hour, zone).astimezone(UTC)


def _known_weeks(tx: Transaction, gateway: str) -> int:
    first = tx.value("balance.spending_since", gateway=gateway)
    return 0 if first is None else min(PAST_WEEKS, max((tx.at - first).days // 7, 0))


def _territories(tx: Transaction, campaign_ids: Sequence[int]) -> dict[str, int]:
    """Return the messages of campaigns by territory."""
    counts: dict[str, int] = defaultdict(int)
    for campaign_id in campaign_ids:
        for row in tx.select(TerritoryCount, "recap.territories", campaign_id=campaign_id):
            counts[row.territory] += row.message_count
    return dict(counts)


def _answer_price(context: Context, tx: Transaction, gateway: str) -> Decimal | None:
    """Return the highest price of one answer in the allowed territories; None: no answers are sent."""
    responder = auto_responder(tx)
    if responder.why_off(tx.at) is not None or gateway != context.settings.gateway:
        return None
    return max(answer_prices(context, responder.text).values(), default=None)
