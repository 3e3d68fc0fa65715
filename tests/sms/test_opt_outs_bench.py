"""The labelled replies of data/opt_outs_bench: what the rules and the model find of them, and what they may not."""

import csv

import numpy as np
import pytest

from campanile.sms.rules.replies.folding import fold
from campanile.sms.rules.replies.model import BUCKETS, extract_features
from campanile.sms.rules.replies.verdicts import VERDICTS
from scripts.labelled_replies import (
    BLIND,
    DOUBTFUL,
    FIRST,
    FOLDER,
    TRAINING,
    measure,
    measure_at_false,
    measure_at_recall,
    read_labelled,
)
from scripts.train_reply_model import fit

LANGUAGES = {"fr", "en", "es", "it", "de", "nl", "pt"}


@pytest.mark.parametrize(
    ("name", "least_recall", "most_false"),
    [pytest.param("first", 0.99, 0.02, id="first half"), pytest.param("blind", 0.95, 0.035, id="blind half")],
)
def test_the_rates_of_both_halves(name: str, least_recall: float, most_false: float) -> None:
    """A change of the rules, or of features without a new training, must not make them worse unseen."""
    rates = measure(read_labelled(FOLDER / f"{name}.tsv"))
    assert rates.recall >= least_recall
    assert rates.false_share <= most_false


def test_other_thresholds_keep_their_promise() -> None:
    """And the one that finds more suppresses more."""
    replies = read_labelled(FIRST)
    few, many = measure_at_false(replies, 0.01), measure_at_false(replies, 0.5)
    some, all_found = measure_at_recall(replies, 0.5), measure_at_recall(replies, 1.0)
    assert few.false_share <= 0.01
    assert all_found.recall == 1.0
    assert few.false_count < many.false_count <= 0.5 * many.other_count
    assert 0.5 <= some.recall < 1.0
    assert some.false_count <= all_found.false_count


def test_the_bench_is_what_its_page_says() -> None:
    for path in (FIRST, BLIND):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        assert len(rows) == 1000
        assert {row["language"] for row in rows} == LANGUAGES
        assert {row["label"] for row in rows} == {*VERDICTS, DOUBTFUL} - {"stop_doubtful"}
        assert len({(row["language"], row["text"]) for row in rows}) == len(rows)


def test_no_blind_text_is_a_training_text() -> None:
    """The two halves may share some keywords, which their authors chose independently."""
    blind = {reply.text.casefold() for reply in read_labelled(BLIND)}
    assert blind & {reply.text.casefold() for reply in read_labelled(TRAINING)} == set()
    assert len(blind & {reply.text.casefold() for reply in read_labelled(FIRST)}) < 100


def test_training_separates_what_it_sees() -> None:
    texts = ["please send no more", "no more messages please", "see you on monday", "a table for two on monday"]
    target = np.array([True, True, False, False])
    features = extract_features([fold(text) for text in texts])
    scores = fit(features, target, np.ones(4, dtype=np.bool_)).score(features, 4)
    assert (scores[target] > 0).all()
    assert (scores[~target] < 0).all()


@pytest.mark.parametrize("texts", [[], [""], ["", "stop"], ["a"], ["!?", "👍"]])
def test_texts_without_features_have_none(texts: list[str]) -> None:
    found = extract_features([fold(text) for text in texts])
    assert len(found.replies) == len(found.buckets) == len(found.values)
    assert ((found.buckets >= 0) & (found.buckets < BUCKETS)).all()
