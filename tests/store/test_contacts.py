"""Imports: rows are taken in order, each has one fate, and nothing that was filled is erased."""

import json
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sms.errors import CampaignError, ContactFileError, StoreError
from store import contacts, operators
from store.contacts import SourceFile, earlier_import, import_contacts, import_opt_outs, list_id_of

FILE = SourceFile(
    file_name="clients.csv",
    sha256="a" * 64,
    size_bytes=100,
    encoding="utf-8",
    delimiter=";",
    sheet=None,
    column_map={"Prénom": "first_name"},
    region="FR",
    is_sample=False,
)
REJECTED = "rejected"


def rows_of(*cells) -> pd.DataFrame:
    """Return import rows from (person, fields) pairs, or from reasons to reject."""
    rows = []
    for row_number, cell in enumerate(cells, start=1):
        reason = cell if isinstance(cell, str) else None
        person, fields = (None, {}) if reason else cell
        number = None if person is None else 33_639_980_000 + person
        rows.append(
            [
                row_number,
                f"raw {row_number}",
                reason,
                number,
                number and f"+{number}",
                number and "FR",
                json.dumps(fields),
            ]
        )
    columns = ["row_number", "raw_line", "reason", "number_id", "msisdn", "territory", "fields"]
    return pd.DataFrame(rows, columns=columns, dtype=object).astype({"row_number": "int64"})


def take_in(desk, *cells, name: str = "clients", **source):
    source = {"sha256": str(desk.next_number())} | source
    with desk.visit() as visit:
        return import_contacts(visit, name, replace(FILE, **source), rows_of(*cells))


def people(desk, name: str = "clients") -> dict[int, dict[str, str]]:
    with desk.visit(read_only=True) as visit:
        found = visit.execute(
            f"SELECT number_id % 100, fields FROM contact WHERE list_id = {list_id_of(visit, name)} ORDER BY 1"
        ).fetchall()
    return {person: json.loads(fields) for person, fields in found}


def fates(summary) -> dict[str, int]:
    return {fate: count for fate, count in summary.fates.items() if count}


ANA, BEA = {"first_name": "Ana"}, {"first_name": "Béa"}


@pytest.mark.parametrize(
    ("known", "cells", "expected", "fields"),
    [
        ([], [(1, ANA)], {"accepted": 1}, ANA),
        ([], [(1, ANA), (1, ANA)], {"accepted": 1, "duplicate": 1}, ANA),
        ([], [(1, ANA), (1, BEA)], {"accepted": 1, "updated": 1}, BEA),
        ([], [(1, ANA), (1, {})], {"accepted": 1, "duplicate": 1}, ANA),
        ([], [(1, {}), (1, ANA)], {"accepted": 1, "updated": 1}, ANA),
        ([], [(1, ANA), (1, BEA), (1, ANA)], {"accepted": 1, "updated": 2}, ANA),
        ([], [(1, ANA), (1, {"town": "Lille"})], {"accepted": 1, "updated": 1}, ANA | {"town": "Lille"}),
        ([(1, ANA)], [(1, ANA)], {"duplicate": 1}, ANA),
        ([(1, ANA)], [(1, {})], {"duplicate": 1}, ANA),
        ([(1, ANA)], [(1, BEA)], {"updated": 1}, BEA),
        ([(1, ANA)], [(1, BEA), (1, BEA), (1, ANA)], {"updated": 2, "duplicate": 1}, ANA),
        ([(1, {})], [(1, ANA)], {"updated": 1}, ANA),
        ([(1, {})], [(1, {})], {"duplicate": 1}, {}),
        ([(1, ANA)], [(1, {"town": "Lille"}), (1, BEA)], {"updated": 2}, BEA | {"town": "Lille"}),
        ([], ["no_number", (1, ANA), "too_short"], {"accepted": 1, "rejected": 2}, ANA),
        ([], [(1, {"a \"b\" 'c'": 'x "y" \\ z', "é": "€"})], {"accepted": 1}, {"a \"b\" 'c'": 'x "y" \\ z', "é": "€"}),
    ],
)
def test_rows_are_taken_in_order(desk, known, cells, expected, fields) -> None:
    if known:
        take_in(desk, *known)
    summary = take_in(desk, *cells)
    assert fates(summary) == expected
    assert summary.row_count == len(cells)
    assert people(desk)[1] == fields


def test_summary_and_book_say_the_same(desk) -> None:
    desk.opt_out(2)
    summary = take_in(desk, (1, ANA), (2, BEA), "no_number", (1, ANA), "no_number", "too_short")
    assert summary.fates == {"accepted": 2, "updated": 0, "duplicate": 1, "rejected": 3}
    assert summary.reject_reasons == {"no_number": 2, "too_short": 1}
    assert summary.opted_out_count == 1
    assert summary.territories == {"FR": 2}
    rejects = desk.sql("SELECT row_number, reason, raw_line FROM import_row_reject ORDER BY row_number")
    assert rejects == [(3, "no_number", "raw 3"), (5, "no_number", "raw 5"), (6, "too_short", "raw 6")]
    (book,) = desk.sql("SELECT row_count, accepted_count, duplicate_count, rejected_count, column_map FROM import_file")
    assert book == (6, 2, 1, 3, '{"Prénom": "first_name"}')


@pytest.mark.parametrize("cells", [[], ["no_number"]])
def test_file_without_a_single_number(desk, cells) -> None:
    summary = take_in(desk, *cells)
    assert fates(summary) == ({"rejected": 1} if cells else {})
    assert people(desk) == {}


def test_the_origin_stays_the_row_that_brought_the_person(desk) -> None:
    take_in(desk, "no_number", (1, ANA))
    take_in(desk, (1, BEA))
    assert desk.sql("SELECT import_id, row_number FROM contact") == [(1, 2)]


def test_lists_do_not_see_each_other(desk) -> None:
    take_in(desk, (1, ANA), name="north")
    assert fates(take_in(desk, (1, BEA), name="south")) == {"accepted": 1}
    assert people(desk, "north") == {1: ANA}


def test_same_bytes_come_once(desk) -> None:
    take_in(desk, (1, ANA), sha256="b")
    with desk.visit() as visit:
        earlier = earlier_import(visit, replace(FILE, sha256="b"), "contacts", "clients")
        assert earlier.same_as == "clients.csv on 2026-11-24 09:00 UTC (import 1)"
        assert earlier_import(visit, replace(FILE, sha256="b"), "contacts", "others") is None
        assert earlier_import(visit, replace(FILE, sha256="c"), "contacts", "clients") is None
        assert earlier_import(visit, replace(FILE, sha256="b"), "opt_outs") is None
    with pytest.raises(ContactFileError, match=r"^again\.csv is already in list clients: clients\.csv on"):
        take_in(desk, (1, BEA), sha256="b", file_name="again.csv")
    assert people(desk) == {1: ANA}
    take_in(desk, (1, BEA), sha256="b", name="others")


def test_sample_marks_its_list_for_good(desk) -> None:
    take_in(desk, (1, ANA), is_sample=True)
    take_in(desk, (2, ANA), is_sample=False)
    assert desk.rows("list.find", list_name="clients")[0]["is_sample"]


def test_unknown_list_is_named(desk) -> None:
    with pytest.raises(CampaignError, match=r"^no list 'ghosts'; lists are: none yet$"):
        people(desk, "ghosts")


def test_rows_without_a_fate_stop_the_import(desk, monkeypatch) -> None:
    monkeypatch.setattr(contacts, "_add_rejects", lambda visit, import_id, rows: 0)
    with pytest.raises(StoreError, match=r"^clients\.csv: 2 rows, but fates .* add up to another number$"):
        take_in(desk, (1, ANA), "no_number")
    assert desk.sql("SELECT count(*) FROM contact") == [(0,)]


def test_opt_outs_of_a_file_are_counted(desk) -> None:
    desk.opt_out(1)
    before = desk.sql("SELECT * FROM opt_out")
    desk.clock.forward(days=1)
    with desk.visit() as visit:
        summary = import_opt_outs(visit, FILE, rows_of((1, {}), (2, {}), (2, {}), (3, {}), "no_number"))
    assert summary.fates == {"accepted": 2, "updated": 0, "duplicate": 2, "rejected": 1}
    assert summary.reject_reasons == {"no_number": 1}
    assert desk.sql("SELECT count(*) FROM opt_out") == [(3,)]
    assert desk.sql("SELECT * FROM opt_out WHERE source = 'reply'") == before  # the first STOP is the proof


def model(known: dict[int, dict[str, str]], cells) -> tuple[dict[int, dict[str, str]], dict[str, int]]:
    """Import one row after the other, the slow and plain way."""
    book, counts = {person: dict(fields) for person, fields in known.items()}, dict.fromkeys(contacts.FATES, 0)
    for cell in cells:
        if isinstance(cell, str):
            counts["rejected"] += 1
            continue
        person, fields = cell
        fate = "accepted" if person not in book else "duplicate"
        before = book.setdefault(person, {})
        if fate == "duplicate" and before | fields != before:
            fate = "updated"
        before |= fields
        counts[fate] += 1
    return book, counts


FIELDS = st.dictionaries(st.sampled_from(["first_name", "town"]), st.sampled_from(["Ana", "Béa", "0"]), max_size=2)
CELLS = st.lists(st.one_of(st.tuples(st.integers(1, 4), FIELDS), st.just("no_number")), max_size=9)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=CELLS, second=CELLS)
def test_fates_are_those_of_one_row_after_the_other(desk, first, second) -> None:
    name = f"list-{desk.next_number()}"
    book: dict[int, dict[str, str]] = {}
    for cells in (first, second):
        summary = take_in(desk, *cells, name=name)
        book, counts = model(book, cells)
        assert summary.fates == counts
        assert people(desk, name) == book


def test_balance_and_settings_of_operators(desk) -> None:
    with desk.visit() as visit:
        assert operators.credit_left(visit, "sandbox") is None
        operators.put_setting(visit, "limit", {"amount": "10"}, "camille")
        operators.put_setting(visit, "limit", {"amount": "20"}, "dominique")
        assert operators.get_setting(visit, "limit") == {"amount": "20"}
        assert operators.get_setting(visit, "nothing") is None
        first = operators.raise_alert(visit, "low_balance", "sandbox", "10 left")
        assert operators.raise_alert(visit, "low_balance", "sandbox", "9 left") == first  # once a crossing
        for channel in ("mail", "sms"):
            operators.mark_alert(visit, first["alert_id"], channel)
        assert operators.clear_alert(visit, "low_balance", "sandbox")
        assert not operators.clear_alert(visit, "low_balance", "sandbox")
        assert operators.raise_alert(visit, "low_balance", "sandbox", "8 left")["alert_id"] == first["alert_id"] + 1
    desk.put_balance("10")
    with desk.visit(read_only=True) as visit:
        left = operators.credit_left(visit, "sandbox")
    assert left == {"available": Decimal(10), "unit": "EUR", "balance": Decimal(10), "committed": Decimal(0)}
