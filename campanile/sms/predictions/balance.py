"""The balance of the next two weeks: what approved campaigns, answers and everything else take from it, day by day.

A day has two halves, before and from noon on the team's clock, so that the cover until a Monday noon is one of the
sums. Everything else (campaigns that nobody has approved yet, tests, notices) is drawn from the same half days of past
weeks.
The draws have a fixed seed: the same inputs always give the same forecast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from campanile.sms.predictions.rates import COVERAGE, Rate

DAYS = 14
#: How many past weeks say what is spent on a half day.
PAST_WEEKS = 8
_PATHS, _SEED = 2000, 20261123
_TAIL = 100 * (1 - COVERAGE) / 2
_NOON = time(12)
_FRIDAY, _MONDAY = 4, 0
_MICRO = Decimal("0.000001")

_Numbers = NDArray[np.float64]


class HalfDay(NamedTuple):
    """A half of a day on the team's clock."""

    day: date
    is_morning: bool


class Spent(NamedTuple):
    """What a past half day took from the balance."""

    day: date
    is_morning: bool
    amount: Decimal


class Due(NamedTuple):
    """What approved campaigns take in a half day: the price of ``message_count`` messages."""

    day: date
    is_morning: bool
    message_count: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that the forecast of a balance uses; amounts in one unit.

    Attributes:
        at: now; the forecast begins here.
        zone: of the team.
        balance: without the price of messages in flight.
        threshold: below it an alert is raised.
        due: what approved campaigns still need, by half day.
        spent: by half day of past weeks; those without spending may be missing.
        known_weeks: for how many whole weeks spending is known, at most ``PAST_WEEKS``.
        answer_rate: answers for each message; None: no answers are sent.
        answer_price: of one answer.
    """

    at: datetime
    zone: ZoneInfo
    balance: Decimal
    threshold: Decimal
    due: Sequence[Due] = ()
    spent: Sequence[Spent] = ()
    known_weeks: int = 0
    answer_rate: Rate | None = None
    answer_price: Decimal = Decimal(0)


class ForecastDay(NamedTuple):
    """The balance at the end of a day, with its 80 % interval, and what is expected to be taken from it on that day."""

    day: date
    low: Decimal
    median: Decimal
    high: Decimal
    campaigns: Decimal
    answers: Decimal
    others: Decimal


class WeekendCover(NamedTuple):
    """Whether the balance lasts until a Monday noon: ``low`` is then left in 90 of 100 cases, or more."""

    until: datetime
    low: Decimal
    to_buy: Decimal


@dataclass(frozen=True, slots=True)
class BalanceForecast:
    """Two weeks of a balance.

    ``crosses_on``: the first day at whose end half of the draws are below the threshold; ``may_cross_on``: one draw in
    ten; None: no day. ``to_buy``: what keeps nine draws of ten above the threshold for two weeks. ``weekend``: on
    Fridays.
    """

    days: Sequence[ForecastDay]
    threshold: Decimal
    crosses_on: date | None
    may_cross_on: date | None
    to_buy: Decimal
    weekend: WeekendCover | None
    known_weeks: int

    @property
    def lowest(self) -> Decimal:
        """The lowest median."""
        return min(day.median for day in self.days)


def forecast_balance(inputs: Inputs) -> BalanceForecast:
    """Forecast a balance for two weeks from now."""
    halves = _halves(inputs.at, inputs.zone)
    due = {half: _sum_of(inputs.due, half, halves) for half in halves}
    draws = np.random.default_rng(_SEED)
    campaigns = np.array([float(due[half][1]) for half in halves])
    counts = np.array([due[half][0] for half in halves])
    answers = _answers(inputs, counts, draws)
    others = np.maximum(_usual(inputs, halves, draws) - campaigns - answers, 0.0)
    left = float(inputs.balance) - np.cumsum(campaigns + answers + others, axis=1)
    days = []
    for position, half in enumerate(halves):
        if not half.is_morning:
            same = [number for number, other in enumerate(halves) if other.day == half.day]
            low, median, high = _ends(left[:, position])
            taken = [_money(float(values[..., same].sum(axis=-1).mean())) for values in (campaigns, answers, others)]
            days.append(ForecastDay(half.day, low, median, high, *taken))
    return BalanceForecast(
        days,
        inputs.threshold,
        next((day.day for day in days if day.median < inputs.threshold), None),
        next((day.day for day in days if day.low < inputs.threshold), None),
        _missing(inputs.threshold, min(day.low for day in days)),
        _weekend(inputs, halves, left),
        inputs.known_weeks,
    )


def half_of(at: datetime, zone: ZoneInfo) -> HalfDay:
    """Return the half day of an instant on the team's clock.

    >>> half_of(datetime.fromisoformat("2026-11-23T11:30:00+00:00"), ZoneInfo("Europe/Paris"))
    HalfDay(day=datetime.date(2026, 11, 23), is_morning=False)
    """
    local = at.astimezone(zone)
    return HalfDay(local.date(), local.time() < _NOON)


def _halves(at: datetime, zone: ZoneInfo) -> list[HalfDay]:
    """Return the half days of the forecast, the rest of the current one first."""
    first = half_of(at, zone)
    found = [
        HalfDay(first.day + timedelta(days=number), is_morning)
        for number in range(DAYS)
        for is_morning in (True, False)
    ]
    return found if first.is_morning else found[1:]


def _sum_of(due: Sequence[Due], half: HalfDay, halves: Sequence[HalfDay]) -> tuple[int, Decimal]:
    """Return messages and price of a half day; what is overdue counts in the first one."""
    own = [
        row for row in due if (row.day, row.is_morning) == half or (half == halves[0] and _order(row) < _order(half))
    ]
    return sum(row.message_count for row in own), sum((row.price for row in own), Decimal(0))


def _order(half: HalfDay | Due) -> tuple[date, bool]:
    return half.day, not half.is_morning


def _answers(inputs: Inputs, counts: NDArray[np.int64], draws: np.random.Generator) -> _Numbers:
    """Draw what automatic answers cost: one rate for each path, and a count for each half day."""
    shape = (_PATHS, len(counts))
    if inputs.answer_rate is None:
        return np.zeros(shape)
    parts = inputs.answer_rate.parts
    shares = np.array([part.share for part in parts])
    chosen = draws.choice(len(parts), size=_PATHS, p=shares / shares.sum())
    rates = draws.beta(np.array([part.a for part in parts])[chosen], np.array([part.b for part in parts])[chosen])
    found: _Numbers = draws.binomial(counts[None, :], rates[:, None]).astype(np.float64) * float(inputs.answer_price)
    return found


def _usual(inputs: Inputs, halves: Sequence[HalfDay], draws: np.random.Generator) -> _Numbers:
    """Draw what is usually spent on each half day: that of a past week, times a level that few weeks do not fix."""
    weeks = inputs.known_weeks
    if weeks == 0:
        return np.zeros((_PATHS, len(halves)))
    past = _by_half_day(inputs)
    level = draws.gamma(weeks, 1 / weeks, size=_PATHS)
    found = np.empty((_PATHS, len(halves)))
    for position, half in enumerate(halves):
        amounts = past[half.day.weekday(), half.is_morning]
        found[:, position] = amounts[draws.integers(0, weeks, size=_PATHS)] * level
    found[:, 0] *= _share_left(inputs.at, inputs.zone)
    return found


def _by_half_day(inputs: Inputs) -> Mapping[tuple[int, bool], _Numbers]:
    """Return the spending of each past week, 0 if there was none, by weekday and half."""
    today = inputs.at.astimezone(inputs.zone).date()
    found = {(day, is_morning): np.zeros(inputs.known_weeks) for day in range(7) for is_morning in (True, False)}
    for row in inputs.spent:
        week = (today - row.day).days - 1
        if 0 <= week < 7 * inputs.known_weeks:
            found[row.day.weekday(), row.is_morning][week // 7] += float(row.amount)
    return found


def _share_left(at: datetime, zone: ZoneInfo) -> float:
    """Return which share of the current half day is still to come."""
    local = at.astimezone(zone)
    seconds = local.hour % 12 * 3600 + local.minute * 60 + local.second
    return 1 - seconds / (12 * 3600)


def _weekend(inputs: Inputs, halves: Sequence[HalfDay], left: _Numbers) -> WeekendCover | None:
    """Return the cover until Monday noon; None: it is not Friday."""
    if halves[0].day.weekday() != _FRIDAY:
        return None
    position = next(number for number, half in enumerate(halves) if half.day.weekday() == _MONDAY and half.is_morning)
    low = _ends(left[:, position])[0]
    until = datetime.combine(halves[position].day, _NOON, inputs.zone)
    return WeekendCover(until, low, _missing(inputs.threshold, low))


def _ends(values: _Numbers) -> tuple[Decimal, Decimal, Decimal]:
    low, median, high = np.percentile(values, [_TAIL, 50, 100 - _TAIL])
    return _money(low), _money(median), _money(high)


def _missing(threshold: Decimal, low: Decimal) -> Decimal:
    """Return what is missing to stay at the threshold, in whole units."""
    return max(threshold - low, Decimal(0)).to_integral_value(ROUND_CEILING)


def _money(value: float) -> Decimal:
    return Decimal(value).quantize(_MICRO, ROUND_HALF_EVEN)
