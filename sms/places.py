"""Where a recipient is: which clocks and which holidays bind.

The number gives the territory, a French postcode may say more. They can disagree (a Réunion number with a Paris
postcode): then both places bind. What nobody can tell is answered by the strictest. The places are data,
``territories.toml``.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import holidays

from sms.errors import ConfigurationError

MAINLAND = "FR"
ALSACE_MOSELLE = "FR-AM"
_MAINLAND_DEFAULTS = {"all_mainland": ALSACE_MOSELLE, "by_postcode": MAINLAND}
_POSTCODE = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")
_SHORTENED = re.compile(r"[0-9]{4}")
_DECORATION = re.compile(r"\s|\.0$|^F(?:R)?-")


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


@cache
def load_places() -> dict[str, Place]:
    """Return the places known, by name: ISO codes of territories, and ``FR-AM`` for Alsace-Moselle.

    >>> load_places()["RE"].zones
    ('Indian/Reunion',)
    """
    data = tomllib.loads(files("sms").joinpath("territories.toml").read_text(encoding="utf-8"))
    return {name: _build_place(entry) for name, entry in data.items()}


def _build_place(entry: dict[str, Any]) -> Place:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Place(**values)


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

    Postcodes count for French numbers only; one that cannot be read counts as none. Without one a mainland
    number is bound by the days of Alsace-Moselle too (``all_mainland``) or is not (``by_postcode``).

    Raises:
        ConfigurationError: ``alsace_moselle`` is neither.

    >>> window_key("FR", "67000"), window_key("GP", "97150"), window_key("RE", "75001")
    ('FR-AM', 'MF', 'FR+RE')
    """
    if alsace_moselle not in _MAINLAND_DEFAULTS:
        allowed = " or ".join(_MAINLAND_DEFAULTS)
        raise ConfigurationError(f"alsace_moselle is {alsace_moselle!r}; it must be {allowed}")
    places = load_places()
    by_number = _MAINLAND_DEFAULTS[alsace_moselle] if territory == MAINLAND else territory
    by_postcode = _place_of_postcode(postcode or "")
    if by_postcode is None or territory not in places or not places[territory].postcodes:
        return by_number
    if territory in (by_postcode, places[by_postcode].numbered_as):
        return by_postcode
    return "+".join(sorted({by_number, by_postcode}))


def _place_of_postcode(postcode: str) -> str | None:
    """Return the place of a French postcode (75001, 1000 for 01000) or department (67, 2A, 974), or None."""
    is_plain = _POSTCODE.fullmatch(postcode)  # nearly all of a million are
    code = postcode if is_plain else _DECORATION.sub("", unicodedata.normalize("NFKC", postcode).upper())
    prefixes = _places_by_prefix()
    if _SHORTENED.fullmatch(code):
        code = f"0{code}"
    if not _POSTCODE.fullmatch(code):
        return prefixes.get(code) if len(code) in (2, 3) else None
    return next((prefixes[code[:length]] for length in (5, 3, 2) if code[:length] in prefixes), None)


@cache
def _places_by_prefix() -> dict[str, str]:
    return {prefix: name for name, place in load_places().items() for prefix in place.postcodes}
