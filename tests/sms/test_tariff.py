"""Price files of a team."""

from decimal import Decimal

import pytest

from campanile.sms.errors import ConfigurationError
from campanile.sms.rules.tariff import make_tariff, split_tariff
from schemas.tariff_file import parse_tariff

GOOD = "\ufeff# prices of November\ncountry,price,unit\nFR,0.0485,EUR\n\n  # overseas\nRE , 0.12 ,EUR\r\nUS,0,EUR\n"

BAD = [
    pytest.param("", 1, "country,price,unit", id="empty file"),
    pytest.param("FR,0.05,EUR\n", 1, "country,price,unit", id="no header"),
    pytest.param("country;price;unit\nFR;0.05;EUR\n", 1, "country,price,unit", id="semicolons"),
    pytest.param("country,price,unit\n", 1, "no price", id="header alone"),
    pytest.param("# c\ncountry,price,unit\nFR,0,05,EUR\n", 3, "4 found", id="decimal comma"),
    pytest.param("country,price,unit\nFR,0.05\n", 2, "2 found", id="no unit column"),
    pytest.param("country,price,unit\nFR,0.05,\n", 2, "unit is empty", id="empty unit"),
    pytest.param("country,price,unit\nFR,-0.05,EUR\n", 2, "-0.05", id="negative"),
    pytest.param("country,price,unit\nFR,0.0000001,EUR\n", 2, "six decimals", id="seven decimals"),
    pytest.param("country,price,unit\nFR,NaN,EUR\n", 2, "NaN", id="not a number"),
    pytest.param("country,price,unit\nFR,1e-3,EUR\n", 2, "1e-3", id="exponent"),
    pytest.param("country,price,unit\nFR,,EUR\n", 2, "''", id="no price"),
    pytest.param("country,price,unit\nfrance,1,EUR\n", 2, "france", id="country in words"),
    pytest.param("country,price,unit\nFR,1,EUR\n\nFR,2,EUR\n", 4, "FR", id="twice"),
    pytest.param("country,price,unit\nFR,1,EUR\nBE,2,credit\n", 3, "EUR and credit", id="two units"),
]


def test_a_tariff_is_read_exactly() -> None:
    tariff = parse_tariff(GOOD, "sandbox.csv")
    assert tariff.unit == "EUR"
    assert tariff.origin == "sandbox.csv"
    assert dict(tariff.prices) == {"FR": Decimal("0.0485"), "RE": Decimal("0.12"), "US": Decimal(0)}
    assert str(tariff.price("FR")) == "0.0485"


def test_a_territory_without_price_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"sandbox\.csv has no price for NC; it has FR, RE, US"):
        parse_tariff(GOOD, "sandbox.csv").price("NC")


@pytest.mark.parametrize(("text", "line", "what"), BAD)
def test_a_bad_tariff_names_file_and_line(text: str, line: int, what: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_tariff(text, "prices.csv")
    assert str(refusal.value).startswith(f"prices.csv, line {line}: ")
    assert what in str(refusal.value)


def test_all_wrong_lines_are_reported_at_once() -> None:
    text = "country,price,unit\nFR,-1,EUR\nfrance,1,\nBE,2\nRE,1,EUR\nRE,2,credit\nRE,3,EUR\n"
    with pytest.raises(ConfigurationError) as refusal:
        parse_tariff(text, "prices.csv")
    assert str(refusal.value) == (
        "prices.csv, line 2: price must be like 0.0485, up to six decimals, not '-1'; "
        "line 3: country must be two capital letters such as FR, not 'france'; "
        "line 3: unit is empty; write a currency code such as EUR, or credit; "
        "line 4: 3 cells expected (country,price,unit), 2 found; "
        "line 6: RE has a price already; line 6: a file has one unit, but this one has EUR and credit; "
        "line 7: RE has a price already"
    )


def test_many_wrong_lines_make_a_short_message() -> None:
    lines = "\n".join(f"FR,{'x' * count},EUR" for count in range(1, 14))
    with pytest.raises(ConfigurationError, match=r"; line 7: FR has a price already; and 15 more$"):
        parse_tariff(f"country,price,unit\n{lines}", "prices.csv")


@pytest.mark.parametrize("price", ["-0.05", "NaN", "1e-3", "0,05", "", "0.0000001"])
def test_what_is_no_price_is_refused_without_pandera_too(price: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^prices\.csv, line 2: "):
        make_tariff(split_tariff(f"country,price,unit\nFR,{price},EUR\n", "prices.csv"))


def test_prices_cannot_be_changed_by_mistake() -> None:
    with pytest.raises(TypeError):
        parse_tariff(GOOD, "x").prices["FR"] = Decimal(0)  # type: ignore[index]
