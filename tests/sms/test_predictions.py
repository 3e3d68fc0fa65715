"""Predictions of a campaign: intervals that are hit in 80 of 100 cases, and that learn from past campaigns."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campanile.sms.predictions.campaign import (
    PRIORS,
    Course,
    Outcome,
    Past,
    Plan,
    Predicted,
    Quantity,
    predict_campaign,
    rate_of,
)
from campanile.sms.predictions.rates import Prior, Trial, estimate_rate, predict_count
from campanile.sms.predictions.ratios import RatioPrior, predict_ratio

NO_PAST = Past()
NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TRIALS = st.lists(
    st.integers(1, 50_000).flatmap(
        lambda whole: st.builds(Trial, st.integers(0, whole), st.just(whole), st.floats(0.2, 5))
    ),
    max_size=12,
)


def plan_of(messages: Mapping[str, int], seconds: float = 600, answer_price: str | None = None) -> Plan:
    """Return a campaign at 5 cents a message that takes so long at the planned pace."""
    price = Decimal("0.05") * sum(messages.values())
    answer = None if answer_price is None else Decimal(answer_price)
    return Plan(messages, price, answer, NINE, lambda pace: NINE + timedelta(seconds=seconds * pace))


def found(plan: Plan, past: Past = NO_PAST) -> dict[Quantity, Predicted]:
    return {row.quantity: row for row in predict_campaign(plan, past)}


def width(row: Predicted) -> Decimal:
    return row.high - row.low


def past_of(*rates: tuple[str, float], campaigns: int = 10, messages: int = 1000) -> Past:
    """Return past campaigns of which all but so many messages arrived, by territory, as planned and as priced."""
    outcomes = [
        Outcome(number, territory, messages, messages, round(messages * (1 - rate)), 5, 10, 5)
        for number in range(campaigns)
        for territory, rate in rates
    ]
    end = NINE + timedelta(seconds=600)
    courses = [Course(number, NINE, Decimal(600), end, Decimal(50), Decimal(50)) for number in range(campaigns)]
    return Past(outcomes, courses)


class Team:
    """A team whose campaigns are drawn by a seed.

    Its rates are logit-normal between campaigns, which is not what the model assumes, and differ between territories.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        draw = self.random.normal
        self.base = {name: log(prior.rate / (1 - prior.rate)) + draw() for name, prior in PRIORS.items()}
        self.spread = {name: exp(log(0.4) + 0.5 * draw()) for name in PRIORS}
        self.of_territory = {(name, key): 0.3 * draw() for name in PRIORS for key in ("FR", "RE")}
        self.pace, self.pace_spread, self.charge_spread = 0.15 * draw(), 0.2 * exp(0.4 * draw()), 0.005

    def campaign(self) -> Mapping[str, int]:
        return {key: int(exp(self.random.uniform(log(50), log(5000)))) for key in ("FR", "RE")}

    def run(self, number: int, plan: Plan) -> tuple[list[Outcome], Course]:
        """Return what becomes of a campaign: binomial counts, at rates of its own."""
        moved = {name: self.spread[name] * self.random.normal() for name in PRIORS}
        outcomes = []
        for key, whole in plan.messages.items():
            rates = {
                name: 1 / (1 + exp(-self.base[name] - moved[name] - self.of_territory[name, key])) for name in PRIORS
            }
            accepted = whole - self.random.binomial(whole, rates["not_accepted"])
            counts = [self.random.binomial(accepted, rates[name]) for name in ("opted_out", "replied", "answered")]
            delivered = accepted - self.random.binomial(accepted, rates["not_delivered"])
            outcomes.append(Outcome(number, key, whole, accepted, delivered, *counts))
        price = Decimal("0.05") * sum(row.accepted_count for row in outcomes)
        planned = sum(plan.messages.values()) / 10
        took = max((planned + 60) * exp(self.pace + self.pace_spread * self.random.normal()) - 60, 0.0)
        charged = price * Decimal(exp(self.charge_spread * self.random.normal()))
        return outcomes, Course(number, NINE, Decimal(planned), NINE + timedelta(seconds=took), price, charged)


def happened(outcomes: list[Outcome], course: Course) -> dict[Quantity, Decimal]:
    return {
        Quantity.COST: course.charged,
        Quantity.DELIVERED: Decimal(sum(row.delivered_count for row in outcomes)),
        Quantity.OPTED_OUT: Decimal(sum(row.opted_out_count for row in outcomes)),
        Quantity.REPLIED: Decimal(sum(row.replied_count for row in outcomes)),
        Quantity.ANSWERS_COST: Decimal("0.05") * sum(row.answered_count for row in outcomes),
        Quantity.DURATION: Decimal((course.accepted_until - NINE).total_seconds()),
    }


def test_over_fifty_campaigns_each_interval_is_hit_in_75_to_85_of_100_cases() -> None:
    """Eight teams run fifty campaigns each, the first without any history, so that no single draw decides."""
    hits, count = Counter[Quantity](), 0
    for seed in range(8):
        team, past = Team(seed), Past()
        for number in range(50):
            messages = team.campaign()
            plan = plan_of(messages, sum(messages.values()) / 10, "0.05")
            predicted = found(plan, past)
            outcomes, course = team.run(number, plan)
            for quantity, value in happened(outcomes, course).items():
                hits[quantity] += predicted[quantity].low <= value <= predicted[quantity].high
            past = Past([*past.outcomes, *outcomes], [*past.courses, course])
            count += 1
    shares = {str(quantity): round(hits[quantity] / count, 3) for quantity in Quantity}
    assert all(0.75 <= share <= 0.85 for share in shares.values()), shares
    assert 0.77 <= sum(shares.values()) / len(shares) <= 0.83, shares


@given(TRIALS, st.integers(0, 5_000), st.sampled_from(sorted(PRIORS)))
@settings(deadline=None, max_examples=40)
def test_an_interval_contains_its_median_and_stays_within_the_whole(trials: list[Trial], whole: int, name: str) -> None:
    low, median, high = predict_count(estimate_rate(trials, PRIORS[name]), whole)
    assert 0 <= low <= median <= high <= whole


def test_a_very_large_campaign_has_the_same_shares_as_a_large_one() -> None:
    rate = estimate_rate([Trial(40, 1000)] * 10, Prior(0.04))
    large, very_large = predict_count(rate, 100_000), predict_count(rate, 1_000_000)
    assert very_large == tuple(10 * end for end in large)


@given(st.lists(st.floats(0.2, 5), max_size=30), st.floats(0.001, 1))
@settings(deadline=None)
def test_a_ratio_has_its_median_inside(ratios: list[float], sd: float) -> None:
    low, median, high = predict_ratio(ratios, RatioPrior(sd))
    assert 0 < low < median < high


@pytest.mark.parametrize("quantity", [*Quantity])
def test_more_history_makes_each_interval_narrower(quantity: Quantity) -> None:
    plan = plan_of({"FR": 1000}, answer_price="0.05")
    widths = [width(found(plan, past_of(("FR", 0.04), campaigns=count))[quantity]) for count in (0, 3, 12, 40)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1]


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_a_rate_follows_the_past(rate: float) -> None:
    trials = [Trial(round(2000 * rate), 2000)] * 30
    assert estimate_rate(trials, Prior(0.03)).mean == pytest.approx(rate, rel=0.1)


def test_campaigns_that_differ_much_give_a_wider_interval_than_campaigns_that_are_alike() -> None:
    alike = estimate_rate([Trial(40, 1000)] * 10, Prior(0.04))
    apart = estimate_rate([Trial(10, 1000), Trial(70, 1000)] * 5, Prior(0.04))
    narrow, wide = predict_count(alike, 1000), predict_count(apart, 1000)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_a_territory_with_a_bad_past_is_expected_to_be_bad() -> None:
    past = past_of(("FR", 0.02), ("RE", 0.10))
    home, overseas = (found(plan_of({key: 1000}), past)[Quantity.DELIVERED] for key in ("FR", "RE"))
    assert overseas.median < home.median - 40
    unknown = rate_of("not_delivered", {"GP": 1000}, past).mean
    assert 0.02 < unknown < 0.10, "a territory without a past is average"


def test_a_bigger_campaign_costs_and_brings_more() -> None:
    past = past_of(("FR", 0.04))
    small, big = (found(plan_of({"FR": count}, count / 10, "0.05"), past) for count in (1000, 4000))
    assert all(big[quantity].median > small[quantity].median for quantity in Quantity)


def test_a_gateway_that_was_slow_is_expected_to_be_slow() -> None:
    late = NINE + timedelta(seconds=1200)
    past = Past((), [Course(number, NINE, Decimal(600), late, Decimal(1), Decimal(1)) for number in range(20)])
    row = found(plan_of({"FR": 1000}), past)[Quantity.DURATION]
    assert row.planned == 600
    assert 900 < row.low < 1200 < row.high


def test_a_campaign_that_ended_before_its_plan_or_has_none_is_no_error() -> None:
    courses = [
        Course(1, NINE, Decimal(600), NINE - timedelta(hours=1), Decimal(1), Decimal(1)),
        Course(2, None, None, NINE, Decimal(0), Decimal(0)),
    ]
    assert found(plan_of({"FR": 10}), Past((), courses))[Quantity.DURATION].past_count == 1


def test_without_messages_nothing_is_predicted() -> None:
    assert predict_campaign(plan_of({}), Past()) == []


def test_amounts_are_exact_decimals() -> None:
    row = found(plan_of({"FR": 3}))[Quantity.COST]
    assert all(isinstance(end, Decimal) and -int(end.as_tuple().exponent) <= 6 for end in row[1:5])
