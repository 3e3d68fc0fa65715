"""Where a recipient is: which clocks and which holidays bind.

The number gives the territory, a French postcode may say more. They can disagree (a Réunion number with a Paris
postcode): then both places bind. What nobody can tell is answered by the strictest. The places are data,
``territories.toml``.
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import holidays

from sms.errors import ConfigurationError

MAINLAND = "FR"
ALSACE_MOSELLE = "FR-AM"
_MAINLAND_DEFAULTS = {"all_mainland": ALSACE_MOSELLE, "by_postcode": MAINLAND}
_POSTCODE = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")


@dataclass(frozen=True)
class Place:
    """One entry of ``territories.toml``, which says what each key means."""

    zones: tuple[str, ...]
    country: str
    subdivisions: tuple[str, ...] = ()
    customs_off: tuple[str, ...] = ()
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
def holidays_of(place: str, year: int) -> frozenset[date]:
    """Return the public holidays of a place in a year, local customs left out.

    >>> date(2026, 12, 20) in holidays_of("RE", 2026)
    True
    """
    entry = load_places()[place]
    calendars = [
        holidays.country_holidays(entry.country, subdiv=subdivision, years=year, language=_language(entry.country))
        for subdivision in (None, *entry.subdivisions)
    ]
    return frozenset(
        day for calendar in calendars for day in calendar if not set(calendar.get_list(day)) <= set(entry.customs_off)
    )


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


def _language(country: str) -> str | None:
    """Ask for English names where they are compared with ``customs_off``, whatever the language of the machine."""
    return "en_US" if country == "FR" else None


def _place_of_postcode(postcode: str) -> str | None:
    """Return the place of a French postcode (75001, 1000 for 01000) or department (67, 2A, 974), or None."""
    code = re.sub(r"\s|\.0$|^F(?:R)?-", "", unicodedata.normalize("NFKC", postcode).upper())
    prefixes = _places_by_prefix()
    if re.fullmatch(r"[0-9]{4}", code):
        code = f"0{code}"
    if not _POSTCODE.fullmatch(code):
        return prefixes.get(code) if len(code) in (2, 3) else None
    return next((prefixes[code[:length]] for length in (5, 3, 2) if code[:length] in prefixes), None)


@cache
def _places_by_prefix() -> dict[str, str]:
    return {prefix: name for name, place in load_places().items() for prefix in place.postcodes}
