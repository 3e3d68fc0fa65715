"""When marketing may be sent to a person: in the sending windows of a policy, in every territory that may apply.

Windows are wall-clock hours of one local day, converted to UTC with the rules of the zone, so 08:00 is 08:00 on both
sides of a clock change. If a clock change repeats or skips an opening or closing hour, the shorter window applies. An
unknown territory is never open.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.policy import Policy, Window, load_policy, parse_policy, policy_names
from campanile.sms.schedule.territories import clocks_of, holiday_names, load_territories, window_key
from campanile.sms.schedule.timezones import zone_of

__all__ = [
    "Policy", "Window", "closing_holiday", "is_key_open", "is_open", "key_closing", "load_policy", "local_instant",
    "next_key_opening", "next_opening", "parse_policy", "policy_names", "window_key",
]  # fmt: skip

_HORIZON = timedelta(days=400)


class _Opening(NamedTuple):
    opens_at: datetime
    closes_at: datetime


def is_open(
    at: datetime,
    territory: str,
    policy: str | Policy = "fr-strict",
    postcode: str | None = None,
    alsace_moselle: str = "all_mainland",
) -> bool:
    """Return whether marketing may be sent at a time to a person with a number of ``territory``.

    Open at 08:00:00, closed at exactly 20:00:00, in the person's territory (``window_key``). An unknown territory is
    never open.

    Raises:
        ValueError: ``at`` has no time zone.
        ConfigurationError: no such policy, or ``alsace_moselle`` is not a value it may have.

    >>> [is_open(datetime(2026, 12, 21, hour, 0, tzinfo=UTC), "FR") for hour in (6, 7, 18, 19)]
    [False, True, True, False]
    """
    return is_key_open(at, window_key(territory, postcode, alsace_moselle), policy)


def next_opening(
    at: datetime,
    territory: str,
    policy: str | Policy = "fr-strict",
    postcode: str | None = None,
    alsace_moselle: str = "all_mainland",
) -> datetime:
    """Return the first instant from ``at`` on at which ``is_open`` holds: ``at`` itself, or an instant in UTC.

    Raises:
        ValueError: ``at`` has no time zone.
        ConfigurationError: as ``is_open``; or the territory is unknown, or does not open within a year.

    >>> next_opening(datetime(2026, 12, 19, 21, 0, tzinfo=UTC), "FR").isoformat()
    '2026-12-21T07:00:00+00:00'
    """
    return next_key_opening(at, window_key(territory, postcode, alsace_moselle), policy)


def is_key_open(at: datetime, key: str, policy: str | Policy) -> bool:
    """Return whether all territories of a ``window_key`` are open; False when one of them is unknown.

    Raises:
        ValueError: ``at`` has no time zone.
        ConfigurationError: no such policy.

    >>> is_key_open(datetime(2026, 12, 21, 9, 0, tzinfo=UTC), "FR+NC", "fr-strict")
    False
    """
    return key_closing(at, key, policy) is not None


def next_key_opening(at: datetime, key: str, policy: str | Policy) -> datetime:
    """Return the first time from ``at`` on at which all territories of a key are open: ``at`` itself, or in UTC.

    Territories on opposite sides of the globe may not be open together for months.

    Raises:
        ValueError: ``at`` has no time zone.
        ConfigurationError: no such policy, an unknown territory, or no opening within 400 days.

    >>> next_key_opening(datetime(2026, 12, 21, 9, 0, tzinfo=UTC), "FR+NC", "fr-strict").isoformat()
    '2026-12-22T07:00:00+00:00'
    """
    rules = _as_policy(policy)
    clocks = _known_clocks(key)
    instant = start = _to_utc(at)
    while instant - start < _HORIZON:
        latest = max(_next_single(instant, territory, zone, rules) for territory, zone in clocks)
        if latest == instant:
            return at if instant == start else instant
        instant = latest
    raise ConfigurationError(f"{key} does not open within {_HORIZON.days} days under {rules.name}")


def key_closing(at: datetime, key: str, policy: str | Policy) -> datetime | None:
    """Return the end, in UTC, of the window that holds ``at``; None when one of the territories is closed or unknown.

    Windows that touch at midnight are not merged.

    Raises:
        ValueError: ``at`` has no time zone.
        ConfigurationError: no such policy.

    >>> str(key_closing(datetime(2026, 12, 21, 9, 0, tzinfo=UTC), "FR", "fr-strict"))
    '2026-12-21 19:00:00+00:00'
    """
    rules, instant = _as_policy(policy), _to_utc(at)
    ends = [_end_of_window(instant, territory, zone, rules) for territory, zone in clocks_of(key)]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def local_instant(key: str, day: date, at: time) -> datetime:
    """Return, in UTC, when the last clock of a ``window_key`` shows a day and a time.

    If a clock change repeats the time, the second one counts; if it skips 02:30, that counts as 03:30.

    Raises:
        ValueError: ``at`` has a time zone of its own.
        ConfigurationError: a territory is unknown.

    >>> local_instant("RE", date(2026, 12, 21), time(9)).isoformat()
    '2026-12-21T05:00:00+00:00'
    >>> local_instant("FR+RE", date(2026, 12, 21), time(9)).isoformat()
    '2026-12-21T08:00:00+00:00'
    """
    if at.tzinfo is not None:
        raise ValueError(f"{at.isoformat()} has a time zone; give the time that the recipient's clock shows")
    wall = datetime.combine(day, at)
    return max(reading for _, zone in _known_clocks(key) for reading in _wall_to_utc(wall, zone))


def closing_holiday(day: date, territory: str, policy: Policy) -> str | None:
    """Return the name of the holiday on which a policy closes a territory; None when the day is no such holiday.

    >>> closing_holiday(date(2026, 12, 26), "FR-AM", load_policy("fr-strict"))
    "Saint Stephen's Day"
    """
    if not policy.closes_on_holidays:
        return None
    return holiday_names(territory, day.year, policy.observes_local_customs).get(day)


def _known_clocks(key: str) -> tuple[tuple[str, str], ...]:
    clocks = clocks_of(key)
    if not clocks:
        raise ConfigurationError(
            f"no hours are known for {key!r}; territories: {', '.join(sorted(load_territories()))}"
        )
    return clocks


def _as_policy(policy: str | Policy) -> Policy:
    return policy if isinstance(policy, Policy) else load_policy(policy)


def _to_utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone; give an aware datetime, such as one in UTC")
    return at.astimezone(UTC)


def _end_of_window(instant: datetime, territory: str, zone: str, policy: Policy) -> datetime | None:
    day = instant.astimezone(zone_of(zone)).date()
    openings = _openings(day, territory, zone, policy)
    return next((closes_at for opens_at, closes_at in openings if opens_at <= instant < closes_at), None)


def _next_single(instant: datetime, territory: str, zone: str, policy: Policy) -> datetime:
    day = instant.astimezone(zone_of(zone)).date()
    for days in range(_HORIZON.days + 1):
        for opens_at, closes_at in _openings(day + timedelta(days=days), territory, zone, policy):
            if instant < closes_at:
                return max(instant, opens_at)
    return instant + _HORIZON


@lru_cache(maxsize=65536)
def _openings(day: date, territory: str, zone: str, policy: Policy) -> tuple[_Opening, ...]:
    """Return the windows of one local day as instants in UTC, in order."""
    if closing_holiday(day, territory, policy) is not None:
        return ()
    midnight = datetime.combine(day, time())
    openings = (
        _Opening(
            max(_wall_to_utc(midnight + timedelta(minutes=window.opens), zone)),
            min(_wall_to_utc(midnight + timedelta(minutes=window.closes), zone)),
        )
        for window in policy.windows[day.weekday()]
    )
    return tuple(opening for opening in openings if opening.opens_at < opening.closes_at)


def _wall_to_utc(wall: datetime, zone: str) -> tuple[datetime, datetime]:
    """Return both readings of a wall-clock time; they differ only if a clock change repeats or skips it."""
    first, second = (wall.replace(tzinfo=zone_of(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second
