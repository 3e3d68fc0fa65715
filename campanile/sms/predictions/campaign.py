"""What a campaign brings: its cost, deliveries, STOPs, replies and the time of its last message, as intervals of 80 %.

Rates are those of past campaigns of the same kind (``rates``), for the territories of this one; cost and time are
ratios to what is planned (``ratios``). Counts are those of ``SETTLED_AFTER`` after the last accepted message.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from typing import NamedTuple

from campanile.sms.predictions.rates import Interval, Prior, Rate, Trial, estimate_rate, predict_count
from campanile.sms.predictions.ratios import RatioPrior, predict_ratio

#: A campaign is scored, and is a past campaign of others, so long after its last message was accepted.
SETTLED_AFTER = timedelta(days=3)
#: A run looks for due campaigns once a minute, so even a short campaign takes about so long.
_START_UP = 60.0
#: Events that say as much about a territory as if they had been seen with the average rate.
_TERRITORY_WEIGHT = 5.0
#: What is thought before any campaign. Their sources are in docs/forecast.md.
PRIORS: Mapping[str, Prior] = {
    "not_accepted": Prior(0.005),
    "not_delivered": Prior(0.045),
    "opted_out": Prior(0.007),
    "replied": Prior(0.015),
    "answered": Prior(0.008),
}
_CHARGE, _DURATION = RatioPrior(0.005), RatioPrior(0.2)
_MICRO = Decimal("0.000001")


class Quantity(StrEnum):
    """What is predicted of a campaign."""

    COST = "cost"
    DELIVERED = "delivered"
    OPTED_OUT = "opted_out"
    REPLIED = "replied"
    ANSWERS_COST = "answers_cost"
    DURATION = "duration"


class Outcome(NamedTuple):
    """What became of the messages of a past campaign to one territory.

    ``replied_count``: people. ``answered_count``: replies that get an automatic answer if it is on.
    """

    campaign_id: int
    territory: str
    message_count: int
    accepted_count: int
    delivered_count: int
    opted_out_count: int
    replied_count: int
    answered_count: int


class Course(NamedTuple):
    """How a past campaign went as a whole; ``captured`` and ``charged`` are for the accepted messages.

    ``starts_at`` and ``planned_seconds``: when its first message was planned, and how much later its last one; None: it
    is not known.
    """

    campaign_id: int
    starts_at: datetime | None
    planned_seconds: Decimal | None
    accepted_until: datetime
    captured: Decimal
    charged: Decimal


@dataclass(frozen=True, slots=True)
class Past:
    """Past campaigns, by territory and as a whole."""

    outcomes: Sequence[Outcome] = ()
    courses: Sequence[Course] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign to predict.

    ``messages``: by territory, without those that expire; ``price``: of all of them. ``answer_price``: of one automatic
    answer; None: no replies are answered. ``starts_at``: when its first message is sent; None: none is.
    """

    messages: Mapping[str, int]
    price: Decimal
    answer_price: Decimal | None = None
    starts_at: datetime | None = None
    ends_at_pace: Callable[[float], datetime] | None = field(default=None, compare=False)


class Predicted(NamedTuple):
    """The prediction of one quantity: its median and the ends of its interval, both inside.

    ``planned``: the same by the plan alone; None: there is none. ``past_count``: how many past campaigns it is from.
    """

    quantity: Quantity
    low: Decimal
    median: Decimal
    high: Decimal
    planned: Decimal | None
    past_count: int


def predict_campaign(plan: Plan, past: Past) -> list[Predicted]:
    """Return the predictions of a campaign; none if no message is sent.

    The quantities: ``cost`` and ``answers_cost`` in the unit of the prices; ``delivered``, ``opted_out`` and
    ``replied`` people; ``duration``: seconds from ``starts_at`` to the last accepted message.

    >>> [str(row.quantity) for row in predict_campaign(Plan({"FR": 1000}, Decimal(50)), Past())]
    ['cost', 'delivered', 'opted_out', 'replied']
    """
    whole = sum(plan.messages.values())
    if not whole:
        return []
    past_count = len({row.campaign_id for row in past.outcomes})
    missing = predict_count(rate_of("not_accepted", plan.messages, past), whole)
    accepted = whole - int(missing.median)
    lost = predict_count(rate_of("not_delivered", plan.messages, past), whole)
    counts = {
        Quantity.DELIVERED: Interval(whole - lost.high, whole - lost.median, whole - lost.low),
        Quantity.OPTED_OUT: predict_count(rate_of("opted_out", plan.messages, past), accepted),
        Quantity.REPLIED: predict_count(rate_of("replied", plan.messages, past), accepted),
    }
    found = [_money(Quantity.COST, plan.price, _cost_share(missing, whole, past), len(past.courses), plan.price)]
    found += [
        Predicted(quantity, Decimal(int(low)), Decimal(int(median)), Decimal(int(high)), None, past_count)
        for quantity, (low, median, high) in counts.items()
    ]
    if plan.answer_price is not None:
        answers = predict_count(rate_of("answered", plan.messages, past), accepted)
        found.append(_money(Quantity.ANSWERS_COST, plan.answer_price, answers, past_count))
    duration = predict_duration(plan, past.courses)
    return found if duration is None else [*found, duration]


def predict_duration(plan: Plan, courses: Sequence[Course]) -> Predicted | None:
    """Return how many seconds after ``starts_at`` the last message is accepted; None: it is not planned.

    ``ends_at_pace`` plans the campaign at another pace, within its windows: 2 is twice as long.
    """
    if plan.starts_at is None or plan.ends_at_pace is None:
        return None
    ratios = [ratio for course in courses if (ratio := _duration_ratio(course)) is not None]
    low, median, high = (
        max(_seconds_at_pace(plan, ratio) + _START_UP * (ratio - 1), 0.0) for ratio in predict_ratio(ratios, _DURATION)
    )
    planned = _exact(_seconds_at_pace(plan, 1.0))
    return Predicted(Quantity.DURATION, _exact(low), _exact(median), _exact(high), planned, len(ratios))


def rate_of(name: str, messages: Mapping[str, int], past: Past) -> Rate:
    """Return a rate of ``PRIORS`` for a campaign with these messages by territory.

    A territory whose rate was higher than the average counts for more, as far as its past counts show it: they are
    pulled towards the average.
    """
    counted = [(row, *_counts_of(name, row)) for row in past.outcomes]
    whole = sum(row_whole for _, _, row_whole in counted)
    average = sum(count for _, count, _ in counted) / whole if whole else 0.0
    factors = {}
    for territory in {row.territory for row, _, _ in counted}:
        own = [(count, row_whole) for row, count, row_whole in counted if row.territory == territory]
        expected = average * sum(row_whole for _, row_whole in own)
        factors[territory] = (sum(count for count, _ in own) + _TERRITORY_WEIGHT) / (expected + _TERRITORY_WEIGHT)
    trials = []
    for campaign_id in sorted({row.campaign_id for row, _, _ in counted}):
        own_rows = [row for row in counted if row[0].campaign_id == campaign_id]
        mix = {row.territory: row_whole for row, _, row_whole in own_rows}
        count = sum(count for _, count, _ in own_rows)
        trials.append(Trial(count, sum(mix.values()), _factor(mix, factors)))
    return estimate_rate(trials, PRIORS[name], _factor(messages, factors))


def _counts_of(name: str, row: Outcome) -> tuple[int, int]:
    """Return how many of how many; a person who replies twice counts once in the whole."""
    count, whole = {
        "not_accepted": (row.message_count - row.accepted_count, row.message_count),
        "not_delivered": (row.message_count - row.delivered_count, row.message_count),
        "opted_out": (row.opted_out_count, row.accepted_count),
        "replied": (row.replied_count, row.accepted_count),
        "answered": (row.answered_count, row.accepted_count),
    }[name]
    return min(count, whole), whole


def _factor(messages: Mapping[str, int], factors: Mapping[str, float]) -> float:
    whole = sum(messages.values())
    if not whole:
        return 1.0
    return sum(count * factors.get(territory, 1.0) for territory, count in messages.items()) / whole


def _cost_share(missing: Interval, whole: int, past: Past) -> Interval:
    """Return the cost as a share of the price: what is not accepted costs nothing, and charges may differ."""
    ratios = [float(row.charged / row.captured) for row in past.courses if row.captured > 0 and row.charged > 0]
    charge = predict_ratio(ratios, _CHARGE)
    share = Interval(*((whole - count) / whole for count in (missing.high, missing.median, missing.low)))
    median = share.median * charge.median
    return Interval(
        max(median - sqrt((share.median - share.low) ** 2 + (charge.median - charge.low) ** 2), 0.0),
        median,
        median + sqrt((share.high - share.median) ** 2 + (charge.high - charge.median) ** 2),
    )


def _money(
    quantity: Quantity, price: Decimal, interval: Interval, past_count: int, planned: Decimal | None = None
) -> Predicted:
    low, median, high = ((price * Decimal(end)).quantize(_MICRO) for end in interval)
    return Predicted(quantity, low, median, high, planned, past_count)


def _seconds_at_pace(plan: Plan, pace: float) -> float:
    if plan.starts_at is None or plan.ends_at_pace is None:
        return 0.0
    return (plan.ends_at_pace(pace) - plan.starts_at).total_seconds()


def _exact(seconds: float) -> Decimal:
    return Decimal(seconds).quantize(_MICRO)


def _duration_ratio(course: Course) -> float | None:
    """Return how long a campaign took, as a ratio to its plan; None: its plan is not known."""
    if course.starts_at is None or course.planned_seconds is None:
        return None
    took = (course.accepted_until - course.starts_at).total_seconds()
    return max(took + _START_UP, 1.0) / (float(course.planned_seconds) + _START_UP)
