"""Balances as providers write them, adapter by adapter: read exactly, or not at all; never zero, never a guess."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.gateways.http import UNREADABLE, parse_json
from campanile.gateways.ovhcloud.answers import read_balance as of_ovhcloud
from campanile.gateways.sandbox.adapter import read_balance as of_sandbox
from campanile.gateways.twilio.answers import read_balance as of_twilio
from schemas.gateway import Balance

Reader = Callable[[Any], Balance]
#: For each adapter: its reader, and a document with an amount in it.
ADAPTERS: dict[str, tuple[Reader, Callable[[Any], dict[str, Any]]]] = {
    "sandbox": (of_sandbox, lambda amount: {"amount": amount, "unit": "EUR"}),
    "twilio": (of_twilio, lambda amount: {"balance": amount, "currency": "EUR"}),
    "ovhcloud": (of_ovhcloud, lambda amount: {"creditsLeft": amount}),
}
TEXTS, NUMBERS = ("sandbox", "twilio"), ("ovhcloud",)

#: Adapters, the amount in JSON, what is read.
READ = [
    (TEXTS, '"0"', "0"), (TEXTS, '"12.50"', "12.5"), (TEXTS, '"0.1234567"', "0.123456"),
    (TEXTS, '"999999999999.999999"', "999999999999.999999"),
    (NUMBERS, "0", "0"), (NUMBERS, "12", "12"), (NUMBERS, "12.5", "12.5"), (NUMBERS, "1e2", "100"),
    (NUMBERS, "1499.3000000000002", "1499.3"), (NUMBERS, "1499.2999999999997", "1499.3"),
    (NUMBERS, "0.30000000000000004", "0.3"), (NUMBERS, "999999999999", "999999999999"),
]  # fmt: skip
EVERY = tuple(ADAPTERS)
#: Adapters, and an amount in JSON that cannot be read.
UNREAD = [
    (EVERY, "null"), (EVERY, "true"), (EVERY, "false"), (EVERY, "[]"), (EVERY, "{}"), (EVERY, "[12]"), (EVERY, '""'),
    (EVERY, '"much"'), (EVERY, '"12,50"'), (EVERY, '"1.234,50"'), (EVERY, '"1,234.50"'), (EVERY, '"NaN"'),
    (EVERY, "NaN"), (EVERY, "Infinity"), (EVERY, "-Infinity"), (EVERY, '"Infinity"'), (EVERY, '"-3.50"'),
    (EVERY, "-3.5"), (EVERY, "-1e-9"), (EVERY, '"+3.50"'), (EVERY, '"1e3"'), (EVERY, '" 12"'), (EVERY, '"12 EUR"'),
    (EVERY, '"\u0661\u0662"'), (EVERY, "1e13"), (EVERY, f'"{"1" * 40}"'), (EVERY, "1" * 40),
    (TEXTS, "12"), (TEXTS, "12.5"), (NUMBERS, '"12"'), (NUMBERS, "1e-13"),
]  # fmt: skip


def read(adapter: str, amount: str) -> Decimal:
    """Read an amount of JSON as the adapter reads its answer."""
    reader, document = ADAPTERS[adapter]
    return reader(parse_json(json.dumps(document("AMOUNT")).replace('"AMOUNT"', amount))).amount


@pytest.mark.parametrize(
    ("adapter", "amount", "expected"), [(name, amount, value) for names, amount, value in READ for name in names]
)
def test_a_balance_is_read_exactly(adapter: str, amount: str, expected: str) -> None:
    assert read(adapter, amount) == Decimal(expected)


@pytest.mark.parametrize(("adapter", "amount"), [(name, amount) for names, amount in UNREAD for name in names])
def test_a_balance_that_cannot_be_read_is_an_error(adapter: str, amount: str) -> None:
    with pytest.raises(UNREADABLE):
        read(adapter, amount)


@pytest.mark.parametrize("adapter", EVERY)
def test_an_answer_without_its_fields_is_an_error(adapter: str) -> None:
    reader, document = ADAPTERS[adapter]
    whole = document("12" if adapter in TEXTS else 12)
    assert reader(whole).amount == 12
    for name in whole:
        with pytest.raises(UNREADABLE):
            reader({key: value for key, value in whole.items() if key != name})
        with pytest.raises(UNREADABLE):
            reader(whole | {name: None})


@given(st.integers(0, 10**14 - 1), st.integers(0, 6))
def test_every_amount_in_decimals_is_read_back(digits: int, places: int) -> None:
    text = f"{Decimal(digits).scaleb(-places):f}"
    if Decimal(text) >= 10**12:
        return
    for adapter in TEXTS:
        assert read(adapter, json.dumps(text)) == Decimal(text)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=40))
def test_the_noise_of_a_sum_of_floats_is_rounded_away(tenths: list[int]) -> None:
    total = sum(value / 10 for value in tenths)
    assert read("ovhcloud", json.dumps(total)) == Decimal(sum(tenths)) / 10


@given(st.text(max_size=12) | st.floats() | st.integers() | st.booleans() | st.none() | st.lists(st.integers()))
def test_whatever_comes_is_read_exactly_or_not_at_all(value: object) -> None:
    for adapter in ADAPTERS:
        try:
            found = read(adapter, json.dumps(value))
        except UNREADABLE:
            continue
        assert found >= 0
        assert abs(found - Decimal(str(value))) < Decimal("0.000001")
