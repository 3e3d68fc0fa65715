"""Results of a campaign: the sections of its report, as a Markdown page and as an HTML file with charts.

Both are made from the same typed sections, so their figures are the same.
"""

from collections import Counter
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campanile.pages import charts
from campanile.pages.environment import render
from campanile.pages.figures import Figure, Money, Plain, Section, Share, filled, rate_text
from campanile.pages.html import render_html
from campanile.pages.prediction_rows import scored_section
from campanile.pages.result_views import ResultsView
from campanile.pages.words import ANSWER_WORDS, STATE_WORDS, duration_text, span_text
from campanile.sms.rules.opt_out_lines import OPT_OUT_LINES, crossed_line
from campanile.sms.schedule.territories import key_name
from campanile.sms.states import MessageState
from campanile.sms.text.formatting import grouped
from schemas.result_rows import ForecastResult, SourceResult

#: States that say nothing final: messages of these are what stayed unknown.
_OPEN_STATES = {
    MessageState.UNKNOWN: "the gateway may have accepted them; resolve-unknown lets a person decide",
    MessageState.ACCEPTED: "accepted, and no delivery report came yet; they are charged, and never sent again",
    MessageState.WRITTEN_OFF: "a person decided that they count as not sent",
    MessageState.CLAIMED: "being submitted right now",
    MessageState.PLANNED: "waiting to be sent",
}
_DRAWN_SOURCES = 12


class KeyFigure(NamedTuple):
    """A figure for the head of the report; ``tone``: ``""``, ``warn`` or ``bad``."""

    label: str
    value: Figure
    note: str
    tone: str = ""


def results_page(view: ResultsView, zone: ZoneInfo) -> str:
    """Return the results of a campaign as Markdown."""
    return render("results", view=view, key_figures=key_figures(view), sections=results_sections(view, zone), zone=zone)


def results_file(view: ResultsView, zone: ZoneInfo, note: str = "") -> str:
    """Return the results of a campaign as one HTML page that needs no other file; ``note``: a line for its head."""
    sections = results_sections(view, zone)
    cost = Money(view.responder.cost, view.responder.unit) if view.responder else None
    shown = {"key_figures": key_figures(view), "sections": sections, "answers_cost": cost}
    return render_html("results", view=view, zone=zone, note=note, **shown)


def key_figures(view: ResultsView) -> list[KeyFigure]:
    """Return what a reader wants to know first."""
    funnel, cost, unit = view.funnel, view.cost, view.unit
    line = crossed_line(funnel.opted_out_count, funnel.accepted_count)
    per_delivered = cost.charged / funnel.delivered_count if funnel.delivered_count else None
    return [
        KeyFigure("Accepted", funnel.accepted_count, f"of {grouped(funnel.message_count)} messages"),
        KeyFigure("Delivered", Share(funnel.delivered_count, funnel.accepted_count), "of the accepted messages"),
        KeyFigure("Replied", Share(funnel.replied_count, funnel.accepted_count), "of the accepted messages"),
        KeyFigure(
            "Opted out",
            Share(funnel.opted_out_count, funnel.accepted_count),
            f"of the accepted messages{f': {line.words}' if line else ''}",
            _tone(view),
        ),
        KeyFigure("Charged", Money(cost.charged, unit), "for the accepted messages"),
        KeyFigure("Per delivered contact", Money(per_delivered, unit), "charged / delivered"),
    ]


def results_sections(view: ResultsView, zone: ZoneInfo) -> list[Section]:
    """Return the sections of the report; those without rows are left out."""
    of_view = (_funnel, _territories, _sources, _curve, _replies, _examples, _opt_outs, _cost)
    first = [make(view) for make in of_view]
    return filled(
        [
            *first,
            scored_section(view.predictions, view.unit, zone),
            _forecast(view, zone),
            _unknown(view),
            _reasons(view),
            _history(view, zone),
        ]
    )


def _funnel(view: ResultsView) -> Section:
    found = view.funnel
    steps = [
        ("audience: contacts of the recap", found.audience_count, found.audience_count, ""),
        ("messages, after exclusions", found.message_count, found.audience_count, "audience"),
        ("accepted by the gateway", found.accepted_count, found.message_count, "messages"),
        ("delivered to the phone", found.delivered_count, found.accepted_count, "accepted"),
        ("replied", found.replied_count, found.accepted_count, "accepted"),
        ("opted out", found.opted_out_count, found.accepted_count, "accepted"),
    ]
    most = max(found.audience_count, 1)
    bars = [
        charts.Bar(step, count / most, _counted(count, whole if of else 0), _tone(view) if step == "opted out" else "")
        for step, count, whole, of in steps
    ]
    return Section(
        "From the audience to STOP",
        ["step", "people>", "share>", "of"],
        [(step, count, Share(count, whole) if of else None, of) for step, count, whole, of in steps],
        chart=charts.bar_chart("From the audience to STOP", "People at each step, as a share of the audience.", bars),
    )


def _territories(view: ResultsView) -> Section:
    rows = view.territories
    bars = [_rate_bar(key_name(row.territory), row.delivered_count, row.accepted_count) for row in rows]
    return Section(
        "Delivery by territory",
        ["territory", "messages>", "accepted>", "delivered>", "of accepted>", "charged>"],
        [
            (
                Plain(key_name(row.territory)), row.message_count, row.accepted_count, row.delivered_count,
                Share(row.delivered_count, row.accepted_count), Money(row.spent, view.unit),
            )
            for row in rows
        ],
        chart=charts.bar_chart(
            "Delivery by territory", "Delivered messages as a share of the accepted ones, by territory.", bars
        ),
    )  # fmt: skip


def _sources(view: ResultsView) -> Section:
    rows = view.sources
    bars = [_rate_bar(source_name(row), row.delivered_count, row.accepted_count) for row in rows[:_DRAWN_SOURCES]]
    return Section(
        "Delivery by source file",
        ["source", "messages>", "accepted>", "delivered>", "of accepted>", "opted out>", "of accepted>"],
        [
            (
                source_name(row), row.message_count, row.accepted_count, row.delivered_count,
                Share(row.delivered_count, row.accepted_count), row.opted_out_count,
                Share(row.opted_out_count, row.accepted_count),
            )
            for row in rows
        ],
        [] if len(rows) <= _DRAWN_SOURCES else [f"The chart shows the {_DRAWN_SOURCES} largest sources."],
        charts.bar_chart(
            "Delivery by source file", "Delivered messages as a share of the accepted ones, by source file.", bars
        ),
    )  # fmt: skip


def source_name(row: SourceResult) -> str:
    """Return the name of a source: the file, with the list that it belongs to, or the origin alone."""
    return row.origin if row.file_name is None else f"{row.file_name} ({row.origin})"


def _curve(view: ResultsView) -> Section:
    accepted, rows = view.funnel.accepted_count, view.curve
    points = [charts.Point(duration_text(row.seconds), Share(row.delivered_count, accepted).fraction) for row in rows]
    return Section(
        "Time to delivery",
        ["within", "delivered>", "of accepted>"],
        [(duration_text(row.seconds), row.delivered_count, Share(row.delivered_count, accepted)) for row in rows],
        ["From the acceptance to the time in the delivery report."],
        charts.curve_chart(
            "Time to delivery",
            "Delivered messages as a share of the accepted ones, by the time since acceptance.",
            points,
        ),
    )


def _replies(view: ResultsView) -> Section:
    counts = Counter[str]()
    for row in view.replies:
        counts[row.verdict] += row.reply_count
    total = counts.total()
    bars = [_counted_bar(verdict, count, total) for verdict, count in counts.most_common()]
    return Section(
        "Replies by verdict",
        ["verdict", "automatic answer", "replies>", "of all replies>"],
        [
            (row.verdict, ANSWER_WORDS.get(row.answer, row.answer), row.reply_count, Share(row.reply_count, total))
            for row in view.replies
        ],
        chart=charts.bar_chart("Replies by verdict", "Replies of each verdict, as a share of all replies.", bars),
    )


def _examples(view: ResultsView) -> Section:
    rows = [(row.verdict, _cut(row.text)) for row in view.examples]
    return Section("Examples of replies", ["verdict", "text"], rows, ["Numbers are masked; repliers.csv has all."])


def _opt_outs(view: ResultsView) -> Section:
    count, accepted = view.funnel.opted_out_count, view.funnel.accepted_count
    most = max(float(OPT_OUT_LINES[-1].share) * 1.5, Share(count, accepted).fraction)
    rules = [charts.Rule(f"{line.share:.0%}".replace("%", " %"), float(line.share) / most) for line in OPT_OUT_LINES]
    bar = charts.Bar("opted out", Share(count, accepted).fraction / most, rate_text(count, accepted), _tone(view))
    lines = [(f"line: {line.words}", None, f"{100 * line.share:f} %".replace(".00", "")) for line in OPT_OUT_LINES]
    return Section(
        "Opt-out rate",
        ["", "people>", "of accepted>"],
        [("opted out", count, Share(count, accepted)), *lines],
        ["Opt-outs by a reply to this campaign, and those that the provider reports after it."],
        charts.bar_chart("Opt-out rate", "Opt-outs beside the shares at which providers act.", [bar], rules),
    )


def _cost(view: ResultsView) -> Section:
    cost, unit, delivered = view.cost, view.unit, view.funnel.delivered_count
    rows: list[tuple[Figure, ...]] = [
        ("planned: all messages, by the recap", Money(cost.planned, unit)),
        ("accepted messages, by the recap", Money(cost.captured, unit)),
        ("charged: accepted messages, as the gateway charged them", Money(cost.charged, unit)),
        ("difference of charged to the recap", Money(cost.charged - cost.captured, unit)),
        ("reserved for messages in flight or unknown", Money(cost.reserved, unit)),
        ("charged per delivered contact", Money(cost.charged / delivered if delivered else None, unit)),
    ]
    if cost.answer_count:
        rows.append((f"automatic answers to replies ({grouped(cost.answer_count)})", Money(cost.answers_charged, unit)))
    return Section("Cost", ["what", "amount>"], rows)


def _forecast(view: ResultsView, zone: ZoneInfo) -> Section:
    return Section(
        "Forecast and outcome",
        ["territory", "planned>", "planned time", "accepted>", "accepted time"],
        [
            (
                Plain(key_name(row.window_key)), row.planned_count, _planned(row, zone), row.accepted_count,
                _span(row.accepted_from, row.accepted_until, zone),
            )
            for row in view.forecast
        ],
        [f"Planned: as the recap said. Times are on the clock of {zone.key}."],
    )  # fmt: skip


def _unknown(view: ResultsView) -> Section:
    counts = {row.state: row.message_count for row in view.states}
    return Section(
        "What stayed open",
        ["state", "messages>", "meaning"],
        [(state, counts[state], words) for state, words in _OPEN_STATES.items() if state in counts]
        or [("nothing", 0, "each message has a final state")],
    )


def _reasons(view: ResultsView) -> Section:
    return Section(
        "What did not arrive",
        ["state", "meaning", "reason", "messages>"],
        [(row.state, STATE_WORDS[row.state], row.reason, row.message_count) for row in view.reasons],
        ["The most frequent reasons; not_delivered.csv has each message."],
    )


def _history(view: ResultsView, zone: ZoneInfo) -> Section:
    return Section(
        "History",
        [f"when ({zone.key})", "what", "who", "version>", "detail"],
        [(row.recorded_at, row.event, row.actor, row.version, row.detail) for row in view.events],
    )


def _counted(count: int, whole: int) -> str:
    return f"{grouped(count)} · {rate_text(count, whole)}" if whole else grouped(count)


def _counted_bar(label: str, count: int, whole: int) -> charts.Bar:
    return charts.Bar(label, Share(count, whole).fraction, _counted(count, whole))


def _rate_bar(label: str, count: int, whole: int) -> charts.Bar:
    return charts.Bar(label, Share(count, whole).fraction, rate_text(count, whole))


def _tone(view: ResultsView) -> str:
    line = crossed_line(view.funnel.opted_out_count, view.funnel.accepted_count)
    return "" if line is None else "bad" if line == OPT_OUT_LINES[-1] else "warn"


def _planned(row: ForecastResult, zone: ZoneInfo) -> Figure:
    return _span(row.planned_from, row.planned_until, zone)


def _span(first: datetime | None, last: datetime | None, zone: ZoneInfo) -> Figure:
    return None if first is None or last is None else Plain(span_text(first, last, zone))


def _cut(text: str, most: int = 160) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
