"""Every quarter of an hour of 2026 to 2030, in every territory, against the same rule written a second time.

The rule: on every clock of every territory that applies, the time is within the hours, the day is no Sunday, and no
public holiday. Clocks of France and hours are typed here. French holidays are those of ``jours-feries-france`` or of
``holidays``, whichever has more; DIFFERENCES lists where the two differ. For other countries the test calls
``holidays`` directly. Campaigns that are prepared now are sent in these years.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import NamedTuple

import holidays
import numpy as np
import pandas as pd
import pytest
from jours_feries_france import JoursFeries

from campanile.sms.schedule.policy import load_policy, parse_policy
from campanile.sms.schedule.quiet_hours import is_key_open, is_open, key_closing, next_key_opening
from campanile.sms.schedule.territories import holiday_names, load_territories, window_key
from campanile.sms.schedule.timezones import zone_of
from tests.lanes import some

STARTS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
YEARS = range(2025, 2032)  # it is still 2025 in Tahiti when they begin, and 2031 in Nouméa when they end
QUARTER, SECOND = timedelta(minutes=15), timedelta(seconds=1)
QUARTERS = pd.date_range(STARTS, ENDS, freq=QUARTER, inclusive="left")

HOURS = {"fr-strict": (time(8), time(20)), "fr-af2m-2026": (time(8), time(21, 30))}
CLOCKS = {name: territory.zones for name, territory in load_territories().items()} | {
    "FR": ("Europe/Paris",), "FR-AM": ("Europe/Paris",), "GP": ("America/Guadeloupe",), "BL": ("America/Guadeloupe",),
    "MF": ("America/Guadeloupe",), "MQ": ("America/Martinique",), "GF": ("America/Cayenne",),
    "RE": ("Indian/Reunion",), "YT": ("Indian/Mayotte",), "PM": ("America/Miquelon",), "WF": ("Pacific/Wallis",),
    "PF": ("Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"), "NC": ("Pacific/Noumea",),
    "FR-ANY": (
        "Europe/Paris", "America/Guadeloupe", "America/Martinique", "America/Cayenne", "America/Miquelon",
        "Indian/Reunion", "Indian/Mayotte",
    ),
}  # fmt: skip
ZONES = {
    "FR": "Métropole", "FR-AM": "Alsace-Moselle", "GP": "Guadeloupe", "BL": "Saint-Barthélémy", "MF": "Saint-Martin",
    "MQ": "Martinique", "GF": "Guyane", "RE": "La Réunion", "YT": "Mayotte", "PM": "Saint-Pierre-et-Miquelon",
    "WF": "Wallis-et-Futuna", "PF": "Polynésie Française", "NC": "Nouvelle-Calédonie",
}  # fmt: skip
"""The name of each French territory in ``jours-feries-france``."""

ANYWHERE = frozenset(ZONES) - {"WF", "PF", "NC"}
"""The possible territories of a person with an unreadable postcode."""

PEOPLE = {
    "FR": ("FR", "75001"), "FR-AM": ("FR", "67000"), "BL": ("GP", "97133"), "MF": ("GP", "97150"),
    "FR+RE": ("RE", "75001"), "FR-AM+RE": ("FR", "97400"), "GP+MQ": ("GP", "97200"), "FR+NC": ("NC", "33000"),
    "GF+PM": ("GF", "97500"), "FR-AM+PF": ("PF", "68100"),
    "FR-ANY": ("FR", "2e étage"),
}  # fmt: skip
"""The number's territory and the postcode of a person to whom these territories apply."""

TERRITORIES = sorted(CLOCKS)
KEYS = sorted({*CLOCKS, *PEOPLE})


class Difference(NamedTuple):
    """Holidays of a territory that only one of the libraries has."""

    territory: str
    days: frozenset[date]
    known_by: str
    why: str
    is_custom: bool = False


def each_year(month: int, day: int) -> frozenset[date]:
    return frozenset(date(year, month, day) for year in YEARS)


GOOD_FRIDAYS = frozenset(
    [
        date(2025, 4, 18), date(2026, 4, 3), date(2027, 3, 26), date(2028, 4, 14), date(2029, 3, 30),
        date(2030, 4, 19), date(2031, 4, 11),
    ]
)  # fmt: skip
MID_LENTS = frozenset(day - timedelta(days=22) for day in GOOD_FRIDAYS)
SCHOELCHER = "Victor Schœlcher's day; L.3422-2 of the labour code names the days of abolition only"
OWN_LAW = "a day of its own law; the other library has the national days only"

DIFFERENCES = {
    "Guadeloupe, Good Friday": Difference(
        "GP", GOOD_FRIDAYS, "holidays", "L.3134-13 names Alsace and Moselle only", True
    ),
    "Guadeloupe, Mi-Carême": Difference("GP", MID_LENTS, "holidays", "a custom that no law names", is_custom=True),
    "Guadeloupe, 21 July": Difference("GP", each_year(7, 21), "holidays", SCHOELCHER, True),
    "Martinique, 21 July": Difference("MQ", each_year(7, 21), "holidays", SCHOELCHER, True),
    "Saint-Martin, 21 July": Difference("MF", each_year(7, 21), "holidays", SCHOELCHER, True),
    "New Caledonia, 24 September": Difference("NC", each_year(9, 24), "holidays", OWN_LAW),
    "French Polynesia, 5 March": Difference("PF", each_year(3, 5), "holidays", OWN_LAW),
    "French Polynesia, Good Friday": Difference("PF", GOOD_FRIDAYS, "holidays", OWN_LAW),
    "French Polynesia, 20 November": Difference("PF", each_year(11, 20), "holidays", OWN_LAW),
    "Wallis and Futuna, 28 April": Difference("WF", each_year(4, 28), "holidays", OWN_LAW),
    "Wallis and Futuna, 29 June": Difference("WF", each_year(6, 29), "holidays", OWN_LAW),
    "Wallis and Futuna, 29 July": Difference("WF", each_year(7, 29), "holidays", OWN_LAW),
}


def differences_of(territory: str) -> set[tuple[date, str]]:
    """Return each holiday of a French territory that only one of the libraries has, with the library."""
    ours = {day for year in YEARS for day in holiday_names(territory, year, with_customs=True)}
    theirs = {day for year in YEARS for day in JoursFeries.for_year(year, ZONES[territory]).values()}
    return {(day, "holidays") for day in ours - theirs} | {(day, "jours-feries-france") for day in theirs - ours}


@pytest.mark.parametrize("difference", DIFFERENCES.values(), ids=DIFFERENCES)
def test_the_libraries_differ_where_the_table_says(difference: Difference) -> None:
    assert {(day, difference.known_by) for day in difference.days} <= differences_of(difference.territory)


@pytest.mark.parametrize("territory", ZONES)
def test_the_libraries_agree_on_all_else(territory: str) -> None:
    listed = {(day, row.known_by) for row in DIFFERENCES.values() if row.territory == territory for day in row.days}
    assert differences_of(territory) - listed == set()


@cache
def closed_on(territory: str) -> frozenset[date]:
    """Return the holidays of a territory in all years, without customs: in France those of either library."""
    if territory in ZONES:
        rows = [row for row in DIFFERENCES.values() if row.territory == territory and not row.is_custom]
        days = {day for year in YEARS for day in JoursFeries.for_year(year, ZONES[territory]).values()}
        return frozenset(days.union(*(row.days for row in rows)))
    if territory == "FR-ANY":
        return frozenset().union(*(closed_on(each) for each in ANYWHERE))
    entry = load_territories()[territory]
    regions = (None, *entry.subdivisions)
    return frozenset(
        day for region in regions for day in holidays.country_holidays(entry.country, subdiv=region, years=YEARS)
    )


def may_write(moment: datetime, key: str, policy: str) -> bool:
    """Return whether every clock of the territories is in the hours at a time."""
    opens, closes = HOURS[policy]
    walls = [
        (territory, moment.astimezone(zone_of(zone))) for territory in key.split("+") for zone in CLOCKS[territory]
    ]
    return all(
        opens <= wall.time() < closes and wall.isoweekday() != 7 and wall.date() not in closed_on(territory)
        for territory, wall in walls
    )


@cache
def walls(zone: str) -> pd.DatetimeIndex:
    """Return the local time at each quarter of an hour; pandas would use the system's tz database."""
    offsets = [moment.astimezone(zone_of(zone)).utcoffset() for moment in QUARTERS.to_pydatetime()]
    return QUARTERS.tz_localize(None) + pd.to_timedelta(offsets)


@cache
def rule(key: str, policy: str) -> np.ndarray:
    """Return for each quarter of an hour whether marketing may be sent: ``may_write`` by columns."""
    opens, closes = (clock.hour * 60 + clock.minute for clock in HOURS[policy])
    allowed = np.ones(len(QUARTERS), dtype=bool)
    for territory in key.split("+"):
        days_off = pd.DatetimeIndex(sorted(closed_on(territory)))
        for zone in CLOCKS[territory]:
            wall = walls(zone)
            minute = wall.hour * 60 + wall.minute
            allowed &= (
                (opens <= minute) & (minute < closes) & (wall.day_of_week != 6) & ~wall.normalize().isin(days_off)
            )
    return allowed


def windows(key: str, policy: str) -> Iterator[tuple[datetime, datetime]]:
    """Yield each window, from opening to closing, as a sender meets them that parks and resumes."""
    rules = load_policy(policy)
    closes_at = STARTS
    while (opens_at := next_key_opening(closes_at, key, rules)) < ENDS:
        closing = key_closing(opens_at, key, rules)
        assert closing is not None, f"{key} does not open at its opening {opens_at}"
        closes_at = closing
        yield opens_at, closes_at


def asked(moment: datetime, key: str, policy: str) -> bool:
    """Call the public function with a number's territory and a postcode."""
    territory, postcode = PEOPLE.get(key, (key, None))
    return is_open(moment, territory, policy, postcode)


def positions(moments: list[datetime]) -> np.ndarray:
    """Return the first quarter of an hour at or after each instant, as a position in QUARTERS."""
    return QUARTERS.searchsorted(pd.DatetimeIndex(moments))


def test_the_people_are_bound_by_these_territories() -> None:
    assert {key: window_key(*PEOPLE.get(key, (key, None))) for key in KEYS} == {key: key for key in KEYS}


@pytest.mark.parametrize("policy", HOURS)
@pytest.mark.parametrize("key", some(KEYS, 7))
def test_every_quarter_of_an_hour_of_five_years(key: str, policy: str) -> None:
    opens, closes = zip(*windows(key, policy), strict=True)
    change = np.zeros(len(QUARTERS) + 1, dtype=int)
    np.add.at(change, positions(list(opens)), 1)
    np.add.at(change, positions(list(closes)), -1)
    walked = change.cumsum()[:-1]
    assert list(QUARTERS[walked != rule(key, policy)]) == []


@pytest.mark.parametrize("policy", HOURS)
@pytest.mark.parametrize("key", some(sorted({*ZONES, *PEOPLE}), 5))
def test_windows_open_and_close_at_the_exact_second(key: str, policy: str) -> None:
    spans = [span for span in windows(key, policy) if span[0] > STARTS]
    found = [(moment, is_open_then) for span in spans for moment, is_open_then in zip(span, (True, False), strict=True)]
    found += [(moment - SECOND, not is_open_then) for moment, is_open_then in found]
    assert len(found) > 2000
    assert [moment for moment, expected in found if may_write(moment, key, policy) is not expected] == []
    assert [moment for moment, expected in found if asked(moment, key, policy) is not expected] == []


@pytest.mark.parametrize("count", [3_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_quarters_drawn_at_random_asked_one_by_one(count: int) -> None:
    random = Random(5)
    asks = [(key, policy) for key in some(KEYS, 7) for policy in HOURS]
    drawn = sorted((random.choice(asks), random.randrange(len(QUARTERS))) for _ in range(count))
    moments = QUARTERS.to_pydatetime()
    wrong = [
        (key, policy, moments[position])
        for (key, policy), position in drawn
        if asked(moments[position], key, policy) is not bool(rule(key, policy)[position])
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("key", "zone"),
    [
        pytest.param("FR", "Europe/Paris", id="mainland"),
        pytest.param("FR-AM", "Europe/Paris", id="Alsace-Moselle"),
        pytest.param("PM", "America/Miquelon", id="Saint-Pierre-et-Miquelon"),
        pytest.param("FR+RE", "Europe/Paris", id="a Réunion number in Paris"),
        pytest.param("US", "America/New_York", id="the United States"),
    ],
)
def test_every_quarter_of_the_days_around_a_clock_change(key: str, zone: str) -> None:
    offsets = [moment.astimezone(zone_of(zone)).utcoffset() for moment in QUARTERS[::4]]
    turns = [hour * 4 for hour in range(1, len(offsets)) if offsets[hour] != offsets[hour - 1]]
    assert len(turns) == 2 * 5
    for policy in HOURS:
        around = {position for turn in some(turns, 4) for position in range(turn - 2 * 96, turn + 3 * 96)}
        moments = {position: QUARTERS[position].to_pydatetime() for position in around}
        wrong = [
            at for position, at in moments.items() if asked(at, key, policy) is not bool(rule(key, policy)[position])
        ]
        assert wrong == []


@pytest.mark.soak
@pytest.mark.parametrize("policy", HOURS)
@pytest.mark.parametrize("key", KEYS)
def test_every_quarter_asked_one_by_one(key: str, policy: str) -> None:
    expected = rule(key, policy)
    answers = np.array([asked(moment, key, policy) for moment in QUARTERS.to_pydatetime()])
    assert list(QUARTERS[answers != expected]) == []


def test_mid_lent_is_a_working_day_unless_the_policy_observes_customs() -> None:
    strict = load_policy("fr-strict")
    observing = parse_policy("observing", strict.text.replace("customs = false", "customs = true"))
    for day in sorted(MID_LENTS):
        noon = datetime.combine(day, time(12), tzinfo=zone_of("America/Guadeloupe"))
        assert is_key_open(noon, "GP", strict)
        assert not is_key_open(noon, "GP", observing)
        assert is_key_open(noon, "MQ", observing)
