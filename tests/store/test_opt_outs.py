"""Opt-outs: each binds from when it is recorded; the earliest time it was said is the proof."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from campanile.sms.errors import CampaignError
from campanile.store.contacts.opt_outs import add_opt_outs, record_opt_out

WHEN = "date_stop"


def stops(desk) -> list[tuple]:
    return desk.sql("SELECT opt_out_key % 100, source, said_at, channel, note FROM opt_out ORDER BY opt_out_key")


def record(desk, person: int, **how) -> bool:
    facts = {"source": "phone", "note": "called the shop", "said_at": None, "actor": "camille"} | how
    with desk.tx() as tx:
        return record_opt_out(tx, 33_639_980_000 + person, **facts)


# --- files -----------------------------------------------------------------------------------------------------


def test_each_number_of_a_file_has_one_result(desk) -> None:
    desk.take_in("clients", (3, {}))
    desk.opt_out(1)
    before = desk.sql("SELECT * FROM opt_out")
    desk.clock.forward(days=1)
    summary = desk.take_in_stops((1, {}), (2, {}), (2, {}), (3, {}), "letters")
    assert summary.result_counts == {"accepted": 2, "updated": 0, "duplicate": 2, "rejected": 1}
    assert (summary.reject_reasons, summary.known_count) == ({"letters": 1}, 1)
    assert desk.sql("SELECT * FROM opt_out WHERE source = 'reply'") == before  # the first STOP is the proof
    rows = desk.sql(
        "SELECT row_number, fate, of_import_id, of_row_number FROM import_row WHERE import_id = 2 ORDER BY row_number"
    )
    assert rows == [
        (1, "duplicate", None, None),
        (2, "accepted", None, None),
        (3, "duplicate", 2, 2),
        (4, "accepted", None, None),
    ]
    again = desk.take_in_stops((3, {}))
    assert again.result_counts["duplicate"] == 1
    assert desk.sql("SELECT of_import_id, of_row_number FROM import_row WHERE import_id = 3") == [(2, 4)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("2026-11-22", "2026-11-21 23:00", id="a day is local"),
        pytest.param("2026-07-22", "2026-07-21 22:00", id="a day in summer"),
        pytest.param("2026-11-22 14:03", "2026-11-22 13:03", id="with a time"),
        pytest.param(" 2026-11-22 14:03:05 ", "2026-11-22 13:03:05", id="with seconds, and spaces around"),
        pytest.param("2026-11-22T14:03:05", "2026-11-22 13:03:05", id="ISO without an offset"),
        pytest.param("2026-11-22 14:03:05.250", "2026-11-22 13:03:05.250", id="with a part of a second"),
        pytest.param("2026-11-22T14:03:05Z", "2026-11-22 14:03:05", id="ISO in UTC"),
        pytest.param("2026-11-22T14:03:05.250+04:00", "2026-11-22 10:03:05.250", id="ISO with an offset"),
        pytest.param("2026-11-22 14:03+04", "2026-11-22 10:03", id="an offset in hours"),
        pytest.param("22/11/2026", "2026-11-21 23:00", id="day first, slashes"),
        pytest.param("1/2/2026", "2026-01-31 23:00", id="the first of February, never January"),
        pytest.param("22/11/2026 14:03", "2026-11-22 13:03", id="slashes and a time"),
        pytest.param("22.11.2026", "2026-11-21 23:00", id="dots"),
        pytest.param("22-11-2026", "2026-11-21 23:00", id="dashes, day first"),
        pytest.param("last Tuesday", None, id="words"),
        pytest.param("31/02/2026", None, id="no such day"),
        pytest.param("22/11/26", None, id="two digits are no year"),
        pytest.param("46348", None, id="a spreadsheet's day number"),
        pytest.param("2026-11-25", None, id="in the future"),
    ],
)
def test_when_it_was_said_is_read_from_a_file(desk, text: str, said: str | None) -> None:
    desk.take_in_stops("letters", (1, {WHEN: text}), date_field=WHEN)
    ((said_at, source_ref),) = desk.sql("SELECT said_at, source_ref FROM opt_out")
    assert said_at == (None if said is None else datetime.fromisoformat(said).replace(tzinfo=UTC))
    assert source_ref == ("import 1, row 2" if said else f"import 1, row 2: {text.strip()}")


def test_the_zone_is_that_of_the_team(desk) -> None:
    desk.take_in_stops((1, {WHEN: "22/11/2026 14:03"}), date_field=WHEN, zone="Indian/Reunion")
    assert desk.sql("SELECT said_at FROM opt_out") == [(datetime(2026, 11, 22, 10, 3, tzinfo=UTC),)]


def test_where_it_was_said_is_kept(desk) -> None:
    desk.take_in_stops((1, {"d'où/~": "boutique de Lille"}), source_field="d'où/~")
    assert stops(desk) == [(1, "file", None, "boutique de Lille", None)]


@pytest.mark.parametrize(
    ("days", "results", "said"),
    [
        pytest.param(["", "2026-11-20"], ["accepted", "updated"], "2026-11-20", id="a date for an undated one"),
        pytest.param(["2026-11-20", "2026-11-19"], ["accepted", "updated"], "2026-11-19", id="an earlier one"),
        pytest.param(["2026-11-19", "2026-11-20"], ["accepted", "duplicate"], "2026-11-19", id="a later one"),
        pytest.param(["2026-11-19", "2026-11-19"], ["accepted", "duplicate"], "2026-11-19", id="the same"),
        pytest.param(["2026-11-19", ""], ["accepted", "duplicate"], "2026-11-19", id="an undated one"),
    ],
)
@pytest.mark.parametrize("is_one_file", [True, False], ids=["one file", "two files"])
def test_the_earliest_time_is_the_proof(
    desk, days: list[str], results: list[str], said: str, is_one_file: bool
) -> None:
    cells = [(1, {WHEN: day}) for day in days]
    for file in [cells] if is_one_file else [[cell] for cell in cells]:
        desk.take_in_stops(*file, date_field=WHEN, zone="UTC")
    assert desk.sql("SELECT fate FROM import_row ORDER BY import_id, row_number") == [(result,) for result in results]
    assert desk.sql("SELECT said_at FROM opt_out") == [(datetime.fromisoformat(said).replace(tzinfo=UTC),)]


def test_a_date_moves_nothing_but_itself(desk) -> None:
    desk.opt_out(1)
    recorded = desk.sql("SELECT recorded_at FROM opt_out")
    desk.clock.forward(days=1)
    summary = desk.take_in_stops((1, {WHEN: "2026-11-20"}), date_field=WHEN, zone="UTC")
    assert summary.result_counts["updated"] == 1
    said_at = datetime(2026, 11, 20, tzinfo=UTC)
    assert stops(desk) == [(1, "reply", said_at, None, "said_at from import 1, row 1")]
    assert desk.sql("SELECT recorded_at FROM opt_out") == recorded
    desk.take_in_stops((1, {WHEN: "2026-11-24 23:00"}), date_field=WHEN, zone="UTC")  # after the reply
    assert stops(desk) == [(1, "reply", said_at, None, "said_at from import 1, row 1")]


def test_a_later_date_than_the_reply_proves_nothing(desk) -> None:
    desk.opt_out(1)
    desk.clock.forward(days=2)
    assert desk.take_in_stops((1, {WHEN: "2026-11-25"}), date_field=WHEN).result_counts["duplicate"] == 1
    assert stops(desk) == [(1, "reply", None, None, None)]


# --- by hand ---------------------------------------------------------------------------------------------------


def test_a_telephone_call_is_recorded(desk) -> None:
    monday = desk.clock.at - timedelta(days=1)
    assert record(desk, 1, said_at=monday)
    assert stops(desk) == [(1, "phone", monday, None, "called the shop")]
    assert desk.sql("SELECT source_ref FROM opt_out") == [("recorded by camille",)]
    assert not record(desk, 1, source="mail", said_at=monday - timedelta(days=1))
    assert stops(desk) == [
        (1, "phone", monday - timedelta(days=1), None, "called the shop; said_at from recorded by camille")
    ]


def test_a_telephone_call_stops_what_is_planned(desk) -> None:
    lease = desk.start("soldes", range(2), per_slice=2)
    assert record(desk, 0)
    assert [message.msisdn for message in desk.must_claim(lease).messages] == ["+33639980001"]


@pytest.mark.parametrize(
    ("how", "line"),
    [
        pytest.param(
            {"source": "pigeon"},
            r"^opt-out source 'pigeon' is unknown; give one of phone, mail, letter, shop, web, other$",
            id="source",
        ),
        pytest.param(
            {"said_at": datetime(2026, 11, 24, 10, tzinfo=UTC)},
            r"^said_at 2026-11-24 10:00 UTC is in the future \(now 2026-11-24 09:00 UTC\)$",
            id="future",
        ),
    ],
)
def test_what_cannot_be_recorded(desk, how: dict, line: str) -> None:
    with pytest.raises(CampaignError, match=line):
        record(desk, 1, **how)


def test_an_empty_frame_opts_no_person_out(desk) -> None:
    with desk.tx() as tx:
        assert add_opt_outs(tx, pd.DataFrame(columns=["number_id"]), "reply", None) == 0
