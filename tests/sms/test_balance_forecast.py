"""The forecast of a balance: what approved campaigns, answers and past weeks take, and what to buy."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campanile.sms.predictions.balance import DAYS, BalanceForecast, Due, Inputs, Spent, forecast_balance
from campanile.sms.predictions.rates import Beta, Rate

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
FRIDAY = MONDAY + timedelta(days=4)
QUIET = Inputs(MONDAY, PARIS, Decimal(1000), Decimal(200))
TEN_A_MORNING = [Spent(date(2026, 11, 23) - timedelta(days=back), True, Decimal(10)) for back in range(1, 57)]


def due(day: date, price: int, *, is_morning: bool = True, messages: int = 100) -> Due:
    return Due(day, is_morning, messages, Decimal(price))


def medians(forecast: BalanceForecast) -> list[Decimal]:
    return [day.median for day in forecast.days]


def test_a_balance_that_nothing_uses_stays() -> None:
    forecast = forecast_balance(QUIET)
    assert [day.day for day in forecast.days] == [date(2026, 11, 23) + timedelta(days=back) for back in range(DAYS)]
    assert {(day.low, day.median, day.high) for day in forecast.days} == {(Decimal(1000),) * 3}
    assert (forecast.crosses_on, forecast.may_cross_on, forecast.to_buy, forecast.weekend) == (None, None, 0, None)


def test_an_approved_campaign_is_taken_on_its_day_and_says_what_to_buy() -> None:
    forecast = forecast_balance(replace(QUIET, due=[due(date(2026, 11, 26), 900)]))
    assert medians(forecast)[:4] == [1000, 1000, 1000, 100]
    assert forecast.crosses_on == date(2026, 11, 26)
    assert forecast.to_buy == 100


def test_what_is_overdue_is_taken_now() -> None:
    forecast = forecast_balance(replace(QUIET, due=[due(date(2026, 11, 20), 300)]))
    assert medians(forecast)[0] == 700


@pytest.mark.parametrize(
    ("at", "first"),
    [
        pytest.param(MONDAY, 984, id="at 9, a quarter of the morning is left of what mornings take"),
        pytest.param(MONDAY + timedelta(hours=5), 994, id="in the afternoon nothing more of it"),
    ],
)
def test_past_weeks_say_what_else_is_spent(at: datetime, first: int) -> None:
    afternoons = [row._replace(is_morning=False, amount=Decimal(8)) for row in TEN_A_MORNING]
    spent = [*TEN_A_MORNING, *afternoons]
    forecast = forecast_balance(replace(QUIET, at=at, spent=spent, known_weeks=8))
    half = 10 * 0.25 + 8 if at == MONDAY else 8 * (10 / 12)
    assert float(medians(forecast)[0]) == pytest.approx(1000 - half, abs=1)
    assert float(forecast.days[0].others) == pytest.approx(half, abs=1)
    assert float(medians(forecast)[-1]) == pytest.approx(1000 - half - 13 * 18, rel=0.03)
    assert abs(float(medians(forecast)[0]) - first) < 9


def test_what_is_approved_is_not_counted_again_as_usual_spending() -> None:
    """Mornings take 10; an approved campaign of 10 on a morning is what that morning takes."""
    usual = replace(QUIET, spent=TEN_A_MORNING, known_weeks=8)
    planned = replace(usual, due=[due(date(2026, 11, 25), 10)])
    day, other = forecast_balance(planned).days[2], forecast_balance(usual).days[2]
    assert day.campaigns == 10
    assert day.others < other.others / 2


def test_a_weekday_takes_what_that_weekday_took() -> None:
    mondays = [row for row in TEN_A_MORNING if row.day.weekday() == 0]
    forecast = forecast_balance(replace(QUIET, at=FRIDAY, spent=mondays, known_weeks=8))
    assert [bool(day.others) for day in forecast.days[:5]] == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("spent", "to_buy"),
    [
        pytest.param(Decimal(5), 0, id="covered"),
        pytest.param(Decimal(900), 100, id="not covered"),
    ],
)
def test_on_fridays_it_says_whether_the_balance_lasts_until_monday_noon(spent: Decimal, to_buy: int) -> None:
    campaign = due(date(2026, 11, 30), int(spent))
    after_noon = due(date(2026, 11, 30), 5000, is_morning=False)
    weekend = forecast_balance(replace(QUIET, at=FRIDAY, due=[campaign, after_noon])).weekend
    assert weekend is not None
    assert weekend.until == datetime(2026, 11, 30, 12, 0, tzinfo=PARIS)
    assert weekend.to_buy == to_buy, "what is sent after Monday noon does not count"


def test_expected_answers_are_taken_with_their_own_uncertainty() -> None:
    rate = Rate([Beta(1.0, 20, 980)])
    day = forecast_balance(
        replace(
            QUIET,
            due=[due(date(2026, 11, 24), 100, messages=10_000)],
            answer_rate=rate,
            answer_price=Decimal("0.05"),
        )
    ).days[1]
    assert float(day.answers) == pytest.approx(10_000 * 0.02 * 0.05, rel=0.03)
    assert day.low < day.median < day.high


@given(
    st.integers(0, 8),
    st.lists(st.integers(0, 60), max_size=10),
    st.integers(0, 400),
    st.integers(0, 13),
)
@settings(deadline=None, max_examples=30)
def test_the_interval_contains_the_median_and_a_higher_balance_needs_no_more(
    weeks: int, amounts: list[int], price: int, day: int
) -> None:
    spent = [Spent(date(2026, 11, 22) - timedelta(days=3 * n), n % 2 == 0, Decimal(a)) for n, a in enumerate(amounts)]
    inputs = replace(QUIET, spent=spent, known_weeks=weeks, due=[due(date(2026, 11, 23) + timedelta(days=day), price)])
    forecast, richer = forecast_balance(inputs), forecast_balance(replace(inputs, balance=Decimal(1500)))
    assert forecast == forecast_balance(inputs), "the draws have a fixed seed"
    assert all(row.low <= row.median <= row.high for row in forecast.days)
    assert medians(forecast) == sorted(medians(forecast), reverse=True)
    assert richer.to_buy <= forecast.to_buy
    assert all(high.median > low.median for high, low in zip(richer.days, forecast.days, strict=True))


def test_fewer_known_weeks_make_the_interval_wider() -> None:
    widths = []
    for weeks in (1, 3, 8):
        last = forecast_balance(replace(QUIET, spent=TEN_A_MORNING, known_weeks=weeks)).days[-1]
        widths.append(last.high - last.low)
    assert widths == sorted(widths, reverse=True)


def test_the_interval_is_hit_in_80_of_100_cases() -> None:
    """Teams whose weeks have a level and noise of their own; each is forecast after eight weeks, for two weeks."""
    random, hits, count = np.random.default_rng(3), 0, 0
    for _ in range(60):
        level, chance = random.gamma(4, 25), random.uniform(0.2, 0.6)

        def taken(number: int, level: float = level, chance: float = chance) -> list[float]:
            return [level * random.gamma(3, 1 / 3) * (random.random() < chance) for _ in range(number)]

        past = [
            Spent(MONDAY.date() - timedelta(days=back), True, Decimal(amount))
            for back, amount in enumerate(taken(56), start=1)
        ]
        at = MONDAY.replace(hour=0) - timedelta(hours=1)  # midnight in Paris: the whole day is to come
        forecast = forecast_balance(replace(QUIET, at=at, spent=past, known_weeks=8))
        left = 1000 - np.cumsum(taken(DAYS))
        for position in (2, 6, 13):
            day = forecast.days[position]
            hits += float(day.low) <= left[position] <= float(day.high)
            count += 1
    assert 0.72 <= hits / count <= 0.92, hits / count
