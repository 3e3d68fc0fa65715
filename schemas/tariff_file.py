"""Validate a price file of the team; all wrong lines are reported together."""

from collections.abc import Iterator

import pandas as pd

from campanile.sms.rules.tariff import (
    PRICE_WORDS,
    LineProblem,
    Tariff,
    TariffLines,
    make_tariff,
    refuse_lines,
    split_tariff,
)


def parse_tariff(text: str, origin: str) -> Tariff:
    r"""Read a price file: header ``country,price,unit``, then one line per territory; ``#`` starts a comment line.

    Prices are per segment, never negative, with at most six decimals after a point. A file has one unit.

    Raises:
        ConfigurationError: lines are wrong; the message names ``origin`` and each of them.
    """
    lines = split_tariff(text, origin)
    if problems := [*lines.problems, *_broken_rows(lines)]:
        refuse_lines(origin, problems)
    return make_tariff(lines)


def _broken_rows(lines: TariffLines) -> Iterator[LineProblem]:
    """Yield the problems of the rows by the checks of ``TariffRows``, with the line numbers of the file."""
    from schemas.frame_checks import columns_of, find_failures
    from schemas.frames import TariffRows

    rows = pd.DataFrame(lines.rows, columns=["line", *columns_of(TariffRows)], dtype=object)
    seen: set[object] = set()
    for column, check, index, value in find_failures(rows.drop(columns="line"), TariffRows):
        if check == "field_uniqueness" and value not in seen:
            seen.add(value)  # the first line of a country is right, the next ones are not
        elif index is not None:
            yield LineProblem(int(rows["line"][index]), _words(lines, column, check, value))


def _words(lines: TariffLines, column: str, check: str, value: object) -> str:
    if check == "field_uniqueness":
        return f"{value} has a price already"
    if check == "one_unit":
        return f"a file has one unit, but this one has {lines.rows[0].unit} and {value}"
    if column == "country":
        return f"country must be two capital letters such as FR, not {value!r}"
    if column == "price":
        return PRICE_WORDS.format(value)
    return "unit is empty; write a currency code such as EUR, or credit"
