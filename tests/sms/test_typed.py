"""Values that people type: read if they have one meaning, else the message says how to write them."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.text.typed_values import is_two_days, name_key, read_day, read_hour, read_moment
from schemas.draft import NAME_PATTERN

HOURS = {
    "10h30": "10:30",
    "10H30": "10:30",
    "10 h 30": "10:30",
    "18h": "18:00",
    "18 h": "18:00",
    "9:05": "09:05",
    "09:05": "09:05",
    "10:30:00": "10:30",
    "6pm": "18:00",
    "6:30 pm": "18:30",
    "12am": "00:00",
    "12 p.m.": "12:00",
    " 8h00 ": "08:00",
    "0:00": "00:00",
}


@pytest.mark.parametrize(("typed", "read"), HOURS.items())
def test_hours(typed: str, read: str) -> None:
    assert read_hour(typed) == read


@pytest.mark.parametrize("typed", ["25:00", "24h", "10:60", "1030", "10", "noon", "10h3", "13pm", "", "10:30:15"])
def test_what_is_no_hour_says_how_to_write_one(typed: str) -> None:
    with pytest.raises(ValueError, match="is no hour; write it like 10:30 or 10h30"):
        read_hour(typed)


DAYS = [
    pytest.param("2026-12-05", "2026-12-05", "2026-12-05", id="ISO"),
    pytest.param("2026/12/5", "2026-12-05", "2026-12-05", id="the year first"),
    pytest.param("13/12/2026", "2026-12-13", "2026-12-13", id="no thirteenth month"),
    pytest.param("12/25/2026", "2026-12-25", "2026-12-25", id="no month 25"),
    pytest.param("12/12/2026", "2026-12-12", "2026-12-12", id="the same both ways"),
    pytest.param("05/12/2026", "2026-12-05", "2026-05-12", id="two ways"),
    pytest.param("5.12.2026", "2026-12-05", "2026-05-12", id="dots"),
    pytest.param("5-12-2026", "2026-12-05", "2026-05-12", id="dashes"),
    pytest.param("5 décembre 2026", "2026-12-05", "2026-12-05", id="spelt"),
    pytest.param("sam. 5 déc. 2026", "2026-12-05", "2026-12-05", id="spelt with its weekday, short"),
    pytest.param("1er août 2026", "2026-08-01", "2026-08-01", id="the first"),
    pytest.param("5 December 2026", "2026-12-05", "2026-12-05", id="in English"),
]


@pytest.mark.parametrize(("typed", "day_first", "month_first"), DAYS)
def test_days(typed: str, day_first: str, month_first: str) -> None:
    assert read_day(typed, True) == day_first
    assert read_day(typed, False) == month_first
    unsaid = read_day(typed)
    assert unsaid == day_first if day_first == month_first else is_two_days(unsaid)
    assert read_day(unsaid, True) == day_first, "it can be read later"


@pytest.mark.parametrize(
    "typed", ["2026-02-30", "31/11/2026", "05/12/26", "demain", "5 jui 2026", "5/12", "", "13/13/2026"]
)
def test_what_is_no_day_says_how_to_write_one(typed: str) -> None:
    with pytest.raises(ValueError, match="write it like 2026-12-05"):
        read_day(typed)


MOMENTS = {
    "2026-11-23T18:00": "2026-11-23 18:00",
    "2026-11-23T18:00:00": "2026-11-23 18:00",
    "2026-11-23 18:00": "2026-11-23 18:00",
    "30/11/2026 18h": "2026-11-30 18:00",
    "30/11/2026 à 18h30": "2026-11-30 18:30",
    "2026-11-30": "2026-11-30",
    "30 novembre 2026 18h": "2026-11-30 18:00",
    "05/12/2026 10h30": "05/12/2026 10:30",
    "2026-11-30 6 pm": "2026-11-30 18:00",
}


@pytest.mark.parametrize(("typed", "read"), MOMENTS.items())
def test_moments(typed: str, read: str) -> None:
    assert read_moment(typed) == read
    assert read_moment(read) == read


@pytest.mark.parametrize("typed", ["2026-11-23T18:00Z", "2026-11-23T18:00+01:00", "2026-11-23 25:00", "18:00"])
def test_what_is_no_moment_says_how_to_write_one(typed: str) -> None:
    with pytest.raises(ValueError, match="write it"):
        read_moment(typed)


@given(st.dates(min_value=date(2000, 1, 1)), st.booleans())
def test_every_day_is_read_as_it_was_written(day: date, day_first: bool) -> None:
    assert read_day(day.strftime("%d/%m/%Y" if day_first else "%m/%d/%Y").rjust(10, "0"), day_first) == day.isoformat()
    assert read_day(day.isoformat(), day_first) == day.isoformat()


KEYS = {
    "Noël 2026": "noel-2026",
    "soldes-hiver": "soldes-hiver",
    "Soldes -20 % !": "soldes-20",
    "L'été à l'œil": "l-ete-a-l-oeil",
    "  Black  Friday ": "black-friday",
    "Straße": "strasse",
    "!": None,
    "": None,
    "a": None,
    "日本": None,
}


@pytest.mark.parametrize(("title", "key"), KEYS.items())
def test_keys(title: str, key: str | None) -> None:
    assert name_key(title) == key


@given(st.text(max_size=90))
def test_a_key_is_a_key_and_keeps_itself(title: str) -> None:
    key = name_key(title)
    assert key is None or (re.fullmatch(NAME_PATTERN, key) and name_key(key) == key)
