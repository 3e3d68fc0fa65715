"""The patterns of numbering plans as automata over digits, so that columns can be walked digit by digit.

Numbering plans (``phonenumbers``' metadata) use few of the means of regular expressions: digits, classes, groups,
alternatives and bounded repetition. That much is read here; anything else is refused, never approximated.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import TypeAlias

from campanile.sms.errors import ConfigurationError

_TOKEN = re.compile(r"\[(?P<set>[0-9-]+)\]|(?P<any>\\d)|(?P<digit>[0-9])|\{(?P<least>\d+)(?:,(?P<most>\d+))?\}|\(\?:|.")


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a pattern: which digits may come, and the positions that follow."""

    digits: frozenset[int]
    following: "Positions"


#: Where a pattern may be; None among them: here it may end.
Positions: TypeAlias = frozenset[Position | None]

#: A piece of a pattern: given the positions that follow it, the positions where it starts.
_Piece: TypeAlias = Callable[[Positions], Positions]


@cache
def start_of(pattern: str) -> Positions:
    """Return where a pattern starts.

    Raises:
        ConfigurationError: it uses more than digits, classes, groups, alternatives and bounded repetition.
    """
    tokens = list(_TOKEN.finditer(pattern))
    piece, rest = _alternatives(tokens, 0)
    if rest != len(tokens):
        raise _unreadable(tokens[rest])
    return piece(frozenset([None]))


@cache
def step(positions: Positions, digit: int) -> Positions:
    """Return where a pattern is after one more digit; empty when it cannot match any more."""
    return frozenset(_after(positions, digit))


def _after(positions: Positions, digit: int) -> Iterator[Position | None]:
    for position in positions:
        if position is not None and digit in position.digits:
            yield from position.following


def _alternatives(tokens: Sequence[re.Match[str]], position: int) -> tuple[_Piece, int]:
    branches: list[_Piece] = []
    while True:
        branch, position = _sequence(tokens, position)
        branches.append(branch)
        if position == len(tokens) or tokens[position][0] != "|":
            return lambda following: frozenset().union(*(branch(following) for branch in branches)), position
        position += 1


def _sequence(tokens: Sequence[re.Match[str]], position: int) -> tuple[_Piece, int]:
    pieces: list[_Piece] = []
    while position < len(tokens) and tokens[position][0] not in "|)":
        piece, position = _atom(tokens, position)
        if position < len(tokens) and (bounds := _bounds(tokens[position])):
            piece, position = _repeated(piece, *bounds), position + 1
        pieces.append(piece)
    return lambda following: reduce(lambda after, piece: piece(after), reversed(pieces), following), position


def _atom(tokens: Sequence[re.Match[str]], position: int) -> tuple[_Piece, int]:
    token = tokens[position]
    if token[0] in ("(", "(?:"):
        piece, position = _alternatives(tokens, position + 1)
        if position == len(tokens) or tokens[position][0] != ")":
            raise _unreadable(token)
        return piece, position + 1
    digits = _digits_of(token)
    return lambda following: frozenset([Position(digits, following)]), position + 1


def _repeated(piece: _Piece, least: int, most: int) -> _Piece:
    def enter(following: Positions) -> Positions:
        entered = following
        for count in range(most, 0, -1):
            entered = piece(entered) | (following if count > least else frozenset())
        return entered

    return enter


def _bounds(token: re.Match[str]) -> tuple[int, int] | None:
    if token[0] == "?":
        return 0, 1
    if token["least"] is None:
        return None
    return int(token["least"]), int(token["most"] or token["least"])


def _digits_of(token: re.Match[str]) -> frozenset[int]:
    if token["any"]:
        return frozenset(range(10))
    if token["set"] is None and token["digit"] is None:
        raise _unreadable(token)
    ranges = re.finditer(r"(\d)(?:-(\d))?", token["set"] or token["digit"])
    return frozenset(digit for one in ranges for digit in range(int(one[1]), int(one[2] or one[1]) + 1))


def _unreadable(token: re.Match[str]) -> ConfigurationError:
    where = f"{token[0]!r}, position {token.start()}"
    return ConfigurationError(f"digit pattern {token.string!r} cannot be read at {where}")
