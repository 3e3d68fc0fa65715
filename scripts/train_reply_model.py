"""Train the model of replies on the labelled texts of data/opt_outs_bench, and write its weights.

``python -m scripts.train_reply_model [file]``. The blind texts are never read here. It takes some minutes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campanile.sms.rules.replies.folding import fold
from campanile.sms.rules.replies.model import BUCKETS, Features, extract_features
from campanile.sms.rules.replies.verdicts import AUTO_REPLY
from scripts.labelled_replies import FIRST, SUPPRESSED_LABELS, TRAINING, LabelledReply, read_labelled

MODEL = Path(__file__).parents[1] / "campanile" / "sms" / "rules" / "replies" / "model.npz"
FOLDS = 5
#: How many texts of ``first.tsv`` the model may take for a refusal, or for a machine's, when they are not; measured on
#: folds that it was not trained on. A false opt-out costs one contact, a missed one a fine.
FALSE_SHARES = {"refusal": 0.05, "machine": 0.003}
_STEPS = 400
_PENALTY = 30.0
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
    trained = [_train(name, replies, np.array(target), len(first)) for name, target in targets.items()]
    scales = np.array([np.abs(one.weights).max() / _MOST_INT8 for one in trained])
    weights = [np.round(one.weights / scale).astype(np.int8) for one, scale in zip(trained, scales, strict=True)]
    np.savez_compressed(path, weights=np.stack(weights), scales=scales, biases=np.array([one.bias for one in trained]))
    print(f"{path.name}: {path.stat().st_size:,} bytes, trained on {len(replies):,} replies")


def _train(name: str, replies: Sequence[LabelledReply], target: NDArray[np.bool_], first_count: int) -> Weights:
    """Train one decision; its bias puts the share of ``FALSE_SHARES`` of the first texts above 0.

    Only the first texts set it: the others were written to be harder than what people send.
    """
    folded = [fold(reply.text) for reply in replies]
    features = extract_features(folded)
    scores = np.zeros(len(replies))
    parts = np.arange(len(replies)) % FOLDS
    for part in range(FOLDS):
        held_out = parts == part
        weights = fit(_only(features, ~held_out), target, ~held_out)
        scores[held_out] = weights.score(features, len(replies))[held_out]
    scores, first_target = scores[:first_count], target[:first_count]
    threshold = float(np.quantile(scores[~first_target], 1 - FALSE_SHARES[name]))
    found = (scores[first_target] > threshold).mean()
    print(f"{name}: {found:.1%} found at {FALSE_SHARES[name]:.0%} false, by the model alone, of {FIRST.name}")
    whole = fit(features, target, np.ones(len(replies), dtype=np.bool_))
    return Weights(whole.weights, whole.bias - threshold)


def fit(features: Features, target: NDArray[np.bool_], counts: NDArray[np.bool_]) -> Weights:
    """Return the weights of a logistic regression on the replies that count, by accelerated gradient descent."""
    signs, size = np.where(target, 1.0, -1.0), int(counts.sum())
    shrink = 1.0 / (_PENALTY * size)
    rate = 1.0 / (1.25 + shrink)
    weights, bias, momentum = np.zeros(BUCKETS), 0.0, 1.0
    ahead, ahead_bias = weights, bias
    for _ in range(_STEPS):
        margin = signs * Weights(ahead, ahead_bias).score(features, len(target))
        slope = np.where(counts, -signs / (1.0 + np.exp(np.clip(margin, -30, 30))), 0.0) / size
        gradient = np.bincount(features.buckets, features.values * slope[features.replies], minlength=BUCKETS)
        next_weights = ahead - rate * (gradient + shrink * ahead)
        next_bias = ahead_bias - rate * float(slope.sum())
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        push = (momentum - 1) / next_momentum
        ahead = next_weights + push * (next_weights - weights)
        ahead_bias = next_bias + push * (next_bias - bias)
        weights, bias, momentum = next_weights, next_bias, next_momentum
    return Weights(weights, bias)


def _only(features: Features, counts: NDArray[np.bool_]) -> Features:
    chosen = counts[features.replies]
    return Features(features.replies[chosen], features.buckets[chosen], features.values[chosen])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
