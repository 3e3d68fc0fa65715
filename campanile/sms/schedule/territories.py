"""Territories: the clocks and the public holidays that apply to a recipient.

The number gives the territory, and a French postcode may be more precise. If they disagree (a Réunion number with a
Paris postcode), both territories apply. If the territory is uncertain, the strictest rules apply. The territories are
data in ``territories.toml``.
"""

import re
import tomllib
import unicodedata
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import holidays

from campanile.sms.errors import ConfigurationError

MAINLAND = "FR"
ALSACE_MOSELLE = "FR-AM"
UNREADABLE = "FR-ANY"
_MAINLAND_DEFAULTS = {"all_mainland": ALSACE_MOSELLE, "by_postcode": MAINLAND}
_POSTCODE = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")
_POSTCODE_WITHIN = re.compile(r"(?<![0-9])(?:[0-9]{2}\s?[0-9]{3}|2[AB][0-9]{3})(?![0-9])")
_SHORTENED = re.compile(r"[0-9]{4}")
_DECORATION = re.compile(r"\s|\.0$")
_SAYS_NOTHING = re.compile(r"[\W_0]*|N/?A|NULL|NONE|NAN", re.ASCII)


@dataclass(frozen=True)
class Territory:
    """One entry of ``territories.toml``, which says what each key means."""

    name: str
    zones: tuple[str, ...]
    country: str
    subdivisions: tuple[str, ...] = ()
    customs: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()
    numbered_as: str | None = None
    stands_for: tuple[str, ...] = ()


@cache
def load_territories() -> dict[str, Territory]:
    """Return the known territories by key: ISO codes, and ``FR-AM`` for Alsace-Moselle.

    >>> load_territories()["RE"].zones
    ('Indian/Reunion',)
    """
    data = tomllib.loads(files("campanile.sms.schedule").joinpath("territories.toml").read_text(encoding="utf-8"))
    plain = {name: _build_territory(entry) for name, entry in data.items() if "stands_for" not in entry}
    return {name: plain[name] if name in plain else _build_any_of(entry, plain) for name, entry in data.items()}


def _build_territory(entry: dict[str, Any]) -> Territory:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Territory(**values)


def _build_any_of(entry: dict[str, Any], territories: Mapping[str, Territory]) -> Territory:
    """Return a territory that has the clocks of all those that it represents."""
    meant = tuple(entry["stands_for"])
    zones = dict.fromkeys(zone for name in meant for zone in territories[name].zones)
    return Territory(entry["name"], tuple(zones), territories[meant[0]].country, stands_for=meant)


@cache
def holiday_names(territory: str, year: int, with_customs: bool = False) -> Mapping[date, str]:
    """Return the public holidays of a territory in a year with their names, with local customs on request.

    Names are English where the library has English names, independent of the language of the machine.

    >>> holiday_names("RE", 2026)[date(2026, 12, 20)]
    'Abolition of Slavery'
    >>> holiday_names("GP", 2026, with_customs=True)[date(2026, 3, 12)]
    'Mi-Careme'
    """
    entry = load_territories()[territory]
    if entry.stands_for:
        return ChainMap(*(dict(holiday_names(name, year, with_customs)) for name in entry.stands_for))
    unwanted = () if with_customs else entry.customs
    found: dict[date, str] = {}
    for subdivision in (None, *entry.subdivisions):
        calendar = holidays.country_holidays(entry.country, subdiv=subdivision, years=year, language="en_US")
        for day in calendar:
            names = [name for name in calendar.get_list(day) if name not in unwanted]
            if names:
                found.setdefault(day, "; ".join(names))
    return found


@cache
def holidays_of(territory: str, year: int) -> frozenset[date]:
    """Return the public holidays of a territory in a year, without local customs.

    >>> date(2026, 12, 20) in holidays_of("RE", 2026)
    True
    """
    return frozenset(holiday_names(territory, year))


@lru_cache(maxsize=1024)
def clocks_of(key: str) -> tuple[tuple[str, str], ...]:
    """Return each (territory, zone) of a ``window_key``; empty when one of its territories is unknown.

    >>> clocks_of("FR+RE")
    (('FR', 'Europe/Paris'), ('RE', 'Indian/Reunion'))
    """
    territories = load_territories()
    names = key.split("+")
    return (
        tuple((name, zone) for name in names for zone in territories[name].zones)
        if set(names) <= set(territories)
        else ()
    )


def key_name(key: str) -> str:
    """Return the names of the territories of a ``window_key``; an unknown territory keeps its code.

    >>> key_name("RE"), key_name("FR+RE"), key_name("JP")
    ('Réunion', 'mainland France and Réunion', 'JP')
    """
    territories = load_territories()
    return " and ".join(territories[code].name if code in territories else code for code in key.split("+"))


def window_key(territory: str, postcode: str | None = None, alsace_moselle: str = "all_mainland") -> str:
    """Return the territories whose hours apply to a recipient: one key, or several sorted and joined with ``+``.

    Postcodes count only for numbers of France and Monaco. For a mainland number without a postcode, the holidays of
    Alsace-Moselle apply too (``all_mainland``) or do not (``by_postcode``). For an unreadable postcode, the hours of
    every possible territory apply (``FR-ANY``); a cell of zeros or dashes counts as no postcode.

    Raises:
        ConfigurationError: ``alsace_moselle`` is neither.

    >>> window_key("FR", "67000"), window_key("GP", "97150"), window_key("RE", "75001")
    ('FR-AM', 'MF', 'FR+RE')
    >>> window_key("FR", "97400 SAINT-DENIS"), window_key("FR", "4th floor"), window_key("FR", "-")
    ('FR-AM+RE', 'FR-ANY', 'FR-AM')
    """
    if alsace_moselle not in _MAINLAND_DEFAULTS:
        allowed = " or ".join(_MAINLAND_DEFAULTS)
        raise ConfigurationError(f"alsace_moselle is {alsace_moselle!r}; it must be {allowed}")
    territories = load_territories()
    by_number = _MAINLAND_DEFAULTS[alsace_moselle] if territory == MAINLAND else territory
    by_postcode = _territory_of_postcode(postcode or "")
    if by_postcode is None or territory not in territories or not territories[territory].postcodes:
        return by_number
    if by_postcode == UNREADABLE:
        return UNREADABLE if territory in _numbered_territories(UNREADABLE) else by_number
    if territory in (by_postcode, territories[by_postcode].numbered_as):
        return by_postcode
    return "+".join(sorted({by_number, by_postcode}))


def _territory_of_postcode(postcode: str) -> str | None:
    """Return the territory of a postcode (75001, 1000 for 01000) or department (67, 2A, 974) of France or Monaco.

    The five digits may be anywhere in the cell. None: the cell is empty. ``UNREADABLE``: it contains something else.
    """
    prefixes = _territories_by_prefix()
    code = postcode if _POSTCODE.fullmatch(postcode) else _find_postcode(postcode)  # nearly all of a million match
    if not code or not code.strip("0"):
        return None
    if not _POSTCODE.fullmatch(code):
        return prefixes.get(code, UNREADABLE) if len(code) in (2, 3) else UNREADABLE
    return next((prefixes[code[:length]] for length in (5, 3, 2) if code[:length] in prefixes), UNREADABLE)


def _find_postcode(cell: str) -> str:
    """Return the postcode or department in a cell; an empty text when it has none, else the whole cell."""
    text = unicodedata.normalize("NFKC", cell).upper().strip()
    if _SAYS_NOTHING.fullmatch(text):
        return ""
    code = _DECORATION.sub("", text)
    if _SHORTENED.fullmatch(code):
        return f"0{code}"
    found = {_DECORATION.sub("", match) for match in _POSTCODE_WITHIN.findall(text)}
    return found.pop() if len(found) == 1 else code


@cache
def _numbered_territories(territory: str) -> frozenset[str]:
    """Return the territories whose numbers people have in any of the territories that one represents."""
    territories = load_territories()
    return frozenset(territories[name].numbered_as or name for name in territories[territory].stands_for)


@cache
def _territories_by_prefix() -> dict[str, str]:
    return {prefix: name for name, territory in load_territories().items() for prefix in territory.postcodes}
