"""Policies: when marketing may be sent, as data, one file for each policy in ``campanile/sms/policies``.

Sources differ and the French rule changed in 2026, so a policy has a name, a date and a source, and a recap keeps
the text of the file. The code contains no hours.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple, Self

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import ErrorDetails

from campanile.sms.errors import ConfigurationError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(24:00|(?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)


class Window(NamedTuple):
    """A sending window of one day, in minutes since local midnight: open from ``opens``, closed from ``closes``."""

    opens: int
    closes: int

    def __str__(self) -> str:
        """Write the window as its file does."""
        return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in self)


@dataclass(frozen=True)
class Policy:
    """When marketing may be sent, on the recipient's clock.

    ``windows`` has one tuple of windows for each weekday, Monday first. ``observes_local_customs``: days that a
    territory observes although no law makes them holidays are closed too. ``needs_legal_basis``: marketing is sent
    only to lists with a declared legal basis. ``inactive_after_days``: contacts without a sign of life for longer
    get no marketing; None: there is no limit. ``country``: where the rules come from; it decides nothing. ``sha256``
    is the hash of ``text``, the unchanged file.
    """

    name: str
    country: str
    valid_from: date
    source: str
    closes_on_holidays: bool
    observes_local_customs: bool
    windows: tuple[tuple[Window, ...], ...]
    needs_legal_basis: bool
    inactive_after_days: int | None
    sha256: str
    text: str


class _Windows(BaseModel, strict=True, extra="forbid"):
    monday: list[str]
    tuesday: list[str]
    wednesday: list[str]
    thursday: list[str]
    friday: list[str]
    saturday: list[str]
    sunday: list[str]


class _PolicyFile(BaseModel, strict=True, extra="forbid"):
    """The keys of a policy's file; those with a default are missing in policies that old recaps keep."""

    country: str
    valid_from: date
    source: str
    closes_on_holidays: bool
    observes_local_customs: bool = False
    needs_legal_basis: bool = False
    inactive_after_days: int = 0
    windows: _Windows

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.inactive_after_days < 0:
            raise ValueError(f"inactive_after_days is {self.inactive_after_days}; it is a number of days, 0 for never")
        if self.observes_local_customs and not self.closes_on_holidays:
            raise ValueError(
                "observes_local_customs is true, closes_on_holidays is false; customs close as holidays do"
            )
        return self


def policy_names() -> tuple[str, ...]:
    """Return the names of the included policies, sorted.

    >>> policy_names()
    ('fr-af2m-2026', 'fr-strict', 'us-tcpa')
    """
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in files("campanile.sms").joinpath("policies").iterdir())
    )


@cache
def load_policy(name: str) -> Policy:
    """Return an included policy.

    Raises:
        ConfigurationError: there is no policy of that name; the message lists the names.

    >>> load_policy("fr-strict").closes_on_holidays
    True
    """
    if name not in policy_names():
        raise ConfigurationError(f"no policy {name!r}; policies: {', '.join(policy_names())}")
    return parse_policy(name, files("campanile.sms").joinpath("policies", f"{name}.toml").read_text(encoding="utf-8"))


def parse_policy(name: str, text: str) -> Policy:
    """Read a policy from the text of its file, for example from a recap.

    Raises:
        ConfigurationError: a key is missing, unknown or of the wrong type, a number of days is negative, customs
            are closed but holidays are not, or windows overlap.

    >>> parse_policy("kept", load_policy("us-tcpa").text).country
    'US'
    """
    try:
        found = _PolicyFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"policy {name}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(_one_line(item) for item in error.errors())
        raise ConfigurationError(f"policy {name}: {wrong}") from error
    windows = found.windows.model_dump()
    return Policy(
        name=name,
        country=found.country,
        valid_from=found.valid_from,
        source=found.source,
        closes_on_holidays=found.closes_on_holidays,
        observes_local_customs=found.observes_local_customs,
        windows=tuple(_parse_day(name, weekday, windows[weekday]) for weekday in WEEKDAYS),
        needs_legal_basis=found.needs_legal_basis,
        inactive_after_days=found.inactive_after_days or None,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )


def _one_line(item: ErrorDetails) -> str:
    """Return one line that names the key and the error; for an error of several keys, only the error."""
    message = item["msg"].removeprefix("Value error, ")
    return f"{'.'.join(map(str, item['loc']))}: {message}" if item["loc"] else message


def _parse_day(name: str, weekday: str, spans: list[str]) -> tuple[Window, ...]:
    windows = tuple(_parse_window(name, weekday, span) for span in spans)
    if any(later.opens < earlier.closes for earlier, later in pairwise(windows)):
        raise ConfigurationError(f"policy {name}: windows of {weekday} overlap or are out of order: {spans}")
    return windows


def _parse_window(name: str, weekday: str, span: str) -> Window:
    if not _WINDOW.fullmatch(span):
        raise ConfigurationError(f"policy {name}: {span!r} on {weekday} is no window; write 08:00-20:00")
    opens, closes = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
    if opens >= closes:
        raise ConfigurationError(f"policy {name}: {span!r} on {weekday} closes before it opens; cut it at 24:00")
    return Window(opens, closes)
