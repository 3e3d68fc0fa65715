"""Many lines at once: which of them are plain enough for a bulk reader, told from their bytes.

A line is plain when splitting it at every delimiter is all there is to do, and quoted when each quote opens or
closes a whole cell with neither delimiter nor quote in it. All else that is not empty, broken lines too, is odd
and goes to ``csv_record``, which decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campanile.files.parsing.csv_record import MAX_CELL_LENGTH

PLAIN, QUOTED, ODD, EMPTY = range(4)

_NEWLINE, _TAB, _SPACE, _QUOTE, _APOSTROPHE, _C1_LEAD = b"\n\t \"'\xc2"
_CONTROL = np.zeros(256, dtype=np.bool_)
_CONTROL[[*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F]] = True

# White space of more than one byte, as big-endian integers of two and three bytes.
_WIDE = [character.encode() for character in map(chr, range(0x80, 0x3001)) if character.isspace()]
_WIDE_OF_TWO, _WIDE_OF_THREE = ([int.from_bytes(code) for code in _WIDE if len(code) == size] for size in (2, 3))

Bytes = NDArray[np.uint8]
Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block.

    Attributes:
        ends: where each has its line feed.
        kinds: of each, ``PLAIN``, ``QUOTED``, ``ODD`` or ``EMPTY``.
        spaced: columns where a cell starts or ends with a space; in all others none does.
        strange: columns where one starts or ends in other white space, or starts with an apostrophe.
    """

    ends: Positions
    kinds: NDArray[np.uint8]
    spaced: set[int]
    strange: set[int]


def classify_lines(block: Bytes, delimiter: str, width: int, empty_tail: int = 0) -> Lines:
    """Tell the lines of a block apart.

    Args:
        block: UTF-8; its last byte is a line feed.
        delimiter: an ASCII character.
        width: cells that a line must have so as not to be odd.
        empty_tail: the last so many of them have to be empty.
    """
    ends = np.flatnonzero(block == _NEWLINE)
    delimiters = np.flatnonzero(block == ord(delimiter))
    lengths = np.diff(ends, prepend=-1) - 1
    is_odd = _counts(delimiters, ends) != width - 1
    is_odd |= lengths > MAX_CELL_LENGTH
    for back in range(1, empty_tail + 1):
        is_odd |= block[ends - back] != ord(delimiter)
    is_odd[np.searchsorted(ends, _control_characters(block))] = True
    kinds = np.where(is_odd, ODD, PLAIN).astype(np.uint8)
    kinds[lengths == 0] = EMPTY
    quotes = np.flatnonzero(block == _QUOTE)
    if len(quotes):
        is_opened, is_whole = _judge_quotes(block, ends, delimiters, quotes)
        kinds[is_opened & ~is_odd] = QUOTED
        kinds[is_opened & ~is_whole] = ODD
    return Lines(ends, kinds, *_loose_columns(block, ends, delimiters, quotes, kinds))


def _loose_columns(
    block: Bytes, ends: Positions, delimiters: Positions, quotes: Positions, kinds: NDArray[np.uint8]
) -> tuple[set[int], set[int]]:
    """Return the columns of ``Lines.spaced`` and ``Lines.strange``; odd lines do not count."""
    starts = np.append(0, ends[:-1] + 1)
    firsts = np.concatenate([starts, delimiters + 1, quotes + 1])
    lasts = np.concatenate([delimiters, ends, quotes]) - 1

    def columns(positions: Positions) -> set[int]:
        lines = np.searchsorted(ends, positions)
        ranks = np.searchsorted(delimiters, positions) - np.searchsorted(delimiters, starts)[lines]
        return set(np.unique(ranks[kinds[lines] != ODD]).tolist())

    spaced = columns(firsts[block[firsts] == _SPACE]) | columns(lasts[block[lasts] == _SPACE])
    strange = columns(firsts[_is_strange(block, firsts, 0) | (block[firsts] == _APOSTROPHE)])
    return spaced, strange | columns(lasts[_is_strange(block, lasts, 1)])


def _is_strange(block: Bytes, positions: Positions, back: int) -> NDArray[np.bool_]:
    """Tell where white space stands that is no plain space: starting at a position, or (``back``) ending there."""
    found: NDArray[np.bool_] = block[positions] == _TAB
    wide = np.flatnonzero(block[positions] >= 0x80)
    steps = range(-2 * back, 3 - 2 * back)
    bytes_of = [block[(positions[wide] + step) % len(block)].astype(np.int32) for step in steps]
    two = bytes_of[back] << 8 | bytes_of[back + 1]
    three = bytes_of[0] << 16 | bytes_of[1] << 8 | bytes_of[2]
    found[wide] = np.isin(two, _WIDE_OF_TWO) | np.isin(three, _WIDE_OF_THREE)
    return found


def _counts(positions: Positions, ends: Positions) -> Positions:
    return np.diff(np.searchsorted(positions, ends), prepend=0)


def _control_characters(block: Bytes) -> Positions:
    c1_leads = np.flatnonzero(block[:-1] == _C1_LEAD)
    return np.concatenate([np.flatnonzero(_CONTROL[block]), c1_leads[block[c1_leads + 1] < 0xA0]])


def _judge_quotes(
    block: Bytes, ends: Positions, delimiters: Positions, quotes: Positions
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of each line whether a quote opens a cell, and whether all quotes wrap whole cells."""
    is_edge = np.zeros(256, dtype=np.bool_)
    is_edge[[_NEWLINE, block[delimiters[0]] if len(delimiters) else _NEWLINE]] = True
    opens = is_edge[block[quotes - 1]]  # at 0 that is the last byte, a line feed
    closes = is_edge[block[quotes + 1]]
    line = np.searchsorted(ends, quotes)
    is_opened = np.zeros(len(ends), dtype=np.bool_)
    is_opened[line[opens]] = True
    is_whole = np.bincount(line, minlength=len(ends)) % 2 == 0
    is_whole[line[opens == closes]] = False
    paired = is_whole[line]
    left, right = quotes[paired][::2], quotes[paired][1::2]
    is_cell = opens[paired][::2] & closes[paired][1::2]
    is_cell &= np.searchsorted(delimiters, left) == np.searchsorted(delimiters, right)
    is_whole[line[paired][::2][~is_cell]] = False
    return is_opened, is_whole
