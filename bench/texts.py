"""Segments of whole columns of texts, against a walk over every character."""

import random

import pandas as pd

from bench.racing import Race, race
from sms.segments import count_segments, segment_column

WORDS = ("Bonjour", "soldes", "€", "élégant", "ça", "-20 %", "œuvre", "{promo}", "😀", "à", "bientôt")
MOST = 20_000
EXTENDED = "^{}\\[~]|€"


def segments(size: int, rounds: int) -> Race:
    """Messages with accents, euro signs and emoji."""
    dice = random.Random(7)
    texts = pd.Series(
        [" ".join(dice.choices(WORDS, k=dice.randrange(5, 40))) for _ in range(min(size, MOST))], dtype=object
    )
    return race(
        "segments", len(texts), lambda: segment_column(texts)["segment_count"].tolist(),
        "walk over characters", lambda: list(map(_walked, texts)), rounds=rounds,
    )  # fmt: skip


def _walked(text: str) -> int:
    """Count segments one character at a time, each whole character in one segment."""
    encoding = count_segments(text).encoding
    single, part = (160, 153) if encoding == "GSM-7" else (70, 67)
    sizes = [_size(character, encoding) for character in text]
    if sum(sizes) <= single:
        return 1 if sizes else 0
    segments, room = 1, part
    for size in sizes:
        if size > room:
            segments, room = segments + 1, part
        room -= size
    return segments


def _size(character: str, encoding: str) -> int:
    if encoding == "GSM-7":
        return 2 if character in EXTENDED else 1
    return len(character.encode("utf-16-be")) // 2
