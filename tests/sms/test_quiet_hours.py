"""When marketing may be sent, in the recipient's local time."""

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.quiet_hours import (
    is_key_open,
    is_open,
    key_closing,
    load_policy,
    local_instant,
    next_key_opening,
    next_opening,
    parse_policy,
    window_key,
)
from campanile.sms.schedule.territories import holidays_of, load_territories
from campanile.sms.schedule.timezones import zone_of
from tests.lanes import examples

MICROSECOND = timedelta(microseconds=1)

# The French territories, with the clock and the holidays that only they have; typed here, not read from the library.
ZONES = {
    "FR": "Europe/Paris", "FR-AM": "Europe/Paris", "GP": "America/Guadeloupe", "MQ": "America/Martinique",
    "GF": "America/Cayenne", "RE": "Indian/Reunion", "YT": "Indian/Mayotte", "PM": "America/Miquelon",
    "NC": "Pacific/Noumea", "PF": "Pacific/Tahiti", "WF": "Pacific/Wallis", "BL": "America/St_Barthelemy",
    "MF": "America/Marigot",
}  # fmt: skip
OWN_HOLIDAYS = [
    ("FR-AM", date(2026, 4, 3)), ("FR-AM", date(2026, 12, 26)),
    ("GP", date(2026, 5, 27)),
    ("MQ", date(2026, 5, 22)),
    ("GF", date(2026, 6, 10)), ("RE", date(2027, 12, 20)), ("YT", date(2026, 4, 27)),
    ("BL", date(2026, 10, 9)), ("MF", date(2026, 5, 28)),
    ("NC", date(2026, 9, 24)), ("PF", date(2026, 3, 5)), ("PF", date(2026, 4, 3)), ("PF", date(2026, 11, 20)),
    ("WF", date(2026, 4, 28)), ("WF", date(2026, 6, 29)), ("WF", date(2026, 7, 29)),
]  # fmt: skip
NATIONAL_HOLIDAYS = [
    date(2026, 1, 1), date(2026, 4, 6), date(2026, 5, 1), date(2026, 5, 8), date(2026, 5, 14), date(2026, 5, 25),
    date(2026, 7, 14), date(2026, 8, 15), date(2027, 11, 1), date(2026, 11, 11), date(2026, 12, 25),
]  # fmt: skip


def on_the_wall(territory: str, day: date, hour: int = 12, minute: int = 0, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone_of(ZONES[territory]))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(("territory", "day"), OWN_HOLIDAYS, ids=lambda value: str(value))
def test_each_french_territory_is_closed_on_its_own_days_and_the_mainland_is_not(territory: str, day: date) -> None:
    noon = on_the_wall(territory, day)
    assert day.weekday() < 6
    assert not is_key_open(noon, territory, "fr-strict")
    assert is_key_open(on_the_wall("FR", day), "FR", "fr-strict")
    assert next_key_opening(noon, territory, "fr-strict").astimezone(noon.tzinfo).date() > day


@pytest.mark.parametrize("territory", ZONES)
def test_national_days_close_every_french_territory_and_the_day_after_opens(territory: str) -> None:
    assert [day for day in NATIONAL_HOLIDAYS if is_key_open(on_the_wall(territory, day), territory, "fr-strict")] == []
    assert is_key_open(on_the_wall(territory, date(2026, 7, 15)), territory, "fr-strict")


@pytest.mark.parametrize("territory", ZONES)
def test_the_day_begins_and_ends_to_the_second(territory: str) -> None:
    day = date(2026, 7, 15)
    assert not is_key_open(on_the_wall(territory, day, 7, 59, 59), territory, "fr-strict")
    assert is_key_open(on_the_wall(territory, day, 8), territory, "fr-strict")
    last = {"PF": 18}.get(territory, 19)  # Gambier is one hour ahead of Tahiti, and its numbers are the same
    assert is_key_open(on_the_wall(territory, day, last, 59, 59), territory, "fr-strict")
    assert not is_key_open(on_the_wall(territory, day, last + 1), territory, "fr-strict")


@pytest.mark.parametrize(
    ("when", "territory", "policy", "expected"),
    [
        pytest.param("2026-11-21T19:59:59+01:00", "FR", "fr-strict", True, id="Saturday evening"),
        pytest.param("2026-11-22T12:00:00+01:00", "FR", "fr-strict", False, id="Sunday"),
        pytest.param("2026-11-23T20:30:00+01:00", "FR", "fr-af2m-2026", True, id="charter allows half past eight"),
        pytest.param("2026-11-23T21:30:00+01:00", "FR", "fr-af2m-2026", False, id="charter closes at half past nine"),
        pytest.param("2026-11-22T12:00:00+01:00", "FR", "fr-af2m-2026", False, id="charter recommends no Sunday"),
        pytest.param("2026-11-11T12:00:00+01:00", "FR", "fr-af2m-2026", False, id="charter recommends no holiday"),
        pytest.param("2026-11-22T12:00:00-08:00", "US", "us-tcpa", True, id="Sunday in the United States"),
        pytest.param("2026-12-25T12:00:00-08:00", "US", "us-tcpa", True, id="Christmas under the federal rule"),
        pytest.param("2026-11-23T12:00:00-05:00", "US", "us-tcpa", False, id="noon in New York is 7 in Hawaii"),
        pytest.param("2026-11-23T13:00:00-05:00", "US", "us-tcpa", True, id="8 in Hawaii"),
        pytest.param("2026-07-14T13:59:59-04:00", "US", "us-tcpa", False, id="summer, not yet 8 in Hawaii"),
        pytest.param("2026-07-14T14:00:00-04:00", "US", "us-tcpa", True, id="summer, 8 in Hawaii"),
        pytest.param("2026-11-23T20:59:59-05:00", "US", "us-tcpa", True, id="last second in New York"),
        pytest.param("2026-11-23T21:00:00-05:00", "US", "us-tcpa", False, id="9 p.m. in New York"),
        pytest.param("2026-08-31T12:00:00+01:00", "GB", "fr-strict", False, id="summer bank holiday of England"),
        pytest.param("2026-11-30T12:00:00+00:00", "GB", "fr-strict", False, id="St Andrew's day of Scotland"),
        pytest.param("2026-01-06T12:00:00+01:00", "DE", "fr-strict", False, id="Epiphany of Bavaria"),
        pytest.param("2026-07-21T12:00:00+02:00", "BE", "fr-strict", False, id="Belgium's own day"),
        pytest.param("2026-07-14T12:00:00+02:00", "BE", "fr-strict", True, id="14 July means nothing in Belgium"),
        pytest.param("2026-03-12T12:00:00-04:00", "GP", "fr-strict", True, id="Mi-Carême is a custom, no holiday"),
        pytest.param("2026-11-23T08:30:00+01:00", "RE", "fr-strict", True, id="morning in Paris, noon in Réunion"),
        pytest.param("2026-11-23T17:30:00+01:00", "RE", "fr-strict", False, id="afternoon in Paris, night in Réunion"),
        pytest.param("2026-11-23T08:30:00+01:00", "GP", "fr-strict", False, id="morning in Paris, night in Guadeloupe"),
    ],
)
def test_hours_at_the_recipient(when: str, territory: str, policy: str, expected: bool) -> None:
    assert is_open(at(when), territory, policy) is expected
    assert (next_opening(at(when), territory, policy) == at(when)) is expected


@pytest.mark.parametrize(
    ("when", "opening"),
    [
        pytest.param("2026-11-23T12:00:00+01:00", "2026-11-23T12:00:00+01:00", id="open already"),
        pytest.param("2026-11-23T20:00:00+01:00", "2026-11-24T08:00:00+01:00", id="evening"),
        pytest.param("2026-11-21T20:00:00+01:00", "2026-11-23T08:00:00+01:00", id="Saturday evening"),
        pytest.param("2026-03-28T20:00:00+01:00", "2026-03-30T08:00:00+02:00", id="clock goes forward"),
        pytest.param("2026-10-24T20:00:00+02:00", "2026-10-26T08:00:00+01:00", id="clock goes back"),
        pytest.param("2026-12-24T20:00:00+01:00", "2026-12-28T08:00:00+01:00", id="Christmas, 26 December, Sunday"),
        pytest.param("2026-04-02T20:00:00+02:00", "2026-04-04T08:00:00+02:00", id="Good Friday, were it Alsace"),
    ],
)
def test_the_next_opening_on_the_mainland(when: str, opening: str) -> None:
    assert next_opening(at(when), "FR") == at(opening)
    assert next_opening(at(when), "FR").utcoffset() is not None


@pytest.mark.parametrize(
    ("postcode", "setting", "expected"),
    [
        pytest.param(None, "all_mainland", False, id="no postcode, strict"),
        pytest.param(None, "by_postcode", True, id="no postcode, by postcode"),
        pytest.param("67000", "by_postcode", False, id="Strasbourg"),
        pytest.param("57000", "all_mainland", False, id="Metz"),
        pytest.param("75001", "all_mainland", True, id="Paris"),
        pytest.param("garbage", "all_mainland", False, id="unusable postcode"),
        pytest.param("garbage", "by_postcode", False, id="unusable postcode, by postcode"),
        pytest.param("'67000", "by_postcode", False, id="Strasbourg with an apostrophe"),
    ],
)
def test_good_friday_depends_on_the_postcode(postcode: str | None, setting: str, expected: bool) -> None:
    good_friday = at("2026-04-03T12:00:00+02:00")
    assert is_open(good_friday, "FR", "fr-strict", postcode, setting) is expected


KEYS = [
    pytest.param("FR", None, "FR-AM", id="mainland number alone"),
    pytest.param("FR", "", "FR-AM", id="empty postcode"),
    pytest.param("FR", "75001", "FR", id="Paris"),
    pytest.param("FR", " 75 001 ", "FR", id="spaces"),
    pytest.param("FR", "F-75001", "FR", id="country letter"),
    pytest.param("FR", "75001.0", "FR", id="read as a float"),
    pytest.param("FR", "1000", "FR", id="leading zero lost"),
    pytest.param("FR", "20000", "FR", id="Corsica"),
    pytest.param("FR", "2A004", "FR", id="Corsica by commune code"),
    pytest.param("FR", "2b", "FR", id="department of Corsica"),
    pytest.param("FR", "67000", "FR-AM", id="Bas-Rhin"),
    pytest.param("FR", "68100", "FR-AM", id="Haut-Rhin"),
    pytest.param("FR", "57", "FR-AM", id="Moselle by department"),
    pytest.param("FR", "'97400", "FR-AM+RE", id="spreadsheet apostrophe"),
    pytest.param("FR", "97400 SAINT-DENIS", "FR-AM+RE", id="with the town"),
    pytest.param("FR", "12 rue de Metz, 75011 PARIS CEDEX 11", "FR", id="in an address"),
    pytest.param("FR", "97 400 Saint-Denis", "FR-AM+RE", id="town and a space in it"),
    pytest.param("FR", "'67000", "FR-AM", id="apostrophe, Bas-Rhin"),
    pytest.param("FR", "９７４００", "FR-AM+RE", id="full-width digits"),
    pytest.param("FR", "98000", "FR-AM+MC", id="Monaco"),
    pytest.param("FR", "00000", "FR-AM", id="zeros say nothing"),
    pytest.param("FR", "-", "FR-AM", id="a dash says nothing"),
    pytest.param("FR", "n/a", "FR-AM", id="n/a says nothing"),
    pytest.param("FR", "97000", "FR-ANY", id="no such department"),
    pytest.param("FR", "6", "FR-ANY", id="one digit"),
    pytest.param("FR", "750011", "FR-ANY", id="six digits"),
    pytest.param("FR", "SW1A 1AA", "FR-ANY", id="foreign postcode"),
    pytest.param("FR", "75011 or 97400", "FR-ANY", id="two postcodes"),
    pytest.param("RE", "Saint-Denis", "FR-ANY", id="a town, with a Réunion number"),
    pytest.param("NC", "Nouméa", "NC", id="a town in the Pacific"),
    pytest.param("MC", "Monte-Carlo", "MC", id="a town in Monaco"),
    pytest.param("GP", None, "GP", id="Guadeloupe alone"),
    pytest.param("GP", "97110", "GP", id="Pointe-à-Pitre"),
    pytest.param("GP", "97133", "BL", id="St-Barthélemy"),
    pytest.param("GP", "97150", "MF", id="St-Martin"),
    pytest.param("GF", "97300", "GF", id="Cayenne"),
    pytest.param("MQ", "97200", "MQ", id="Fort-de-France"),
    pytest.param("RE", "97400", "RE", id="St-Denis"),
    pytest.param("PM", "97500", "PM", id="St-Pierre"),
    pytest.param("YT", "97600", "YT", id="Mamoudzou"),
    pytest.param("WF", "98600", "WF", id="Wallis"),
    pytest.param("PF", "98714", "PF", id="Papeete"),
    pytest.param("NC", "98800", "NC", id="Nouméa"),
    pytest.param("RE", "75001", "FR+RE", id="Réunion number in Paris"),
    pytest.param("RE", "67000", "FR-AM+RE", id="Réunion number in Strasbourg"),
    pytest.param("FR", "97400", "FR-AM+RE", id="mainland number with a Réunion postcode, own territory unknown"),
    pytest.param("GP", "97200", "GP+MQ", id="Guadeloupe number in Martinique"),
    pytest.param("BE", "67000", "BE", id="a foreign number ignores postcodes"),
    pytest.param("MC", "75001", "FR+MC", id="Monaco number in Paris"),
    pytest.param("XX", "75001", "XX", id="unknown territory"),
]


@pytest.mark.parametrize(("territory", "postcode", "key"), KEYS)
def test_the_territories_that_bind_a_recipient(territory: str, postcode: str | None, key: str) -> None:
    assert window_key(territory, postcode) == key


def test_by_postcode_a_mainland_number_is_bound_by_the_mainland() -> None:
    assert window_key("FR", None, "by_postcode") == "FR"
    assert window_key("FR", "97400", "by_postcode") == "FR+RE"
    assert window_key("FR", "68000", "by_postcode") == "FR-AM"


def test_a_postcode_that_cannot_be_read_binds_by_all_territories_it_could_be() -> None:
    evening = at("2027-03-24T18:30:00+00:00")  # 19:30 in Paris, 22:30 in Réunion
    assert is_open(evening, "FR", postcode="75001")
    assert not is_open(evening, "FR", postcode="'97400")
    assert not is_open(evening, "FR", postcode="garbage")
    assert is_open(at("2027-03-24T13:00:00+00:00"), "FR", postcode="garbage")
    assert not is_open(at("2027-05-27T13:00:00+00:00"), "FR", postcode="garbage")  # a day of Guadeloupe alone
    assert next_opening(evening, "FR", postcode="garbage") == at("2027-03-25T12:00:00+00:00")


@pytest.mark.parametrize(
    ("when", "territory"),
    [
        pytest.param("2026-07-21T12:00:00-04:00", "GP", id="21 July in Guadeloupe"),
        pytest.param("2026-07-21T12:00:00-04:00", "MQ", id="21 July in Martinique"),
        pytest.param("2026-04-03T12:00:00-04:00", "GP", id="Good Friday in Guadeloupe"),
    ],
)
def test_a_custom_that_no_law_names_closes_on_the_switch_alone(when: str, territory: str) -> None:
    strict = load_policy("fr-strict")
    customs = parse_policy("customs", strict.text.replace("local_customs = false", "local_customs = true"))
    assert is_open(at(when), territory, strict)
    assert not is_open(at(when), territory, customs)


def test_two_territories_must_both_be_open() -> None:
    key = window_key("RE", "75001")
    assert not is_key_open(at("2026-11-23T09:00:00+04:00"), key, "fr-strict")  # 6 in Paris
    assert is_key_open(at("2026-11-23T11:00:00+04:00"), key, "fr-strict")
    assert key_closing(at("2026-11-23T11:00:00+04:00"), key, "fr-strict") == at("2026-11-23T20:00:00+04:00")
    assert not is_open(at("2027-12-20T12:00:00+04:00"), "RE", postcode="75001")


def test_two_territories_at_antipodes_wait_for_the_clocks_to_change() -> None:
    assert next_key_opening(at("2026-06-01T12:00:00+02:00"), "FR+PF", "fr-strict") == at("2026-10-26T19:00:00+01:00")


def test_an_unknown_territory_is_never_open() -> None:
    noon = at("2026-11-23T12:00:00+00:00")
    for key in ("XX", "", "FR+XX"):
        assert not is_key_open(noon, key, "fr-strict")
        assert key_closing(noon, key, "fr-strict") is None
        with pytest.raises(ConfigurationError, match="territories: AT, BE"):
            next_key_opening(noon, key, "fr-strict")
    assert not is_open(noon, "XX")


def test_a_time_without_zone_is_refused() -> None:
    naive = datetime.fromisoformat("2026-11-23T12:00:00")
    for ask in (is_open, next_opening):
        with pytest.raises(ValueError, match="time zone"):
            ask(naive, "FR")


def test_wrong_settings_are_named() -> None:
    noon = at("2026-11-23T12:00:00+00:00")
    with pytest.raises(ConfigurationError, match="fr-af2m-2026, fr-strict, us-tcpa"):
        is_open(noon, "FR", "fr-lax")
    with pytest.raises(ConfigurationError, match="all_mainland or by_postcode"):
        is_open(noon, "BE", alsace_moselle="never")


def test_a_policy_that_never_opens_is_named() -> None:
    text = load_policy("us-tcpa").text.replace('["08:00-21:00"]', "[]")
    with pytest.raises(ConfigurationError, match="does not open within 400 days under closed"):
        next_key_opening(at("2026-11-23T12:00:00+00:00"), "FR", parse_policy("closed", text))


@pytest.mark.parametrize(
    ("window", "day", "opens", "closes"),
    [
        pytest.param(
            "01:30-02:30", "2026-10-25", "01:30:00+02:00", "02:30:00+02:00", id="ends in an hour that comes twice"
        ),
        pytest.param("02:30-04:00", "2026-10-25", "02:30:00+01:00", "04:00:00+01:00", id="begins in such an hour"),
        pytest.param(
            "02:30-05:00", "2026-03-29", "03:30:00+02:00", "05:00:00+02:00", id="begins in an hour that is skipped"
        ),
        pytest.param(
            "01:00-02:30", "2026-03-29", "01:00:00+01:00", "01:30:00+01:00", id="ends in an hour that is skipped"
        ),
        pytest.param("22:00-24:00", "2026-11-22", "22:00:00+01:00", "24:00:00+01:00", id="until midnight"),
    ],
)
def test_a_clock_change_counts_on_the_closed_side(window: str, day: str, opens: str, closes: str) -> None:
    text = load_policy("us-tcpa").text.replace("08:00-21:00", window)
    policy = parse_policy("night", text)
    opening = at(f"{day}T{opens}")
    closing = at(f"{day}T00:00:00+01:00") + timedelta(days=1) if closes[:2] == "24" else at(f"{day}T{closes}")
    assert next_key_opening(opening - timedelta(minutes=5), "FR", policy) == opening
    assert key_closing(opening, "FR", policy) == closing


@pytest.mark.parametrize(
    ("key", "wall", "instant"),
    [
        pytest.param("FR", "2026-11-23T09:00", "2026-11-23T09:00+01:00", id="winter in Paris"),
        pytest.param("FR", "2026-07-15T09:00", "2026-07-15T09:00+02:00", id="summer in Paris"),
        pytest.param("FR", "2026-07-15T09:00:30", "2026-07-15T09:00:30+02:00", id="to the second"),
        pytest.param("FR", "2026-07-15T00:00", "2026-07-15T00:00+02:00", id="midnight is where the day begins"),
        pytest.param("RE", "2026-11-23T09:00", "2026-11-23T05:00+00:00", id="Réunion"),
        pytest.param("PM", "2026-07-15T09:00", "2026-07-15T09:00-02:00", id="Saint-Pierre in its summer"),
        pytest.param("NC", "2026-11-23T09:00", "2026-11-22T22:00+00:00", id="Monday in Nouméa, Sunday in Paris"),
        pytest.param("PF", "2026-11-23T09:00", "2026-11-23T09:00-10:00", id="three clocks: Tahiti's is the last"),
        pytest.param("FR+RE", "2026-11-23T09:00", "2026-11-23T09:00+01:00", id="two territories: Paris is the last"),
        pytest.param("GP+RE", "2026-11-23T09:00", "2026-11-23T09:00-04:00", id="two territories overseas"),
        pytest.param("FR", "2026-03-29T02:30", "2026-03-29T03:30+02:00", id="02:30 is skipped"),
        pytest.param("FR", "2026-03-29T02:00", "2026-03-29T03:00+02:00", id="the first minute that is skipped"),
        pytest.param("FR", "2026-03-29T03:00", "2026-03-29T03:00+02:00", id="the first minute after those skipped"),
        pytest.param("FR", "2026-10-25T02:30", "2026-10-25T02:30+01:00", id="02:30 comes twice"),
        pytest.param("FR", "2026-10-25T03:00", "2026-10-25T03:00+01:00", id="after the hour that comes twice"),
        pytest.param("PM", "2026-03-08T02:30", "2026-03-08T03:30-02:00", id="skipped in Saint-Pierre"),
    ],
)
def test_a_time_on_the_recipients_clock(key: str, wall: str, instant: str) -> None:
    assert local_instant(key, at(wall).date(), at(wall).time()) == at(instant)
    assert local_instant(key, at(wall).date(), at(wall).time()).utcoffset() == timedelta(0)


@pytest.mark.parametrize("key", ["XX", "", "FR+XX"])
def test_a_time_at_an_unknown_territory_names_those_there_are(key: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"no hours are known for {key!r}; territories: AT, BE")):
        local_instant(key, date(2026, 11, 23), time(9))


def test_a_time_on_the_recipients_clock_has_no_zone_of_its_own() -> None:
    with pytest.raises(ValueError, match="has a time zone; give the time that the recipient's clock shows"):
        local_instant("RE", date(2026, 11, 23), time(9, tzinfo=UTC))


territories = st.sampled_from(sorted(load_territories()))
keys = st.one_of(territories, st.lists(territories, min_size=2, max_size=2, unique=True).map(sorted).map("+".join))
policies = st.sampled_from(["fr-strict", "fr-af2m-2026", "us-tcpa"])
instants = st.floats(0, 6 * 365).map(lambda days: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=days))
HOURS = {"fr-strict": (8, 20), "fr-af2m-2026": (8, 21.5), "us-tcpa": (8, 21)}


def may_write(moment: datetime, territory: str, policy: str) -> bool:
    """Return whether each clock of a territory is in the hours."""
    for zone in load_territories()[territory].zones:
        wall = moment.astimezone(zone_of(zone))
        first, end = HOURS[policy]
        if not first <= wall.hour + wall.minute / 60 < end:
            return False
        if policy != "us-tcpa" and (wall.weekday() == 6 or wall.date() in holidays_of(territory, wall.year)):
            return False
    return True


@examples(500)
@given(instants, keys, policies)
def test_open_is_what_every_wall_clock_says(moment: datetime, key: str, policy: str) -> None:
    assert is_key_open(moment, key, policy) is all(may_write(moment, territory, policy) for territory in key.split("+"))


@examples(300)
@given(instants, keys, policies, st.floats(0, 1))
def test_the_next_opening_is_open_and_nothing_before_it_is(
    moment: datetime, key: str, policy: str, part: float
) -> None:
    try:
        opening = next_key_opening(moment, key, policy)
    except ConfigurationError:
        assert "+" in key  # opposite sides of the globe
        return
    assert opening >= moment
    assert opening.utcoffset() == timedelta(0)
    assert is_key_open(opening, key, policy)
    assume(opening > moment)
    assert not is_key_open(opening - MICROSECOND, key, policy)
    assert not is_key_open(moment + part * (opening - MICROSECOND - moment), key, policy)


@examples(300)
@given(instants, keys, policies, st.floats(0, 1))
def test_a_window_ends_where_it_says(moment: datetime, key: str, policy: str, part: float) -> None:
    closing = key_closing(moment, key, policy)
    assert (closing is not None) is is_key_open(moment, key, policy)
    if closing is not None:
        assert closing > moment
        assert is_key_open(moment + part * (closing - MICROSECOND - moment), key, policy)
        assert not is_key_open(closing, key, policy)


@given(instants, st.sampled_from(sorted(ZONES)), st.sampled_from([None, "75001", "67000", "97150", "97400"]))
def test_the_public_pair_agrees_with_the_keys(moment: datetime, territory: str, postcode: str | None) -> None:
    key = window_key(territory, postcode)
    assert is_open(moment, territory, postcode=postcode) is is_key_open(moment, key, "fr-strict")
    assert next_opening(moment, territory, postcode=postcode) == next_key_opening(moment, key, "fr-strict")


minutes = st.integers(0, 24 * 60 - 1)
CLOCK_CHANGES = st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31)])


@given(keys, st.one_of(CLOCK_CHANGES, st.dates(date(2026, 1, 1), date(2030, 12, 31))), minutes)
def test_from_a_local_time_on_no_clock_shows_an_earlier_one(key: str, day: date, minute: int) -> None:
    wanted = datetime.combine(day, time(minute // 60, minute % 60))
    instant = local_instant(key, day, wanted.time())
    zones = [zone_of(zone) for territory in key.split("+") for zone in load_territories()[territory].zones]

    def shown(moment: datetime) -> datetime:
        return min(moment.astimezone(zone).replace(tzinfo=None) for zone in zones)

    assert all(shown(instant + quarter * timedelta(minutes=15)) >= wanted for quarter in range(13))
    assert shown(instant) - wanted in (timedelta(0), timedelta(hours=1)), "later than it need be"
    assert shown(instant) == wanted or shown(instant - timedelta(hours=2)) < wanted


@given(CLOCK_CHANGES, minutes, minutes, st.sampled_from(["FR", "PT", "US", "GB", "PM+GP"]))
def test_around_a_clock_change_open_means_open_on_the_wall(day: date, opens: int, closes: int, key: str) -> None:
    assume(opens < closes)
    window = f"{opens // 60:02d}:{opens % 60:02d}-{closes // 60:02d}:{closes % 60:02d}"
    policy = parse_policy("any", load_policy("us-tcpa").text.replace("08:00-21:00", window))
    zones = [zone_of(zone) for territory in key.split("+") for zone in load_territories()[territory].zones]
    midnight = datetime.combine(day, time(0), tzinfo=UTC)
    for quarter in range(-8, 13 * 4):
        moment = midnight + quarter * timedelta(minutes=15)
        clocks = [moment.astimezone(zone).time() for zone in zones]
        on_the_wall = all(opens <= clock.hour * 60 + clock.minute < closes for clock in clocks)
        assert on_the_wall or not is_key_open(moment, key, policy)
