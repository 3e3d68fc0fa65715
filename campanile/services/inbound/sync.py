"""Sync with a gateway: read replies, opt-outs and delivery reports by cursor; each STOP applies at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pandas as pd

from campanile.services.billing.alerts import send_waiting_alerts
from campanile.services.context import Context
from campanile.services.inbound.history import HistoryRead, read_history, report_history
from campanile.services.inbound.history_rows import opt_out_rows, reply_rows, report_rows
from campanile.services.inbound.reports import export_dead_numbers
from campanile.sms.errors import GatewayError, GatewayUnreachable
from campanile.sms.rules.dead_numbers import DeadRules
from campanile.sms.rules.replies.parts import PART_SECONDS, split_refusals
from campanile.sms.rules.replies.verdicts import STOP_DOUBTFUL, SUPPRESSING
from campanile.sms.text.formatting import count_text
from campanile.sms.text.masking import mask_numbers
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.contacts.opt_outs import add_provider_opt_outs, honour_replies
from campanile.store.db.database import Transaction
from campanile.store.inbound.histories import CALLBACKS
from campanile.store.inbound.replies import add_replies, mark_doubtful, near_replies
from campanile.store.inbound.reports import ReportRules, take_reports
from schemas.gateway import Page

#: Reports that one transaction takes. Each one looks for their messages in their campaigns, so few are better.
REPORTS_AT_ONCE = 200_000
UNREADABLE = "refusals_unreadable"
#: A sender with so many digits or more may be the number of a person: short codes have fewer.
_FULL_NUMBER_DIGITS = 7
_SHOWN_SENDER = 40


def sync_opt_outs(context: Context, gateway: str) -> dict[str, int]:
    """Read replies and the opt-outs of the provider; each STOP applies in the transaction that records it."""
    found = context.gateway(gateway)
    replies = _read_both(
        context, gateway, "replies", found.replies, partial(reply_rows, context), partial(keep_replies, context)
    )
    opt_outs = _read_both(
        context, gateway, "opt_outs", found.opt_outs, partial(opt_out_rows, context), add_provider_opt_outs
    )
    reply_count, opt_out_count = (sum(reading.new_count for reading in readings) for readings in (replies, opt_outs))
    context.log.info("%s: %d new replies, %d new opt-outs at the provider", gateway, reply_count, opt_out_count)
    unfinished_count = sum(reading.unfinished_count > 0 for reading in replies + opt_outs)
    return {"replies": reply_count, "provider_opt_outs": opt_out_count, "unfinished": unfinished_count}


def sync_opt_outs_to_the_end(context: Context, gateway: str) -> None:
    """Read the STOPs to their end, during a run.

    Raises:
        GatewayError: they could not be read, or not to their end.
    """
    if sync_opt_outs(context, gateway)["unfinished"]:
        raise GatewayUnreachable(f"replies or opt-outs of gateway {gateway} did not come to an end")


def try_sync_opt_outs(context: Context, gateway: str) -> None:
    """Read the STOPs before a run; if that fails nothing is sent: each claim checks how old they are."""
    try:
        sync_opt_outs(context, gateway)
    except GatewayError as error:
        context.log.warning("STOPs cannot be read: %s", error)


def sync_reports(context: Context, gateway: str) -> dict[str, int]:
    """Read delivery reports and apply them; return how many messages changed, by event."""
    moved: Counter[str] = Counter()
    readings = _read_both(
        context,
        gateway,
        "reports",
        context.gateway(gateway).delivery_reports,
        report_rows,
        partial(keep_reports, context, moved),
        at_once=REPORTS_AT_ONCE,
    )
    count = sum(reading.new_count for reading in readings)
    with context.transaction(read_only=True) as tx:
        waiting = tx.value("report.count_waiting", gateway=gateway)
    context.log.info("%s: %d new reports, moved %s, %d wait for their message", gateway, count, dict(moved), waiting)
    export_dead_numbers(context)
    send_waiting_alerts(context)
    return dict(moved)


def keep_reports(context: Context, moved: Counter[str], tx: Transaction, gateway: str, reports: pd.DataFrame) -> int:
    """Store reports (``DeliveryReports``) that are new, and apply them and those that waited; return how many were new.

    The messages that changed are counted in ``moved``, by event.
    """
    manifest = context.manifest(gateway)
    rules = ReportRules(
        context.price_rules(manifest),
        DeadRules(context.settings.dead_after_absences, context.settings.dead_weeks),
        timedelta(hours=manifest.report_horizon_hours),
    )
    taken = take_reports(tx, gateway, reports, rules)
    moved.update(taken.moved)
    return taken.new_count


def _read_both(
    context: Context,
    gateway: str,
    name: str,
    poll: Callable[[str], Page[Any]],
    convert: Callable[[Sequence[Any]], pd.DataFrame],
    keep: Callable[[Transaction, str, pd.DataFrame], int],
    at_once: int | None = None,
) -> list[HistoryRead]:
    """Read what the gateway called back, if it does, and then what it lists: whatever comes by both counts once."""
    called_back = context.gateway(gateway).callbacks.get(name)
    ways = [(name, poll)] if called_back is None else [(f"{name}{CALLBACKS}", called_back), (name, poll)]
    readings = []
    for cursor_name, read in ways:
        readings.append(read_history(context, gateway, cursor_name, read, convert, keep, at_once=at_once))
        report_history(context, gateway, cursor_name, readings[-1])
    return readings


def keep_replies(context: Context, tx: Transaction, gateway: str, replies: pd.DataFrame) -> int:
    """Store replies (``IncomingReplies``) that are new, and apply their STOPs and STARTs; return how many were new."""
    manifest = context.manifest(gateway)
    history = timedelta(days=manifest.history_days)
    added = add_replies(tx, gateway, replies, history=history, ids_are_unique=manifest.reply_ids_are_unique)
    fresh = _with_split_refusals(tx, gateway, added)
    honour_replies(tx, fresh)  # guard: stop-with-reply
    _alert_unreadable(tx, gateway, fresh)
    return len(fresh)


def _with_split_refusals(tx: Transaction, gateway: str, fresh: pd.DataFrame) -> pd.DataFrame:
    """Return new replies, where those that end a refusal which is split into parts are doubtful STOPs."""
    groups = split_refusals(near_replies(tx, gateway, fresh, PART_SECONDS))
    doubtful = [
        [part.reply_id for part in group if part.is_new][-1] for group in groups if any(p.is_new for p in group)
    ]
    if not doubtful:
        return fresh
    mark_doubtful(tx, doubtful)
    return fresh.assign(verdict=fresh["verdict"].mask(fresh["reply_id"].isin(doubtful), STOP_DOUBTFUL))


def _alert_unreadable(tx: Transaction, gateway: str, fresh: pd.DataFrame) -> None:
    """Alert the team about refusals whose sender looks like a number but cannot be parsed: it is not opted out."""
    refused = fresh[fresh["verdict"].isin(SUPPRESSING) & fresh["number_id"].isna()]
    senders = [sender for sender in refused["sender"] if sum(map(str.isdecimal, sender)) >= _FULL_NUMBER_DIGITS]
    if senders:
        line = (
            f"{count_text(len(senders), 'refusal')} on gateway {gateway} came from a sender that is not a mobile "
            f"number (such as {mask_numbers(senders[0][:_SHOWN_SENDER])!r}), so no person was opted out. Find the "
            "number in the provider's console, and opt it out with record-opt-out"
        )
        clear_alert(tx, UNREADABLE, gateway)
        raise_alert(tx, UNREADABLE, gateway, line)


def alert_rejected(context: Context, gateway: str, file_name: str, count: int) -> None:
    """Alert the team about rows of a file of replies that may be refusals and could not be read."""
    if count:
        line = (
            f"{count_text(count, 'row')} of rejects/replies/{mask_numbers(file_name)} may be a refusal, so no person "
            "was opted out by it. Correct the file and drop it again, or opt the person out with record-opt-out"
        )
        with context.transaction() as tx:
            clear_alert(tx, UNREADABLE, gateway)
            raise_alert(tx, UNREADABLE, gateway, line)
