"""Segments of whole columns of texts, against smsutil, which counts one text at a time."""

import random
from typing import TypeAlias

import smsutil

from bench.racing import Race, race
from campanile.sms.text.gsm7 import GSM7_BASIC, GSM7_EXTENSION
from campanile.sms.text.segment_column import ColumnScan, scan_column

Sizes: TypeAlias = list[tuple[bool, int, int]]
"""Of each text: whether it is UCS-2, its units, its segments."""

WORDS = (
    "Bonjour", "soldes", "élégant", "votre", "magasin", "ouvre", "demain", "avec", "une", "remise", "de", "dix", "sur",
    "tout", "le", "rayon", "mode", "à",
)  # fmt: skip
FORCING = ("ça", "l’été", "bientôt", "Noël", "œuvre")
_GSM7 = frozenset(GSM7_BASIC + GSM7_EXTENSION)
MAX_ADVERSARIAL = 200_000


def segments(size: int, rounds: int) -> Race:
    """Campaign messages: 160 characters on average, a euro sign in each, six in ten UCS-2, for an accent or a quote."""
    dice = random.Random(7)
    texts = [_message(dice, number % 10 < 6) for number in range(max(1, size // 2))]
    return race(
        "segments", len(texts), lambda: scan_column(texts, levels=()),
        "smsutil", lambda: list(map(_split, texts)), rounds=rounds, is_same=_is_same,
    )  # fmt: skip


def adversarial(size: int, rounds: int) -> Race:
    """Escape pairs and emoji at every boundary; a walk over every character must agree too."""
    dice = random.Random(11)
    texts = [_trap(dice) for _ in range(min(size, MAX_ADVERSARIAL))]
    return race(
        "adversarial segments", len(texts), lambda: scan_column(texts, levels=()),
        "smsutil, same as a greedy walk", lambda: list(map(_split, texts)), rounds=rounds,
        is_same=lambda mine, theirs: _is_same(mine, theirs) and theirs == list(map(_walk, texts)),
    )  # fmt: skip


def _message(dice: random.Random, is_ucs2: bool) -> str:
    run_outcome = f" {dice.choice(FORCING)} 10 €" if is_ucs2 else " 10 €"
    words = "".join(f"{word} " for word in dice.choices(WORDS, k=40))
    return words[: dice.randrange(120, 200) - len(run_outcome)] + run_outcome


def _trap(dice: random.Random) -> str:
    """Fill up to just before, at or after a boundary, put a few pairs there, and go on."""
    filler, pair, part = dice.choice([("a", "€", 153), ("ê", "👍", 67)])
    pieces = []
    for _ in range(dice.randrange(1, 6)):
        pieces += [filler * max(0, part + dice.randrange(-4, 9)), pair * dice.choice((1, 1, 2, 3, part // 2))]
    return "".join(pieces)


def _is_same(scan: ColumnScan, sizes: Sizes) -> bool:
    columns = (scan.is_ucs2, scan.unit_count, scan.segment_count)
    return list(zip(*(column.tolist() for column in columns), strict=True)) == sizes


def _split(text: str) -> tuple[bool, int, int]:
    found = smsutil.split(text)
    is_ucs2 = found.encoding != "gsm0338"
    return is_ucs2, found.total_bytes // (2 if is_ucs2 else 1), len(found.parts)


def _walk(text: str) -> tuple[bool, int, int]:
    """Count one character at a time, each whole character in one segment."""
    is_ucs2 = not _GSM7.issuperset(text)
    single, part = (70, 67) if is_ucs2 else (160, 153)
    widths = [_width(character, is_ucs2) for character in text]
    if sum(widths) <= single:
        return is_ucs2, sum(widths), 1
    count, room = 1, part
    for width in widths:
        if width > room:
            count, room = count + 1, part
        room -= width
    return is_ucs2, sum(widths), count


def _width(character: str, is_ucs2: bool) -> int:
    return len(character.encode("utf-16-be")) // 2 if is_ucs2 else 1 + (character in GSM7_EXTENSION)
