"""The labelled replies of data/opt_outs_bench, and the two rates that are measured on them."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campanile.sms.rules.replies.folding import fold
from campanile.sms.rules.replies.model import score
from campanile.sms.rules.replies.verdicts import STOP, SUPPRESSING, WRONG_NUMBER, classify_replies, verdict_by_rules

FOLDER = Path(__file__).parents[1] / "data" / "opt_outs_bench"
#: The model is trained on the first and on the training texts, never on the blind ones.
FIRST, BLIND, TRAINING = (FOLDER / f"{name}.tsv" for name in ("first", "blind", "training"))
#: What must be suppressed. ``doubtful`` texts count in neither rate: a careful reader cannot decide them.
SUPPRESSED_LABELS = (STOP, WRONG_NUMBER)
DOUBTFUL = "doubtful"


class LabelledReply(NamedTuple):
    """A text, its language, and the label that its author gave it: what a careful reader understands."""

    language: str
    label: str
    text: str


class Rates(NamedTuple):
    """Refusals that are suppressed, of all refusals; and other texts that are suppressed, of all other texts."""

    refusal_count: int
    found_count: int
    other_count: int
    false_count: int

    @property
    def recall(self) -> float:
        """The share of the refusals that are suppressed."""
        return self.found_count / self.refusal_count

    @property
    def false_share(self) -> float:
        """The share of the other texts that are suppressed."""
        return self.false_count / self.other_count


def read_labelled(*paths: Path) -> list[LabelledReply]:
    """Return the labelled replies of files, without the doubtful ones."""
    rows = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        LabelledReply(row["language"], row["label"], row["text"].replace("\\n", "\n"))
        for row in rows
        if row["label"] != DOUBTFUL
    ]


def measure(replies: Sequence[LabelledReply]) -> Rates:
    """Return the rates of the verdicts on labelled replies."""
    verdicts = classify_replies([reply.text for reply in replies])
    return _rates(replies, np.array([verdict in SUPPRESSING for verdict in verdicts]))


def measure_at_false(replies: Sequence[LabelledReply], share: float) -> Rates:
    """Return the rates that the threshold would have with which at most this share of the other texts is suppressed."""
    scores = _scores(replies)
    return _rates(replies, scores > np.quantile(scores[~_refusals(replies)], 1 - share, method="higher"))


def measure_at_recall(replies: Sequence[LabelledReply], share: float) -> Rates:
    """Return the rates that the threshold would have with which at least this share of the refusals is suppressed."""
    scores = _scores(replies)
    return _rates(replies, scores >= np.quantile(scores[_refusals(replies)], 1 - share, method="lower"))


def add_rules(scores: NDArray[np.float64], replies: Sequence[LabelledReply]) -> NDArray[np.float64]:
    """Return scores of refusal, those of replies that a rule decides beyond all others."""
    verdicts = [verdict_by_rules(reply.text) for reply in replies]
    certain = [0.0 if verdict is None else 1.0 if verdict in SUPPRESSING else -1.0 for verdict in verdicts]
    return scores + np.array(certain) * 1e6


def _scores(replies: Sequence[LabelledReply]) -> NDArray[np.float64]:
    return add_rules(np.array([one.refusal for one in score([fold(reply.text) for reply in replies])]), replies)


def _refusals(replies: Sequence[LabelledReply]) -> NDArray[np.bool_]:
    return np.array([reply.label in SUPPRESSED_LABELS for reply in replies])


def _rates(replies: Sequence[LabelledReply], found: NDArray[np.bool_]) -> Rates:
    refusals = _refusals(replies)
    counts = refusals, refusals & found, ~refusals, ~refusals & found
    return Rates(*(int(one.sum()) for one in counts))
