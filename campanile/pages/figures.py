"""Figures of a report, typed: every format of a page writes the same text for the same value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from markupsafe import Markup

from campanile.sms.text.formatting import amount_text, grouped, local_time
from campanile.sms.text.masking import mask_numbers

_NOTHING = "—"
_HUNDREDTH = Decimal("0.01")


class Share(NamedTuple):
    """A part of a whole, both counted."""

    part: int
    whole: int

    @property
    def fraction(self) -> float:
        """The share from 0 to 1, for charts only."""
        return self.part / self.whole if self.whole else 0.0


class Money(NamedTuple):
    """An amount in a unit; None: there is none."""

    amount: Decimal | None
    unit: str


class Plain(NamedTuple):
    """A text whose numbers belong to no person, such as a name of a campaign or of a file: they are not masked."""

    text: str


Figure: TypeAlias = str | int | datetime | Share | Money | Plain | None


def figure_text(value: Figure, zone: ZoneInfo) -> str:
    """Return a figure as plain text that is not escaped; numbers in a person's text are masked.

    >>> figure_text(Share(1550, 1570), ZoneInfo("UTC")), figure_text(None, ZoneInfo("UTC"))
    ('98.73 %', '—')
    """
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, Share):
        return rate_text(*value)
    if isinstance(value, Money):
        return _NOTHING if value.amount is None else amount_text(value.amount, value.unit)
    if isinstance(value, datetime):
        return local_time(value, zone)
    if isinstance(value, Plain):
        return value.text
    return mask_numbers(value) if isinstance(value, str) else grouped(value)


def rate_text(count: int, whole: int) -> str:
    """Return a share in per cent with two decimals; only nothing is 0.00 %, and only the whole is 100.00 %.

    >>> rate_text(1, 1_000_000), rate_text(999_999, 1_000_000), rate_text(0, 0)
    ('0.01 %', '99.99 %', '—')
    """
    if not whole:
        return _NOTHING
    exact = Decimal(100 * count) / whole
    shown = exact.quantize(_HUNDREDTH, ROUND_HALF_EVEN)
    if shown == 100 and count < whole:
        shown = exact.quantize(_HUNDREDTH, ROUND_DOWN)
    return f"{max(shown, _HUNDREDTH) if count else shown} %"


@dataclass(frozen=True, slots=True)
class Section:
    """A table of a report with its title, and what is said about it.

    ``columns``: the titles; one that ends with ``>`` is aligned right. ``chart``: the same figures as SVG, for pages
    that can show it. ``notes``: sentences below the title.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Figure]]
    notes: Sequence[str] = ()
    chart: Markup | None = None

    @property
    def header(self) -> list[str]:
        """The titles of the columns."""
        return [title.removesuffix(">") for title in self.columns]

    @property
    def align(self) -> str:
        """One letter for each column, ``l`` or ``r``."""
        return "".join("r" if title.endswith(">") else "l" for title in self.columns)

    def cells(self, zone: ZoneInfo) -> list[list[str]]:
        """Return the rows as plain text."""
        return [[figure_text(value, zone) for value in row] for row in self.rows]


def filled(sections: Iterable[Section]) -> list[Section]:
    """Return the sections that have rows."""
    return [section for section in sections if section.rows]
