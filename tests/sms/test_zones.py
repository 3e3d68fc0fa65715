"""The tz database is that of the package; if it is missing or old, no local time is guessed."""

import pickle
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.quiet_hours import is_open, next_opening
from campanile.sms.schedule.territories import load_territories
from campanile.sms.schedule.timezones import OLDEST_DATABASE, database_version, zone_of

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


@pytest.fixture(params=["missing", "old"])
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine without tz database, or with one of 2021; yields the expected message."""
    old = ModuleType("tzdata")
    old.IANA_VERSION = "2021a"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tzdata", None if request.param == "missing" else old)
    zone_of.cache_clear()
    yield {"missing": "the tz database is missing", "old": "the tz database is 2021a, older than"}[request.param]
    zone_of.cache_clear()


def test_without_it_no_territory_is_open_and_one_line_says_why(broken: str) -> None:
    for ask in (is_open, next_opening):
        with pytest.raises(ConfigurationError, match=rf"^{broken}[^\n]+install it again as requirements.lock says"):
            ask(NOON, "RE")


def test_every_territory_has_its_zones_in_it() -> None:
    assert database_version() >= OLDEST_DATABASE
    zones = {zone for territory in load_territories().values() for zone in territory.zones}
    assert {zone_of(zone).key for zone in zones} == zones


def test_it_is_the_packages_and_not_the_machines() -> None:
    """Since 2026 Vancouver keeps its summer time: with a database of 2025 it opens an hour late."""
    assert str(datetime(2026, 12, 1, 16, 0, tzinfo=UTC).astimezone(zone_of("America/Vancouver")))[11:16] == "09:00"


@pytest.mark.parametrize("name", ["Europe/Pariss", "Europe", "", "../zoneinfo/zzz", "__init__.py"])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^there is no time zone .* such as Europe/Paris$"):
        zone_of(name)


def test_the_oldest_is_the_one_that_the_installation_asks_for() -> None:
    """The version of the package for 2026f is 2026.6."""
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    (floor,) = (line for line in pyproject["project"]["dependencies"] if Requirement(line).name == "tzdata")
    year, number = str(Requirement(floor).specifier).removeprefix(">=").split(".")
    assert f"{year}{chr(ord('a') + int(number) - 1)}" == OLDEST_DATABASE


def test_an_hour_with_its_zone_goes_from_process_to_process() -> None:
    hour = datetime(2026, 11, 23, 9, tzinfo=zone_of("Indian/Reunion"))
    there = pickle.loads(pickle.dumps(hour))
    assert (there, there.tzinfo) == (hour, zone_of("Indian/Reunion"))
