"""A ratio of what was to what was planned, such as a duration: log-normal, learned from the past."""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from campanile.sms.predictions.rates import Interval

_Z90 = 1.2815515655446004  # the 90 % quantile of the normal distribution


class RatioPrior(NamedTuple):
    """What is thought of a ratio before any campaign: it is 1, give or take ``sd`` of its logarithm.

    It counts as ``mean_weight`` campaigns for the mean, and as ``sd_weight`` (3 or more) for the spread.
    """

    sd: float
    mean_weight: float = 1.0
    sd_weight: float = 3.0


def predict_ratio(ratios: Sequence[float], prior: RatioPrior) -> Interval:
    """Return the ratio of the next campaign after those of past ones, all above 0.

    >>> predict_ratio([], RatioPrior(0.2)).median
    1.0
    >>> [round(end, 3) for end in predict_ratio([1.1] * 50, RatioPrior(0.2))]
    [1.029, 1.098, 1.171]
    """
    logs = [log(ratio) for ratio in ratios]
    count, total = len(logs), sum(logs)
    weight, degrees = prior.mean_weight + count, prior.sd_weight + count
    mean = total / weight
    mean_of_logs = total / count if count else 0.0
    squares = sum((value - mean_of_logs) ** 2 for value in logs)
    pulled = prior.mean_weight * count / weight * mean_of_logs**2
    variance = (prior.sd_weight * prior.sd**2 + squares + pulled) / degrees * (1 + 1 / weight)
    reach = _student_90(degrees) * sqrt(variance)
    return Interval(exp(mean - reach), exp(mean), exp(mean + reach))


def _student_90(degrees: float) -> float:
    """Return the 90 % quantile of Student's t for 3 degrees or more (series of Cornish and Fisher, exact to 0.002).

    >>> round(_student_90(3), 3), round(_student_90(30), 3)
    (1.637, 1.31)
    """
    z = _Z90
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )
