"""The labelled replies of data/opt_outs_bench, and the two rates that are measured on them."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from campanile.sms.rules.replies.verdicts import STOP, SUPPRESSING, WRONG_NUMBER, classify_replies

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
    pairs = [
        (reply.label in SUPPRESSED_LABELS, verdict in SUPPRESSING)
        for reply, verdict in zip(replies, classify_replies([reply.text for reply in replies]), strict=True)
    ]
    return Rates(
        sum(is_refusal for is_refusal, _ in pairs),
        sum(is_refusal and is_found for is_refusal, is_found in pairs),
        sum(not is_refusal for is_refusal, _ in pairs),
        sum(is_found and not is_refusal for is_refusal, is_found in pairs),
    )
