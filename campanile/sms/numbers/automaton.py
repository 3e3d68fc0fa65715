"""A region's way of reading numbers as one automaton, walked by whole columns digit by digit.

Nothing of ``phonenumbers`` is written again here. What ``msisdn.parse_number`` makes of digits depends on
their count, on a few literal beginnings (plus, dialling prefix, country code, national prefix), and on which
patterns of the plan match from the positions where a beginning ends. The automaton remembers exactly that, so all
numbers that end in the same state get the same answer: the first of them is given to ``parse_number``, and its
answer holds for all. States are made when a number first needs them.

Where a plan does more than match patterns (a national prefix that is rewritten, as in Argentina), the state is
``OPAQUE`` and each number is parsed by itself.
"""

import threading
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from campanile.sms.errors import InvalidNumber
from campanile.sms.numbers.msisdn import Number, parse_number
from campanile.sms.numbers.prefixes import (
    MAX_DIGITS,
    Head,
    NeedsMore,
    Opaque,
    Point,
    plan_patterns,
    reading_points,
    start_pattern,
)
from campanile.sms.numbers.regex_nfa import Positions, step

END = 10  # the symbol after the last digit
OPAQUE = 0  # the state, and the answer, of numbers that must be parsed one by one

_SYMBOLS = 11
_UNKNOWN = -1


#: Which patterns of a plan are still possible, and where each of them is.
_Alive: TypeAlias = tuple[tuple[int, Positions], ...]


class _Walk(NamedTuple):
    """A number whose beginning is understood: its points tell it, and for each, the patterns still possible."""

    length: int
    points: tuple[Point, ...]
    alive: tuple[_Alive, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What all numbers of one end state are: of one territory and kind, or refused for one reason.

    They begin alike, so that one sum takes away what they begin with and puts the country code in its place: E.164
    is their digits as an integer, plus ``shift``.
    """

    territory: str | None = None
    kind: str | None = None
    reason: str | None = None
    shift: int = 0


class NumberAutomaton:
    """Reads columns of digits for one region; its states grow with what it sees."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._lock = threading.Lock()
        self._states: list[Head | _Walk | None] = []
        self._state_nos: dict[Head | _Walk | None, int] = {}
        self._table = np.full((64, _SYMBOLS), _UNKNOWN, dtype=np.int32)
        self._ends = np.full(64, _UNKNOWN, dtype=np.int32)
        self._by_signature: dict[tuple[object, ...], int] = {}
        self.answers: list[Answer] = [Answer()]
        self._state_no_of(None)
        self._table[OPAQUE] = OPAQUE
        self._ends[OPAQUE] = OPAQUE

    def read(
        self, digits: NDArray[np.uint8], lengths: NDArray[np.int64], has_plus: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Return for each number the position of its answer in ``answers``; ``OPAQUE``: parse it by itself.

        Args:
            digits: one row a digit position, one column a number; ``END`` after the last digit.
            lengths: how many digits each has, 1 to ``MAX_DIGITS``.
            has_plus: whether a plus stands before them.
        """
        with self._lock:
            states = self._start(lengths, has_plus)
            for symbols in digits:
                states = self._step(states, symbols)
            return self._answer(states, digits, has_plus)

    def _start(self, lengths: NDArray[np.int64], has_plus: NDArray[np.bool_]) -> NDArray[np.int32]:
        kinds = lengths * 2 + has_plus
        starts = np.full(2 * MAX_DIGITS + 2, OPAQUE, dtype=np.int32)
        for kind in np.flatnonzero(np.bincount(kinds)).tolist():
            starts[kind] = self._state_no_of(Head(bool(kind % 2), kind // 2, ""))
        return np.asarray(starts[kinds])

    def _step(self, states: NDArray[np.int32], symbols: NDArray[np.uint8]) -> NDArray[np.int32]:
        moves = states * _SYMBOLS + symbols
        following: NDArray[np.int32] = self._table.ravel()[moves]
        if following.min() == _UNKNOWN:
            for move in np.unique(moves[following == _UNKNOWN]):
                state_no, symbol = divmod(int(move), _SYMBOLS)
                self._table[state_no, symbol] = self._state_no_of(self._after(self._states[state_no], symbol))
            following = self._table.ravel()[moves]
        return following

    def _answer(
        self, states: NDArray[np.int32], digits: NDArray[np.uint8], has_plus: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        found: NDArray[np.int32] = self._ends[states]
        if found.min() == _UNKNOWN:
            ended, first = np.unique(states, return_index=True)
            for state_no, row in zip(ended, first, strict=True):
                if self._ends[state_no] == _UNKNOWN:
                    text = "+" * bool(has_plus[row]) + "".join(str(digit) for digit in digits[:, row] if digit < END)
                    self._ends[state_no] = self._settle(self._states[state_no], text)
            found = self._ends[states]
        return found

    def _state_no_of(self, state: Head | _Walk | None) -> int:
        state_no = self._state_nos.setdefault(state, len(self._states))
        if state_no == len(self._states):
            self._states.append(state)
            if state_no == len(self._table):
                self._table = np.vstack([self._table, np.full_like(self._table, _UNKNOWN)])
                self._ends = np.concatenate([self._ends, np.full_like(self._ends, _UNKNOWN)])
            self._table[state_no, END] = state_no
        return state_no

    def _after(self, state: Head | _Walk | None, digit: int) -> Head | _Walk | None:
        if isinstance(state, _Walk):
            return state._replace(alive=tuple(_advance(alive, digit) for alive in state.alive))
        if state is None:
            return None
        head = state._replace(digits=f"{state.digits}{digit}")
        try:
            points = tuple(reading_points(self._region, head))
        except NeedsMore:
            return head
        except Opaque:
            return None
        tried = sorted({(point.offset, point.code) for point in points}, key=str)
        alive = tuple(_run(code, head.length - offset, head.digits[offset:]) for offset, code in tried)
        return _Walk(head.length, points, alive)

    def _settle(self, state: Head | _Walk | None, text: str) -> int:
        """Return the position of the answer for all numbers that end in a state, of which ``text`` is one."""
        if not isinstance(state, _Walk):
            return OPAQUE
        matched = tuple(tuple(number for number, positions in alive if None in positions) for alive in state.alive)
        signature = (state.length, state.points, matched)
        if signature not in self._by_signature:
            answer = self._ask(text)
            if answer is None:
                self._by_signature[signature] = OPAQUE
            else:
                self._by_signature[signature] = len(self.answers)
                self.answers.append(answer)
        return self._by_signature[signature]

    def _ask(self, text: str) -> Answer | None:
        try:
            number = parse_number(text, self._region)
        except InvalidNumber as error:
            return Answer(reason=error.reason)
        if not text.endswith(_national_digits(number)):
            return None
        return Answer(number.territory, number.kind, None, number.number_id - int(text))


@cache
def automaton(region: str) -> NumberAutomaton:
    """Return a region's automaton, one a process."""
    return NumberAutomaton(region)


def _run(code: int | str, length: int, digits: str) -> _Alive:
    alive: _Alive = tuple(
        (number, start_pattern(pattern))
        for number, (pattern, lengths) in enumerate(plan_patterns(code))
        if lengths is None or length in lengths
    )
    for digit in digits:
        alive = _advance(alive, int(digit))
    return alive


def _advance(alive: _Alive, digit: int) -> _Alive:
    moved = ((number, step(positions, digit)) for number, positions in alive)
    return tuple((number, positions) for number, positions in moved if positions)


def _national_digits(number: Number) -> str:
    digits = number.msisdn[1:]
    return next(digits[size:] for size in (1, 2, 3) if int(digits[:size]) in COUNTRY_CODE_TO_REGION_CODE)
