"""Where a recipient is: which clocks and which holidays bind.

The number gives the territory, a French postcode may say more. They can disagree (a Réunion number with a Paris
postcode): then both places bind. What nobody can tell is answered by the strictest. The places are data,
``territories.toml``.
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
class Place:
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
def load_places() -> dict[str, Place]:
    """Return the places known, by name: ISO codes of territories, and ``FR-AM`` for Alsace-Moselle.

    >>> load_places()["RE"].zones
    ('Indian/Reunion',)
    """
    data = tomllib.loads(files("campanile.sms.schedule").joinpath("territories.toml").read_text(encoding="utf-8"))
    plain = {name: _build_place(entry) for name, entry in data.items() if "stands_for" not in entry}
    return {name: plain[name] if name in plain else _build_any_of(entry, plain) for name, entry in data.items()}


def _build_place(entry: dict[str, Any]) -> Place:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Place(**values)


def _build_any_of(entry: dict[str, Any], places: Mapping[str, Place]) -> Place:
    """Return a place that has the clocks of all those it stands for."""
    meant = tuple(entry["stands_for"])
    zones = dict.fromkeys(zone for name in meant for zone in places[name].zones)
    return Place(entry["name"], tuple(zones), places[meant[0]].country, stands_for=meant)


@cache
def holiday_names(place: str, year: int, with_customs: bool = False) -> Mapping[date, str]:
    """Return the public holidays of a place in a year with their names, and local customs where they are wanted.

    Names are English wherever the library has them, whatever the language of the machine.

    >>> holiday_names("RE", 2026)[date(2026, 12, 20)]
    'Abolition of Slavery'
    >>> holiday_names("GP", 2026, with_customs=True)[date(2026, 3, 12)]
    'Mi-Careme'
    """
    entry = load_places()[place]
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
def holidays_of(place: str, year: int) -> frozenset[date]:
    """Return the public holidays of a place in a year, local customs left out.

    >>> date(2026, 12, 20) in holidays_of("RE", 2026)
    True
    """
    return frozenset(holiday_names(place, year))


@lru_cache(maxsize=1024)
def clocks_of(key: str) -> tuple[tuple[str, str], ...]:
    """Return each (place, zone) of a ``window_key``; none at all when one of its places is unknown.

    >>> clocks_of("FR+RE")
    (('FR', 'Europe/Paris'), ('RE', 'Indian/Reunion'))
    """
    places = load_places()
    names = key.split("+")
    return tuple((name, zone) for name in names for zone in places[name].zones) if set(names) <= set(places) else ()


def key_name(key: str) -> str:
    """Return what people call the places of a ``window_key``; an unknown place keeps its code.

    >>> key_name("RE"), key_name("FR+RE"), key_name("JP")
    ('Réunion', 'mainland France and Réunion', 'JP')
    """
    places = load_places()
    return " and ".join(places[code].name if code in places else code for code in key.split("+"))


def window_key(territory: str, postcode: str | None = None, alsace_moselle: str = "all_mainland") -> str:
    """Return the places whose hours bind a recipient: one name, or several sorted and joined with ``+``.

    Postcodes count for French numbers only, and those of Monaco. Without one a mainland number is bound by the days
    of Alsace-Moselle too (``all_mainland``) or is not (``by_postcode``). One that cannot be read binds by every
    place that it could be one of (``FR-ANY``); zeros and dashes are none.

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
    places = load_places()
    by_number = _MAINLAND_DEFAULTS[alsace_moselle] if territory == MAINLAND else territory
    by_postcode = _place_of_postcode(postcode or "")
    if by_postcode is None or territory not in places or not places[territory].postcodes:
        return by_number
    if by_postcode == UNREADABLE:
        return UNREADABLE if territory in _numbered_territories(UNREADABLE) else by_number
    if territory in (by_postcode, places[by_postcode].numbered_as):
        return by_postcode
    return "+".join(sorted({by_number, by_postcode}))


def _place_of_postcode(postcode: str) -> str | None:
    """Return the place of a postcode (75001, 1000 for 01000) or department (67, 2A, 974) of France or Monaco.

    The five digits may stand anywhere in the cell. None: the cell says nothing. ``UNREADABLE``: it says something else.
    """
    prefixes = _places_by_prefix()
    code = postcode if _POSTCODE.fullmatch(postcode) else _find_postcode(postcode)  # nearly all of a million match
    if not code or not code.strip("0"):
        return None
    if not _POSTCODE.fullmatch(code):
        return prefixes.get(code, UNREADABLE) if len(code) in (2, 3) else UNREADABLE
    return next((prefixes[code[:length]] for length in (5, 3, 2) if code[:length] in prefixes), UNREADABLE)


def _find_postcode(cell: str) -> str:
    """Return the postcode or department in a cell as people fill it; nothing when it says nothing, else all of it."""
    text = unicodedata.normalize("NFKC", cell).upper().strip()
    if _SAYS_NOTHING.fullmatch(text):
        return ""
    code = _DECORATION.sub("", text)
    if _SHORTENED.fullmatch(code):
        return f"0{code}"
    found = {_DECORATION.sub("", match) for match in _POSTCODE_WITHIN.findall(text)}
    return found.pop() if len(found) == 1 else code


@cache
def _numbered_territories(place: str) -> frozenset[str]:
    """Return the territories whose numbers people have at any of the places that one stands for."""
    places = load_places()
    return frozenset(places[name].numbered_as or name for name in places[place].stands_for)


@cache
def _places_by_prefix() -> dict[str, str]:
    return {prefix: name for name, place in load_places().items() for prefix in place.postcodes}
