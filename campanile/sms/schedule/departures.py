"""When the messages of a campaign are sent: a plan from the queue, the gateway's rate and each territory's windows.

The plan follows the sender: at each moment the first open key of the queue sends. A key is a ``window_key``: the
territories whose hours apply to a recipient.
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

_HORIZON = timedelta(days=400)
_NOISE = 1e-6  # of a message: what floating point may add to a whole number of them
_DAY_BEGINS, _DAY_ENDS = time(8), time(20)
_NIGHT = "between 20:00 and 08:00 on the recipient's clock"
_WEEKEND = "on a Saturday or a Sunday on the recipient's clock"
_UNKNOWN = "to a territory whose clock is not known"


class Departure(NamedTuple):
    """Messages of one key that are sent without a break, spread evenly over a span; times are in UTC."""

    window_key: str
    starts_at: datetime
    ends_at: datetime
    message_count: int


class _Span(NamedTuple):
    """A span in which a key may send: from ``opens_at``, and before ``ends_at``; None: without an end."""

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
    """Plan when each message is sent at the earliest.

    A key that opens takes precedence over those behind it in the queue, and waits while it is closed. The plan is as
    exact as the rate: it does not know other campaigns, throttling and STOPs.

    Args:
        loads: (window key, messages) in the order of the queue.
        starts_at: no message is sent before.
        messages_per_second: the rate of the gateway.
        policy: the sending windows; None: there are none, as for alerts.
        margin_seconds: no message is claimed this short before a window closes.
        not_before: for some keys, a time before which no message is sent, with or without a policy.

    Returns:
        Departures by start; those of a key add up to its load.

    Raises:
        ValueError: ``starts_at`` or a time of ``not_before`` has no time zone, or the rate is not above zero.
        ConfigurationError: a territory is unknown, or does not open for long enough within 400 days.

    >>> from campanile.sms.schedule.policy import load_policy
    >>> monday = datetime(2026, 11, 23, 17, 59, tzinfo=UTC)
    >>> plan = plan_departures([("FR", 9000)], monday, 1, load_policy("fr-strict"), 60)
    >>> [(str(departure.starts_at), departure.message_count) for departure in plan]
    [('2026-11-23 17:59:00+00:00', 3600), ('2026-11-24 07:00:00+00:00', 5400)]
    >>> plan = plan_departures([("FR", 60), ("RE", 60)], monday, 1, None, 60, {"FR": monday + timedelta(hours=2)})
    >>> [(departure.window_key, str(departure.starts_at)) for departure in plan]
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
    """Return the local days from ``start`` to ``end`` that are closed all day in one of a key's territories, and why.

    The reason is a weekday, or the name of the holiday, in English if the library has an English name.

    >>> from campanile.sms.schedule.policy import load_policy
    >>> friday = datetime(2026, 12, 18, 19, 0, tzinfo=UTC)
    >>> closed_days("RE", friday, friday + timedelta(days=3), load_policy("fr-strict"))
    [(datetime.date(2026, 12, 20), 'Sunday')]
    """
    closed: dict[date, str] = {}
    for territory, zone in clocks_of(key):
        for day in _local_days(start, end, zone_of(zone)):
            why = _why_closed(day, territory, policy)
            if why is not None:
                closed.setdefault(day, why)
    return sorted(closed.items())


def alert_advice(departures: Sequence[Departure]) -> list[str]:
    """Return one sentence for each kind of inconvenient time at which messages are sent, with the territories.

    Inconvenient are nights and week-ends, on any clock that may be the recipient's; and a recipient without a known
    clock.

    >>> sunday = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
    >>> alert_advice([Departure("FR", sunday, sunday, 3)])
    ["3 messages are sent on a Saturday or a Sunday on the recipient's clock: mainland France (3)."]
    """
    found: dict[str, Counter[str]] = {_NIGHT: Counter(), _WEEKEND: Counter(), _UNKNOWN: Counter()}
    for departure in departures:
        for kind, count in _bad_moments(departure).items():
            found[kind][key_name(departure.window_key)] += count
    return [_sentence(kind, territories) for kind, territories in found.items() if territories]


def _walk(
    queue: list[tuple[str, int]], at: datetime, rate: float, next_span: Callable[[str, datetime], _Span]
) -> Iterator[Departure]:
    """Yield one departure for each change of the sending key."""
    remaining = [count for _, count in queue]
    spans = [next_span(key, at) for key, _ in queue]
    while waiting := [position for position, count in enumerate(remaining) if count]:
        for position in waiting:
            if _is_over(spans[position], at):
                spans[position] = next_span(queue[position][0], at)
        first = min(waiting, key=lambda position: (max(spans[position].opens_at, at), position))
        begins = max(spans[first].opens_at, at)
        better = [spans[position].opens_at for position in waiting if position < first]
        until = min([end for end in (spans[first].ends_at, *better) if end is not None], default=None)
        at, count = _send(begins, until, remaining[first], rate)
        remaining[first] -= count
        yield Departure(queue[first][0], begins, at, count)


def _send(begins: datetime, until: datetime | None, load: int, rate: float) -> tuple[datetime, int]:
    """Return when sending ends, and how many messages are sent: one at once, then one each 1/rate seconds."""
    if until is None:
        return begins + timedelta(seconds=load / rate), load
    fits = max(1, math.ceil((until - begins).total_seconds() * rate - _NOISE))
    if fits < load:
        return until, fits
    return min(until, begins + timedelta(seconds=load / rate)), load


def _next_span(
    key: str, at: datetime, floors: Mapping[str, datetime], policy: Policy | None, margin: timedelta
) -> _Span:
    """Return the next span of a key, not before its floor; windows that are not longer than the margin are skipped."""
    opens_at = start = max(at, floors[key])
    if policy is None:
        return _Span(start, None)
    while opens_at - start < _HORIZON:
        opens_at = next_key_opening(opens_at, key, policy)
        closes_at = key_closing(opens_at, key, policy)
        if closes_at is not None and opens_at < closes_at - margin:
            return _Span(opens_at, closes_at - margin)
        opens_at = closes_at or opens_at + _HORIZON
    raise ConfigurationError(
        f"{key} does not open for more than {margin.total_seconds():g} seconds within {_HORIZON.days} days "
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


def _why_closed(day: date, territory: str, policy: Policy) -> str | None:
    if not policy.windows[day.weekday()]:
        return WEEKDAYS[day.weekday()].capitalize()
    return closing_holiday(day, territory, policy)


def _local_days(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    first, last = (moment.astimezone(zone).date() for moment in (start, end))
    return [first + timedelta(days=days) for days in range((last - first).days + 1)]


def _bad_moments(departure: Departure) -> Counter[str]:
    """Return how many messages of a departure are sent at each kind of inconvenient time."""
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
    """Return both ends of a span and, between them, each time at which a day or a night begins on one of the clocks."""
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


def _sentence(kind: str, territories: Counter[str]) -> str:
    count = territories.total()
    where = ", ".join(f"{territory} ({grouped(number)})" for territory, number in territories.most_common())
    return f"{count_text(count, 'message')} {'is' if count == 1 else 'are'} sent {kind}: {where}."
