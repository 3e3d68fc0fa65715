"""Answers that cannot be right, row by row: the messages they speak of are disputed, whatever adapter read them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from campanile.gateways.answer_check import LONGEST_ID, check_answer
from campanile.gateways.answer_fields import UNREADABLE, read_charge
from schemas.gateway import Batch, Charge, Outcome, OutgoingMessage, SubmitOutcome

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
BATCH = Batch([OutgoingMessage(ref, "+33639980001", "Bonjour", "GSM-7", "SHOP") for ref in "ab"], "key", AT)
A, B = SubmitOutcome("a", Outcome.ACCEPTED, "1"), SubmitOutcome("b", Outcome.ACCEPTED, "2")
NO = SubmitOutcome("b", Outcome.REJECTED, reason="no such number")

ROWS = [
    pytest.param([A, B], {}, id="as it should be"),
    pytest.param([A, NO], {}, id="refused without an id"),
    pytest.param([A, A, B], {}, id="the same twice"),
    pytest.param([A], {}, id="one is missing"),
    pytest.param([A, B, SubmitOutcome("z", Outcome.ACCEPTED, "3")], {"a", "b"}, id="one that was not asked for"),
    pytest.param([A, SubmitOutcome("a", Outcome.REJECTED), B], {"a"}, id="accepted and rejected"),
    pytest.param([A, SubmitOutcome("a", Outcome.ACCEPTED, "9"), B], {"a"}, id="two ids"),
    pytest.param([A, SubmitOutcome("b", Outcome.ACCEPTED)], {"b"}, id="no id"),
    pytest.param([A, SubmitOutcome("b", Outcome.ACCEPTED, "")], {"b"}, id="an empty id"),
    pytest.param([A, SubmitOutcome("b", Outcome.ACCEPTED, " \t")], {"b"}, id="a blank id"),
    pytest.param([A, SubmitOutcome("b", Outcome.ACCEPTED, "x" * LONGEST_ID)], {}, id="a long id"),
    pytest.param([A, SubmitOutcome("b", Outcome.ACCEPTED, "x" * (LONGEST_ID + 1))], {"b"}, id="too long an id"),
]


@pytest.mark.parametrize(("said", "disputed"), ROWS)
def test_what_cannot_be_right_is_disputed(said: list[SubmitOutcome], disputed: set[str]) -> None:
    found = check_answer(BATCH, said)
    assert {item.client_ref for item in found if item.is_disputed} == set(disputed)
    assert all(item.outcome is Outcome.UNKNOWN and item.reason for item in found if item.is_disputed)
    assert [item for item in found if not item.is_disputed] == [
        item for item in dict.fromkeys(said) if item.client_ref not in disputed and item.client_ref in "ab"
    ]


CHARGES = [
    pytest.param(None, "EUR", None, None, id="none named"),
    pytest.param("0.045", "EUR", 1, Charge(Decimal("0.045"), "EUR", 1), id="an amount"),
    pytest.param("-0.0798", "USD", "2", Charge(Decimal("0.0798"), "USD", 2), id="a negative one, segments as a text"),
    pytest.param(1.0, "credit", None, Charge(Decimal(1), "credit"), id="a number"),
    pytest.param("0.12345678", "EUR", 1, Charge(Decimal("0.123457"), "EUR", 1), id="more decimals than are kept"),
]
STRANGE_CHARGES = [
    ("much", "EUR", 1), ("NaN", "EUR", 1), ("-Infinity", "EUR", 1), ("--1", "EUR", 1), ("1e400", "EUR", 1),
    ("1000000", "EUR", 1), ("1", None, 1), ("1", "", 1), ("1", "EUR", -1), ("1", "EUR", "two"), ([], "EUR", 1),
]  # fmt: skip


@pytest.mark.parametrize(("amount", "unit", "segments", "charge"), CHARGES)
def test_a_charge_is_read(amount: object, unit: object, segments: object, charge: Charge | None) -> None:
    assert read_charge(amount, unit, segments) == charge


@pytest.mark.parametrize(("amount", "unit", "segments"), STRANGE_CHARGES)
def test_a_charge_that_cannot_be_read_is_in_no_unit_of_ours(amount: object, unit: object, segments: object) -> None:
    assert read_charge(amount, unit, segments) == Charge(Decimal(0), UNREADABLE)
