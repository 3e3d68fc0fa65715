"""The sandbox's memory, without its HTTP face: the files after a kill, the lag, the outcomes, the order of reports."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campanile.gateways.sandbox.request import Order
from campanile.gateways.sandbox.state import BookSettings, SandboxState, fate_of
from campanile.sms.errors import ConfigurationError
from campanile.sms.rules.tariff import make_tariff, split_tariff
from schemas.gateway import Resolution

TARIFF = make_tariff(split_tariff("country,price,unit\nFR,0.045,EUR", "test.csv"))
NUMBER = "+33612345678"


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 23, 10, tzinfo=UTC)

    def __call__(self):
        return self.now

    def pass_seconds(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def open_books(tmp_path, clock):
    """Return a function that opens the books of the test's folder."""
    return lambda **settings: closing(SandboxState(tmp_path, TARIFF, BookSettings(**settings), clock))


def orders(prefix, count, number=NUMBER):
    return [Order(f"{prefix}-{index}", number, "Bonjour", "CAMPANILE") for index in range(count)]


@pytest.mark.parametrize("bytes_left", [0, 1, 20, 250, 400, 500])
def test_bill_is_mended_from_the_journal(open_books, tmp_path, bytes_left):
    """A kill between the two writes leaves the bill short, in the middle of a line or not."""
    with open_books() as books:
        books.submit(orders("a", 2), "a")
        books.submit(orders("b", 2), "b")
    path = tmp_path / "billing.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:bytes_left])
    with open_books() as books:
        assert [line["client_ref"] for line in books.bill()] == ["a-0", "a-1", "b-0", "b-1"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("cut", [1, 100, 300])
def test_torn_last_entry_never_happened(open_books, tmp_path, cut):
    """A kill in the middle of the first write: no answer was sent, so nothing is billed."""
    with open_books() as books:
        books.submit(orders("a", 1), "a")
        sure = (tmp_path / "journal.jsonl").stat().st_size
        bill = (tmp_path / "billing.jsonl").read_bytes()
        books.submit(orders("b", 1), "b")
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[: sure + cut])
    (tmp_path / "billing.jsonl").write_bytes(bill)
    with open_books() as books:
        assert books.balance == Decimal("99.955")
        assert [line["client_ref"] for line in books.bill()] == ["a-0"]
        books.submit(orders("c", 1), "b")
    with open_books() as books:
        assert [line["client_ref"] for line in books.bill()] == ["a-0", "c-0"]


def test_line_longer_than_a_look_back_is_cut_too(open_books, tmp_path):
    with open_books() as books:
        books.submit(orders("a", 1), "a")
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write("x" * 200_000)
    with open_books() as books:
        assert books.balance == Decimal("99.955")


DAMAGES = [
    ("journal.jsonl", lambda text: "nonsense\n" + text, "journal.jsonl line 1 is damaged"),
    ("journal.jsonl", lambda text: "{}\n" + text, "journal.jsonl line 1 is damaged"),
    ("billing.jsonl", lambda text: text.replace("a-0", "z-0"), "does not agree with the journal"),
    ("billing.jsonl", lambda text: text + text, "does not agree with the journal"),
]


@pytest.mark.parametrize(("name", "damage", "words"), DAMAGES)
def test_damage_is_reported_and_nothing_is_opened(open_books, tmp_path, name, damage, words):
    with open_books() as books:
        books.submit(orders("a", 1), "a")
    path = tmp_path / name
    path.write_text(damage(path.read_text()))
    for _ in range(2):  # the second time tells that the first let the folder go
        with pytest.raises(ConfigurationError, match=words):
            open_books()


def test_one_line_of_the_bill_is_one_message(open_books, tmp_path):
    with open_books() as books:
        books.submit([*orders("a", 2), *orders("b", 1, "hello")], None)
    lines = [json.loads(line) for line in (tmp_path / "billing.jsonl").read_text().splitlines()]
    assert [line["client_ref"] for line in lines] == ["a-0", "a-1"]
    assert set(lines[0]) == {
        "client_ref",
        "message_id",
        "to",
        "sender_id",
        "text",
        "segments",
        "price",
        "valid_until",
        "accepted_at",
    }


def test_a_journal_older_than_validity_goes_on(open_books, tmp_path):
    with open_books() as books:
        books.submit(orders("a", 1), "a")
    for path in (tmp_path / "journal.jsonl", tmp_path / "billing.jsonl"):
        path.write_text(path.read_text().replace(',"valid_until":null', ""))
    with open_books() as books:
        books.submit(orders("b", 1), "b")
        assert [line["client_ref"] for line in books.bill()] == ["a-0", "b-0"]


def test_balance_of_the_command_line_is_for_a_new_folder(open_books):
    with open_books(opening_balance=Decimal(7)) as books:
        assert books.balance == 7
    with open_books(opening_balance=Decimal(9)) as books:
        assert books.balance == 7


def test_look_up_sees_a_message_once_its_lag_is_over(open_books, clock):
    with open_books(resolution=Resolution.LOOK_UP, look_up_lag_seconds=0.5) as books:
        books.submit(orders("a", 1), None)
        clock.pass_seconds(0.4)
        assert [line["status"] for line in books.look_up(["a-0"])] == ["unknown"]
        clock.pass_seconds(0.1)
        assert [line["status"] for line in books.look_up(["a-0", "a-1"])] == ["accepted", "unknown"]


def test_reports_come_when_due_and_stay_where_they_are(open_books, clock):
    with open_books(delivery_seconds=10) as books:
        books.submit(orders("a", 2), None)
        clock.pass_seconds(5)
        books.submit(orders("b", 1), None)
        assert books.report_page(0, 10) == []
        clock.pass_seconds(5)
        first = books.report_page(0, 10)
        assert [item["client_ref"] for item in first] == ["a-0", "a-1"]
        assert {item["reported_at"] for item in first} == {clock.now.isoformat()}
    clock.pass_seconds(5)
    with open_books(delivery_seconds=10) as books:
        assert books.report_page(0, 2) == first
        assert [item["client_ref"] for item in books.report_page(2, 10)] == ["b-0"]
        assert len({item["report_id"] for item in books.report_page(0, 10)}) == 3


def test_delivery_outcomes_are_stable_and_in_their_shares(open_books, clock):
    numbers = [f"+336{number:08d}" for number in range(10_000)]
    outcomes = [fate_of(7, number) for number in numbers]
    assert outcomes == [fate_of(7, number) for number in numbers]
    assert 70 < outcomes.count(("undelivered", "unknown subscriber", True)) < 130
    assert 240 < outcomes.count(("undelivered", "absent", False)) < 360
    dead = numbers[outcomes.index(("undelivered", "unknown subscriber", True))]
    with open_books(delivery_seconds=0) as books:
        books.submit(orders("a", 1, dead), None)
        [report] = books.report_page(0, 10)
    assert (report["status"], report["reason"], report["is_permanent"]) == ("undelivered", "unknown subscriber", True)
