"""When the messages of a campaign leave: a plan made from the queue, the gateway's rate and each place's hours.

The plan follows the sender: at each moment the first key of the queue that is open sends. A key is a
``window_key``: the places that bind a recipient.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.policy import WEEKDAYS, Policy
from campanile.sms.schedule.quiet_hours import closing_holiday, key_closing, next_key_opening
from campanile.sms.schedule.territories import clocks_of, key_name
from campanile.sms.schedule.timezones import zone_of
from campanile.sms.text.formatting import count_text, grouped

_PATIENCE = timedelta(days=400)
_NOISE = 1e-6  # of a message: what floating point may add to a whole number of them
_DAY_BEGINS, _DAY_ENDS = time(8), time(20)
_NIGHT = "between 20:00 and 08:00 at the recipient's place"
_WEEKEND = "on a Saturday or a Sunday at the recipient's place"
_UNKNOWN = "to a place whose clock is not known"


class Departure(NamedTuple):
    """A span in which one key sends without a break: ``message_count`` messages, spread evenly. Times are UTC."""

    window_key: str
    starts_at: datetime
    ends_at: datetime
    message_count: int


class _Span(NamedTuple):
    """A time in which a key may send: from ``opens_at``, and before ``ends_at``; None: for ever."""

    opens_at: datetime
    ends_at: datetime | None


def plan_departures(
    loads: Sequence[tuple[str, int]],
    starts_at: datetime,
    messages_per_second: float,
    policy: Policy | None,
    margin_seconds: float,
    not_before: Mapping[str, datetime] | None = None,
) -> list[Departure]:
    """Plan when each message leaves at the earliest.

    A key that opens takes over from those behind it in the queue, and waits while it is closed. The plan is as good
    as the rate: it knows of no other campaign, no throttling and no STOP.

    Args:
        loads: (window key, messages) in the order of the queue.
        starts_at: nothing leaves before.
        messages_per_second: what the gateway takes.
        policy: whose hours bind; None: none do, as for alerts.
        margin_seconds: nothing is claimed this short before a window closes.
        not_before: for some keys, an instant of their own before which nothing leaves, under a policy or none.

    Returns:
        Departures by start; those of a key add up to its load.

    Raises:
        ValueError: ``starts_at`` or an instant of ``not_before`` has no time zone, or the rate is not above zero.
        ConfigurationError: a place is unknown, or does not open for long enough within 400 days.

    >>> from campanile.sms.schedule.policy import load_policy
    >>> monday = datetime(2026, 11, 23, 17, 59, tzinfo=UTC)
    >>> plan = plan_departures([("FR", 9000)], monday, 1, load_policy("fr-strict"), 60)
    >>> [(str(leaving.starts_at), leaving.message_count) for leaving in plan]
    [('2026-11-23 17:59:00+00:00', 3600), ('2026-11-24 07:00:00+00:00', 5400)]
    >>> plan = plan_departures([("FR", 60), ("RE", 60)], monday, 1, None, 60, {"FR": monday + timedelta(hours=2)})
    >>> [(leaving.window_key, str(leaving.starts_at)) for leaving in plan]
    [('RE', '2026-11-23 17:59:00+00:00'), ('FR', '2026-11-23 19:59:00+00:00')]
    """
    own = not_before or {}
    for instant in (starts_at, *own.values()):
        if instant.utcoffset() is None:
            raise ValueError(f"{instant.isoformat()} has no time zone; give an aware datetime, such as one in UTC")
    if not messages_per_second > 0:
        raise ValueError(f"a rate of {messages_per_second} messages a second sends nothing; it must be above 0")
    queue = [(key, count) for key, count in loads if count > 0]
    begins = starts_at.astimezone(UTC)
    floors = {key: own.get(key, begins).astimezone(UTC) for key, _ in queue}
    next_span = partial(_next_span, floors=floors, policy=policy, margin=timedelta(seconds=margin_seconds))
    return _merged(list(_walk(queue, begins, messages_per_second, next_span)))


def closed_days(key: str, start: datetime, end: datetime, policy: Policy) -> list[tuple[date, str]]:
    """Return the local days from ``start`` to ``end`` that are wholly closed at one of a key's places, and why.

    Why is a weekday, or the name of the holiday, in English wherever the library has one.

    >>> from campanile.sms.schedule.policy import load_policy
    >>> friday = datetime(2026, 12, 18, 19, 0, tzinfo=UTC)
    >>> closed_days("RE", friday, friday + timedelta(days=3), load_policy("fr-strict"))
    [(datetime.date(2026, 12, 20), 'Sunday')]
    """
    closed: dict[date, str] = {}
    for place, zone in clocks_of(key):
        for day in _local_days(start, end, zone_of(zone)):
            why = _why_closed(day, place, policy)
            if why is not None:
                closed.setdefault(day, why)
    return sorted(closed.items())


def alert_advice(departures: Sequence[Departure]) -> list[str]:
    """Return one sentence for each kind of moment at which people would rather get no message, and where.

    At night and at week-ends, on any clock that may be the recipient's; or when no clock is known.

    >>> sunday = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
    >>> alert_advice([Departure("FR", sunday, sunday, 3)])
    ["3 messages leave on a Saturday or a Sunday at the recipient's place: mainland France (3)."]
    """
    found: dict[str, Counter[str]] = {_NIGHT: Counter(), _WEEKEND: Counter(), _UNKNOWN: Counter()}
    for departure in departures:
        for kind, count in _bad_moments(departure).items():
            found[kind][key_name(departure.window_key)] += count
    return [_sentence(kind, places) for kind, places in found.items() if places]


def _walk(
    queue: list[tuple[str, int]], at: datetime, rate: float, next_span: Callable[[str, datetime], _Span]
) -> Iterator[Departure]:
    """Go from one change of the sending key to the next."""
    left = [count for _, count in queue]
    spans = [next_span(key, at) for key, _ in queue]
    while waiting := [position for position, count in enumerate(left) if count]:
        for position in waiting:
            if _is_over(spans[position], at):
                spans[position] = next_span(queue[position][0], at)
        first = min(waiting, key=lambda position: (max(spans[position].opens_at, at), position))
        begins = max(spans[first].opens_at, at)
        better = [spans[position].opens_at for position in waiting if position < first]
        until = min([end for end in (spans[first].ends_at, *better) if end is not None], default=None)
        at, count = _send(begins, until, left[first], rate)
        left[first] -= count
        yield Departure(queue[first][0], begins, at, count)


def _send(begins: datetime, until: datetime | None, load: int, rate: float) -> tuple[datetime, int]:
    """Return when sending ends, and how many messages of a load have left: one at once, then one each 1/rate."""
    if until is None:
        return begins + timedelta(seconds=load / rate), load
    fits = max(1, math.ceil((until - begins).total_seconds() * rate - _NOISE))
    if fits < load:
        return until, fits
    return min(until, begins + timedelta(seconds=load / rate)), load


def _next_span(
    key: str, at: datetime, floors: Mapping[str, datetime], policy: Policy | None, margin: timedelta
) -> _Span:
    """Return when a key may send next, not before its floor, windows that are no longer than the margin left out."""
    opens_at = start = max(at, floors[key])
    if policy is None:
        return _Span(start, None)
    while opens_at - start < _PATIENCE:
        opens_at = next_key_opening(opens_at, key, policy)
        closes_at = key_closing(opens_at, key, policy)
        if closes_at is not None and opens_at < closes_at - margin:
            return _Span(opens_at, closes_at - margin)
        opens_at = closes_at or opens_at + _PATIENCE
    raise ConfigurationError(
        f"{key} does not open for more than {margin.total_seconds():g} seconds within {_PATIENCE.days} days "
        f"under {policy.name}"
    )


def _is_over(span: _Span, at: datetime) -> bool:
    return span.ends_at is not None and span.ends_at <= at


def _merged(departures: Sequence[Departure]) -> list[Departure]:
    """Join spans of one key that touch."""
    found: list[Departure] = []
    for departure in departures:
        last = found[-1] if found else None
        if last is not None and last.window_key == departure.window_key and last.ends_at == departure.starts_at:
            count = last.message_count + departure.message_count
            found[-1] = last._replace(ends_at=departure.ends_at, message_count=count)
        else:
            found.append(departure)
    return found


def _why_closed(day: date, place: str, policy: Policy) -> str | None:
    if not policy.windows[day.weekday()]:
        return WEEKDAYS[day.weekday()].capitalize()
    return closing_holiday(day, place, policy)


def _local_days(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    first, last = (moment.astimezone(zone).date() for moment in (start, end))
    return [first + timedelta(days=days) for days in range((last - first).days + 1)]


def _bad_moments(departure: Departure) -> Counter[str]:
    """Return how many messages of a departure leave at each kind of bad moment."""
    zones = [zone_of(zone) for _, zone in clocks_of(departure.window_key)]
    if not zones:
        return Counter({_UNKNOWN: departure.message_count})
    shares: dict[str, float] = {}
    whole = departure.ends_at - departure.starts_at
    for begins, ends in pairwise(_cut(departure.starts_at, departure.ends_at, zones)):
        for kind in _kinds(begins, zones):
            shares[kind] = shares.get(kind, 0.0) + ((ends - begins) / whole if whole else 1.0)
    return Counter({kind: max(1, round(share * departure.message_count)) for kind, share in shares.items()})


def _cut(start: datetime, end: datetime, zones: Sequence[ZoneInfo]) -> list[datetime]:
    """Return a span's ends and, between them, every instant at which a day or a night begins on one of the clocks."""
    turns = (
        datetime.combine(day, turn, tzinfo=zone).astimezone(UTC)
        for zone in zones
        for day in _local_days(start, end, zone)
        for turn in (time(0), _DAY_BEGINS, _DAY_ENDS)
    )
    return [start, *sorted({turn for turn in turns if start < turn < end}), end]


def _kinds(at: datetime, zones: Sequence[ZoneInfo]) -> list[str]:
    clocks = [at.astimezone(zone) for zone in zones]
    is_night = any(not _DAY_BEGINS <= clock.time() < _DAY_ENDS for clock in clocks)
    is_weekend = any(clock.weekday() >= WEEKDAYS.index("saturday") for clock in clocks)
    return [kind for kind, holds in ((_NIGHT, is_night), (_WEEKEND, is_weekend)) if holds]


def _sentence(kind: str, places: Counter[str]) -> str:
    count = places.total()
    where = ", ".join(f"{place} ({grouped(number)})" for place, number in places.most_common())
    return f"{count_text(count, 'message')} {'leaves' if count == 1 else 'leave'} {kind}: {where}."
