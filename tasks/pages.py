"""The pages people read: import, recap, progress, results. Data in, Markdown out.

Numbers are masked and every text that a user or a gateway wrote is escaped, here and nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sms.masking import escape_markdown, mask_number, mask_numbers
from sms.planning import EXCLUSION_REASONS
from tasks.house import amount_text

STATE_WORDS = {
    "planned": "waiting",
    "claimed": "being handed over",
    "accepted": "accepted by the gateway",
    "delivered": "delivered to the phone",
    "undelivered": "not delivered",
    "rejected": "refused by the gateway",
    "unknown": "unknown: asked again, never sent blindly",
    "suppressed": "stopped by an opt-out",
    "cancelled": "cancelled",
    "expired": "never left",
    "written_off": "written off",
}


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; cells are escaped."""
    lines = [_row(header), _row(["---"] * len(header), is_raw=True)]
    return "\n".join([*lines, *(_row(row) for row in rows)])


def recap_page(view: Mapping[str, Any], zone: ZoneInfo, note: str) -> str:
    """Return the recap that a person approves; ``view`` is what ``tasks.prepare`` read from the store."""
    recap, campaign, header = view["recap"], view["campaign"], view["header"]
    unit = recap["unit"]
    short = recap["recap_hash"][:8]
    parts = [f"# Recap of {campaign['name']}, version {recap['version']}"]
    if note:
        parts.append(f"*{note}*")
    parts.append(
        f"**{recap['message_count']} messages, {recap['segment_count']} segments, "
        f"{amount_text(recap['total_price'], unit)}**, {header['due_at']}. Hash **`{short}`**."
    )
    parts.append("## Who")
    parts.append(
        f"{recap['audience_count']} contacts = {recap['message_count']} messages + {recap['exclusion_count']} left out."
    )
    if view["exclusions"]:
        rows = [(row["reason"], EXCLUSION_REASONS[row["reason"]], row["contact_count"]) for row in view["exclusions"]]
        parts.append(table(["left out", "why", "contacts"], rows))
    parts += [
        "## What",
        f"Text: {user_text(header['text'])}",
        f"Sender: {escape_markdown(campaign['sender_id'])}",
    ]
    rows = [(row["encoding"], row["segment_count"], row["message_count"]) for row in view["encodings"]]
    parts.append(table(["encoding", "segments a message", "messages"], rows))
    parts += [_preview(row, unit) for row in view["previews"]]
    parts.append("## How much")
    rows = [
        (row["territory"], row["message_count"], row["segment_count"], amount_text(row["price"], unit))
        for row in view["territories"]
    ]
    parts.append(table(["territory", "messages", "segments", "price"], rows))
    parts += ["## When", _when(view, zone), "## Money", _money(view, unit), "## Rules", _rules(header)]
    parts += ["## Next", _next_steps(campaign["name"], short)]
    return "\n\n".join(parts) + "\n"


def progress_page(campaign: Mapping[str, Any], states: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    """Return how far a campaign is."""
    total = sum(row["message_count"] for row in states)
    left = sum(row["message_count"] for row in states if row["state"] in ("planned", "claimed", "unknown"))
    share = 100 * (total - left) // total if total else 100
    parts = [f"# {campaign['name']}: {campaign['state']}, {share} % done"]
    if campaign["state_reason"]:
        parts.append(escape_markdown(campaign["state_reason"]))
    if campaign["due_at"] is not None and campaign["state"] in ("approved", "parked"):
        parts.append(f"Goes on at {local_time(campaign['due_at'], zone)} ({zone.key}), by itself.")
    parts.append(_states(states))
    return "\n\n".join(parts) + "\n"


def results_page(view: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return the results of a campaign; ``view`` is what ``tasks.report`` read from the store."""
    campaign, unit = view["campaign"], view["unit"]
    parts = [f"# Results of {campaign['name']}", f"State: {campaign['state']}. Reports come in for some days."]
    parts.append(_states(view["states"]))
    total = max((row["message_count"] for row in view["states"]), default=1)
    bars = "\n".join(
        f"{row['state']:<12} {'█' * max(1, 40 * row['message_count'] // total)} {row['message_count']}"
        for row in view["states"]
    )
    parts.append(f"```\n{bars}\n```")
    rows = [
        (
            row["territory"],
            row["message_count"],
            row["accepted_count"],
            row["delivered_count"],
            amount_text(row["spent"], unit),
        )
        for row in view["territories"]
    ]
    parts += ["## Where", table(["territory", "messages", "accepted", "delivered", "spent"], rows)]
    if view["reasons"]:
        rows = [tuple(row.values()) for row in view["reasons"]]
        parts += ["## What did not arrive", table(["state", "reason", "messages"], rows)]
    if view["replies"]:
        rows = [(row["verdict"], row["answer"], row["reply_count"]) for row in view["replies"]]
        parts += ["## Replies", table(["reply", "automatic answer", "replies"], rows)]
    rows = [
        (local_time(row["recorded_at"], zone), row["event"], row["actor"], row["version"], row["detail"] or "")
        for row in view["events"]
    ]
    parts += ["## History", table([f"when ({zone.key})", "what", "who", "version", "detail"], rows)]
    parts += ["## Files", *(f"- {escape_markdown(str(path))}" for path in view["exports"])]
    return "\n\n".join(parts) + "\n"


def local_time(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as the team reads it."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def user_text(text: str) -> str:
    """Return what somebody wrote, inert and with every number in it masked."""
    return escape_markdown(mask_numbers(text))


def _row(cells: Sequence[object], *, is_raw: bool = False) -> str:
    return "| " + " | ".join(str(cell) if is_raw else escape_markdown(str(cell)) for cell in cells) + " |"


def _preview(row: Mapping[str, Any], unit: str) -> str:
    """Return one message as its recipient will read it, as a quotation: a cell would cut it."""
    count = row["segment_count"]
    return (
        f"**{escape_markdown(row['which'].capitalize())}**, to {escape_markdown(mask_number(row['msisdn']))}, "
        f"{count} segment{'s' if count > 1 else ''}, {amount_text(row['price'], unit)}:"
        f"\n\n> {user_text(row['text'])}"
    )


def _states(states: Sequence[Mapping[str, Any]]) -> str:
    rows = [(row["state"], STATE_WORDS[row["state"]], row["message_count"], row["segment_count"]) for row in states]
    return table(["state", "meaning", "messages", "segments"], rows)


def _when(view: Mapping[str, Any], zone: ZoneInfo) -> str:
    rows = [
        (row["window_key"], row["message_count"], local_time(row["opens_at"], zone), local_time(row["closes_at"], zone))
        for row in view["windows"]
    ]
    words = table(["place", "messages", f"from ({zone.key})", "until"], rows)
    if any(row["window_key"] == "FR-AM" for row in view["windows"]):
        words += "\n\nFR-AM: may be in Alsace-Moselle, which has two holidays more."
    return words


def _money(view: Mapping[str, Any], unit: str) -> str:
    credit = view["credit"]
    if credit is None:
        return "The balance was never read. Approving reads it first; run **check-balance** to see it before."
    left = credit["available"] - credit["committed"] - view["recap"]["total_price"]
    words = "left after this one" if left >= 0 else "**missing for this one**"
    rows = [
        ("available", amount_text(credit["available"], unit)),
        ("committed to approved campaigns", amount_text(credit["committed"], unit)),
        ("this campaign", amount_text(view["recap"]["total_price"], unit)),
    ]
    return table(["money", "amount"], rows) + f"\n\n{amount_text(abs(left), unit)} {words}."


def _rules(header: Mapping[str, Any]) -> str:
    rows = [
        ("policy", f"{header['policy']} of {header['policy_valid_from']}"),
        ("mainland without postcode, Alsace-Moselle", header["alsace_moselle"]),
        ("STOP mention", header["stop_mentions"]),
        ("replies", header["replies"]),
    ]
    return table(["rule", "value"], rows)


def _next_steps(name: str, short: str) -> str:
    return (
        f"Approve: run **approve-campaign** with campaign `{name}`, recap_hash `{short}` and your name. "
        f"Change: run **prepare-campaign** again under the same name. Drop it: run **cancel-campaign**."
    )
