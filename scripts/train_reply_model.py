"""Train the model of replies on the labelled texts of data/opt_outs_bench, and write its weights.

``OPENBLAS_NUM_THREADS=1 python -m scripts.train_reply_model [file]``: two minutes, and the same file each time; with
more threads the last digits of sums differ. The blind texts are never read here.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campanile.sms.rules.replies.folding import fold
from campanile.sms.rules.replies.model import BUCKETS, Features, Numbers, extract_features
from campanile.sms.rules.replies.verdicts import AUTO_REPLY
from scripts.labelled_replies import FIRST, SUPPRESSED_LABELS, TRAINING, LabelledReply, add_rules, read_labelled

MODEL = Path(__file__).parents[1] / "campanile" / "sms" / "rules" / "replies" / "model.npz"
#: How many texts of ``first.tsv`` rules and model together may take for a refusal, or the model for a machine's, when
#: they are not; measured by a model that was trained without them.
FALSE_SHARES = {"refusal": 0.03, "machine": 0.003}
_STEPS = 200
_PENALTY = 30.0
#: L-BFGS: how many steps it remembers, what a step must gain of what its slope promises, and when it ends.
_MEMORY, _SUFFICIENT, _LEAST_STEP, _LEAST_GAIN = 10, 1e-4, 1e-6, 1e-5
_MOST_INT8 = 127


class Weights(NamedTuple):
    """One decision: the score is the sum of the weights of the features, plus the bias."""

    weights: NDArray[np.float64]
    bias: float

    def score(self, features: Features, count: int) -> NDArray[np.float64]:
        """Return the score of each reply."""
        products = features.values * self.weights[features.buckets]
        return np.bincount(features.replies, products, minlength=count).astype(np.float64) + self.bias


def main(path: Path = MODEL) -> None:
    """Train both decisions and write them."""
    first = read_labelled(FIRST)
    replies = first + read_labelled(TRAINING)
    targets = {
        "refusal": [reply.label in SUPPRESSED_LABELS for reply in replies],
        "machine": [reply.label == AUTO_REPLY for reply in replies],
    }
    features = extract_features([fold(reply.text) for reply in replies])
    trained = [_train(name, replies, features, np.array(target), len(first)) for name, target in targets.items()]
    scales = np.array([np.abs(one.weights).max() / _MOST_INT8 for one in trained])
    weights = [np.round(one.weights / scale).astype(np.int8) for one, scale in zip(trained, scales, strict=True)]
    np.savez_compressed(path, weights=np.stack(weights), scales=scales, biases=np.array([one.bias for one in trained]))
    print(f"{path.name}: {path.stat().st_size:,} bytes, trained on {len(replies):,} replies")


def _train(
    name: str, replies: Sequence[LabelledReply], features: Features, target: NDArray[np.bool_], first_count: int
) -> Weights:
    """Train one decision; its bias puts the share of ``FALSE_SHARES`` of the first texts above 0.

    The threshold comes from a model that knows no text of the authors of the first texts. Only they set it: many of the
    others were written to be harder than what people send.
    """
    features = extract_features([fold(reply.text) for reply in replies])
    is_first = np.arange(len(replies)) < first_count
    held_out = fit(features, target, ~is_first).score(features, len(replies))[:first_count]
    first_target = target[:first_count]
    if name == "refusal":
        held_out = add_rules(held_out, replies[:first_count])
    threshold = float(np.quantile(held_out[~first_target], 1 - FALSE_SHARES[name]))
    found = (held_out[first_target] > threshold).mean()
    print(f"{name}: {found:.1%} found at {FALSE_SHARES[name]:.1%} false, of {FIRST.name}, trained without it")
    whole = fit(features, target, np.ones(len(replies), dtype=np.bool_))
    return Weights(whole.weights, whole.bias - threshold)


def fit(features: Features, target: NDArray[np.bool_], counts: NDArray[np.bool_]) -> Weights:
    """Return the weights of a logistic regression on the replies that count, by L-BFGS; the bias has no penalty."""
    loss = _Loss.of(_only(features, counts), np.where(target, 1.0, -1.0), counts)
    point, history = np.zeros(BUCKETS + 1), list[tuple[NDArray[np.float64], NDArray[np.float64]]]()
    value, gradient = loss.at(point)
    for _ in range(_STEPS):
        direction = -_bend(gradient, history)
        slope, step = float(gradient @ direction), 1.0
        while True:
            ahead = point + step * direction
            next_value, next_gradient = loss.at(ahead)
            if next_value <= value + _SUFFICIENT * step * slope or step < _LEAST_STEP:
                break
            step /= 2
        gain = value - next_value
        if float((ahead - point) @ (next_gradient - gradient)) > 0:
            history = [*history[1 - _MEMORY :], (ahead - point, next_gradient - gradient)]
        point, value, gradient = ahead, next_value, next_gradient
        if gain < _LEAST_GAIN * value:
            break
    return Weights(point[:-1], float(point[-1]))


def _bend(
    gradient: NDArray[np.float64], history: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
) -> NDArray[np.float64]:
    """Return the gradient times an estimate of the inverse curvature, from the last steps and changes of gradient."""
    bent, factors = gradient.copy(), []
    for step, change in reversed(history):
        factor = float(step @ bent) / float(step @ change)
        factors.append(factor)
        bent -= factor * change
    if history:
        step, change = history[-1]
        bent *= float(step @ change) / float(change @ change)
    for (step, change), factor in zip(history, reversed(factors), strict=True):
        bent += (factor - float(change @ bent) / float(step @ change)) * step
    return bent


class _Loss(NamedTuple):
    """The mean logistic loss of the replies that count, plus the penalty, with the features in two orders.

    ``values`` and ``buckets`` are sorted by reply, ``turned_values`` and ``turned_replies`` by bucket.
    """

    signs: NDArray[np.float64]
    counts: NDArray[np.bool_]
    by_reply: "_Sums"
    values: NDArray[np.float64]
    buckets: Numbers
    by_bucket: "_Sums"
    turned_values: NDArray[np.float64]
    turned_replies: Numbers

    @classmethod
    def of(cls, features: Features, signs: NDArray[np.float64], counts: NDArray[np.bool_]) -> "_Loss":
        rows, columns = _Sums.by(features.replies, len(signs)), _Sums.by(features.buckets, BUCKETS)
        by_reply = features.values[rows.order], features.buckets[rows.order]
        return cls(
            signs, counts, rows, *by_reply, columns, features.values[columns.order], features.replies[columns.order]
        )

    def at(self, point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the loss and its gradient; the last number of a point is the bias."""
        weights, size = point[:-1], int(self.counts.sum())
        margin = self.signs * (self.by_reply.add(self.values * weights[self.buckets]) + point[-1])
        slope = np.where(self.counts, -self.signs / (1.0 + np.exp(np.clip(margin, -30, 30))), 0.0) / size
        gradient = self.by_bucket.add(self.turned_values * slope[self.turned_replies]) + weights / (_PENALTY * size)
        loss = float(np.logaddexp(0.0, -margin)[self.counts].sum()) / size + float(weights @ weights) / (
            2 * _PENALTY * size
        )
        return loss, np.append(gradient, slope.sum())


class _Sums(NamedTuple):
    """Sums of values by a key: much faster for values in one order than ``bincount`` on unsorted keys.

    ``order`` sorts the values by key, ``starts`` are the first positions of each of the ``keys``.
    """

    order: Numbers
    starts: Numbers
    keys: Numbers
    size: int

    @classmethod
    def by(cls, keys: Numbers, size: int) -> "_Sums":
        order = np.argsort(keys, kind="stable")
        found, starts = np.unique(keys[order], return_index=True)
        return cls(order, starts, found, size)

    def add(self, ordered: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.zeros(self.size)
        sums[self.keys] = np.add.reduceat(ordered, self.starts)
        return sums


def _only(features: Features, counts: NDArray[np.bool_]) -> Features:
    chosen = counts[features.replies]
    return Features(features.replies[chosen], features.buckets[chosen], features.values[chosen])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
