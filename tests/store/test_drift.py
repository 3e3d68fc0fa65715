"""Whether a gateway charges what the recaps said: the balance beside the ledger, since the last top-up."""

from decimal import Decimal
from typing import Any

import pytest

from campanile.store.billing.balance import Drift, add_reading, captured, read_drift


def read_balance(desk: Any, amount: str) -> Drift:
    with desk.tx() as tx:
        add_reading(tx, "sandbox", Decimal(amount), "EUR", captured(tx, "sandbox"))
        found = read_drift(tx, "sandbox")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("price", "balance", "is_alarming"),
    [
        pytest.param("0.05", "99.90", False, id="what the recap said"),
        pytest.param("0.05", "99.889", False, id="rounded"),
        pytest.param("0.05", "99.888", True, id="more than rounded"),
        pytest.param("20", "59.59", False, id="one percent"),
        pytest.param("20", "59.58", True, id="more than one percent"),
        pytest.param("20", "70", False, id="cheaper"),
    ],
)
def test_more_than_one_percent_alerts(desk: Any, price: str, balance: str, is_alarming: bool) -> None:
    lease = desk.start("winter", range(2), price=price)
    desk.answer(lease, desk.must_claim(lease), "accepted")
    assert read_balance(desk, balance).is_alarming is is_alarming


@pytest.mark.parametrize("answer", [None, "unknown"])
def test_what_may_have_been_billed_is_no_drift(desk: Any, answer: str | None) -> None:
    lease = desk.start("winter", range(4))
    desk.answer(lease, desk.must_claim(lease), "accepted")
    claim = desk.must_claim(lease)
    if answer is not None:
        desk.answer(lease, claim, answer)
    assert not read_balance(desk, "99.80").is_alarming
    assert read_balance(desk, "99.78").is_alarming


def test_it_adds_up_over_readings_until_a_top_up(desk: Any) -> None:
    lease = desk.start("winter", range(4), price="1")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    assert not read_balance(desk, "97.98").is_alarming
    desk.answer(lease, desk.must_claim(lease), "accepted")
    found = read_balance(desk, "95.94")
    assert (found.fell, found.captured, found.is_alarming) == (Decimal("4.06"), Decimal(4), True)
    found = read_balance(desk, "200")
    assert (found.fell, found.captured, found.is_alarming) == (0, 0, False)


def test_a_balance_that_falls_while_nothing_is_sent_proves_nothing_about_prices(desk: Any) -> None:
    desk.start("winter")
    assert not read_balance(desk, "10").is_alarming


def test_a_balance_that_was_never_read(desk: Any) -> None:
    with desk.tx(read_only=True) as tx:
        assert read_drift(tx, "sandbox") is None
