"""The page that a run ends with where no campaign or list has one: what it did, and what can be done next."""

from collections.abc import Mapping, Sequence

from prefect import task

from sms.masking import escape_markdown, mask_number
from sms.wording import count_text, grouped
from store.answers import auto_responder
from tasks.house import visit_store
from tasks.links import NextStep, RunLink, draw_links, step_links
from tasks.pages import STATE_WORDS, local_time, quoted_text, table, user_text
from tasks.publish import publish_unless_away
from tasks.settings import settings

_TOP_UP = NextStep("record-top-up", "Record a top-up", "for a gateway that does not tell its balance.", {})
_CHECK_BALANCE = NextStep("check-balance", "Check the balance", "reads it again, and alerts where it is critical.", {})
_REVIEW = NextStep("review-replies", "Review replies", "lists those that may be a refusal, for a person to settle.", {})
_READ_REPLIES = NextStep("process-replies", "Read replies", "honours each STOP, then answers the others.", {})
_READ_REPORTS = NextStep("collect-delivery-reports", "Read delivery reports", "tells what became of messages.", {})
_RESPONDER = NextStep(
    "configure-auto-responder", "Set the automatic answer", "to every reply but refusals and machines.", {}
)
_RESPONDER_OFF = NextStep(
    "configure-auto-responder", "Switch it off", "replies are kept, nobody is answered.", {"enabled": False}
)
_ANSWER_WORDS = {
    "waiting": "not decided yet",
    "planned": "an answer, sent or on its way",
    "opted_out": "none: the person is opted out",
    "not_a_mobile": "none: the sender is no mobile number",
    "country_not_allowed": "none: its country is not allowed, or has no price",
    "off": "none: the auto-responder was off",
    "too_old": "none: the reply was too old",
    "answered_already": "none: the person got one today",
    "person_capped": "none: the person got as many as one may get",
    "capped": "none: the day's cap was reached",
}
_UNANSWERED_WORDS = "none: refusals and machines get none"
_ONCE_PER = {"reply": "Each reply is answered", "day": "A person is answered once a day"}


def outcome_page(title: str, parts: Sequence[str], links: Sequence[RunLink]) -> str:
    """Return what a run did, parts of Markdown, and what can be done next."""
    following = ["## Next", *draw_links(links)] if links else []
    return "\n\n".join([f"# {escape_markdown(title)}", *parts, *following]) + "\n"


@task(task_run_name="publish the balance of {gateway}")
def publish_balance(gateway: str, line: str) -> str:
    """Publish how a gateway's balance is, and return the page."""
    return _publish(f"balance-{gateway}", f"Balance of {gateway}", [_line(line)], [_CHECK_BALANCE, _TOP_UP])


@task(task_run_name="publish the replies of {gateway}")
def publish_replies(gateway: str) -> str:
    """Publish what replies a gateway brought and what became of them, and return the page: anew when one came."""
    with visit_store(read_only=True) as visit:
        rows = visit.rows("reply.totals", gateway=gateway)
    cells = [
        (row["verdict"], _ANSWER_WORDS.get(row["answer"], _UNANSWERED_WORDS), grouped(row["reply_count"]))
        for row in rows
    ]
    parts = (
        [table(["reply", "automatic answer", "replies"], cells, align="llr")] if rows else ["No reply has come yet."]
    )
    return _publish(f"replies-{gateway}", f"Replies of {gateway}", parts, [_REVIEW, _RESPONDER])


@task(task_run_name="publish the delivery reports of {gateway}")
def publish_reports(gateway: str, moved: Mapping[str, int]) -> str | None:
    """Publish which messages the newest delivery reports moved, and return the page; where none did it stays."""
    if not moved:
        return None
    rows = [(STATE_WORDS.get(event, event), grouped(count)) for event, count in sorted(moved.items())]
    parts = ["The newest reports say of messages:", table(["what became of them", "messages"], rows, align="lr")]
    return _publish(f"delivery-reports-{gateway}", f"Delivery reports of {gateway}", parts, [_READ_REPORTS])


@task
def publish_auto_responder(line: str) -> str:
    """Publish how the auto-responder is set, and return the page."""
    zone = settings().zone
    with visit_store(read_only=True) as visit:
        responder = auto_responder(visit)
    parts = [_line(line)]
    if responder.enabled:
        until = f", until {local_time(responder.valid_until, zone)} ({zone.key})" if responder.valid_until else ""
        parts += [
            f"{_ONCE_PER[responder.once_per]}{until}, with:",
            quoted_text(responder.text, spare=responder.text),
        ]
    steps = [_RESPONDER_OFF, _READ_REPLIES] if responder.enabled else [_RESPONDER, _READ_REPLIES]
    return _publish("auto-responder", "Auto-responder", parts, steps)


@task
def publish_stopped(line: str) -> str:
    """Publish what was paused by the red button, and return the page."""
    with visit_store(read_only=True) as visit:
        names = [row["name"] for row in visit.rows("campaign.paused")]
    resume = [
        NextStep("resume-campaign", f"Resume {name}", "at once if its time has come.", {"campaign": name, "name": ""})
        for name in names
    ]
    parts = [_line(line), f"{count_text(len(names), 'campaign')} paused now."]
    return _publish("stop-everything", "Everything is stopped", parts, [*resume, _RESPONDER_OFF])


@task
def publish_backup(line: str) -> str:
    """Publish where the newest copy of the store is, and return the page."""
    return _publish("backup", "Copy of the store", [_line(line)], [])


@task
def publish_opt_out(number: str, is_new: bool) -> str:
    """Publish that a person was opted out, the number masked, and return the page."""
    words = "is opted out from now on" if is_new else "was opted out before"
    shown = escape_markdown(mask_number(number))
    again = NextStep("record-opt-out", "Record another", "it binds at once, for every campaign.", {})
    return _publish("opt-out", "Opt-out recorded", [f"{shown} {words}: no campaign writes to it."], [again])


@task
def publish_reset(line: str) -> str:
    """Publish that a history is read again from its beginning, and return the page."""
    return _publish("histories", "Histories read again", [_line(line)], [_READ_REPLIES, _READ_REPORTS])


def _line(line: str) -> str:
    return f"{user_text(line)}."


def _publish(key: str, title: str, parts: Sequence[str], steps: Sequence[NextStep]) -> str:
    page = outcome_page(title, parts, step_links(steps))
    publish_unless_away(key, page, title)
    return page
