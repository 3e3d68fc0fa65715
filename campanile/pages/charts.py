"""Charts as SVG that is part of an HTML page: no script, no font and no colour of their own; the page styles them.

A chart is as wide as a telephone; on a wider screen it is enlarged. Each has a title and a description for people who
do not see it, and stands beside a table with the same figures.
"""

import re
from collections.abc import Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from markupsafe import Markup

from campanile.sms.text.masking import mask_numbers

_WIDTH = 360
_BAR_ROW = 36
_BAR_TOP = 18
_BAR_HEIGHT = 11
_CURVE_HEIGHT = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 12, 34
_LABEL_SIGNS = 34
_BAND_HEIGHT, _BAND_LEFT, _LABELLED = 230, 44, 3

_FRAME = Markup(
    '<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}-t {key}-d" '
    'preserveAspectRatio="xMinYMin meet"><title id="{key}-t">{title}</title><desc id="{key}-d">{description}</desc>'
    "{content}</svg>"
)
_BAR = Markup(
    '<text x="0" y="{text_y}">{label}</text><text class="value" x="{width}" y="{text_y}">{value}</text>'
    '<rect class="track" x="0" y="{y}" width="{width}" height="{height}" rx="3"/>'
    '<rect class="bar {tone}" x="0" y="{y}" width="{length:.1f}" height="{height}" rx="3"/>'
)
_RULE = Markup(
    '<line class="rule" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>'
    '<text class="small" x="{x:.1f}" y="{y}" text-anchor="middle">{label}</text>'
)
_GRID = Markup(
    '<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
    '<text class="small" x="{text_x}" y="{text_y:.1f}" text-anchor="end">{label}</text>'
)
_TICK = Markup('<text class="small" x="{x:.1f}" y="{y}" text-anchor="middle">{label}</text>')
_CURVE = Markup(
    '<path class="area" d="M{left:.1f},{bottom:.1f} {path} L{right:.1f},{bottom:.1f} Z"/>'
    '<path class="curve" d="M{start} {path}"/>{dots}'
)
_BAND = Markup('<path class="band" d="M{highs} L{lows} Z"/><path class="curve" d="M{medians}"/>')
_THRESHOLD = Markup(
    '<line class="rule" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
    '<text class="small" x="{right}" y="{text_y:.1f}" text-anchor="end">threshold {label}</text>'
)
_DOT = Markup('<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>')


class Bar(NamedTuple):
    """A bar: its length from 0 to 1, and the text of its value. ``tone``: ``""``, ``warn`` or ``bad``."""

    label: str
    fraction: float
    value: str
    tone: str = ""


class Rule(NamedTuple):
    """A line across the bars, from 0 to 1."""

    label: str
    fraction: float


class BandPoint(NamedTuple):
    """A value with its interval; the points stand at equal distances."""

    label: str
    low: float
    median: float
    high: float


class Point(NamedTuple):
    """A point of a curve; the points stand at equal distances. ``fraction``: its height from 0 to 1."""

    label: str
    fraction: float


def bar_chart(title: str, description: str, bars: Sequence[Bar], rules: Sequence[Rule] = ()) -> Markup:
    """Return horizontal bars, each below its label and value, and lines across them."""
    height = len(bars) * _BAR_ROW + (14 if rules else 0)
    drawn = [
        _BAR.format(
            label=_shortened(bar.label),
            value=bar.value,
            tone=bar.tone,
            text_y=number * _BAR_ROW + 12,
            y=number * _BAR_ROW + _BAR_TOP,
            width=_WIDTH,
            height=_BAR_HEIGHT,
            length=_within(bar.fraction) * _WIDTH,
        )
        for number, bar in enumerate(bars)
    ]
    bottom = len(bars) * _BAR_ROW - 4
    drawn += [
        _RULE.format(x=rule.fraction * _WIDTH, top=_BAR_TOP - 3, bottom=bottom, y=bottom + 14, label=rule.label)
        for rule in rules
    ]
    return _framed(title, description, height, drawn)


def curve_chart(title: str, description: str, points: Sequence[Point]) -> Markup:
    """Return a rising curve from nothing, with a grid in quarters."""
    right, bottom = _WIDTH - _RIGHT, _CURVE_HEIGHT - _BOTTOM
    step = (right - _LEFT) / max(len(points), 1)
    places = [
        (_LEFT + step * number, bottom - _within(point.fraction) * (bottom - _TOP))
        for number, point in enumerate(points, start=1)
    ]
    drawn = [
        _GRID.format(
            left=_LEFT, right=right, y=(y := bottom - share * (bottom - _TOP) / 100), text_x=_LEFT - 5, text_y=y + 4,
            label=f"{share} %",
        )
        for share in (0, 25, 50, 75, 100)
    ]  # fmt: skip
    path = " ".join(f"L{x:.1f},{y:.1f}" for x, y in places)
    dots = Markup("").join(_DOT.format(x=x, y=y) for x, y in places)
    start = f"{_LEFT:.1f},{bottom:.1f}"
    drawn.append(
        _CURVE.format(
            left=_LEFT, bottom=bottom, right=places[-1][0] if places else _LEFT, path=path, start=start, dots=dots
        )
    )
    drawn += [_TICK.format(x=x, y=bottom + 16, label=point.label) for point, (x, _) in zip(points, places, strict=True)]
    return _framed(title, description, _CURVE_HEIGHT, drawn)


def band_chart(title: str, description: str, start: float, points: Sequence[BandPoint], threshold: float) -> Markup:
    """Return a line of medians from ``start`` on within the band of their intervals, above or below a threshold."""
    values = [start, threshold, 0.0, *(end for point in points for end in (point.low, point.high))]
    step = _step(max(values) - min(values))
    bottom_value, top_value = floor(min(values) / step) * step, ceil(max(values) / step) * step
    right, bottom = _WIDTH - _RIGHT, _BAND_HEIGHT - _BOTTOM

    def y(value: float) -> float:
        return bottom - (value - bottom_value) / max(top_value - bottom_value, step) * (bottom - _TOP)

    def path(ends: Sequence[float]) -> str:
        return " L".join(f"{x:.1f},{y(end):.1f}" for x, end in zip(places, ends, strict=True))

    places = [_BAND_LEFT + (right - _BAND_LEFT) * number / max(len(points), 1) for number in range(len(points) + 1)]
    drawn = [
        _GRID.format(
            left=_BAND_LEFT, right=right, y=y(value), text_x=_BAND_LEFT - 5, text_y=y(value) + 3, label=_short(value)
        )
        for value in (bottom_value + step * number for number in range(round((top_value - bottom_value) / step) + 1))
    ]
    highs, lows = [start, *(point.high for point in points)], [start, *(point.low for point in points)]
    medians = [start, *(point.median for point in points)]
    back = " L".join(reversed(path(lows).split(" L")))
    drawn.append(_BAND.format(highs=path(highs), lows=back, medians=path(medians)))
    drawn.append(
        _THRESHOLD.format(
            left=_BAND_LEFT, right=right, y=y(threshold), text_y=y(threshold) - 4, label=_short(threshold)
        )
    )
    drawn += [
        _TICK.format(x=x, y=bottom + 16, label=point.label)
        for number, (point, x) in enumerate(zip(points, places[1:], strict=True))
        if number % _LABELLED == 0
    ]
    return _framed(title, description, _BAND_HEIGHT, drawn)


def _step(span: float) -> float:
    """Return the distance of about five lines of a grid: 1, 2 or 5 times a power of ten.

    >>> _step(100), _step(37), _step(0)
    (20.0, 10.0, 1.0)
    """
    if span <= 0:
        return 1.0
    power = 10.0 ** floor(log10(span / 5))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit * 5 >= span)


def _short(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".").replace(",", " ")


def _framed(title: str, description: str, height: int, drawn: Sequence[Markup]) -> Markup:
    key = "chart-" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return _FRAME.format(
        key=key, title=title, description=description, width=_WIDTH, height=height, content=Markup("").join(drawn)
    )


def _within(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)


def _shortened(label: str) -> str:
    """Return a label, numbers masked, that leaves room for the value; the table has the whole one."""
    label = mask_numbers(label)
    return label if len(label) <= _LABEL_SIGNS else f"{label[: _LABEL_SIGNS - 1]}…"
