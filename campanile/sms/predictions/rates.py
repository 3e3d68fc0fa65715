"""A rate that differs from campaign to campaign, estimated from past campaigns, and the counts that it predicts.

The counts of past campaigns are beta-binomial: each campaign has a rate of its own around a common mean. The mean and
the spread between campaigns are not known. Both are averaged over a grid, so that few past campaigns give wide
intervals.
``docs/decisions/0031-predictions-are-beta-binomial.md`` has the reasons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: The probability of every interval.
COVERAGE = 0.8
_TAIL = (1 - COVERAGE) / 2
#: The spread of rates between campaigns as a share of their mean (coefficient of variation): what is thought of it
#: before any campaign, as a normal distribution of its logarithm.
_SPREAD, _SPREAD_SD = 0.4, 0.7
_MEANS, _SPREADS = 25, 11
_WIDTH = 3.0  # the grid covers so many standard deviations on each side
_PARTS, _MOST_COUNTED = 8, 100_000
_LEAST_WEIGHT, _LEAST_VARIANCE, _MOST_RATE = 0.2, 1e-18, 0.98

_Numbers = NDArray[np.float64]


class Interval(NamedTuple):
    """A prediction: its median, and the ends of its interval, both inside."""

    low: float
    median: float
    high: float


class Prior(NamedTuple):
    """What is thought of a mean rate before any campaign: its median, and the standard deviation of its log odds."""

    rate: float
    log_odds_sd: float = 1.0


class Trial(NamedTuple):
    """A past campaign: ``seen`` of ``whole``; ``factor``: how its people differ from the average, 1 for not at all."""

    seen: int
    whole: int
    factor: float = 1.0


class _Place(NamedTuple):
    """Where a value on the grid is likely: the centre and its standard deviation."""

    centre: float
    sd: float

    def points(self, count: int) -> _Numbers:
        return np.linspace(self.centre - _WIDTH * self.sd, self.centre + _WIDTH * self.sd, count)

    def log_density(self, values: _Numbers) -> _Numbers:
        return -(((values - self.centre) / self.sd) ** 2) / 2

    def narrowed(self, weights: _Numbers, values: _Numbers) -> "_Place":
        """Return where the weighted values are; a step of the grid is the least that it can tell apart."""
        centre = float((weights * values).sum())
        variance = float((weights * (values - centre) ** 2).sum())
        step = float(np.ptp(values)) / (values.size - 1)
        return _Place(centre, max(variance, step**2 / 4) ** 0.5)


class Beta(NamedTuple):
    """A beta distribution with its share of a mixture."""

    share: float
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of the next campaign: a mixture of beta distributions whose shares add up to 1."""

    parts: Sequence[Beta]

    @property
    def mean(self) -> float:
        """The expected rate."""
        return sum(part.share * part.a / (part.a + part.b) for part in self.parts)


def estimate_rate(trials: Sequence[Trial], prior: Prior, factor: float = 1.0) -> Rate:
    """Return the rate of the next campaign after past ones, with all that is not known of it.

    Args:
        trials: past campaigns, in any order; those of nobody say nothing.
        prior: what is thought of the mean before them.
        factor: how the people of the next campaign differ from the average.

    >>> round(estimate_rate([], Prior(0.02)).mean, 3)
    0.031
    >>> round(estimate_rate([Trial(50, 1000)] * 30, Prior(0.02)).mean, 3)
    0.05
    """
    table = np.array([trial for trial in trials if trial.whole > 0], dtype=np.float64).reshape(-1, 3)
    centre = _Place(log(prior.rate / (1 - prior.rate)), prior.log_odds_sd), _Place(log(_SPREAD), _SPREAD_SD)
    places: tuple[_Place, _Place] = centre
    for _ in range(2):  # the second grid covers what the first one found likely, much more finely
        log_odds, log_spreads = places[0].points(_MEANS)[:, None], places[1].points(_SPREADS)[None, :]
        rates, spreads = 1 / (1 + np.exp(-log_odds)), np.exp(log_spreads)
        a, b = _parameters(rates * table[:, 2, None, None], spreads)
        seen, missed = table[:, 0, None, None], table[:, 1, None, None] - table[:, 0, None, None]
        logs = (_log_beta(a + seen, b + missed) - _log_beta(a, b)).sum(axis=0)
        logs = logs + centre[0].log_density(log_odds) + centre[1].log_density(log_spreads)
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        places = places[0].narrowed(weights, log_odds), places[1].narrowed(weights, log_spreads)
    a, b = _parameters(rates * factor, spreads)
    means = a / (a + b)
    return Rate(_mixture(weights, means, means * (1 - means) / (a + b + 1)))


def predict_count(rate: Rate, whole: int) -> Interval:
    """Return how many of ``whole`` it will be: the counts around the median whose probability is nearest to 80 %.

    >>> predict_count(Rate([Beta(1.0, 50, 950)]), 1000)
    Interval(low=39.0, median=50.0, high=63.0)
    >>> predict_count(Rate([Beta(1.0, 1, 99)]), 0)
    Interval(low=0.0, median=0.0, high=0.0)
    """
    counted = min(whole, _MOST_COUNTED)  # chance is small beside the spread of the rates in larger campaigns
    parts = [part.share * _probabilities(part, counted) for part in rate.parts]
    found = central_interval(np.sum(parts, axis=0))
    return Interval(*(float(round(end * whole / counted)) for end in found)) if counted else found


def central_interval(probabilities: _Numbers) -> Interval:
    """Return the interval of a distribution over 0, 1, 2 …, about a tenth of it on each side.

    Counts are whole, so no interval has exactly 80 %: of those with or without the counts at the ends, the nearest.
    """
    totals = np.concatenate(([0.0], np.cumsum(probabilities)))
    totals /= totals[-1]
    lowest, median, highest = (int(np.searchsorted(totals[1:], share)) for share in (_TAIL, 0.5, 1 - _TAIL))
    ends = [(low, high) for low in (lowest, lowest + 1) for high in (highest, highest - 1) if low <= median <= high]
    low, high = min(ends, key=lambda end: (abs(totals[end[1] + 1] - totals[end[0]] - COVERAGE), end[0] - end[1]))
    return Interval(float(low), float(median), float(high))


def _mixture(weights: _Numbers, means: _Numbers, variances: _Numbers) -> list[Beta]:
    """Return a few beta distributions for many weighted ones; each stands for those with like means."""
    order = np.argsort(np.broadcast_to(means, weights.shape).ravel())
    weights, means, variances = (
        np.broadcast_to(values, weights.shape).ravel()[order] for values in (weights, means, variances)
    )
    groups = np.minimum((np.cumsum(weights) - weights / 2) * _PARTS, _PARTS - 1).astype(int)
    found = []
    for group in range(_PARTS):
        inside = groups == group
        share = float(weights[inside].sum())
        if share > 0:
            mean = float((weights * means)[inside].sum()) / share
            variance = float((weights * (variances + means**2))[inside].sum()) / share - mean**2
            whole = max(mean * (1 - mean) / max(variance, _LEAST_VARIANCE) - 1, _LEAST_WEIGHT)
            found.append(Beta(share, mean * whole, (1 - mean) * whole))
    return found


def _probabilities(part: Beta, whole: int) -> _Numbers:
    """Return the beta-binomial probabilities of 0 … whole, by the ratio of each to the one before."""
    counts = np.arange(whole, dtype=np.float64)
    ratios = (whole - counts) * (part.a + counts) / ((counts + 1) * (part.b + whole - counts - 1))
    logs = np.concatenate(([0.0], np.cumsum(np.log(ratios))))
    found = np.exp(logs - logs.max())
    shares: _Numbers = found / found.sum()
    return shares


def _parameters(means: _Numbers, spreads: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return the beta parameters for mean rates and their spreads between campaigns."""
    means = np.minimum(means, _MOST_RATE)
    whole = np.maximum((1 - means) / (means * spreads**2) - 1, _LEAST_WEIGHT)
    return means * whole, (1 - means) * whole


def _log_beta(a: _Numbers, b: _Numbers) -> _Numbers:
    return _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)


def _log_gamma(x: _Numbers) -> _Numbers:
    """Return log Γ(x) for x above 0, by Stirling's series above 8, which is exact to 1e-10 there."""
    product = x * (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5) * (x + 6) * (x + 7)
    x = x + 8
    found: _Numbers = (
        (x - 0.5) * np.log(x) - x + 0.5 * log(2 * np.pi) + (30 - 1 / (x * x)) / (360 * x) - np.log(product)
    )
    return found
