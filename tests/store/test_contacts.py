"""Imports: rows are processed in order, each has one result, and no filled value is erased."""

import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import CampaignError, ContactFileError, StoreError
from campanile.store.billing import alerts, balance
from campanile.store.billing import operator_settings as operators
from campanile.store.contacts import merge as contacts
from campanile.store.contacts.import_log import ROW_RESULTS, StagedRows, earlier_import
from campanile.store.contacts.merge import import_contacts
from campanile.store.contacts.opt_outs import import_opt_outs
from schemas.billing_rows import Credit
from tests.lanes import examples


def results_of(summary) -> dict[str, int]:
    return {result: count for result, count in summary.result_counts.items() if count}


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
        ([(1, ANA)], [(1, BEA), (1, BEA)], {"updated": 1, "duplicate": 1}, BEA),
        ([(1, {})], [(1, ANA)], {"updated": 1}, ANA),
        ([(1, {})], [(1, {})], {"duplicate": 1}, {}),
        ([(1, ANA)], [(1, {"town": "Lille"}), (1, BEA)], {"updated": 2}, BEA | {"town": "Lille"}),
        ([], ["no_number", (1, ANA), "too_short"], {"accepted": 1, "rejected": 2}, ANA),
        ([], [(1, {"a \"b\" 'c'": 'x "y" \\ z', "é": "€"})], {"accepted": 1}, {"a \"b\" 'c'": 'x "y" \\ z', "é": "€"}),
    ],
)
def test_rows_are_taken_in_order(desk, known, cells, expected, fields) -> None:
    if known:
        desk.take_in("clients", *known)
    summary = desk.take_in("clients", *cells)
    assert results_of(summary) == expected
    assert summary.row_count == len(cells)
    assert desk.people("clients")[1] == fields


def test_summary_and_book_say_the_same(desk) -> None:
    desk.opt_out(2)
    cells = (1, ANA), (2, BEA), "no_number", (1, ANA), "no_number", "too_short"
    summary = desk.take_in("clients", *cells, column_map={"Prénom": "first_name"})
    assert summary.result_counts == {"accepted": 2, "updated": 0, "duplicate": 1, "rejected": 3}
    assert summary.reject_reasons == {"no_number": 2, "too_short": 1}
    assert summary.opted_out_count == 1
    assert summary.territories == {"FR": 3}
    rejects = desk.sql("SELECT row_number, reason, raw_line FROM import_row_reject ORDER BY row_number")
    assert rejects == [(3, "no_number", "raw 3"), (5, "no_number", "raw 5"), (6, "too_short", "raw 6")]
    (book,) = desk.sql("SELECT row_count, accepted_count, duplicate_count, rejected_count, column_map FROM import_file")
    assert book == (6, 2, 1, 3, '{"Prénom": "first_name"}')


@pytest.mark.parametrize("cells", [[], ["no_number"]])
def test_file_without_a_single_number(desk, cells) -> None:
    summary = desk.take_in("clients", *cells)
    assert results_of(summary) == ({"rejected": 1} if cells else {})
    assert desk.people("clients") == {}


def test_the_origin_stays_the_row_that_brought_the_person(desk) -> None:
    desk.take_in("clients", "no_number", (1, ANA))
    desk.take_in("clients", (1, BEA))
    assert desk.sql("SELECT import_id, row_number FROM contact") == [(1, 2)]


def test_lists_do_not_see_each_other(desk) -> None:
    desk.take_in("north", (1, ANA))
    assert results_of(desk.take_in("south", (1, BEA))) == {"accepted": 1}
    assert desk.people("north") == {1: ANA}


def test_same_bytes_come_once(desk) -> None:
    desk.take_in("clients", (1, ANA), sha256="b")
    with desk.tx() as tx:
        earlier = earlier_import(tx, desk.file("clients", sha256="b"), "contacts", "clients")
        assert earlier.same_as == "clients.csv on 2026-11-24 09:00 UTC (import 1)"
        assert earlier_import(tx, desk.file("clients", sha256="b"), "contacts", "others") is None
        assert earlier_import(tx, desk.file("clients", sha256="c"), "contacts", "clients") is None
        assert earlier_import(tx, desk.file("clients", sha256="b"), "opt_outs") is None
    with pytest.raises(ContactFileError, match=r"^again\.csv is already in list clients: clients\.csv on"):
        desk.take_in("clients", (1, BEA), sha256="b", file_name="again.csv")
    assert desk.people("clients") == {1: ANA}
    desk.take_in("others", (1, BEA), sha256="b")


def test_sample_marks_its_list_for_good(desk) -> None:
    desk.take_in("clients", (1, ANA), is_sample=True)
    desk.take_in("clients", (2, ANA), is_sample=False)
    assert desk.sql("SELECT is_sample FROM contact_list WHERE list_name = 'clients'")[0][0]


def test_unknown_list_is_named(desk) -> None:
    with pytest.raises(CampaignError, match=r"^no list 'ghosts'; lists are: none yet$"):
        desk.people("ghosts")


def test_rows_without_a_result_stop_the_import(desk, monkeypatch) -> None:
    monkeypatch.setattr(contacts, "_merge", lambda tx, list_id, import_id: None)
    with pytest.raises(StoreError, match=r"^clients\.csv: 2 rows, but the results .* add up to another number$"):
        desk.take_in("clients", (1, ANA), "no_number")
    assert desk.sql("SELECT count(*) FROM contact") == [(0,)]


def row_fates(desk, import_id: int) -> list[tuple]:
    return desk.sql(
        "SELECT row_number, fate, of_import_id, of_row_number FROM import_row "
        f"WHERE import_id = {import_id} ORDER BY row_number"
    )


def test_each_row_says_where_its_number_came_from_first(desk) -> None:
    desk.take_in("clients", "letters", (1, ANA))
    summary = desk.take_in("clients", (1, ANA), (2, ANA), (1, BEA), (2, ANA), (2, BEA), (3, {}))
    assert row_fates(desk, 1) == [(2, "accepted", None, None)]
    assert row_fates(desk, 2) == [
        (1, "duplicate", 1, 2),
        (2, "accepted", None, None),
        (3, "updated", 1, 2),
        (4, "duplicate", 2, 2),
        (5, "updated", 2, 2),
        (6, "accepted", None, None),
    ]
    assert summary.known_count == 2


def test_another_spelling_of_the_same_fields_is_no_news(desk) -> None:
    desk.take_in("clients", (1, {"a": "é", "b": "2"}), (2, {"a": "é", "b": "2"}))
    rows = staged_of([[1, "\\u00e9"], [2, "é"], [2, "\\u00e9"]])
    with desk.tx() as tx:
        assert results_of(import_contacts(tx, "clients", desk.file("again"), rows)) == {"duplicate": 3}
    assert desk.people("clients") == {1: {"a": "é", "b": "2"}, 2: {"a": "é", "b": "2"}}


@pytest.mark.parametrize("cells", [[(1, {"a": "1"})], [(1, {"a": "0"}), (1, {"a": "1"})]], ids=["one row", "two rows"])
def test_fields_are_kept_in_one_spelling(desk, cells) -> None:
    desk.take_in("clients", (1, {"b": "2", "c": "é"}))
    desk.take_in("clients", *cells)
    assert desk.sql("SELECT fields FROM contact") == [('{"a":"1","b":"2","c":"é"}',)]


def staged_of(cells: list[list]) -> StagedRows:
    """Return rows whose JSON is written in another way than ours."""
    rows = [
        (row_number, 33_639_980_000 + person, "FR", f'{{ "b" : "2", "a": "{value}" }}')
        for row_number, (person, value) in enumerate(cells, start=1)
    ]
    valid = pd.DataFrame(rows, columns=["row_number", "number_id", "territory", "fields"])
    return StagedRows(valid, pd.DataFrame(columns=["row_number", "reason", "raw_line"]), len(rows))


@pytest.mark.parametrize("cells", [[], [(1, ANA)], ["letters"], [(1, ANA), (1, BEA), "letters"]])
def test_parquet_files_say_the_same_as_frames(desk, staged_for, tmp_path: Path, cells) -> None:
    frames = staged_for(*cells)
    paths = StagedRows(tmp_path / "it's rows.parquet", tmp_path / "rejected.parquet", frames.row_count)
    duckdb.from_df(frames.rows).write_parquet(str(paths.rows))
    duckdb.from_df(frames.rejected).write_parquet(str(paths.rejected))
    with desk.tx() as tx:
        from_frames = import_contacts(tx, "frames", desk.file("a"), frames)
        from_paths = import_contacts(tx, "paths", desk.file("a"), paths)
    assert from_paths.result_counts == from_frames.result_counts
    assert desk.people("paths") == desk.people("frames")


# --- the wall --------------------------------------------------------------------------------------------------

GOOD, BAD = (1, 33639980001, "FR", "{}"), (2, "letters", "raw")


@pytest.mark.parametrize(
    ("rows", "rejected", "row_count", "broken"),
    [
        pytest.param([GOOD, GOOD], [BAD], 3, "row number twice (1)", id="twice"),
        pytest.param([(0, *GOOD[1:]), (-1, *GOOD[1:])], [], 2, "row number below 1 (2)", id="below 1"),
        pytest.param([(None, *GOOD[1:])], [], 1, "row number twice (1)", id="no row number"),
        pytest.param([(1, 999_999, "FR", "{}")], [], 1, "number out of range (1)", id="short"),
        pytest.param([(1, 10**15, "FR", "{}")], [], 1, "number out of range (1)", id="long"),
        pytest.param([(1, None, "FR", "{}")], [], 1, "number out of range (1)", id="no number"),
        pytest.param([(1, 33639980001, "", "{}")], [], 1, "territory empty (1)", id="empty territory"),
        pytest.param([(1, 33639980001, None, "{}")], [], 1, "territory empty (1)", id="no territory"),
        pytest.param([(1, 33639980001, "FR", "{")], [], 1, "fields no JSON object (1)", id="broken JSON"),
        pytest.param([(1, 33639980001, "FR", "[]")], [], 1, "fields no JSON object (1)", id="a JSON list"),
        pytest.param([(1, 33639980001, "FR", None)], [], 1, "fields no JSON object (1)", id="no JSON"),
        pytest.param([], [BAD, BAD], 2, "rejected row number twice (1)", id="rejected twice"),
        pytest.param([], [(0, *BAD[1:])], 1, "rejected row number below 1 (1)", id="rejected below 1"),
        pytest.param([], [(2, "", "raw")], 1, "reason empty (1)", id="empty reason"),
        pytest.param([], [(2, None, "raw")], 1, "reason empty (1)", id="no reason"),
        pytest.param([], [(2, "letters", None)], 1, "raw line missing (1)", id="no raw line"),
        pytest.param([GOOD], [(1, "letters", "raw")], 2, "row both valid and rejected (1)", id="both"),
        pytest.param([GOOD], [BAD], 5, "row missing or too many (3)", id="missing"),
        pytest.param([GOOD], [BAD], 1, "row missing or too many (1)", id="too many"),
        pytest.param(
            [(1, 1, "", "{}")], [(2, "", "raw")], 2,
            "number out of range (1), territory empty (1), reason empty (1)", id="several",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["contacts", "opt_outs"])
def test_rows_that_are_not_what_they_must_be(desk, kind: str, rows, rejected, row_count: int, broken: str) -> None:
    staged = StagedRows(
        pd.DataFrame(rows, columns=["row_number", "number_id", "territory", "fields"], dtype=object),
        pd.DataFrame(rejected, columns=["row_number", "reason", "raw_line"], dtype=object),
        row_count,
    )
    line = rf"^clients\.csv: {row_count} rows cannot be stored: {re.escape(broken)}$"
    take_in = {"contacts": lambda *given: import_contacts(given[0], "clients", *given[1:]), "opt_outs": import_opt_outs}
    with pytest.raises(StoreError, match=line), desk.tx() as tx:
        take_in[kind](tx, desk.file("clients"), staged)
    assert desk.sql("SELECT count(*) FROM import_file") == [(0,)]
    assert desk.value("list.names") is None


# --- the whole -------------------------------------------------------------------------------------------------


def model(known: dict[int, dict[str, str]], cells) -> tuple[dict[int, dict[str, str]], dict[str, int]]:
    """Import one row after the other, the slow and plain way."""
    book, counts = {person: dict(fields) for person, fields in known.items()}, dict.fromkeys(ROW_RESULTS, 0)
    for cell in cells:
        if isinstance(cell, str):
            counts["rejected"] += 1
            continue
        person, fields = cell
        result = "accepted" if person not in book else "duplicate"
        before = book.setdefault(person, {})
        if result == "duplicate" and before | fields != before:
            result = "updated"
        before |= fields
        counts[result] += 1
    return book, counts


FIELDS = st.dictionaries(st.sampled_from(["first_name", "town"]), st.sampled_from(["Ana", "Béa", "0"]), max_size=2)
CELLS = st.lists(st.one_of(st.tuples(st.integers(1, 4), FIELDS), st.just("no_number")), max_size=9)


@examples(15)
@given(first=CELLS, second=CELLS)
def test_results_are_those_of_one_row_after_the_other(desk, first, second) -> None:
    name = f"list-{desk.next_number()}"
    book: dict[int, dict[str, str]] = {}
    for cells in (first, second):
        summary = desk.take_in(name, *cells)
        book, counts = model(book, cells)
        assert summary.result_counts == counts
        assert desk.people(name) == book


def test_balance_and_settings_of_operators(desk) -> None:
    with desk.tx() as tx:
        assert balance.credit_left(tx, "sandbox") is None
        operators.put_setting(tx, "limit", {"amount": "10"}, "camille")
        operators.put_setting(tx, "limit", {"amount": "20"}, "dominique")
        assert operators.get_setting(tx, "limit") == {"amount": "20"}
        assert operators.get_setting(tx, "nothing") is None
        first = alerts.raise_alert(tx, "low_balance", "sandbox", "10 left")
        assert alerts.raise_alert(tx, "low_balance", "sandbox", "9 left") == first  # once a crossing
        for channel in ("mail", "sms"):
            alerts.mark_alert(tx, first.alert_id, channel)
        assert alerts.clear_alert(tx, "low_balance", "sandbox")
        assert not alerts.clear_alert(tx, "low_balance", "sandbox")
        assert alerts.raise_alert(tx, "low_balance", "sandbox", "8 left").alert_id == first.alert_id + 1
    desk.put_balance("10")
    with desk.tx(read_only=True) as tx:
        left = balance.credit_left(tx, "sandbox")
    assert left == Credit(Decimal(10), Decimal(10), committed=Decimal(0), committed_to_alerts=Decimal(0), unit="EUR")
