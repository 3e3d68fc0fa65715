"""When the messages of a recap are sent: by territory, day and hour."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from campanile.pages.recap_views import RecapView, WindowView
from campanile.pages.words import bar_text, span_text
from campanile.sms.schedule.departures import Departure
from campanile.sms.schedule.timezones import zone_of
from campanile.sms.text.formatting import grouped, local_time

#: The chart has one bar an hour up to this number of bars, then one bar a day.
_MAX_BARS = 24
_BAR_WIDTH = 36


@dataclass(slots=True)
class Bar:
    """The messages that are sent in one hour or day, and the time of the last of them; all times in UTC."""

    starts_at: datetime
    ends_at: datetime
    last_at: datetime
    message_count: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the messages of a recap are sent.

    Attributes:
        span: from the first to the last.
        chart: the lines of a bar chart; ``is_daily``: of days, not hours.
        closed: closed days that messages wait for, the reason, and the territories; none named: all of them.
        windows: each territory with its span on its own clock, and on the team's clock.
    """

    span: str
    is_daily: bool
    chart: Sequence[str]
    closed: Sequence[tuple[str, str, Sequence[str]]]
    windows: Sequence[tuple[WindowView, str, str]]


def schedule_of(view: RecapView, zone: ZoneInfo) -> Schedule | None:
    """Return when messages are sent; None when none is."""
    departures = view.departures
    if not departures:
        return None
    first, last = min(row.starts_at for row in departures), max(row.ends_at for row in departures)
    is_daily = len(count_bars(departures, zone, is_daily=False)) > _MAX_BARS
    chart = _chart(count_bars(departures, zone, is_daily=is_daily), zone, is_daily=is_daily)
    return Schedule(
        span_text(first, last, zone),
        is_daily,
        chart,
        _closed(view.windows),
        [_spans(row, zone) for row in view.windows],
    )


def count_bars(departures: Iterable[Departure], zone: ZoneInfo, *, is_daily: bool) -> list[Bar]:
    """Return how many messages are sent in each hour, or day, of the team's clock; bars without messages are omitted.

    A departure spreads its messages evenly; the sum over the bars is exactly the sum over the departures.
    """
    bars: dict[datetime, Bar] = {}
    for row in departures:
        for part in _spread(row, zone, is_daily):
            bar = bars.setdefault(part.starts_at, Bar(part.starts_at, part.ends_at, part.last_at))
            bar.message_count += part.message_count
            bar.last_at = max(bar.last_at, part.last_at)
    return [bars[key] for key in sorted(bars)]


def _spread(row: Departure, zone: ZoneInfo, is_daily: bool) -> Iterator[Bar]:
    """Yield each hour or day of one departure in which messages are sent."""
    starts_at, ends_at, total = row.starts_at, row.ends_at, row.message_count
    seconds = (ends_at - starts_at).total_seconds()
    sent, bucket = 0, _floor(starts_at, zone, is_daily)
    while sent < total:
        following = _after(bucket, is_daily)
        share = (following - starts_at).total_seconds() / seconds if seconds else 1
        until_now = total if share >= 1 else ceil(total * share)
        if until_now > sent:
            last_at = min(following, ends_at).astimezone(UTC)
            yield Bar(bucket.astimezone(UTC), following.astimezone(UTC), last_at, until_now - sent)
        sent, bucket = until_now, following


def _floor(at: datetime, zone: ZoneInfo, is_daily: bool) -> datetime:
    local = at.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    return local.replace(hour=0, fold=0) if is_daily else local


def _after(bucket: datetime, is_daily: bool) -> datetime:
    """Return the next midnight or hour; an hour is added in UTC, so that a clock change neither skips nor repeats."""
    if is_daily:
        return bucket + timedelta(days=1)
    return (bucket.astimezone(UTC) + timedelta(hours=1)).astimezone(bucket.tzinfo)


def _spans(row: WindowView, zone: ZoneInfo) -> tuple[WindowView, str, str]:
    """Return a territory with its span on its own clock and on the team's clock, without the day if it is the same."""
    there, here = (_window_span(row, clock) for clock in (zone_of(row.zone), zone))
    day = there[: len("Mon 2026-11-23 ")]
    return row, there, here if " to " in here + there else here.removeprefix(day)


def _window_span(row: WindowView, zone: ZoneInfo) -> str:
    return "never" if row.first_at is None or row.last_at is None else span_text(row.first_at, row.last_at, zone)


def _closed(windows: Sequence[WindowView]) -> list[tuple[str, str, Sequence[str]]]:
    """Return the closed days that messages wait for, each with its territories; none named: all of them."""
    days: dict[tuple[str, str], list[str]] = {}
    for row in windows:
        for day, why in row.closed_days:
            days.setdefault((day, why), []).append(row.window_key)
    return [(day, why, [] if len(keys) == len(windows) else keys) for (day, why), keys in sorted(days.items())]


def _chart(bars: Sequence[Bar], zone: ZoneInfo, *, is_daily: bool) -> list[str]:
    """Return bars as lines of text, with a gap where no message is sent; a terminal shows it too."""
    most = max(bar.message_count for bar in bars)
    width = len(grouped(most))
    lines = []
    for bar, before in zip(bars, [None, *bars], strict=False):
        if before is not None and before.ends_at < bar.starts_at:
            lines.append("⋮")
        label = f"{bar.starts_at.astimezone(zone):%a %Y-%m-%d}" if is_daily else local_time(bar.starts_at, zone)
        lines.append(f"{label}  {grouped(bar.message_count):>{width}} {bar_text(bar.message_count, most, _BAR_WIDTH)}")
    return lines
