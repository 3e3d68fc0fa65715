"""What pages are made of, and those of a campaign on its way: progress, results. Data in, Markdown out.

Numbers are masked and every text that a user or a gateway wrote is escaped, here and nowhere else.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sms.masking import escape_markdown, mask_numbers
from sms.places import key_name
from sms.wording import amount_text, count_text, grouped
from store.sending import Progress, recount

STATE_WORDS = {
    "planned": "waiting",
    "claimed": "being handed over",
    "accepted": "accepted by the gateway",
    "delivered": "delivered to the phone",
    "undelivered": "not delivered",
    "rejected": "refused by the gateway",
    "unknown": "unknown: asked again, never sent blindly",
    "suppressed": "stopped by an opt-out or a dead number",
    "cancelled": "cancelled",
    "expired": "never left",
    "written_off": "written off",
}
#: What a line on progress names besides what was accepted, where there is any.
_FATE_WORDS = {
    "in_flight": "in flight",
    "waiting": "waiting",
    "suppressed": "stopped by an opt-out or a dead number",
    "rejected": "refused by the gateway",
    "cancelled": "cancelled",
    "expired": "expired unsent",
    "written_off": "written off",
}
#: What would begin a heading, a list or a rule at the start of a line.
_BLOCK_START = re.compile(r"^(\d*)([-+#=.)])")
#: As errors and reasons give an instant that the store wrote.
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2})(?::\d{2})? UTC")


class Markup(str):
    """Markdown that is safe as it stands; a cell made of it is not escaped."""

    __slots__ = ()


_RULES = {"l": Markup("---"), "r": Markup("---:")}


def table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> str:
    """Return a Markdown table; cells are escaped, unless they are ``Markup``.

    Args:
        header: the columns' titles.
        rows: the cells. Keep the first columns short: Prefect's UI cuts a wide table at the right.
        align: one letter a column, ``l`` or ``r``; without it all stand left.
    """
    rules = [_RULES[letter] for letter in align or "l" * len(header)]
    return "\n".join(_row(row) for row in (header, rules, *rows))


def bullets(lines: Iterable[str]) -> str:
    """Return a Markdown list of lines that are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def quotation(line: str) -> str:
    """Return an escaped line as a quotation; whatever it begins with, it begins no list and no heading."""
    return "> " + _BLOCK_START.sub(r"\1\\\2", line.strip())


def progress_page(
    campaign: Mapping[str, Any],
    states: Sequence[Mapping[str, Any]],
    progress: Progress,
    zone: ZoneInfo,
    rate: float | None = None,
) -> str:
    """Return how far a campaign is; ``rate`` is messages a second while it is being sent."""
    exact = recount(progress, states) if states else progress
    stopped = " (stopped)" if campaign["is_stopped"] and campaign["state"] != "cancelled" else ""
    share = f"{100 * exact.accepted // exact.total} % accepted" if exact.total else "no messages"
    parts = [f"# {shown_name(campaign)}: {campaign['state']}{stopped}, {share}"]
    if campaign["state_reason"]:
        parts.append(escape_markdown(campaign["state_reason"]))
    if campaign["due_at"] is not None and campaign["state"] in ("approved", "parked"):
        parts.append(f"Goes on at {local_time(campaign['due_at'], zone)} ({zone.key}), by itself.")
    parts.append(f"{progress_line(exact, rate)}.")
    parts += [_states(states)] if states else []
    return "\n\n".join(parts) + "\n"


def progress_line(progress: Progress, rate: float | None = None) -> str:
    """Return in one line what became of a campaign's messages, and at which rate they leave when that is known."""
    counts = progress._asdict()
    parts = [f"{grouped(progress.accepted)} of {count_text(progress.total, 'message')} accepted"]
    parts += [f"{grouped(counts[name])} {words}" for name, words in _FATE_WORDS.items() if counts[name]]
    if rate is not None:
        parts.append(f"{grouped(round(rate))} a second")
        parts += [f"about {_span(progress.waiting / rate)} left"] if rate and progress.waiting else []
    parts += [f"{amount_text(progress.spent, progress.unit)} spent", f"{grouped(progress.unknown)} unknown"]
    return ", ".join(parts)


def _span(seconds: float) -> str:
    """Return a time to wait as people say it."""
    if seconds < 90:
        return count_text(round(seconds), "second")
    return count_text(round(seconds / 60), "minute") if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def results_page(view: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return the results of a campaign; ``view`` is what ``tasks.report`` read from the store."""
    campaign, unit = view["campaign"], view["unit"]
    parts = [f"# Results of {shown_name(campaign)}", f"State: {campaign['state']}. Reports come in for some days."]
    parts.append(_states(view["states"]))
    total = max((row["message_count"] for row in view["states"]), default=1)
    bars = "\n".join(
        f"{row['state']:<12} {'█' * max(1, 40 * row['message_count'] // total)} {row['message_count']}"
        for row in view["states"]
    )
    parts.append(f"```\n{bars}\n```")
    rows = [
        (
            key_name(row["territory"]),
            row["message_count"],
            row["accepted_count"],
            row["delivered_count"],
            amount_text(row["spent"], unit),
        )
        for row in view["territories"]
    ]
    parts += ["## Where", table(["territory", "messages", "accepted", "delivered", "spent"], rows, align="lrrrr")]
    if view["reasons"]:
        rows = [tuple(row.values()) for row in view["reasons"]]
        parts += ["## What did not arrive", table(["state", "reason", "messages"], rows, align="llr")]
    if view["replies"]:
        rows = [(row["verdict"], row["answer"], row["reply_count"]) for row in view["replies"]]
        parts += ["## Replies", table(["reply", "automatic answer", "replies"], rows, align="llr")]
    rows = [
        (
            local_time(row["recorded_at"], zone),
            row["event"],
            row["actor"],
            row["version"],
            row["detail"] or "",
        )
        for row in view["events"]
    ]
    parts += ["## History", table([f"when ({zone.key})", "what", "who", "version", "detail"], rows)]
    parts += ["## Files", *(f"- {escape_markdown(str(path))}" for path in view["exports"])]
    return "\n\n".join(parts) + "\n"


def local_time(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as the team reads it."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def shown_name(campaign: Mapping[str, Any]) -> str:
    """Return what people call a campaign, inert: its title and its key, or the key alone where there is no title."""
    title = json.loads(campaign.get("draft") or "{}").get("title")
    name = str(campaign["name"])
    return f"{user_text(title, spare=title)} ({name})" if title else name


def grouped_by_value(values: Mapping[str, str]) -> str:
    """Return values by territory as people read them: each once, after the names of its territories.

    >>> grouped_by_value({"FR": "STOP au 36180", "GP": "STOP au 36789", "RE": "STOP au 36180"})
    'mainland France, Réunion: STOP au 36180; Guadeloupe: STOP au 36789'
    """
    names: dict[str, list[str]] = {}
    for key, value in sorted(values.items()):
        names.setdefault(value, []).append(key_name(key))
    return "; ".join(f"{', '.join(places)}: {value}" for value, places in names.items())


def by_name(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows by territory with its name, as every page calls it."""
    return [row | {"territory": key_name(row["territory"])} for row in rows]


def in_zone(text: str, zone: ZoneInfo) -> str:
    """Return a text with each instant that it gives in UTC on the team's clock, by its name."""
    return _INSTANT.sub(lambda found: f"{local_time(_utc(found[1]), zone)} ({zone.key})", text)


def _utc(text: str) -> datetime:
    return datetime.strptime(text[:16], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def user_text(text: str, spare: str = "") -> Markup:
    """Return what somebody wrote, inert and with every number in it masked but those that stand in ``spare``."""
    return Markup(escape_markdown(mask_numbers(text, spare)))


def quoted_text(text: str, spare: str = "") -> str:
    """Return what somebody wrote as a quotation, line by line as it is; the rest as ``user_text``."""
    lines = mask_numbers(text, spare).splitlines() or [""]
    return "  \n".join(quotation(escape_markdown(line)) for line in lines)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(cell if isinstance(cell, Markup) else escape_markdown(str(cell)) for cell in cells) + " |"


def _states(states: Sequence[Mapping[str, Any]]) -> str:
    rows = [(row["state"], STATE_WORDS[row["state"]], row["message_count"], row["segment_count"]) for row in states]
    return table(["state", "meaning", "messages", "segments"], rows, align="llrr")
