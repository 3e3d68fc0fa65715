"""What comes back: STOPs before anything else, then reports, replies and automatic answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pandas as pd
from prefect import get_run_logger, task

from schemas.gateway import IncomingReply, Page
from sms.auto_reply import AutoResponder, decide_answer
from sms.errors import ConfigurationError, GatewayError, GatewayUnreachable, InvalidNumber
from sms.keywords import classify_reply
from sms.msisdn import Number, parse_number
from sms.segments import count_segments
from sms.tariff import Tariff
from store.answers import auto_responder, put_auto_responder
from store.database import Transaction
from store.inbound import (
    add_replies,
    add_reports,
    apply_reports,
    set_answers,
    unanswered_replies,
)
from store.operators import answered_count
from store.opt_outs import add_opt_outs
from store.reconcile import require_tried
from tasks.alerts import send_waiting_alerts
from tasks.history import HistoryRead, read_history, report_history
from tasks.house import gateway_named, manifest_of, price_rules, tariff_of, visit_store
from tasks.notice import plan_own_messages
from tasks.settings import settings

T = TypeVar("T")
#: Verdicts after which nothing is sent to a person any more; a person may decide otherwise on ``review`` later.
_SUPPRESSING = {"stop": "reply", "review": "reply_review"}


@task(retries=2, retry_delay_seconds=[1, 3])
def read_stops(gateway: str) -> dict[str, int]:
    """Read replies and the provider's own opt-outs, and honour each STOP in the transaction that records it."""
    replies = _read_all(gateway, "replies", gateway_named(gateway).replies, _keep_replies)
    opt_outs = _read_all(gateway, "opt_outs", gateway_named(gateway).opt_outs, _keep_opt_outs)
    get_run_logger().info("%s: %d new replies, %d new opt-outs at the provider", gateway, replies.count, opt_outs.count)
    unfinished_count = sum(found.unfinished_count > 0 for found in (replies, opt_outs))
    return {"replies": replies.count, "provider_opt_outs": opt_outs.count, "unfinished": unfinished_count}


def read_stops_to_the_end(gateway: str) -> None:
    """Read the STOPs during a sending.

    Raises:
        GatewayError: they could not be read, or not to their end.
    """
    if read_stops(gateway)["unfinished"]:
        raise GatewayUnreachable(f"replies or opt-outs of gateway {gateway} did not come to an end")


def hear_stops(gateway: str) -> None:
    """Read the STOPs before a sending; where they cannot be read nothing leaves: every claim looks how old they are."""
    try:
        read_stops(gateway)
    except GatewayError as error:
        get_run_logger().warning("STOPs cannot be read: %s", error)


@task(retries=2, retry_delay_seconds=[1, 3])
def read_reports(gateway: str) -> dict[str, int]:
    """Read delivery reports and apply them; return how many messages moved, by event."""
    count = _read_all(gateway, "reports", gateway_named(gateway).delivery_reports, _keep_reports).count
    with visit_store() as visit:
        require_tried(visit, gateway)
        moved = apply_reports(visit, gateway, price_rules(manifest_of(gateway)))
        waiting = visit.value("report.count_unmatched", gateway=gateway)
    get_run_logger().info("%s: %d new reports, moved %s, %d wait for their message", gateway, count, moved, waiting)
    send_waiting_alerts()
    return moved


@task
def plan_answers(gateway: str) -> dict[str, int]:
    """Decide once for each new reply whether it gets the automatic answer, and plan those that do."""
    tariff = tariff_of(gateway)
    with visit_store() as visit:
        responder = auto_responder(visit)
        replies = unanswered_replies(visit, gateway)
        answers = _decide(visit, gateway, responder, replies, tariff)
        if visit.reconciliation is not None:  # a store that came back does not know whom it has answered
            answers = {key: "in_doubt" if answer == "planned" else answer for key, answer in answers.items()}
        set_answers(visit, answers)
        chosen = [
            (row["reply_id"], _number_or_none(row["sender"]))
            for row in replies
            if answers[row["reply_id"]] == "planned"
        ]
        recipients = [(reply_id, number) for reply_id, number in chosen if number is not None]
        plan_own_messages(visit, "auto_reply", gateway, tariff, recipients, responder.text)
    counts = {answer: list(answers.values()).count(answer) for answer in sorted(set(answers.values()))}
    get_run_logger().info("%s: automatic answers %s", gateway, counts)
    return counts


@task
def set_auto_responder(responder: AutoResponder, changed_by: str) -> str:
    """Put the auto-responder's settings in force; return one line that says what it does now, and at what price.

    Raises:
        ConfigurationError: it is switched on with nothing to say, or nobody to say it to.
    """
    if responder.enabled and not responder.text.strip():
        raise ConfigurationError("the auto-responder has nothing to say: give its text, or switch it off")
    if responder.daily_cap < 1:
        raise ConfigurationError(f"daily_cap {responder.daily_cap} answers nobody: give 1 or more, or switch it off")
    until = responder.valid_until
    if until is not None and until.tzinfo is None:  # typed into a form: meant in the team's zone
        until = until.replace(tzinfo=settings().zone)
    with visit_store() as visit:
        put_auto_responder(visit, replace(responder, valid_until=until), changed_by)
    if not responder.enabled:
        return "the auto-responder is off: replies are kept, nobody is answered"
    parts = count_segments(responder.text)
    return (
        f"the auto-responder is on: each reply but STOP gets {parts.segment_count} segment(s) of {parts.encoding}, "
        f"{responder.daily_cap} answers a day at most"
    )


def _read_all(
    gateway: str, name: str, read: Callable[[str], Page[T]], keep: Callable[[Transaction, str, list[T]], int]
) -> HistoryRead:
    found = read_history(gateway, name, read, keep)
    report_history(gateway, name, found)
    return found


def _keep_replies(visit: Transaction, gateway: str, replies: list[IncomingReply]) -> int:
    rows = pd.DataFrame([_reply_row(reply) for reply in replies], columns=_REPLY_COLUMNS, dtype=object)
    fresh = add_replies(visit, gateway, rows)
    for verdict, source in _SUPPRESSING.items():
        leaving = fresh[(fresh["verdict"] == verdict) & fresh["number_id"].notna()]
        for row in leaving.to_dict("records"):
            numbers = pd.DataFrame([{"number_id": row["number_id"], "msisdn": f"+{row['number_id']}"}])
            add_opt_outs(visit, numbers, source, f"reply {row['reply_id']}")
    return len(fresh)


def _keep_opt_outs(visit: Transaction, gateway: str, opt_outs: list[Any]) -> int:
    numbers = [number for number in (_number_or_none(item.msisdn) for item in opt_outs) if number is not None]
    rows = pd.DataFrame([{"number_id": number.number_id, "msisdn": number.msisdn} for number in numbers])
    return 0 if rows.empty else add_opt_outs(visit, rows, "gateway", f"opt-out list of {gateway}")


def _keep_reports(visit: Transaction, gateway: str, reports: list[Any]) -> int:
    return add_reports(visit, gateway, reports)


_REPLY_COLUMNS = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]


def _reply_row(reply: IncomingReply) -> list[Any]:
    number = _number_or_none(reply.sender)
    return [
        reply.gateway_reply_id,
        reply.sender,
        None if number is None else number.number_id,
        reply.text,
        classify_reply(reply.text),
        reply.received_at,
    ]


def _decide(
    visit: Transaction, gateway: str, responder: AutoResponder, replies: list[dict[str, Any]], tariff: Tariff
) -> dict[int, str]:
    answered = answered_count(visit, gateway, visit.at - timedelta(days=1))
    max_age = timedelta(hours=settings().reply_max_age_hours)
    answers: dict[int, str] = {}
    answered_now: dict[int, datetime] = {}
    for row in replies:
        seen = row | {
            "is_allowed": _is_allowed(row["sender"], tariff),
            "answered_before_at": answered_now.get(row["number_id"], row["answered_before_at"]),
        }
        answers[row["reply_id"]] = decide_answer(seen, responder, visit.at, max_age, answered)
        if answers[row["reply_id"]] == "planned":
            answered += 1
            answered_now[row["number_id"]] = row["received_at"]
    return answers


def _is_allowed(sender: str, tariff: Tariff) -> bool:
    """Tell whether an answer may go there: a country the team writes to, at a price it knows."""
    number = _number_or_none(sender)
    return number is not None and number.territory in set(settings().allowed_countries) & set(tariff.prices)


def _number_or_none(raw: str) -> Number | None:
    """Return a sender as a number that can be written to; short codes and names cannot."""
    try:
        return parse_number(raw, settings().region)
    except InvalidNumber:
        return None
