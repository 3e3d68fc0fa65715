"""When the messages of a recap leave: by place, day and hour."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from sms.forecast import EXPIRING_WORDS
from sms.places import key_name
from sms.wording import count_text, grouped
from sms.zones import zone_of
from tasks.pages import bullets, local_time, table, user_text

#: Hours stand one by one while they fit on a screen, then days.
_MOST_BARS = 24
_BAR_WIDTH = 36


@dataclass(slots=True)
class Bar:
    """The messages that leave in one hour or day, and when the last of them does; all times in UTC."""

    starts_at: datetime
    ends_at: datetime
    last_at: datetime
    message_count: int = 0


def when_parts(view: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    """Return when messages leave: in a sentence, what will not leave, as a bar chart, what is closed, and by place."""
    places, departures = view["places"], view["departures"]
    if not departures:
        return ["Nothing leaves."]
    first, last = min(row["starts_at"] for row in departures), max(row["ends_at"] for row in departures)
    condition = "As planned" if view["campaign"]["due_at"] else "If it is approved now"
    return [
        f"{condition}: **{span_text(first, last, zone)}** ({zone.key}).",
        *_expiring(view, zone),
        *([bullets(user_text(words) for words in view["advice"])] if view["advice"] else []),
        _chart(departures, zone),
        *_closed(places),
        _places_table(places, zone),
    ]


def expiring_places(view: Mapping[str, Any]) -> str:
    """Return where messages will not leave in time, and how many; empty: there are none."""
    counts = Counter({row["window_key"]: row["expiring_count"] for row in view["places"] if row["expiring_count"]})
    return ", ".join(f"{key_name(key)} ({grouped(count)})" for key, count in counts.most_common())


def span_text(first: datetime, last: datetime, zone: ZoneInfo) -> str:
    """Return a span as people read it, with the day once when it is one.

    >>> span_text(datetime(2026, 11, 23, 7, 0, tzinfo=UTC), datetime(2026, 11, 23, 7, 5, tzinfo=UTC), ZoneInfo("UTC"))
    'Mon 2026-11-23 07:00–07:05'
    """
    start, end = local_time(first, zone), local_time(last, zone)
    if start == end:
        return start
    *day, hour = end.split(" ")
    return f"{start}–{hour}" if start.startswith(" ".join(day)) else f"{start} to {end}"


def count_bars(departures: Iterable[Mapping[str, Any]], zone: ZoneInfo, *, is_daily: bool) -> list[Bar]:
    """Return how many messages leave in each hour, or day, of the team's clock; those without any are left out.

    A departure spreads its messages evenly; the sum over the bars is exactly the sum over the departures.
    """
    bars: dict[datetime, Bar] = {}
    for row in departures:
        for part in _spread(row, zone, is_daily):
            bar = bars.setdefault(part.starts_at, Bar(part.starts_at, part.ends_at, part.last_at))
            bar.message_count += part.message_count
            bar.last_at = max(bar.last_at, part.last_at)
    return [bars[key] for key in sorted(bars)]


def _spread(row: Mapping[str, Any], zone: ZoneInfo, is_daily: bool) -> Iterator[Bar]:
    """Yield each hour or day of one departure in which messages leave."""
    starts_at, ends_at, total = row["starts_at"], row["ends_at"], row["message_count"]
    seconds = (ends_at - starts_at).total_seconds()
    gone, bucket = 0, _floor(starts_at, zone, is_daily)
    while gone < total:
        following = _after(bucket, is_daily)
        share = (following - starts_at).total_seconds() / seconds if seconds else 1
        until_now = total if share >= 1 else ceil(total * share)
        if until_now > gone:
            last_at = min(following, ends_at).astimezone(UTC)
            yield Bar(bucket.astimezone(UTC), following.astimezone(UTC), last_at, until_now - gone)
        gone, bucket = until_now, following


def _floor(at: datetime, zone: ZoneInfo, is_daily: bool) -> datetime:
    local = at.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    return local.replace(hour=0, fold=0) if is_daily else local


def _after(bucket: datetime, is_daily: bool) -> datetime:
    """Return the next midnight or hour; an hour is added in UTC, so that a clock change neither skips nor repeats."""
    if is_daily:
        return bucket + timedelta(days=1)
    return (bucket.astimezone(UTC) + timedelta(hours=1)).astimezone(bucket.tzinfo)


def _expiring(view: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    """Return what will not leave, where and why; it is told before the approval, and expires after it."""
    campaign, header = view["campaign"], view["header"]
    limits = {
        "offer_ended": f" ({local_time(campaign['offer_ends_at'], zone)})" if campaign["offer_ends_at"] else "",
        "too_late": f" ({header.get('max_lateness_hours')} h)",
    }
    lines = [
        f"{count_text(row['message_count'], 'message')} to {key_name(row['window_key'])}: "
        f"{EXPIRING_WORDS[row['reason']]}{limits.get(row['reason'], '')}"
        for row in view["expiring"]
    ]
    words = "⚠ **These will not leave in time.** They are never sent late: they expire, and then cost nothing."
    return [f"{words}\n\n{bullets(map(user_text, lines))}"] if lines else []


def _places_table(places: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    rows = [
        (
            f"⚠ {key_name(row['window_key'])}" if row["expiring_count"] else key_name(row["window_key"]),
            _leaving_count(row),
            there := _place_span(row, zone_of(row["zone"])),
            _without_same_day(_place_span(row, zone), there),
        )
        for row in places
    ]
    return table(["place", "messages", "there", f"in {zone.key}"], rows, align="lrll")


def _leaving_count(row: Mapping[str, Any]) -> str:
    leaving_count = grouped(row["message_count"] - row["expiring_count"])
    return f"{leaving_count} of {grouped(row['message_count'])}" if row["expiring_count"] else leaving_count


def _place_span(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    return span_text(row["first_at"], row["last_at"], zone) if row["first_at"] else "never"


def _without_same_day(span: str, beside: str) -> str:
    """Return a span of one day without it, when the span beside it is of that day too: the table stays narrow."""
    day = beside[: len("Mon 2026-11-23 ")]
    return span if " to " in span + beside else span.removeprefix(day)


def _closed(places: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the days that messages wait for, each with the places where it is closed."""
    days: dict[tuple[str, str], list[str]] = {}
    for row in places:
        for day, why in row["closed_days"]:
            days.setdefault((str(day), why), []).append(key_name(row["window_key"]))
    lines = [
        f"{day}, {why}: {'everywhere' if len(names) == len(places) else ', '.join(names)}"
        for (day, why), names in sorted(days.items())
    ]
    return [f"Nothing leaves on these days:\n\n{bullets(map(user_text, lines))}"] if lines else []


def _chart(departures: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    """Return bars as text, a gap where nothing leaves: it reads the same in a terminal."""
    bars = count_bars(departures, zone, is_daily=False)
    if is_daily := len(bars) > _MOST_BARS:
        bars = count_bars(departures, zone, is_daily=True)
    most = max(bar.message_count for bar in bars)
    width = len(grouped(most))
    lines = []
    for bar, before in zip(bars, [None, *bars], strict=False):
        if before is not None and before.ends_at < bar.starts_at:
            lines.append("⋮")
        day, moment = f"{bar.starts_at.astimezone(zone):%a %Y-%m-%d}", f"{bar.starts_at.astimezone(zone):%H:%M}"
        label = day if is_daily else f"{day} {moment}"
        blocks = "█" * max(1, _BAR_WIDTH * bar.message_count // most)
        lines.append(f"{label}  {grouped(bar.message_count):>{width}} {blocks}")
    body = "\n".join(lines)
    return f"Messages that leave each {'day' if is_daily else 'hour'} ({zone.key}):\n\n```\n{body}\n```"
