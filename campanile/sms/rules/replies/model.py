"""A linear model for replies that no rule decides: is it a refusal, was it written by a machine?

Features are words and pairs of words (each number is the word ``0``), character sequences, and concepts
(``concepts.py``), each hashed to one of ``BUCKETS`` weights.
``python -m scripts.train_reply_model`` makes ``model.npz`` from the labelled replies of ``data/opt_outs_bench``.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from campanile.sms.rules.replies.concepts import find_meaning
from campanile.sms.rules.replies.folding import Sentences

BUCKETS = 1 << 17
_LEAST_LETTERS, _MOST_LETTERS = 2, 5
_MOST_WORD_GAP, _MOST_MIXED_GAP, _MOST_CONCEPT_GAP = 4, 3, 4
_TRIPLES = ((1, 2), (1, 3), (2, 3))
#: An odd 64-bit number (the golden ratio): products of hashes spread over all bits.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]


class Scores(NamedTuple):
    """The decisions of the model on one reply: above 0 means yes."""

    refusal: float
    machine: float


class Features(NamedTuple):
    """Features of several replies: ``values[i]`` of weight ``buckets[i]`` for the reply at position ``replies[i]``."""

    replies: Numbers
    buckets: Numbers
    values: NDArray[np.float64]


class _Words(NamedTuple):
    """All words of several replies, one after the other.

    ``replies``, ``sentences``: the number of the reply and of the sentence. ``concepts``: in the language of the reply.
    """

    replies: Numbers
    sentences: Numbers
    hashes: Hashes
    concepts: Hashes


class _Model(NamedTuple):
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]


def score(replies: Sequence[Sentences]) -> list[Scores]:
    """Return the scores of folded replies; each depends on its own words only."""
    if not replies:
        return []
    model, found = _load_model(), extract_features(replies)
    columns = [
        np.bincount(found.replies, found.values * weights[found.buckets], minlength=len(replies)) + bias
        for weights, bias in zip(model.weights, model.biases, strict=True)
    ]
    return [Scores(*map(float, row)) for row in zip(*columns, strict=True)]


def extract_features(replies: Sequence[Sentences]) -> Features:
    """Return the features of folded replies; in each group the values of a reply have the length 1."""
    words = _list_words(replies)
    groups = [
        list(_word_features(words)),
        list(_letter_features(replies)),
        list(_concept_features(words)),
        list(_mixed_features(words)),
    ]
    parts = [_weigh(number, group, len(replies)) for number, group in enumerate(groups, start=1)]
    return Features(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _weigh(group: int, found: list[tuple[Numbers, Hashes]], count: int) -> Features:
    owners = np.concatenate([owner for owner, _ in found])
    hashes = np.concatenate([hashed for _, hashed in found])
    totals = np.bincount(owners, minlength=count)
    buckets = _mix(hashes, group) >> np.uint64(64 - BUCKETS.bit_length() + 1)
    return Features(owners, buckets.astype(np.int64), 1.0 / np.sqrt(totals[owners]))


def _list_words(replies: Sequence[Sentences]) -> _Words:
    known: dict[str, int] = {}
    numbers = [
        known.setdefault("0" if word.isdecimal() else word, len(known))
        for reply in replies
        for words in reply
        for word in words
    ]
    if not numbers:
        empty = np.empty(0, dtype=np.int64)
        return _Words(empty, empty, empty.astype(np.uint64), empty.astype(np.uint64))
    ids = np.array(numbers)
    lengths = [len(words) for reply in replies for words in reply]
    owners = np.repeat(np.arange(len(replies)), [sum(map(len, reply)) for reply in replies])
    meanings = [find_meaning(word) for word in known]
    is_known = np.array([meaning.is_known for meaning in meanings])[ids]
    counts = np.stack([np.bincount(owners, column, minlength=len(replies)) for column in is_known.T], axis=1)
    languages = counts.argmax(axis=1)
    concepts = np.array([meaning.concepts for meaning in meanings], dtype=np.uint64)[ids, languages[owners]]
    hashes = np.array([crc32(word.encode()) for word in known], dtype=np.uint64)[ids]
    return _Words(owners, np.repeat(np.arange(len(lengths)), lengths), hashes, concepts)


def _word_features(words: _Words) -> Iterator[tuple[Numbers, Hashes]]:
    """Yield words, neighbours, and pairs up to a distance, in one sentence."""
    yield words.replies, _mix(words.hashes, 0)
    for gap in range(1, _MOST_WORD_GAP + 1):
        first, second = _pairs(words.sentences, gap)
        paired = _join(words.hashes[first], words.hashes[second])
        yield words.replies[first], _mix(paired, 1)
        if gap == 1:
            yield words.replies[first], _mix(paired, 2)


def _letter_features(replies: Sequence[Sentences]) -> Iterator[tuple[Numbers, Hashes]]:
    """Yield sequences of letters, also across words."""
    texts = [f" {' . '.join(map(' '.join, reply))} " for reply in replies]
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    hashes = codes
    for length in range(2, _MOST_LETTERS + 1):
        hashes = _join(hashes[:-1], codes[length - 1 :]) if len(hashes) else hashes
        if length >= _LEAST_LETTERS:
            inside = owners[: len(hashes)] == owners[length - 1 :]
            yield owners[: len(hashes)][inside], _mix(hashes[inside], length)


def _concept_features(words: _Words) -> Iterator[tuple[Numbers, Hashes]]:
    """Yield concepts of a sentence in their order: alone, at its ends, in pairs and triples; and with other words."""
    has_concept = words.concepts > 0
    owners, sentences, concepts = words.replies[has_concept], words.sentences[has_concept], words.concepts[has_concept]
    yield owners, _mix(concepts, 0)
    for at_end, shift in ((_is_first(sentences), 1), (_is_first(sentences[::-1])[::-1], 2)):
        yield owners[at_end], _mix(concepts[at_end], shift)
    for gap in range(1, _MOST_CONCEPT_GAP + 1):
        first, second = _pairs(sentences, gap)
        paired = _join(concepts[first], concepts[second])
        yield owners[first], _mix(paired, 3)
        if gap == 1:
            yield owners[first], _mix(paired, 4)
    for near, far in _TRIPLES:
        first, last = _pairs(sentences, far)
        yield owners[first], _mix(_join(_join(concepts[first], concepts[first + near]), concepts[last]), 5)
    first, second = _pairs(words.sentences, 1)
    yield words.replies[first], _mix(_join(words.concepts[first], words.concepts[second]), 6)
    first, last = _pairs(words.sentences, 2)
    three = _join(_join(words.concepts[first], words.concepts[first + 1]), words.concepts[last])
    yield words.replies[first], _mix(three, 7)


def _mixed_features(words: _Words) -> Iterator[tuple[Numbers, Hashes]]:
    """Yield a word with the concept of a near word, before and after it."""
    for gap in range(1, _MOST_MIXED_GAP + 1):
        first, second = _pairs(words.sentences, gap)
        for of_word, of_concept, shift in ((first, second, 1), (second, first, 2)):
            has_concept = words.concepts[of_concept] > 0
            paired = _join(words.hashes[of_word[has_concept]], words.concepts[of_concept[has_concept]])
            yield words.replies[of_word[has_concept]], _mix(paired, shift)


def _pairs(sentences: Numbers, gap: int) -> tuple[Numbers, Numbers]:
    """Return the positions of all pairs at a distance that are in one sentence."""
    first = np.flatnonzero(sentences[:-gap] == sentences[gap:]) if len(sentences) > gap else np.empty(0, np.int64)
    return first, first + gap


def _is_first(sentences: Numbers) -> NDArray[np.bool_]:
    starts = np.ones(len(sentences), dtype=np.bool_)
    starts[1:] = sentences[1:] != sentences[:-1]
    return starts


def _join(first: Hashes, second: Hashes) -> Hashes:
    return (first * _SPREAD) ^ (second + (first >> np.uint64(7)))


def _mix(hashes: Hashes, shift: int) -> Hashes:
    mixed = (hashes ^ np.uint64((shift + 1) * 0x1F123BB5)) * _SPREAD
    mixed ^= mixed >> np.uint64(29)
    return mixed * _SPREAD


@cache
def _load_model() -> _Model:
    with np.load(BytesIO(files(__package__).joinpath("model.npz").read_bytes())) as data:
        weights = data["weights"].astype(np.float64) * data["scales"][:, np.newaxis]
        return _Model(weights, data["biases"].astype(np.float64))
