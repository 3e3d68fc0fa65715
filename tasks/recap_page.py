"""The recap that a person approves: who gets what, when, at what price, and what stands in the way.

``view`` is what ``tasks.recaps.read_recap`` returns. The page is read in a minute by somebody who is no technician:
what must be decided stands first, sentences explain, tables count.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sms.masking import escape_markdown, mask_number, mask_numbers
from sms.places import key_name
from sms.planning import EXCLUSION_REASONS
from sms.wording import amount_text, count_text, grouped
from tasks.links import RunLink, draw_links
from tasks.pages import Markup, bullets, grouped_by_value, local_time, quoted_text, shown_name, table, user_text
from tasks.recap_changes import change_parts
from tasks.recap_times import expiring_places, when_parts

_ENCODING_WORDS = {
    "GSM-7": "plain ones only, 160 a segment (GSM-7)",
    "UCS-2": "special ones too, 70 a segment (UCS-2)",
}
_SEVERITY_WORDS = {"costs": "It costs", "advice": "Advice"}
_REPLY_WORDS = {
    True: "people can answer; the auto-responder applies",
    False: "nobody can answer {} but by STOP; the auto-responder will not fire",
}
_ALSACE_MOSELLE_WORDS = {
    "all_mainland": "keep its two holidays too: to a postcode of it, or to a number whose owner could live there",
    "by_postcode": "keep its two holidays: to a postcode of it",
}
_UNREADABLE_POSTCODE_WORDS = "to a postcode that cannot be read: they leave when all of France but the Pacific is open"
_IF_CLOSED_WORDS = {"drop": "what meets closed hours is dropped, and waits for no opening"}
_NEVER_READ = "The balance was not read. Approving reads it first; check-balance shows it before."
_REQUESTED_WORDS = "they asked for this service; a STOP to marketing does not bind it"
#: An opening that comes so soon after the recap is no wait.
_AT_ONCE = timedelta(minutes=1)
_Parts = list[str]


def recap_page(view: Mapping[str, Any], zone: ZoneInfo, note: str, links: Sequence[RunLink]) -> str:
    """Return the recap as Markdown; times in the team's ``zone``, ``links`` to what can be done next."""
    sections = {
        "What changed": change_parts(view, zone),
        "Who": _who(view),
        "What": _what(view),
        "How much": _how_much(view),
        "When": when_parts(view, zone),
        "Money": _money(view),
        "Rules": _rules(view, zone),
        "Next": draw_links(links),
    }
    parts = [f"# Recap of {shown_name(view['campaign'])}, version {view['recap']['version']}"]
    parts += [f"*{escape_markdown(note)}*"] if note else []
    parts += [_summary(view, zone), *_alarms(view)]
    parts += [part for title, body in sections.items() if body for part in (f"## {title}", *body)]
    return "\n\n".join(parts) + "\n"


def _summary(view: Mapping[str, Any], zone: ZoneInfo) -> str:
    recap, header = view["recap"], view["header"]
    draft = json.loads(view["campaign"]["draft"])
    return (
        f"{_figures(recap, view['unsent'])} "
        f"{header['kind'].capitalize()} from {escape_markdown(header['sender_id'])}, which "
        f"{_leaving(view, draft, zone)}.\n\n"
        f"Hash **`{recap['recap_hash'][:8]}`**, prepared by {user_text(draft['author'])} on "
        f"{local_time(recap['prepared_at'], zone)} ({zone.key})."
    )


def _figures(recap: Mapping[str, Any], unsent: Mapping[str, Any]) -> str:
    """Return what will leave and what it costs at most; and what will not, and what that would have cost."""
    messages = count_text(recap["message_count"] - unsent["message_count"], "message")
    segments = count_text(recap["segment_count"] - unsent["segment_count"], "segment")
    price = amount_text(recap["total_price"] - unsent["price"], recap["unit"])
    if not unsent["message_count"]:
        return f"**{messages}, {segments}, {price}.**"
    rest = f"{grouped(unsent['message_count'])} more would expire unsent, {amount_text(unsent['price'], recap['unit'])}"
    return f"**{messages}, {segments}, at most {price};** {rest}."


def _leaving(view: Mapping[str, Any], draft: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return when the first message leaves, as the hours allow it: at night an approval alone sends nothing."""
    due_at, prepared_at = view["campaign"]["due_at"], view["recap"]["prepared_at"]
    first = min((row["starts_at"] for row in view["departures"]), default=None)
    if first is None:
        return "leaves for nobody"
    on_clock = f"{local_time(first, zone)} ({zone.key})"
    if due_at is None and first - prepared_at < _AT_ONCE:
        return "leaves as soon as it is approved"
    if due_at is None:
        return f"leaves when the hours next open: approved now, from {on_clock}"
    if draft.get("clock") == "local":
        hour = f"{draft['send_on']} at {draft['send_time']}"
        return f"leaves on {hour} on each recipient's own clock, the first from {on_clock}"
    return f"leaves from {on_clock}"


def _alarms(view: Mapping[str, Any]) -> _Parts:
    """Return what somebody must know before anything else; nothing when there is nothing."""
    stale = view["campaign"].get("stale_reason")
    alarms = [f"**It is stale and cannot be approved:** {user_text(stale)}. See Next."] if stale else []
    alarms += [f"**Nobody gets a message.** {_audience(view)}"] if not view["recap"]["message_count"] else []
    if view["undeclared"]:
        names = ", ".join(map(escape_markdown, view["undeclared"]))
        alarms.append(f"**No legal basis is declared for {names}:** its people get no marketing. Declare it: see Next.")
    if lost := sum(row["expiring_count"] for row in view["places"]):
        alarms.append(f"**{count_text(lost, 'message')} will not leave in time:** {expiring_places(view)}. See When.")
    if (left := _left(view)) is not None and left < 0:
        alarms.append(
            f"**{amount_text(-left, view['recap']['unit'])} missing:** it cannot be approved before a top-up."
        )
    return ["\n".join(f"- ⚠ {alarm}" for alarm in alarms)] if alarms else []


def _who(view: Mapping[str, Any]) -> _Parts:
    """Return the funnel: contacts of each source, minus those left out by reason, are the messages."""
    recap = view["recap"]
    sources = [(row["origin"], row["contact_count"], row["message_count"]) for row in view["sources"]]
    left_out = [(f"left out: {EXCLUSION_REASONS[row['reason']]}", row["contact_count"]) for row in view["exclusions"]]
    rows: list[tuple[object, ...]] = [
        *((mask_numbers(name), grouped(contacts), grouped(messages)) for name, contacts, messages in sources),
        *((words, f"−{grouped(count)}", "") for words, count in left_out),
        (Markup("**messages**"), Markup(f"**{grouped(recap['message_count'])}**"), ""),
    ]
    return [_audience(view), table(["source", "contacts", "get a message"], rows, align="lrr")]


def _audience(view: Mapping[str, Any]) -> str:
    recap = view["recap"]
    return (
        f"{count_text(recap['audience_count'], 'contact')} = {count_text(recap['message_count'], 'message')} + "
        f"{grouped(recap['exclusion_count'])} left out."
    )


def _what(view: Mapping[str, Any]) -> _Parts:
    header, unit = view["header"], view["recap"]["unit"]
    parts = [quoted_text(header["text"], spare=header["text"])]
    if header["replace_characters"] != "off":
        parts.append(f"Characters are replaced ({escape_markdown(header['replace_characters'])}), as below.")
    parts += [bullets(_finding(found, unit, header["text"]) for found in view["findings"])] if view["findings"] else []
    parts += _sizes(view["encodings"], unit)
    return [*parts, *_previews(view["previews"], unit, header["text"])]


def _finding(found: Mapping[str, Any], unit: str, text: str) -> str:
    price = Decimal(found["price"] or 0)
    label = f"{amount_text(price, unit)} could be saved" if price else _SEVERITY_WORDS[found["severity"]]
    return f"**{label}:** {user_text(found['words'], spare=text)}"


def _sizes(encodings: Sequence[Mapping[str, Any]], unit: str) -> _Parts:
    """Return how many messages take how many segments; the linter says what more than one costs."""
    rows = [
        (
            _ENCODING_WORDS[row["encoding"]],
            row["segment_count"],
            grouped(row["message_count"]),
            amount_text(row["price"], unit),
        )
        for row in encodings
    ]
    sizes = table(["characters", "segments each", "messages", "price"], rows, align="lrrr")
    is_short = all(row["segment_count"] == 1 for row in encodings)
    return ["Every message fits in one segment.", sizes] if is_short and rows else [sizes]


def _previews(rows: Iterable[Mapping[str, Any]], unit: str, text: str) -> _Parts:
    """Return real messages as their recipients will read them; one that is two things at once stands once."""
    kinds: dict[str, list[str]] = {}
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        kinds.setdefault(row["msisdn"], []).append(row["which"])
        found[row["msisdn"]] = row
    return [_preview(", ".join(kinds[key]), row, unit, text) for key, row in found.items()]


def _preview(kind: str, row: Mapping[str, Any], unit: str, text: str) -> str:
    figures = f"{count_text(row['segment_count'], 'segment')}, {amount_text(row['price'], unit)}"
    number = escape_markdown(mask_number(row["msisdn"]))
    return (
        f"**{escape_markdown(kind.capitalize())}**, to {number} ({escape_markdown(key_name(row['territory']))}), "
        f"{figures}:\n\n{quoted_text(row['text'], spare=text)}"
    )


def _how_much(view: Mapping[str, Any]) -> _Parts:
    recap, prices = view["recap"], view["header"]["prices"]
    unit = recap["unit"]
    rows: list[tuple[object, ...]] = [
        (
            key_name(row["territory"]),
            grouped(row["message_count"]),
            grouped(row["segment_count"]),
            amount_text(Decimal(prices[row["territory"]]), unit),
            amount_text(row["price"], unit),
        )
        for row in view["territories"]
    ]
    totals = (grouped(recap["message_count"]), grouped(recap["segment_count"]), "")
    total = (Markup("**all**"), *totals, Markup(f"**{amount_text(recap['total_price'], unit)}**"))
    parts = [table(["to", "messages", "segments", "a segment", "price"], [*rows, total], align="lrrrr")]
    saving = max((Decimal(found["price"] or 0) for found in view["findings"]), default=Decimal(0))
    return [*parts, f"Up to {amount_text(saving, unit)} can be saved: see What."] if saving else parts


def _money(view: Mapping[str, Any]) -> _Parts:
    credit, recap, left = view["credit"], view["recap"], _left(view)
    if left is None:
        return [f"⚠ {user_text(view['balance_error'] or _NEVER_READ)}", _auto_reply(view)]
    rows: list[tuple[object, ...]] = [
        ("balance, free of reserves", amount_text(credit["available"], recap["unit"])),
        ("− committed to approved campaigns", amount_text(credit["committed"], recap["unit"])),
        ("− this campaign", amount_text(recap["total_price"], recap["unit"])),
        (Markup("**left after it**"), Markup(f"**{amount_text(_balance_after(view), recap['unit'])}**")),
    ]
    parts = [table(["money", "amount"], rows, align="lr")]
    if view["unsent"]["message_count"]:
        unsent = amount_text(view["unsent"]["price"], recap["unit"])
        parts.append(f"Approving commits all of it; {unsent} are free again when what does not leave has expired.")
    if left >= 0 > _balance_after(view):
        parts.append("An emergency: it may use the credit that is committed to marketing.")
    return [*parts, _auto_reply(view)]


def _balance_after(view: Mapping[str, Any]) -> Decimal:
    credit = view["credit"]
    return Decimal(credit["available"] - credit["committed"] - view["recap"]["total_price"])


def _left(view: Mapping[str, Any]) -> Decimal | None:
    """Return what approval would leave, below zero when it is refused; None when the balance was never read."""
    credit = view["credit"]
    if credit is None:
        return None
    is_emergency = bool(view["header"]["emergency_reason"])
    freed = credit["committed"] - credit["committed_to_alerts"] if is_emergency else Decimal(0)
    return _balance_after(view) + Decimal(freed)


def _auto_reply(view: Mapping[str, Any]) -> str:
    answer, unit = view["auto_reply"], view["recap"]["unit"]
    if not answer["can_answer"]:
        return "Automatic answers: none, for nobody can reply to this sender."
    if not answer["enabled"]:
        return "Automatic answers: switched off."
    if answer["price"] is None or answer["reply_share"] is None:
        each = "a normal SMS" if answer["price"] is None else amount_text(answer["price"], unit)
        return f"Automatic answers: on, {each} each. No past campaign tells how many people will reply."
    leaving_count = view["recap"]["message_count"] - view["unsent"]["message_count"]
    replies = round(answer["reply_share"] * leaving_count)
    return (
        f"Automatic answers: on. Past campaigns brought {100 * answer['reply_share']:.1f} replies for 100 messages: "
        f"about {count_text(replies, 'answer')}, **{amount_text(replies * answer['price'], unit)} more**."
    )


def _rules(view: Mapping[str, Any], zone: ZoneInfo) -> _Parts:
    header = view["header"]
    count = view["alsace_moselle_count"]
    alsace = f"{count_text(count, 'message')} {_ALSACE_MOSELLE_WORDS[header['alsace_moselle']]}" if count else ""
    unreadable = view["unreadable_postcode_count"]
    rules = {
        "Policy": f"{header['policy']} of {header['policy_valid_from']}",
        "Sender": f"{header['sender_id']}: {_REPLY_WORDS[header['can_be_answered']].format(header['sender_id'])}",
        "Known of this sender": "; ".join(header["sender_notes"]),
        "STOP mention": _mentions(header["stop_mentions"]),
        "Alsace-Moselle": alsace,
        "Unreadable postcode": f"{count_text(unreadable, 'message')} {_UNREADABLE_POSTCODE_WORDS}"
        if unreadable
        else "",
        "At most": _cap(header["max_messages_in_days"]),
        "Offer ends": _moment(view["campaign"]["offer_ends_at"], zone),
        "At most so late": _hours(header.get("max_lateness_hours")),
        "If closed": _IF_CLOSED_WORDS.get(header.get("if_closed"), ""),
        "Requested": _REQUESTED_WORDS if header["requested_service"] else "",
        "Emergency": header["emergency_reason"] or "",
        "Gateway": header["gateway"],
    }
    lines = [f"**{rule}:** {user_text(words)}" for rule, words in rules.items() if words]
    return [bullets([*lines, f"**Whole hash:** `{view['recap']['recap_hash']}`"])]


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{local_time(at, zone)}; nothing leaves later"


def _hours(hours: float | None) -> str:
    return "" if hours is None else f"{hours:g} h after its time nothing leaves any more"


def _cap(rule: str | None) -> str:
    """Return "3 in 30" in words."""
    if not rule:
        return ""
    count, days = rule.split(" in ")
    return f"who got {count} marketing messages in the last {days} days is left out"


def _mentions(by_territory: Mapping[str, str]) -> str:
    """Return each mention once, with where it stands when there are several; nothing where nobody is written to."""
    mentions = {territory: mention.strip() or "none is added" for territory, mention in by_territory.items()}
    if len(set(mentions.values())) <= 1:
        return next(iter(mentions.values()), "")
    return grouped_by_value(mentions)
