"""Cells of a column as bytes: which of them are plain, and their digits, taken out for all of them together.

A plain cell holds digits, one plus before them and everyday punctuation, and nothing that could be read in two
ways; ``cleaning`` would bring it down to the very same digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from campanile.sms.numbers.automaton import END
from campanile.sms.numbers.prefixes import MAX_DIGITS

SEPARATOR = "\x1f"

_BLOCK_BYTES = 1 << 20  # so that a block stays in the processor's cache
_LONGEST = 64  # characters: longer cells are cleaned by themselves
_TWO_NUMBERS_DIGITS = 14  # with so many and a gap, two numbers may stand in a cell

# What a cell holds besides digits, counted in one sum: a byte of it for each kind of character (64 a cell at most).
_KINDS = {"gap": " -/", "point": ".,", "plus": "+", "quote": "'", "bracket": "()"}
_SHIFTS = {kind: 8 * position for position, kind in enumerate([*_KINDS, "other"])}


def _weights() -> NDArray[np.int64]:
    weights = np.full(256, 1 << _SHIFTS["other"], dtype=np.int64)
    for kind, characters in _KINDS.items():
        weights[list(characters.encode())] = 1 << _SHIFTS[kind]
    return weights


_WEIGHTS = _weights()


@dataclass(frozen=True, slots=True)
class Block:
    """Some cells: their bytes, where each starts and ends, and how many bytes before each are no digits."""

    content: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: "_Counts"
    before: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Counts:
    """How much of each kind a cell holds, one entry a cell of a block."""

    digit: NDArray[np.int64]
    gap: NDArray[np.int64]
    point: NDArray[np.int64]
    plus: NDArray[np.int64]
    quote: NDArray[np.int64]
    bracket: NDArray[np.int64]
    other: NDArray[np.int64]


def split_blocks(joined: str) -> Iterator[Block]:
    """Cut joined cells into blocks of whole cells."""
    content = (joined + SEPARATOR).encode()
    whole = np.frombuffer(content, dtype=np.uint8)
    separator = SEPARATOR.encode()
    first = 0
    while first < len(content):
        last = content.rfind(separator, first, first + _BLOCK_BYTES) + 1
        last = last or content.find(separator, first) + 1
        yield _block(whole[first:last])
        first = last


def _block(content: NDArray[np.uint8]) -> Block:
    no_digits = np.flatnonzero(~_is_digit(content))
    kinds = content[no_digits]
    separators = np.flatnonzero(kinds == ord(SEPARATOR))
    ends = no_digits[separators]
    starts = np.concatenate([[0], ends[:-1] + 1])
    before = np.concatenate([[0], separators[:-1] + 1])
    summed = np.concatenate([[0], np.cumsum(_WEIGHTS[kinds])])
    totals = summed[separators] - summed[before]
    gap, point, plus, quote, bracket, other = (totals >> shift & 0xFF for shift in _SHIFTS.values())
    digit = ends - starts - (separators - before)
    return Block(content, starts, ends, _Counts(digit, gap, point, plus, quote, bracket, other), before)


def plain_cells(block: Block) -> tuple[NDArray[np.bool_], NDArray[np.uint8], NDArray[np.int64]]:
    """Return which cells are plain; and of those the digits, as the automaton takes them, and how many."""
    plain = _is_everyday(block)
    plain_zeros, dropped = zip(*(find(block) for find in (_trunk_zeros, _decimal_zeros)), strict=True)
    plain &= plain_zeros[0] & plain_zeros[1]
    firsts, lengths, packed = _packed_digits(block, np.concatenate(dropped))
    plain &= (lengths >= 1) & (lengths <= MAX_DIGITS)
    firsts, lengths = firsts[plain], lengths[plain]
    digits = np.empty((lengths.max(initial=0), len(lengths)), dtype=np.uint8)
    shortest = lengths.min(initial=MAX_DIGITS)
    for position, row in enumerate(digits):
        np.take(packed, firsts + position, out=row)
        if position >= shortest:
            row[lengths <= position] = END
    return plain, digits, lengths


def _packed_digits(
    block: Block, dropped: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Return where each cell's digits start among all digits of a block, how many they are, and all of them."""
    is_digit = _is_digit(block.content)
    firsts, lengths = block.starts - block.before, block.counts.digit
    if len(dropped):
        is_digit[dropped] = False
        dropped_before = np.searchsorted(np.sort(dropped), np.stack([block.starts, block.ends]))
        firsts = firsts - dropped_before[0]
        lengths = lengths - (dropped_before[1] - dropped_before[0])
    packed = np.concatenate([block.content[is_digit] - np.uint8(48), np.full(MAX_DIGITS, END, dtype=np.uint8)])
    return firsts, lengths, packed


def _is_everyday(block: Block) -> NDArray[np.bool_]:
    """Tell which cells have nothing but digits and everyday punctuation, a plus only before all else."""
    counts, lengths = block.counts, block.ends - block.starts
    plain: NDArray[np.bool_] = (counts.other == 0) & (lengths <= _LONGEST)
    plain &= (counts.digit < _TWO_NUMBERS_DIGITS) | (lengths == counts.digit + counts.plus)
    first = block.content[block.starts]
    is_quoted = (counts.quote == 1) & (first == ord("'"))
    second = block.content[np.minimum(block.starts + 1, len(block.content) - 1)]
    leads = (first == ord("+")) | (is_quoted & (second == ord("+")))
    plain &= (counts.plus == 0) | ((counts.plus == 1) & leads)
    plain &= (counts.quote == 0) | is_quoted
    return plain


_Zeros: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.int64]]
_NO_ZEROS = np.zeros(0, dtype=np.int64)


def _trunk_zeros(block: Block) -> _Zeros:
    """Return which cells have no brackets, or plain ones, and where the zeros of ``+33 (0)6`` stand."""
    plain = block.counts.bracket == 0
    if plain.all():
        return plain, _NO_ZEROS
    content = np.concatenate([block.content, np.zeros(2, dtype=np.uint8)])
    opened = np.flatnonzero(block.content == ord("("))
    cells = np.searchsorted(block.ends, opened)
    inside, after = content[opened + 1], content[opened + 2]
    before = np.where(opened > block.starts[cells], content[opened - 1], np.uint8(0))
    further = np.where(opened > block.starts[cells] + 1, content[opened - 2], np.uint8(0))
    is_zero = (inside == ord("0")) & (after == ord(")"))
    drops = is_zero & (_is_digit(before) | ((before == ord(" ")) & _is_digit(further)))
    is_clear = drops | ((inside != ord(" ")) & ~((inside == ord("0")) & ((after == ord(" ")) | (after == ord(")")))))
    is_pair = (block.counts.bracket[cells] == 2) & (np.bincount(cells, minlength=len(plain))[cells] == 1)
    plain[cells] = is_clear & is_pair
    return plain, opened[drops & is_pair] + 1


def _decimal_zeros(block: Block) -> _Zeros:
    """Return which cells can be no decimal number but one like ``612345678.0``, and where those zeros stand."""
    counts = block.counts
    plain = counts.point != 1
    if plain.all():
        return plain, _NO_ZEROS
    first, last = block.content[block.starts], block.content[block.ends - 1]
    before_last = block.content[np.maximum(block.ends - 2, 0)]
    is_bare = (counts.gap == 0) & (counts.bracket == 0)
    is_point = (before_last == ord(".")) | (before_last == ord(","))
    is_decimal = ~plain & is_bare & (last == ord("0")) & is_point
    is_spaced = (first == ord(" ")) | (last == ord(" ")) | (counts.quote > 0)
    plain |= is_decimal | (is_bare & (last != ord("0"))) | (~is_bare & ~is_spaced)
    return plain, block.ends[is_decimal] - 1


def _is_digit(content: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(content - np.uint8(48) <= 9)  # smaller bytes wrap around


def digits_value(digits: NDArray[np.uint8], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the digits of each number as one integer."""
    value = np.zeros(len(lengths), dtype=np.int64)
    shortest = lengths.min()
    for position, row in enumerate(digits):
        longer = value * 10 + row
        value = longer if position < shortest else np.where(lengths > position, longer, value)
    return value
