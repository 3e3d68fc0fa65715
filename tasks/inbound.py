"""What comes back: STOPs before anything else, then reports, replies and automatic answers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pandas as pd
from prefect import get_run_logger, task

from schemas.gateway import DeliveryReport, IncomingReply, Page, ProviderOptOut
from sms.auto_reply import AutoResponder, decide_answer
from sms.errors import ConfigurationError, GatewayError, GatewayUnreachable, InvalidNumber
from sms.keywords import SUPPRESSING, classify_reply
from sms.masking import mask_numbers
from sms.msisdn import Number, parse_number
from sms.segments import count_segments
from sms.tariff import Tariff
from sms.wording import count_text
from store.answers import auto_responder, put_auto_responder
from store.database import Transaction
from store.inbound import (
    add_replies,
    add_reports,
    apply_reports,
    set_answers,
    unanswered_replies,
    unapplied_reports,
)
from store.operators import answered_count, clear_alert, raise_alert
from store.opt_outs import add_provider_opt_outs, honour_replies
from store.reconcile import require_tried
from tasks.alerts import send_waiting_alerts
from tasks.history import AT_ONCE, HistoryRead, in_parts, read_history, report_history
from tasks.house import gateway_named, manifest_of, price_rules, tariff_of, visit_store
from tasks.notice import plan_own_messages
from tasks.settings import settings

S = TypeVar("S")
T = TypeVar("T")
CAPPED = "answers_capped"
UNREADABLE = "refusals_unreadable"
#: So many digits may be a person's number: short codes have fewer.
_FULL_NUMBER_DIGITS = 7
_SHOWN_SENDER = 40


@task(retries=2, retry_delay_seconds=[1, 3])
def read_stops(gateway: str) -> dict[str, int]:
    """Read replies and the provider's own opt-outs, and honour each STOP in the transaction that records it."""
    found = gateway_named(gateway)
    replies = _read_all(gateway, "replies", found.replies, _reply_row, _keep_replies)
    opt_outs = _read_all(gateway, "opt_outs", found.opt_outs, _opt_out_row, _keep_opt_outs)
    get_run_logger().info("%s: %d new replies, %d new opt-outs at the provider", gateway, replies.count, opt_outs.count)
    unfinished_count = sum(reading.unfinished_count > 0 for reading in (replies, opt_outs))
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
    count = _read_all(gateway, "reports", gateway_named(gateway).delivery_reports, _as_it_is, _keep_reports).count
    moved = _apply_reports(gateway)
    with visit_store(read_only=True) as visit:
        waiting = visit.value("report.count_unmatched", gateway=gateway)
    get_run_logger().info("%s: %d new reports, moved %s, %d wait for their message", gateway, count, moved, waiting)
    send_waiting_alerts()
    return moved


@task
def plan_answers(gateway: str) -> dict[str, int]:
    """Decide once for each new reply whether it gets the automatic answer, and plan those that do."""
    tariff = tariff_of(gateway)
    counts: Counter[str] = Counter()
    is_last = False
    while not is_last:
        with visit_store(read_only=True) as visit:
            senders = [row["sender"] for row in unanswered_replies(visit, gateway, AT_ONCE)]
        numbers = {sender: _number_or_none(sender) for sender in senders}
        is_last = len(senders) < AT_ONCE
        with visit_store() as visit:
            counts.update(_plan_answers(visit, gateway, tariff, numbers).values())
    get_run_logger().info("%s: automatic answers %s", gateway, dict(sorted(counts.items())))
    return dict(sorted(counts.items()))


@task
def set_auto_responder(responder: AutoResponder, changed_by: str) -> str:
    """Put the auto-responder's settings in force; return one line that says what it does now, and at what price.

    Raises:
        ConfigurationError: it is switched on with nothing to say, or nobody to say it to.
    """
    if responder.enabled and not responder.text.strip():
        raise ConfigurationError("the auto-responder has nothing to say: give its text, or switch it off")
    for name in ("daily_cap", "person_cap"):
        if getattr(responder, name) < 1:
            raise ConfigurationError(
                f"{name} {getattr(responder, name)} answers nobody: give 1 or more, or switch it off"
            )
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
        f"{responder.daily_cap} answers a day at most, {responder.answers_a_person} to one person"
    )


def _read_all(
    gateway: str,
    name: str,
    read: Callable[[str], Page[S]],
    convert: Callable[[S], T],
    keep: Callable[[Transaction, str, list[T]], int],
) -> HistoryRead:
    found = read_history(gateway, name, read, convert, keep)
    report_history(gateway, name, found)
    return found


def _apply_reports(gateway: str) -> dict[str, int]:
    """Apply the reports that wait, oldest first, in transactions of ``AT_ONCE``."""
    with visit_store(read_only=True) as visit:
        report_nos = unapplied_reports(visit, gateway)
    prices, moved = price_rules(manifest_of(gateway)), Counter[str]()
    for part in in_parts(report_nos):
        with visit_store() as visit:
            require_tried(visit, gateway)
            moved.update(apply_reports(visit, gateway, prices, part))
    return dict(moved)


def _keep_replies(visit: Transaction, gateway: str, rows: list[list[Any]]) -> int:
    replies = pd.DataFrame(rows, columns=_REPLY_COLUMNS, dtype=object)
    history = timedelta(days=manifest_of(gateway).history_days)
    fresh = add_replies(visit, gateway, replies, history=history)
    honour_replies(visit, fresh)
    _alert_unreadable(visit, gateway, fresh)
    return len(fresh)


def _alert_unreadable(visit: Transaction, gateway: str, fresh: pd.DataFrame) -> None:
    """Alert the team of refusals from what may be a person's number and cannot be read as one: none is opted out."""
    refused = fresh[fresh["verdict"].isin(SUPPRESSING) & fresh["number_id"].isna()]
    senders = [sender for sender in refused["sender"] if sum(map(str.isdecimal, sender)) >= _FULL_NUMBER_DIGITS]
    if senders:
        line = (
            f"{count_text(len(senders), 'refusal')} on gateway {gateway} came from a sender that is no mobile number "
            f"({mask_numbers(senders[0][:_SHOWN_SENDER])!r} for one), so nobody was opted out. Find the number in the "
            "provider's console, and opt it out by record-opt-out"
        )
        clear_alert(visit, UNREADABLE, gateway)
        raise_alert(visit, UNREADABLE, gateway, line)


def _keep_opt_outs(visit: Transaction, gateway: str, rows: list[tuple[Number, datetime] | None]) -> int:
    numbers = [
        {"number_id": row[0].number_id, "msisdn": row[0].msisdn, "opted_out_at": row[1]}
        for row in rows
        if row is not None
    ]
    return add_provider_opt_outs(visit, gateway, pd.DataFrame(numbers))


def _keep_reports(visit: Transaction, gateway: str, reports: list[DeliveryReport]) -> int:
    return add_reports(visit, gateway, reports)


def _as_it_is(report: DeliveryReport) -> DeliveryReport:
    return report


def _opt_out_row(opt_out: ProviderOptOut) -> tuple[Number, datetime] | None:
    number = _number_or_none(opt_out.msisdn)
    return None if number is None else (number, opt_out.opted_out_at)


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


def _plan_answers(
    visit: Transaction, gateway: str, tariff: Tariff, numbers: Mapping[str, Number | None]
) -> dict[int, str]:
    """Decide on the replies of these senders, and plan the answers; return what was decided, by reply."""
    responder = auto_responder(visit)
    replies = [row for row in unanswered_replies(visit, gateway, AT_ONCE) if row["sender"] in numbers]
    answered_today = answered_count(visit, gateway, visit.at - timedelta(days=1))
    answers = _decide(visit, responder, replies, numbers, tariff, answered_today)
    if visit.reconciliation is not None:  # a store that came back does not know whom it has answered
        answers = {key: "in_doubt" if answer == "planned" else answer for key, answer in answers.items()}
    set_answers(visit, answers)
    chosen = [(row["reply_id"], numbers[row["sender"]]) for row in replies if answers[row["reply_id"]] == "planned"]
    recipients = [(reply_id, number) for reply_id, number in chosen if number is not None]
    plan_own_messages(visit, "auto_reply", gateway, tariff, recipients, responder.text)
    _watch_cap(visit, gateway, responder, answered_today + len(recipients), "capped" in answers.values())
    return answers


def _decide(
    visit: Transaction,
    responder: AutoResponder,
    replies: Sequence[Mapping[str, Any]],
    numbers: Mapping[str, Number | None],
    tariff: Tariff,
    answered_today: int,
) -> dict[int, str]:
    max_age = timedelta(hours=settings().reply_max_age_hours)
    territories = set(settings().allowed_countries) & set(tariff.prices)  # we write there, and know the price
    answers: dict[int, str] = {}
    planned: Counter[int] = Counter()
    for row in replies:
        number = numbers[row["sender"]]
        seen = {
            **row,
            "is_allowed": number is not None and number.territory in territories,
            "answer_count": row["answer_count"] + planned[row["number_id"]],
        }
        answer = decide_answer(seen, responder, visit.at, max_age, answered_today + planned.total())
        answers[row["reply_id"]] = answer
        planned[row["number_id"]] += answer == "planned"
    return answers


def _watch_cap(visit: Transaction, gateway: str, responder: AutoResponder, count: int, is_capped: bool) -> None:
    """Raise one alert when the cap keeps an answer back; it is over when half of the cap is free again."""
    if is_capped:
        line = (
            f"the auto-responder on gateway {gateway} reached its cap of {responder.daily_cap} answers in 24 hours; "
            "replies that come now get none. Look for machines among the senders, or raise daily_cap with "
            "configure-auto-responder"
        )
        raise_alert(visit, CAPPED, gateway, line)
    elif 2 * count <= responder.daily_cap:
        clear_alert(visit, CAPPED, gateway)


def _number_or_none(raw: str) -> Number | None:
    """Return a sender as a number that can be written to; short codes and names cannot."""
    try:
        return parse_number(raw, settings().region)
    except InvalidNumber:
        return None
