"""Tariffs: the price of a segment by territory, in a CSV that the team maintains for each gateway."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, NoReturn

from campanile.sms.errors import ConfigurationError

COUNTRY = r"^[A-Z]{2}$"
PRICE = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"
"""An exact amount as the store keeps it, DECIMAL(18, 6), never negative."""
_HEADER = ["country", "price", "unit"]
PRICE_WORDS = "price must be like 0.0485, up to six decimals, not {!r}"
_SHOWN_PROBLEMS = 10


class TariffRow(NamedTuple):
    """A line of a price file as it was written."""

    line: int
    country: str
    price: str
    unit: str


class LineProblem(NamedTuple):
    """What is wrong with a line of a price file."""

    line: int
    what: str


class TariffLines(NamedTuple):
    """A price file, split: its rows, and the lines that are none."""

    origin: str
    rows: Sequence[TariffRow]
    problems: Sequence[LineProblem]


@dataclass(frozen=True)
class Tariff:
    """Prices of one segment by territory, in ``unit`` (a currency code, or ``credit``); ``origin`` is the file."""

    origin: str
    unit: str
    prices: Mapping[str, Decimal]

    def price(self, territory: str) -> Decimal:
        r"""Return the price of one segment to a territory.

        Raises:
            ConfigurationError: the tariff has no price for it.

        >>> make_tariff(split_tariff("country,price,unit\nFR,0.0485,EUR", "example.csv")).price("FR")
        Decimal('0.0485')
        """
        if territory not in self.prices:
            known = ", ".join(sorted(self.prices))
            raise ConfigurationError(f"{self.origin} has no price for {territory}; it has {known}")
        return self.prices[territory]


def split_tariff(text: str, origin: str) -> TariffLines:
    """Split a price file: header ``country,price,unit``, then one line a territory; ``#`` and empty lines are ignored.

    Raises:
        ConfigurationError: the header is another one.
    """
    lines = _read_lines(text)
    where, header = next(lines, (1, []))
    if header != _HEADER:
        refuse_lines(origin, [LineProblem(where, f"the header must be country,price,unit, not {','.join(header)!r}")])
    rows, problems = [], []
    for where, cells in lines:
        if len(cells) == len(_HEADER):
            rows.append(TariffRow(where, *cells))
        else:
            problems.append(LineProblem(where, f"3 cells expected (country,price,unit), {len(cells)} found"))
    if not rows and not problems:
        problems.append(LineProblem(where, "no price in it"))
    return TariffLines(origin, rows, problems)


def make_tariff(lines: TariffLines) -> Tariff:
    r"""Return the tariff of a price file whose rows were validated; only what makes no price is refused here.

    ``schemas.tariff_file.parse_tariff`` validates them. The sandbox does not: pandera would double the time of its
    start, and the team's side refuses the same file.

    Raises:
        ConfigurationError: names ``origin`` and each wrong line.

    >>> make_tariff(split_tariff("country,price,unit\nFR,0.0485,EUR", "example.csv")).unit
    'EUR'
    """
    unreadable = [
        LineProblem(row.line, PRICE_WORDS.format(row.price)) for row in lines.rows if not re.match(PRICE, row.price)
    ]
    if problems := [*lines.problems, *unreadable]:
        refuse_lines(lines.origin, problems)
    prices = {row.country: Decimal(row.price) for row in lines.rows}
    return Tariff(lines.origin, lines.rows[0].unit, MappingProxyType(prices))


def refuse_lines(origin: str, problems: Iterable[LineProblem]) -> NoReturn:
    """Raise one error that names every wrong line, the first ten with what is wrong.

    Raises:
        ConfigurationError: always.
    """
    found = sorted(problems)
    more = f"; and {len(found) - _SHOWN_PROBLEMS} more" if len(found) > _SHOWN_PROBLEMS else ""
    told = "; ".join(f"line {line}: {what}" for line, what in found[:_SHOWN_PROBLEMS])
    raise ConfigurationError(f"{origin}, {told}{more}")


def _read_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for where, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield where, [cell.strip() for cell in next(csv.reader([line]))]
