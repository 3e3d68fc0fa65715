"""Segments of whole columns of texts, with the same results as ``segments.count_segments``.

The texts are joined and processed as one array of code points. Nearly all of them are plain letters and need no further
check; the others are looked up in a table and summed by text. If the sums allow two results, because a pair may or may
not cross a segment boundary, the text is divided by itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from campanile.sms.text.gsm7 import GSM7, GSM7_BASIC, GSM7_EXTENSION, PART_LENGTH, SINGLE_LENGTH, UCS2
from campanile.sms.text.replacements import MARKS, REPLACEMENTS, replace_characters
from campanile.sms.text.segments import count_segments

Flags: TypeAlias = NDArray[np.bool_]
Counts: TypeAlias = NDArray[np.int32]

_CHUNK = 1_000  # texts at a time, so that their characters stay in the processor's cache
_BASIC, _EXTENDED, _FOREIGN = range(3)
_CODE_POINTS = 0x110000
_ASTRAL = 0x10000  # from here on a character is two code units; all of them share one entry of the tables
_STAYS = 127  # in a table of growths: nothing replaces this character


@dataclass(frozen=True, slots=True)
class ColumnScan:
    """Sizes of a column of texts, one entry a text, in their order.

    Attributes:
        is_ucs2: whether it contains a character outside GSM-7.
        unit_count: septets in GSM-7, UTF-16 code units in UCS-2.
        segment_count: its segments.
        replaced_segment_counts: by level, its segments after the replacements.
        forcing: for each character outside GSM-7, the number of texts with it.
    """

    is_ucs2: Flags
    unit_count: Counts
    segment_count: Counts
    replaced_segment_counts: dict[str, Counts]
    forcing: Counter[str]


def scan_column(texts: Sequence[str], levels: Sequence[str] = ("typography", "accents")) -> ColumnScan:
    """Return ``count_segments`` of all texts at once, and their segments at ``levels`` of replacement.

    It processes millions of texts a second, and its results are always those of ``count_segments``.

    >>> scan = scan_column(["L’été", "10 €"])
    >>> scan.unit_count.tolist(), dict(scan.forcing)
    ([5, 5], {'’': 1})
    """
    forcing = Counter[str]()
    parts = [_scan_chunk(texts[start : start + _CHUNK], levels) for start in range(0, len(texts) or 1, _CHUNK)]
    for part in parts:
        forcing.update(part.forcing)
    return ColumnScan(
        is_ucs2=np.concatenate([part.is_ucs2 for part in parts]),
        unit_count=np.concatenate([part.unit_count for part in parts]),
        segment_count=np.concatenate([part.segment_count for part in parts]),
        replaced_segment_counts={
            level: np.concatenate([part.replaced_segment_counts[level] for part in parts]) for level in levels
        },
        forcing=forcing,
    )


def _scan_chunk(texts: Sequence[str], levels: Sequence[str]) -> ColumnScan:
    chunk = _take_apart(texts)
    unit_count, segment_count = chunk.measure("off")
    is_ucs2 = chunk.counters(chunk.rows) > 0
    replaced = {level: segment_count.copy() for level in levels}
    if levels:
        foreign = chunk.keep(is_ucs2)
        for level, counts in replaced.items():
            _, counts[is_ucs2] = foreign.measure(level)
    return ColumnScan(is_ucs2, unit_count, segment_count, replaced, chunk.count_characters())


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some texts and the data for their counts.

    Attributes:
        texts: the texts.
        lengths: of each text, in characters.
        extended: number of its characters in the extension table.
        astral: number of its characters with two UTF-16 code units.
        codes: the characters of all texts that are outside GSM-7.
        rows: for each of those, the index of its text.
    """

    texts: Sequence[str]
    lengths: NDArray[np.int64]
    extended: NDArray[np.int64]
    astral: NDArray[np.int64]
    codes: NDArray[np.int64]
    rows: NDArray[np.intp]

    def counters(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return how often each text is named."""
        return np.bincount(rows, minlength=len(self.texts))

    def keep(self, kept: Flags) -> "_Chunk":
        """Return the same of some of its texts, which have all its characters outside GSM-7."""
        texts = list(compress(self.texts, kept.tolist()))
        rows = (np.cumsum(kept) - 1)[self.rows]
        return _Chunk(texts, self.lengths[kept], self.extended[kept], self.astral[kept], self.codes, rows)

    def measure(self, level: str) -> tuple[Counts, Counts]:
        """Return units and segments of each text with its characters replaced."""
        growths = _growths(level)[np.minimum(self.codes, _ASTRAL)]
        stays = growths == _STAYS
        is_ucs2 = self.counters(self.rows[stays]) > 0
        grown = np.bincount(self.rows[~stays], weights=growths[~stays], minlength=len(self.texts)).astype(np.int64)
        pairs = np.where(is_ucs2, self.astral, self.extended)
        unit_count = (self.lengths + grown + pairs).astype(np.int32)
        segment_count, is_open = _divide(unit_count, is_ucs2, pairs > 0)
        if level != "off":
            is_open |= self.counters(self.rows[(self.codes >= ord(MARKS[0])) & (self.codes <= ord(MARKS[-1]))]) > 0
        for row in np.flatnonzero(is_open).tolist():
            size = count_segments(replace_characters(self.texts[row], level))
            unit_count[row], segment_count[row] = size.unit_count, size.segment_count
        return unit_count, segment_count

    def count_characters(self) -> Counter[str]:
        """Count for each character outside GSM-7 the texts that contain it."""
        keys = np.sort(self.rows * _CODE_POINTS + self.codes)
        once = keys[np.diff(keys, prepend=-1) != 0] % _CODE_POINTS
        codes, counts = np.unique(once, return_counts=True)
        return Counter(dict(zip(map(chr, codes.tolist()), counts.tolist(), strict=True)))


def _take_apart(texts: Sequence[str]) -> _Chunk:
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    low = codes.astype(np.uint8)
    # What is below a range wraps around to far above it, so this passes over all from " " to "Z" and "a" to "z".
    positions = np.flatnonzero((((low - np.uint8(32)) > 58) & ((low - np.uint8(97)) > 25)) | (codes > 127))
    kinds = _kinds()[np.minimum(codes[positions], _ASTRAL)]
    positions, kinds = positions[kinds != _BASIC], kinds[kinds != _BASIC]
    rows = np.searchsorted(np.cumsum(lengths), positions, side="right")
    is_foreign = kinds == _FOREIGN
    foreign, foreign_rows = codes[positions[is_foreign]].astype(np.int64), rows[is_foreign]
    extended = np.bincount(rows[~is_foreign], minlength=len(texts))
    astral = np.bincount(foreign_rows[foreign >= _ASTRAL], minlength=len(texts))
    return _Chunk(texts, lengths, extended, astral, foreign, foreign_rows)


@cache
def _kinds() -> NDArray[np.uint8]:
    """Return the kind of each character."""
    kinds = np.full(_ASTRAL + 1, _FOREIGN, np.uint8)
    kinds[[ord(character) for character in GSM7_BASIC]] = _BASIC
    kinds[[ord(character) for character in GSM7_EXTENSION]] = _EXTENDED
    return kinds


@cache
def _growths(level: str) -> NDArray[np.int8]:
    """Return by how many units a text grows when a character outside GSM-7 is replaced."""
    growths = np.full(_ASTRAL + 1, _STAYS, np.int8)
    for character, plain in REPLACEMENTS[level].items():
        growths[ord(character)] = len(plain) - 1
    return growths


def _divide(unit_count: Counts, is_ucs2: Flags, has_pairs: Flags) -> tuple[Counts, Flags]:
    """Return the segments, and where this is only a lower bound: a part of a long text may lose one unit to a pair."""
    single = np.where(is_ucs2, SINGLE_LENGTH[UCS2], SINGLE_LENGTH[GSM7])
    part = np.where(is_ucs2, PART_LENGTH[UCS2], PART_LENGTH[GSM7])
    is_long = unit_count > single
    fewest, most = -(-unit_count // part), -(-unit_count // (part - 1))
    segment_count = np.where(is_long, fewest, np.minimum(unit_count, 1)).astype(np.int32)
    return segment_count, is_long & has_pairs & (fewest != most)
