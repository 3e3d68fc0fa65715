"""From contacts to messages: who gets one, what it says, what it costs, and in which slice it stands."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from campanile.sms.errors import CampaignError
from campanile.sms.rules.exclusions import queue_windows
from campanile.sms.schedule.territories import window_key
from campanile.sms.text.template import parse_template
from campanile.store.campaigns.audience import (
    Audience,
    fields_of,
    mark_duplicates,
    stage_candidates,
    stage_recipients,
    territories_of,
)
from campanile.store.campaigns.message_builder import (
    Routes,
    TerritoryTerms,
    longest_values,
    stage_messages,
    write_texts,
)
from campanile.store.contacts.lists import declare_legal_basis
from campanile.store.db.database import scratch_tables

NO_NUMBERS = pd.DataFrame(columns=["row_number", "number_id", "territory"])
MENTIONS = {"FR": TerritoryTerms(" STOP 36111", "0.05"), "RE": TerritoryTerms(" STOP 36789", "0.09")}


def typed_numbers(*people: int) -> pd.DataFrame:
    rows = [(row, 33639980000 + person, "FR") for row, person in enumerate(people, start=1)]
    return pd.DataFrame(rows, columns=list(NO_NUMBERS))


def candidates(
    desk, lists=(), typed=NO_NUMBERS, exclude=(), text="Soldes", **rules: Any
) -> list[tuple[str, int, str | None]]:
    """Return (origin, person, why left out) of everybody asked for, in the order of the sources."""
    with scratch_tables() as scratch:
        with desk.tx(read_only=True) as tx:
            stage_candidates(tx, Audience("winter", lists, typed, exclude, **rules))
        mark_duplicates(scratch, parse_template(text))
        sql = "SELECT origin, number_id % 10000, reason FROM staged_candidates ORDER BY source_no, number_id"
        return scratch.execute(sql).fetchall()


def written(desk, text: str, lists=("clients",), level: str = "off", slice_size: int = 2) -> pd.DataFrame:
    """Return the messages of a text to lists, by number; ``left_out`` in attrs."""
    template = parse_template(text)
    with scratch_tables() as scratch:
        with desk.tx(read_only=True) as tx:
            stage_candidates(tx, Audience("winter", lists, NO_NUMBERS))
        mark_duplicates(scratch, template)
        assert set(territories_of(scratch)) <= set(MENTIONS)
        addresses = stage_recipients(scratch, template)
        window_keys = {address: window_key(*address) for address in addresses}
        loads = Counter(window_keys[address] for address, count in addresses.items() for _ in range(count))
        queue = queue_windows(loads, dict.fromkeys(loads, desk.clock.at), slice_size)
        forcing = write_texts(scratch, template, Routes(MENTIONS, window_keys, queue, slice_size), level)
        left = stage_messages(scratch, "CAMPANILE")
        rows = scratch.execute(
            "SELECT number_id % 10000 AS person, text, encoding, segment_count, CAST(price AS VARCHAR) AS price,"
            " territory, window_key, slice_no, origin, row_number, is_defaulted FROM staged_messages ORDER BY number_id"
        )
        frame = pd.DataFrame(rows.fetchall(), columns=[column[0] for column in rows.description])
        left_out = scratch.execute("SELECT number_id % 10000, reason FROM staged_exclusions ORDER BY 1").fetchall()
        frame.attrs |= {
            "left_out": left_out,
            "forcing": dict(forcing),
            "longest": longest_values(scratch, template),
            "loads": left,
        }
    return frame


# --- who -------------------------------------------------------------------------------------------------------


def test_each_has_one_reason_for_exclusion_or_none(desk) -> None:
    desk.fill_list("north", {1: {"town": "Lille"}, 2: {}})
    desk.fill_list("south", {2: {"first_name": "Ana"}, 3: {}, 4: {}})
    desk.fill_list("left", {4: {}})
    desk.opt_out(3)
    assert candidates(desk, ["north", "south"], typed_numbers(1, 9, 9), ["left"]) == [
        ("north", 1, None),
        ("north", 2, "duplicate"),
        ("south", 2, None),
        ("south", 3, "opted_out"),
        ("south", 4, "excluded_list"),
        ("typed", 1, "duplicate"),
        ("typed", 9, "duplicate"),
        ("typed", 9, None),
    ]


KEEPERS = {
    "the newest file": ({}, {}, "second"),
    "the one that has what the text needs": ({"town": "Lyon"}, {"first_name": "Ana"}, "first"),
    "then what it names": ({"town": "Lyon", "first_name": "Ana"}, {"town": "Nice"}, "first"),
}


@pytest.mark.parametrize(("first", "second", "keeper"), KEEPERS.values(), ids=list(KEEPERS))
@pytest.mark.parametrize("order", [["first", "second"], ["second", "first"]], ids=["one way", "the other way"])
def test_the_order_of_the_sources_changes_nothing(desk, first, second, keeper: str, order: list[str]) -> None:
    desk.fill_list("first", {1: first})
    desk.fill_list("second", {1: second})
    found = candidates(desk, order, text="{town} {first_name|vous}")
    assert [origin for origin, _, reason in found if reason is None] == [keeper]


def test_a_person_excluded_from_one_list_may_be_in_another(desk) -> None:
    for list_name, basis in (("bought", None), ("needs it", "service"), ("agreed", "consent"), ("buys", "customer")):
        desk.fill_list(list_name, {1: {}, 2: {}} if list_name == "buys" else {1: {}})
        with desk.tx() as tx:
            declare_legal_basis(tx, list_name, basis, None, "camille")
    found = candidates(desk, ["bought", "needs it", "agreed", "buys"], typed_numbers(3), needs_legal_basis=True)
    assert found == [
        ("bought", 1, "no_consent"),
        ("needs it", 1, "no_consent"),
        ("agreed", 1, "duplicate"),
        ("buys", 1, None),
        ("buys", 2, None),
        ("typed", 3, None),
    ]


def test_an_alert_that_was_asked_for_goes_past_a_marketing_stop(desk) -> None:
    desk.fill_list("clients", {1: {}})
    desk.opt_out(1)
    assert candidates(desk, ["clients"], honours_opt_outs=False) == [("clients", 1, None)]


SIGNS_OF_LIFE = {
    "said so this year": ({"consent_at": "2026-01-10"}, None),
    "said so as the French write it": ({"consent_at": "10/01/2026"}, None),
    "said so in two digits": ({"consent_at": "10/01/26"}, None),
    "said so in two digits and dots": ({"consent_at": "05.03.26"}, None),
    "said so long ago in two digits": ({"consent_at": "05/03/19"}, "inactive"),
    "said so long ago": ({"consent_at": "2019-01-10"}, "inactive"),
    "said so long ago, bought since": ({"consent_at": "2019-01-10", "last_active_at": "2026-05-01"}, None),
    "only the file knows them": ({}, None),
    "an unreadable date": ({"consent_at": "jadis"}, "inactive"),
    "two digits and a time": ({"consent_at": "14/03/19 10:05:30"}, "inactive"),
    "two digits and a time, this year": ({"consent_at": "14/03/26 10:05:30"}, None),
    "a day read from its column": ({"consent_at": "03/14/2026", "consent_on": "2026-03-14"}, None),
    "an old day read from its column": ({"consent_at": "03/14/2019", "consent_on": "2019-03-14"}, "inactive"),
    "a day that its column does not read": ({"consent_at": "10/01/2026", "consent_on": "unreadable"}, "inactive"),
    "one that cannot be read, one that can": (
        {"consent_at": "jadis", "consent_on": "unreadable", "last_active_on": "2026-05-01"},
        None,
    ),
    "a day in the future": ({"last_active_on": "2062-03-14"}, "inactive"),
}


@pytest.mark.parametrize(("fields", "reason"), SIGNS_OF_LIFE.values(), ids=list(SIGNS_OF_LIFE))
def test_inactive_people_are_excluded(desk, fields: dict[str, str], reason: str | None) -> None:
    desk.fill_list("clients", {1: fields})
    since = desk.clock.at - timedelta(days=1095)
    assert candidates(desk, ["clients"], seen_since=since) == [("clients", 1, reason)]


def test_a_file_of_long_ago_is_no_sign_of_life(desk) -> None:
    desk.fill_list("clients", {1: {}})
    desk.clock.forward(days=1100)
    since = desk.clock.at - timedelta(days=1095)
    assert candidates(desk, ["clients"], seen_since=since) == [("clients", 1, "inactive")]


def test_people_at_the_cap_get_no_more_messages(desk) -> None:
    desk.fill_list("clients", {1: {}, 2: {}, 3: {}})
    lease = desk.start("before", [1, 2], text="Soldes STOP 36111")
    desk.answer(lease, desk.must_claim(lease), "accepted", "rejected")
    desk.prepare("planned", [3])
    desk.approve("planned")
    since = desk.clock.at - timedelta(days=30)
    enough = {"most_messages": 1, "counted_since": since}
    assert [reason for _, _, reason in candidates(desk, ["clients"], **enough)] == ["had_enough", None, "had_enough"]
    twice = {"most_messages": 2, "counted_since": since}
    assert [reason for _, _, reason in candidates(desk, ["clients"], **twice)] == [None, None, None]
    desk.clock.forward(days=31)
    later = {"most_messages": 1, "counted_since": desk.clock.at - timedelta(days=30)}
    assert [reason for _, _, reason in candidates(desk, ["clients"], **later)] == [None, None, "had_enough"]


@pytest.mark.parametrize(("lists", "excluded"), [(["nroth"], []), (["north"], ["nroth"])])
def test_unknown_list_is_named_beside_those_there_are(desk, lists, excluded) -> None:
    desk.fill_list("north", {1: {}})
    with pytest.raises(CampaignError, match=r"^no list 'nroth'; lists are: north$"):
        candidates(desk, lists, exclude=excluded)


def test_fields_are_those_of_the_lists(desk) -> None:
    desk.fill_list("north", {1: {"town": "Lille"}, 2: {"first_name": "Ana"}})
    desk.fill_list("south", {3: {"code": "a"}})
    with desk.tx(read_only=True) as tx:
        assert fields_of(tx, ["north"], parse_template("{town}")) == ["town"]
        assert fields_of(tx, ["north"], parse_template("{twon}")) == ["first_name", "town"]


# --- what ------------------------------------------------------------------------------------------------------


def test_each_reads_their_own_text_with_the_mention_of_their_territory(desk) -> None:
    desk.fill_list("clients", {1: {"first_name": "Zoé"}, 2: {}, 3: {"first_name": "Ana {x}", "town": "Lyon"}})
    found = written(desk, "Bonjour {first_name|vous}, {{-20 %}}")
    assert found["text"].tolist() == [
        "Bonjour Zoé, {-20 %} STOP 36111",
        "Bonjour vous, {-20 %} STOP 36111",
        "Bonjour Ana {x}, {-20 %} STOP 36111",
    ]
    assert found["is_defaulted"].tolist() == [False, True, False]
    assert found.attrs["longest"] == {"first_name": "Ana {x}"}


def test_people_without_value_and_default_are_excluded(desk) -> None:
    desk.fill_list("clients", {1: {"first_name": "Zoé"}, 2: {}})
    found = written(desk, "Bonjour {first_name}")
    assert found["person"].tolist() == [1]
    assert found.attrs["left_out"] == [(2, "missing_field")]
    assert found.attrs["loads"] == [("FR-AM", 1, 1)]


def test_a_mention_that_is_there_is_not_added_again(desk) -> None:
    desk.fill_list("clients", {1: {}})
    assert written(desk, "Soldes STOP 36111")["text"].tolist() == ["Soldes STOP 36111"]


@pytest.mark.parametrize(
    ("level", "text", "encoding", "forcing"),
    [
        ("off", "L’été, ça Françoise STOP 36111", "UCS-2", {"’": 1, "ç": 1}),
        ("typography", "L'été, ça Françoise STOP 36111", "UCS-2", {"ç": 1}),
        ("accents", "L'été, ca Francoise STOP 36111", "GSM-7", {}),
    ],
)
def test_characters_are_replaced_where_they_cost(desk, level: str, text: str, encoding: str, forcing: dict) -> None:
    desk.fill_list("clients", {1: {"first_name": "Françoise"}})
    found = written(desk, "L’été, ça {first_name}", level=level)
    assert (found["text"][0], found["encoding"][0], found.attrs["forcing"]) == (text, encoding, forcing)


def test_a_message_costs_its_segments(desk) -> None:
    desk.fill_list("clients", {1: {"word": "a"}, 2: {"word": "a" * 150}, 3: {"word": "ç" * 70}})
    found = written(desk, "{word}")
    assert found["segment_count"].tolist() == [1, 2, 2]
    assert found["price"].tolist() == ["0.050000", "0.100000", "0.100000"]


def test_no_slice_is_cut_across_two_windows(desk) -> None:
    desk.fill_list("clients", {1: {"postcode": "75001"}, 2: {"postcode": "67000"}, 3: {"postcode": "75002"}, 4: {}})
    found = written(desk, "Soldes", slice_size=1)
    assert dict(zip(found["person"], found["window_key"], strict=True)) == {1: "FR", 2: "FR-AM", 3: "FR", 4: "FR-AM"}
    assert dict(zip(found["person"], found["slice_no"], strict=True)) == {1: 1, 2: 3, 3: 2, 4: 4}


def test_no_scratch_table_remains(desk) -> None:
    desk.fill_list("clients", {1: {}})
    written(desk, "Soldes")
    with scratch_tables() as scratch:
        assert scratch.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchone() == (0,)
