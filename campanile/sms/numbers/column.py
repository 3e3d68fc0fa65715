"""Whole columns of numbers at once: of every cell, exactly what ``msisdn.parse_number`` says of it.

The digits of plain cells (``digits``) are walked through the region's automaton (``automaton``)
for all of them together. Every other cell is cleaned by itself (``cleaning``), once per distinct cell, and
what is left of it goes the same way.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from campanile.sms.errors import InvalidNumber
from campanile.sms.numbers.automaton import OPAQUE, automaton
from campanile.sms.numbers.cleaning import clean_number_text
from campanile.sms.numbers.digits import SEPARATOR, Block, digits_value, plain_cells, split_blocks
from campanile.sms.numbers.msisdn import BARE_INTERNATIONAL_DIGITS, check_region, parse_number

if TYPE_CHECKING:
    import pandas as pd

# Characters that cleaning turns into a space or a dash, one for one; done here at once for the whole text.
_LIKE_ASCII = {
    "\u00a0": " ", "\u202f": " ", "\u2007": " ", "\u2009": " ",
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
}  # fmt: skip
_FEWEST_BARE, _NEARLY_ALL = 5, 0.9


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """The result of reading cells: a territory and a kind, or the reason to reject their rows."""

    territory: str | None
    kind: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """One entry a cell, in their order.

    Attributes:
        number_ids: E.164 digits as int64; 0 where there is no number.
        codes: the position of its verdict in ``verdicts``.
        verdicts: the different ones, which are few.
    """

    number_ids: NDArray[np.int64]
    codes: NDArray[np.intp]
    verdicts: tuple[CellVerdict, ...]


def parse_joined(joined: str, region: str = "FR", allowed: Collection[str] | None = None) -> NumberColumn:
    """Parse cells joined by ``SEPARATOR``, which stands in none of them; at least one cell.

    Raises:
        ConfigurationError: ``region`` is no country code.
    """
    check_region(region)
    for character, plain in _LIKE_ASCII.items():
        joined = joined.replace(character, plain)
    column = _Column(region, joined.count(SEPARATOR) + 1)
    others = column.read_plain(joined)
    if len(others):
        cells = joined.split(SEPARATOR)
        column.read_others(others, [cells[position] for position in others.tolist()])
    return column.result(allowed)


def bare_digits(cell: str) -> str | None:
    """Return the digits of a cell that has neither plus nor zero before them and as many as with a country code."""
    try:
        digits = clean_number_text(cell)
    except InvalidNumber:
        return None
    return digits if digits[0] not in "+0" and len(digits) >= BARE_INTERNATIONAL_DIGITS else None


def has_lost_pluses(cells: Sequence[str], region: str) -> bool:
    """Tell whether a column has country codes without their plus, by a sample of its filled cells.

    Nearly all of at least five bare cells have to be mobile numbers when a plus is put before them, and none when they
    are read in ``region``: ``4915…`` is a landline in Germany and a German mobile number in the world.
    """
    bare = [digits for digits in map(bare_digits, cells) if digits]
    if len(bare) < _FEWEST_BARE:
        return False
    at_home = parse_joined(SEPARATOR.join(bare), region)
    abroad = parse_joined(SEPARATOR.join(f"+{digits}" for digits in bare), region)
    is_hidden = _has_reason(at_home, "not_mobile") & (abroad.number_ids > 0)
    is_alike = is_hidden | (at_home.number_ids == np.array([int(digits) for digits in bare]))
    return bool(is_hidden.any() and is_alike.mean() >= _NEARLY_ALL)


def with_pluses(found: NumberColumn, joined: str, region: str, allowed: Collection[str] | None) -> NumberColumn:
    """Return a column where bare cells that are no mobile number in ``region`` are read with a plus, where that is."""
    positions = np.flatnonzero(_has_reason(found, "not_mobile"))
    cells = joined.split(SEPARATOR)
    bare = {position: digits for position in positions.tolist() if (digits := bare_digits(cells[position]))}
    if not bare:
        return found
    again = parse_joined(SEPARATOR.join(f"+{digits}" for digits in bare.values()), region, allowed)
    is_better = (again.number_ids > 0) | _has_reason(again, "country_not_allowed")
    positions = np.array(list(bare))[is_better]
    ids, codes = found.number_ids.copy(), found.codes.copy()
    ids[positions], codes[positions] = again.number_ids[is_better], again.codes[is_better] + len(found.verdicts)
    return NumberColumn(ids, codes, found.verdicts + again.verdicts)


def _has_reason(column: NumberColumn, reason: str) -> NDArray[np.bool_]:
    return np.array([verdict.reason == reason for verdict in column.verdicts])[column.codes]


def parse_column(
    values: "pd.Series[str]", region: str = "FR", allowed: Collection[str] | None = None
) -> "pd.DataFrame":
    """Parse a column: one row a value, same index; says of each row what ``parse_number`` says of it.

    Missing values are ``empty_number``; values that are not text are read as Python writes them. Columns
    ``msisdn``, ``number_id`` (Int64), ``territory``, ``kind``, ``reason`` (None when valid).

    Raises:
        ConfigurationError: ``region`` is no country code.

    >>> import pandas as pd
    >>> parse_column(pd.Series(["0612345678", "01 23"]))["reason"].tolist()
    [None, 'short_code']
    """
    import pandas as pd  # a second of start-up, which only those who bring a frame should pay

    check_region(region)
    joined = _joined(values)
    found = parse_joined(joined, region, allowed) if len(values) else _NOTHING
    is_number = found.number_ids > 0
    named = {name: [getattr(verdict, name) for verdict in found.verdicts] for name in ("territory", "kind", "reason")}
    columns: dict[str, list[str | None] | NDArray[np.object_]] = {
        "msisdn": [f"+{number}" if number else None for number in found.number_ids.tolist()],
        **{name: np.array(words, dtype=object)[found.codes] for name, words in named.items()},
    }
    number_id = pd.Series(pd.arrays.IntegerArray(found.number_ids, ~is_number), values.index)
    frame = pd.DataFrame({name: pd.Series(cells, values.index, dtype=object) for name, cells in columns.items()})
    return frame.assign(number_id=number_id)[["msisdn", "number_id", "territory", "kind", "reason"]]


_NOTHING = NumberColumn(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.intp), ())


def _joined(values: "pd.Series[str]") -> str:
    try:
        joined = SEPARATOR.join(values)
    except TypeError:  # missing values, or others that are no text
        texts = ("" if missing else str(value) for value, missing in zip(values, values.isna(), strict=True))
        return SEPARATOR.join(text.replace(SEPARATOR, " ") for text in texts)
    if joined.count(SEPARATOR) < len(values):
        return joined
    return SEPARATOR.join(text.replace(SEPARATOR, " ") for text in values)  # it is white space like any other


class _Column:
    """The answers so far, cell by cell."""

    def __init__(self, region: str, cell_count: int) -> None:
        self._region = region
        self._automaton = automaton(region)
        self._verdicts: dict[CellVerdict, int] = {}
        self._shifts: list[int] = []  # of the automaton's answers, and below what each of them is found to be
        self._of_answers: list[int] = []
        self._ids = np.zeros(cell_count, dtype=np.int64)
        self._codes = np.zeros(cell_count, dtype=np.intp)

    def read_plain(self, joined: str) -> NDArray[np.int64]:
        """Read the plain cells of a column; return the positions of all others."""
        others, first = [], 0
        for block in split_blocks(joined):
            others.append(self._read_block(block, first))
            first += len(block.ends)
        return np.concatenate(others)

    def read_others(self, positions: NDArray[np.int64], cells: list[str]) -> None:
        """Read what is not plain, each distinct cell once: cleaned by itself, then like the plain ones."""
        distinct = {cell: row for row, cell in enumerate(dict.fromkeys(cells))}
        inner = _Column(self._region, len(distinct))
        cleaned = [inner._clean(row, cell) for cell, row in distinct.items()]
        for row in inner.read_plain(SEPARATOR.join(cleaned)).tolist():
            if cleaned[row]:
                inner._parse_alone(row, cleaned[row])
        rows = np.array([distinct[cell] for cell in cells])
        own = np.array([self._code_of(verdict) for verdict in inner._verdicts])
        self._ids[positions], self._codes[positions] = inner._ids[rows], own[inner._codes[rows]]

    def result(self, allowed: Collection[str] | None) -> NumberColumn:
        """Return the column, with the territories that are not allowed turned into rejects."""
        verdicts = tuple(_checked(verdict, allowed) for verdict in self._verdicts)
        is_rejected = np.array([verdict.reason is not None for verdict in verdicts])[self._codes]
        return NumberColumn(np.where(is_rejected, 0, self._ids), self._codes, verdicts)

    def _read_block(self, block: Block, first: int) -> NDArray[np.int64]:
        """Read the plain cells of a block; return the positions of all others. ``first``: that of its first cell."""
        plain, digits, lengths = plain_cells(block)
        others = np.flatnonzero(~plain) + first
        if not len(lengths):
            return others
        rows = np.flatnonzero(plain) + first
        answers = self._automaton.read(digits, lengths, block.counts.plus[plain] > 0)
        for answer in self._automaton.answers[len(self._shifts) :]:
            self._shifts.append(answer.shift)
            self._of_answers.append(self._code_of(CellVerdict(answer.territory, answer.kind, answer.reason)))
        self._ids[rows] = digits_value(digits, lengths) + np.array(self._shifts)[answers]
        self._codes[rows] = np.array(self._of_answers)[answers]
        return np.concatenate([others, rows[answers == OPAQUE]])

    def _clean(self, row: int, cell: str) -> str:
        """Return the digits of a cell; nothing when it is settled by being cleaned."""
        try:
            return clean_number_text(cell)
        except InvalidNumber as error:
            self._codes[row] = self._code_of(CellVerdict(None, None, error.reason))
            return ""

    def _parse_alone(self, row: int, digits: str) -> None:
        try:
            number = parse_number(digits, self._region)
        except InvalidNumber as error:
            self._codes[row] = self._code_of(CellVerdict(None, None, error.reason))
        else:
            self._ids[row] = number.number_id
            self._codes[row] = self._code_of(CellVerdict(number.territory, number.kind, None))

    def _code_of(self, verdict: CellVerdict) -> int:
        return self._verdicts.setdefault(verdict, len(self._verdicts))


def _checked(verdict: CellVerdict, allowed: Collection[str] | None) -> CellVerdict:
    if allowed is None or verdict.territory is None or verdict.territory in allowed:
        return verdict
    return CellVerdict(None, None, "country_not_allowed")
