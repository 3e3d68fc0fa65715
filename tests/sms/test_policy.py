"""Policies and territories are data: the included ones can be read, and errors are named."""

import hashlib
import re
from datetime import date
from zoneinfo import available_timezones

import pytest

from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.policy import load_policy, parse_policy, policy_names
from campanile.sms.schedule.territories import clocks_of, holiday_names, holidays_of, key_name, load_territories

GOOD = load_policy("fr-strict").text


@pytest.mark.parametrize("name", policy_names())
def test_each_policy_that_ships_is_whole(name: str) -> None:
    policy = load_policy(name)
    assert policy.name == name
    assert "https://" in policy.source
    assert policy.valid_from < date(2026, 11, 1)
    assert policy.sha256 == hashlib.sha256(policy.text.encode()).hexdigest()
    assert len(policy.windows) == 7
    assert parse_policy(name, policy.text) == policy


def test_the_default_policy_is_within_the_charter() -> None:
    strict, charter = load_policy("fr-strict"), load_policy("fr-af2m-2026")
    assert [list(map(str, day)) for day in strict.windows] == [["08:00-20:00"]] * 6 + [[]]
    assert [list(map(str, day)) for day in charter.windows] == [["08:00-21:30"]] * 6 + [[]]
    assert strict.closes_on_holidays
    assert charter.closes_on_holidays


@pytest.mark.parametrize(
    ("name", "inactive_after_days"),
    [("fr-strict", 1095), ("fr-af2m-2026", 1095), ("us-tcpa", None)],
)
def test_whom_marketing_may_go_to(name: str, inactive_after_days: int | None) -> None:
    assert load_policy(name).needs_legal_basis
    assert load_policy(name).inactive_after_days == inactive_after_days


def test_a_policy_kept_before_it_asked_for_a_legal_basis_asks_for_none() -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(("needs_legal_basis", "inactive_after_days"))]
    kept = parse_policy("kept", "\n".join(lines))
    assert (kept.needs_legal_basis, kept.inactive_after_days) == (False, None)
    assert kept.windows == load_policy("fr-strict").windows


def test_local_customs_are_off_in_every_policy_that_ships_and_in_a_text_kept_before_the_switch() -> None:
    assert [name for name in policy_names() if load_policy(name).observes_local_customs] == []
    kept = "\n".join(line for line in GOOD.splitlines() if not line.startswith("observes_local_customs"))
    assert not parse_policy("kept", kept).observes_local_customs


def test_the_switch_for_local_customs_changes_the_fingerprint_that_a_recap_names() -> None:
    observing = parse_policy("fr-strict", GOOD.replace("customs = false", "customs = true"))
    assert observing.observes_local_customs
    assert observing.sha256 != load_policy("fr-strict").sha256


@pytest.mark.parametrize("name", ["fr-lax", "", "../territories", "fr-strict.toml"])
def test_an_unknown_policy_lists_those_there_are(name: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"no policy {name!r}; policies: fr-af2m-2026, fr-strict")):
        load_policy(name)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("= 1", "line 1", id="no TOML"),
        pytest.param("", "country", id="empty"),
        pytest.param(GOOD.replace("closes_on_holidays = true", ""), "closes_on_holidays", id="key missing"),
        pytest.param(GOOD.replace("= 2026-03-01", '= "March"'), "valid_from", id="date in words"),
        pytest.param(f"hours = 3\n{GOOD}", "hours", id="unknown key"),
        pytest.param(GOOD.replace("sunday = []", ""), "sunday", id="weekday missing"),
        pytest.param(f"{GOOD}\nholiday = []", "holiday", id="unknown weekday"),
        pytest.param(GOOD.replace("= 2026-03-01", "= 2026-03-01T00:00:00"), "valid_from", id="an instant for a day"),
        pytest.param(GOOD.replace("legal_basis = true", "legal_basis = 1"), "needs_legal_basis", id="a number for yes"),
        pytest.param(GOOD.replace("customs = false", "customs = 0"), "observes_local_customs", id="a number for no"),
        pytest.param(
            GOOD.replace("customs = false", "customs = true").replace("on_holidays = true", "on_holidays = false"),
            "observes_local_customs is true, closes_on_holidays is false",
            id="customs without holidays",
        ),
        pytest.param(GOOD.replace("days = 1095", "days = true"), "inactive_after_days", id="yes for a number"),
        pytest.param(GOOD.replace("days = 1095", "days = -1"), "inactive_after_days is -1", id="days before"),
        pytest.param(GOOD.replace("sunday = []", 'sunday = ["8-20"]'), "'8-20' on sunday", id="no window"),
        pytest.param(GOOD.replace("sunday = []", 'sunday = ["08:00-25:00"]'), "25:00", id="no hour"),
        pytest.param(GOOD.replace("sunday = []", 'sunday = ["20:00-08:00"]'), "before it opens", id="over midnight"),
        pytest.param(GOOD.replace("sunday = []", 'sunday = ["08:00-08:00"]'), "before it opens", id="no time at all"),
        pytest.param(GOOD.replace("sunday = []", 'sunday = ["08:00-12:00", "11:00-13:00"]'), "overlap", id="overlap"),
    ],
)
def test_a_wrong_policy_is_named(text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(named)) as error:
        parse_policy("mine", text)
    assert "policy mine" in str(error.value)


def test_two_windows_a_day_are_fine() -> None:
    policy = parse_policy("mine", GOOD.replace("sunday = []", 'sunday = ["08:00-12:00", "12:00-13:00"]'))
    assert [str(window) for window in policy.windows[6]] == ["08:00-12:00", "12:00-13:00"]


@pytest.mark.parametrize("territory", sorted(load_territories()))
def test_each_territory_that_ships_is_whole(territory: str) -> None:
    entry = load_territories()[territory]
    assert set(entry.zones) <= available_timezones()
    assert date(2026, 1, 1) in holidays_of(territory, 2026)
    assert date(2027, 12, 25) in holidays_of(territory, 2027)
    assert entry.numbered_as is None or entry.numbered_as in load_territories()


def test_no_two_territories_claim_a_postcode() -> None:
    prefixes = [prefix for entry in load_territories().values() for prefix in entry.postcodes]
    assert len(prefixes) == len(set(prefixes))


@pytest.mark.parametrize("territory", sorted(name for name, entry in load_territories().items() if entry.customs))
@pytest.mark.parametrize("year", range(2025, 2032))
def test_customs_are_off_and_each_names_a_day_the_library_has(territory: str, year: int) -> None:
    own, with_customs = holiday_names(territory, year), holiday_names(territory, year, with_customs=True)
    customs = {name for day, names in with_customs.items() if day not in own for name in names.split("; ")}
    assert customs == set(load_territories()[territory].customs)


@pytest.mark.parametrize("year", range(2025, 2032))
def test_guadeloupe_has_one_day_more_than_the_mainland(year: int) -> None:
    assert holidays_of("GP", year) == holidays_of("FR", year) | {date(year, 5, 27)}


def test_a_territory_that_may_be_any_keeps_the_days_of_each() -> None:
    anywhere = holidays_of("FR-ANY", 2026)
    assert anywhere == frozenset().union(*(holidays_of(name, 2026) for name in load_territories()["FR-ANY"].stands_for))
    assert date(2026, 4, 3) in anywhere, "Good Friday is a custom in Guadeloupe and a holiday in Alsace"
    assert date(2026, 7, 21) not in anywhere


@pytest.mark.parametrize(
    ("territory", "day", "name"),
    [
        pytest.param("RE", date(2026, 12, 20), "Abolition of Slavery", id="a territory's own day"),
        pytest.param("FR-AM", date(2026, 4, 3), "Good Friday", id="Alsace-Moselle"),
        pytest.param("DE", date(2026, 1, 6), "Epiphany", id="a day of one region, in English"),
        pytest.param("GP", date(2026, 3, 12), None, id="a custom that is off"),
        pytest.param("MQ", date(2026, 3, 12), None, id="a custom of the neighbours"),
        pytest.param("FR", date(2026, 12, 26), None, id="a day of Alsace-Moselle in the rest of France"),
    ],
)
def test_holidays_have_names(territory: str, day: date, name: str | None) -> None:
    assert holiday_names(territory, day.year).get(day) == name


def test_a_custom_has_a_name_where_it_is_asked_for() -> None:
    assert holiday_names("GP", 2026, with_customs=True)[date(2026, 3, 12)] == "Mi-Careme"
    assert holiday_names("GP", 2026, with_customs=True).items() > holiday_names("GP", 2026).items()


@pytest.mark.parametrize(
    ("key", "zones", "name"),
    [
        pytest.param("FR", ["Europe/Paris"], "mainland France", id="one territory"),
        pytest.param("FR+RE", ["Europe/Paris", "Indian/Reunion"], "mainland France and Réunion", id="two territories"),
        pytest.param("PT", ["Europe/Lisbon", "Atlantic/Azores"], "Portugal", id="two clocks in one territory"),
        pytest.param("FR+JP", [], "mainland France and JP", id="a territory that is not known"),
    ],
)
def test_a_key_has_clocks_and_a_name(key: str, zones: list[str], name: str) -> None:
    assert [zone for _, zone in clocks_of(key)] == zones
    assert key_name(key) == name
