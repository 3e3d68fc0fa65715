"""Tariffs: the price of a segment by territory, in a CSV that the team maintains for each gateway."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from campanile.sms.errors import ConfigurationError

_HEADER = ["country", "price", "unit"]
_COUNTRY = re.compile(r"[A-Z]{2}")
_PRICE = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


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

        >>> parse_tariff("country,price,unit\nFR,0.0485,EUR", "example.csv").price("FR")
        Decimal('0.0485')
        """
        if territory not in self.prices:
            known = ", ".join(sorted(self.prices))
            raise ConfigurationError(f"{self.origin} has no price for {territory}; it has {known}")
        return self.prices[territory]


def parse_tariff(text: str, origin: str) -> Tariff:
    r"""Read a tariff: header ``country,price,unit``, then one line a territory; ``#`` and empty lines are ignored.

    Prices are per segment, never negative, with at most six decimals after a point; one unit a file.

    Raises:
        ConfigurationError: names ``origin`` and the line.

    >>> parse_tariff("country,price,unit\nFR,0.0485,EUR", "example.csv").unit
    'EUR'
    """
    lines = _read_lines(text)
    where, header = next(lines, (1, []))
    if header != _HEADER:
        raise _error(origin, where, f"the header must be country,price,unit, not {','.join(header)!r}")
    prices: dict[str, Decimal] = {}
    units: dict[str, int] = {}
    for where, row in lines:
        country, price, unit = _check_row(row, origin, where)
        if country in prices:
            raise _error(origin, where, f"{country} has a price already")
        prices[country] = price
        units.setdefault(unit, where)
        if len(units) > 1:
            raise _error(origin, where, f"one unit a file, and here are {' and '.join(units)}")
    if not prices:
        raise _error(origin, where, "no price in it")
    return Tariff(origin, next(iter(units)), MappingProxyType(prices))


def _read_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for where, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield where, [cell.strip() for cell in next(csv.reader([line]))]


def _check_row(row: list[str], origin: str, where: int) -> tuple[str, Decimal, str]:
    if len(row) != len(_HEADER):
        raise _error(origin, where, f"3 cells expected (country,price,unit), {len(row)} found")
    country, price, unit = row
    if not _COUNTRY.fullmatch(country):
        raise _error(origin, where, f"country must be two capital letters such as FR, not {country!r}")
    if not _PRICE.fullmatch(price):
        raise _error(origin, where, f"price must be like 0.0485, up to six decimals, not {price!r}")
    if not unit:
        raise _error(origin, where, "unit is empty; write a currency code such as EUR, or credit")
    return country, Decimal(price), unit


def _error(origin: str, where: int, what: str) -> ConfigurationError:
    return ConfigurationError(f"{origin}, line {where}: {what}")
