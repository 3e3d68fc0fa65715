"""Amounts as people read them."""

from decimal import Decimal

import pytest

from campanile.sms.text.formatting import amount_text


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        pytest.param("0.045", "0.045 EUR", id="a price keeps its thousandths"),
        pytest.param("12.5", "12.50 EUR", id="two decimals at least"),
        pytest.param("1234567", "1 234 567.00 EUR", id="thousands apart"),
        pytest.param("0", "0.00 EUR", id="nothing"),
        pytest.param("1000", "1 000.00 EUR", id="round thousands are no exponents"),
    ],
)
def test_amounts_as_people_read_them(amount: str, words: str) -> None:
    assert amount_text(Decimal(amount), "EUR") == words
