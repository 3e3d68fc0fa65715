"""Texts of the pages for states, answers and figures: one table of each, for all pages."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from campanile.pages.views import ApprovedView
from campanile.sms.rules.replies.verdicts import UNANSWERED
from campanile.sms.schedule.territories import key_name
from campanile.sms.states import MessageState, RowResult
from campanile.sms.text.formatting import amount_text, count_text, grouped, local_time
from schemas.recap_rows import Recap

STATE_WORDS = {
    MessageState.PLANNED: "waiting",
    MessageState.CLAIMED: "being submitted to the gateway",
    MessageState.ACCEPTED: "accepted by the gateway",
    MessageState.DELIVERED: "delivered to the phone",
    MessageState.UNDELIVERED: "not delivered",
    MessageState.REJECTED: "refused by the gateway",
    MessageState.UNKNOWN: "unknown: looked up, never submitted again blindly",
    MessageState.SUPPRESSED: "stopped by an opt-out or a dead number",
    MessageState.CANCELLED: "cancelled",
    MessageState.EXPIRED: "expired unsent",
    MessageState.WRITTEN_OFF: "written off",
}
#: Decisions on the automatic answer to a reply.
ANSWER_WORDS = {
    "waiting": "not decided yet",
    "planned": "an answer, accepted or waiting",
    "opted_out": "none: the person is opted out",
    "own_number": "none: the sender is the team's own (SMS_OWN_NUMBERS, or the sender of a campaign)",
    "not_a_mobile": "none: the sender is no mobile number",
    "country_not_allowed": "none: its country is not allowed, or has no price",
    "off": "none: the auto-responder was off",
    "too_old": "none: the reply was too old",
    "answered_already": "none: the person got one in the last 24 hours",
    "person_capped": "none: the person got as many as one may get",
    "capped": "none: the cap of 24 hours was reached",
    "no_identity": "none: they asked for HELP, and SMS_EDITOR_IDENTITY is not set",
    "balance_low": "none: the balance was low",
    "in_doubt": "none: the store had been restored from a copy, so it may have been answered before",
} | dict.fromkeys(UNANSWERED, "none: refusals and automatic replies get none")
SEVERITY_WORDS = {"costs": "It costs", "advice": "Advice"}
ENCODING_WORDS = {
    "GSM-7": "plain ones only, 160 a segment (GSM-7)",
    "UCS-2": "special ones too, 70 a segment (UCS-2)",
}
ALSACE_MOSELLE_WORDS = {
    "all_mainland": "keep its two holidays too: to a postcode of it, or to a number whose owner could live there",
    "by_postcode": "keep its two holidays: to a postcode of it",
}
RESULT_WORDS = {
    RowResult.ACCEPTED: "new people",
    RowResult.UPDATED: "known people with newer fields",
    RowResult.DUPLICATE: "known people, nothing new",
    RowResult.REJECTED: "cannot be used; see below",
}
#: Why no marketing reaches a person today; "it" is the number.
TODAY_WORDS = {
    "unknown": "is on no list",
    "country_not_allowed": "is in a country that SMS_ALLOWED_COUNTRIES does not allow",
    "opted_out": "is opted out",
    "consent_refused": "said no to marketing, in a consent or opt-out column of a file",
    "dead_number": "does not exist, as the operator reported",
    "never_open": "is in a territory whose hours are not known, or in territories that are never open together",
    "no_consent": "is on a list without a declared legal basis for marketing",
}
ONCE_PER = {"reply": "Each reply is answered", "day": "A person is answered once in 24 hours"}
#: The form of a time in errors and reasons that the store wrote.
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2})(?::\d{2})? UTC")


def approval_figures(recap: Recap) -> str:
    """Return what a person approves with a recap: the number of messages and their price."""
    return f"{count_text(recap.message_count, 'message')}, {amount_text(recap.total_price, recap.unit)}"


def staying_words(approved: ApprovedView) -> Iterator[str]:
    """Yield how many messages of an approved recap are not sent, for each reason."""
    counts = {
        "after a STOP": approved.opted_out_count,
        "to a number that does not exist, as the operator reported": approved.dead_count,
    }
    return (f"{grouped(count)} {why}" for why, count in counts.items() if count)


def grouped_by_value(values: Mapping[str, str]) -> str:
    """Return values by territory as a text: each value once, after the names of its territories.

    >>> grouped_by_value({"FR": "STOP au 36180", "GP": "STOP au 36789", "RE": "STOP au 36180"})
    'mainland France, Réunion: STOP au 36180; Guadeloupe: STOP au 36789'
    """
    names: dict[str, list[str]] = {}
    for key, value in sorted(values.items()):
        names.setdefault(value, []).append(key_name(key))
    return "; ".join(f"{', '.join(territories)}: {value}" for value, territories in names.items())


def span_text(first: datetime, last: datetime, zone: ZoneInfo) -> str:
    """Return a span of time as a text, with the day once if both ends have the same day.

    >>> span_text(datetime(2026, 11, 23, 7, 0, tzinfo=UTC), datetime(2026, 11, 23, 7, 5, tzinfo=UTC), ZoneInfo("UTC"))
    'Mon 2026-11-23 07:00–07:05'
    """
    start, end = local_time(first, zone), local_time(last, zone)
    if start == end:
        return start
    *day, hour = end.split(" ")
    return f"{start}–{hour}" if start.startswith(" ".join(day)) else f"{start} to {end}"


def seconds_text(seconds: float) -> str:
    """Return a duration as a text.

    >>> seconds_text(5), seconds_text(1800), seconds_text(9000)
    ('5 seconds', '30 minutes', '2.5 hours')
    """
    if seconds < 90:
        return count_text(round(seconds), "second")
    return count_text(round(seconds / 60), "minute") if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def duration_text(seconds: int) -> str:
    """Return a duration in its largest whole unit, short.

    >>> duration_text(30), duration_text(300), duration_text(21_600), duration_text(259_200)
    ('30 s', '5 min', '6 h', '3 d')
    """
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def share_text(count: int, whole: int) -> str:
    """Return a share in whole per cent; more than nothing is at least 1 %, less than all at most 99 %.

    >>> share_text(1, 1000), share_text(999, 1000)
    ('1 %', '99 %')
    """
    share = round(100 * count / whole) if whole else 0
    return f"{min(max(share, 1 if count else 0), 100 if count == whole else 99)} %"


def in_zone(text: str, zone: ZoneInfo) -> str:
    """Return a text with each UTC time replaced by the time on the team's clock, with its zone."""
    return _INSTANT.sub(lambda found: f"{local_time(_utc(found[1]), zone)} ({zone.key})", text)


def bar_text(count: int, most: int, width: int) -> str:
    """Return a text bar of a chart, ``width`` long for the value ``most``, at least one character long."""
    return "█" * max(1, width * count // most)


def _utc(text: str) -> datetime:
    return datetime.strptime(text[:16], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
