"""Delivery reports of a gateway: each is stored once, also if it is read twice, and applied to its message."""

from collections.abc import Hashable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from campanile.sms.rules.dead_numbers import DeadRules
from campanile.sms.states import MessageState
from campanile.store.campaigns.pause import pause_and_alert
from campanile.store.db.database import Transaction
from campanile.store.inbound.dead_numbers import note_reports
from campanile.store.inbound.report_matching import log_ends, put_searched, searched_ends, stage_reports
from campanile.store.ledger.charges import PriceRules, deviates, note_charges
from campanile.store.ledger.late_acceptance import LATE_STATES, accept_reported
from campanile.store.ledger.look_up_lag import ABSENT, late_reports, take_late
from campanile.store.ledger.message_ids import disputed_reports
from campanile.store.ledger.reconciliation import require_tried
from schemas.campaign_rows import Campaign
from schemas.gateway import Charge
from schemas.inbound_rows import GatewayState, UnknownWord
from schemas.ledger_rows import ChargedMessage
from schemas.report_words import ReportReason

_WORDS_SHOWN = timedelta(days=30)
#: The event of a report for a message in a state. Reports only move a message forward: any other pair changes nothing.
#: A report proves that the gateway has the message, also when it only says that delivery is pending.
_FORWARD = {
    (state, status): status
    for state in (MessageState.ACCEPTED, *LATE_STATES)
    for status in (MessageState.DELIVERED, MessageState.UNDELIVERED)
} | {(state, "pending"): MessageState.ACCEPTED for state in LATE_STATES}
_STAGED = ("staged_arrivals", "staged_campaigns", "staged_found", "staged_reported", "staged_moves")


class ReportRules(NamedTuple):
    """What decides on reports.

    Attributes:
        prices: what a message may be charged.
        dead: how many absences make a number dead.
        horizon: how long after the acceptance reports may come.
    """

    prices: PriceRules
    dead: DeadRules = DeadRules()
    horizon: timedelta = timedelta(days=3)


class TakenReports(NamedTuple):
    """How many reports were new, and how many messages changed, by event."""

    new_count: int
    moved: Mapping[str, int]


def count_without_report(tx: Transaction, campaign: Campaign, horizon: timedelta) -> int:
    """Return how many messages of a campaign were accepted so long ago that no report can come any more.

    They stay accepted and are never sent again. The time counts until the last complete reading of the reports: what
    was not read yet is not missing.
    """
    read = tx.find(GatewayState, "state.get", gateway=campaign.gateway, name="reports")
    if read is None:
        return 0
    before = read.changed_at - horizon
    return int(tx.value("message.count_without_report", campaign_id=campaign.campaign_id, before=before))


def unknown_words(tx: Transaction, gateway: str) -> list[UnknownWord]:
    """Return the words of a gateway's reports of the last 30 days that are in no table, the most frequent first."""
    return tx.select(UnknownWord, "report.unknown_words", gateway=gateway, since=tx.at - _WORDS_SHOWN)


def take_reports(tx: Transaction, gateway: str, reports: pd.DataFrame, rules: ReportRules) -> TakenReports:
    """Store the reports (``DeliveryReports``) that are new, and apply them and those that waited.

    ``_FORWARD`` decides which report changes which state. A report on a message that is in flight or not known waits,
    until an event is recorded that concerns it. So does a report on a message that was never posted: it begins a
    reconciliation.

    A message that was put back, by proof or by a person, and not claimed again, is accepted by its report and not sent
    again. If it is claimed again, its report waits for the answer. If the message is put back once more, it is accepted
    then. If it is accepted, the report moves it forward, so that of two reports on two posts the first final one
    counts. If it is rejected, it stays rejected.

    A campaign that waited only for a decision on its unknown messages is due at once, to be finished.

    A report under an id that belongs to another message proves nothing. A report under another id than its message has
    pauses the campaign. A report on a message that was taken as absent raises the settling time. The charge of a report
    is written beside the price of the recap. ``note_reports`` records numbers that are dead.
    """
    ends, has_waiting = log_ends(tx), bool(tx.value("report.count_waiting", gateway=gateway))
    if reports.empty and (not has_waiting or searched_ends(tx, gateway) == ends):
        return TakenReports(0, {})
    new_count = stage_reports(tx, gateway, reports, rules.horizon, with_waiting=has_waiting)
    _stage_reported(tx)
    require_tried(tx, gateway)
    take_late(tx, gateway, late_reports(tx))
    moved = _apply(tx, gateway, rules)
    tx.run("report.add", gateway=gateway, at=tx.at)
    if has_waiting:
        tx.run("report.mark_applied", at=tx.at)
    if has_waiting or tx.value("report.count_waiting", gateway=gateway):
        put_searched(tx, gateway, ends)
    for table in _STAGED:
        tx.execute(f"DROP TABLE temp.{table}")
    return TakenReports(new_count, moved)


def _stage_reported(tx: Transaction) -> None:
    """Stage the reports whose message is found, with its state and the event of ``_FORWARD``."""
    steps = [(*pair, event) for pair, event in _FORWARD.items()]
    with tx.staged("report.stage_reported", staged_rows=_rows(steps, "state", "status", "event")):
        tx.run("report.stage_reported", absent=ABSENT)


def _apply(tx: Transaction, gateway: str, rules: ReportRules) -> dict[str, int]:
    """Apply the staged reports; return how many messages changed, by event."""
    disputed = _rows([(position,) for position in disputed_reports(tx, gateway)], "position")
    with tx.staged("report.stage_moves", staged_rows=disputed):
        tx.run("report.stage_moves")
        charged = tx.frame("report.charged")
    moved = tx.counts("report.count_moves")
    if moved:
        with tx.staged("report.moved_in", staged_rows=_rows([(state,) for state in LATE_STATES], "state")):
            late = tx.frame("report.moved_in")
        accept_reported(tx, late)
        tx.run("report.add_events", first_event_id=tx.value("event.next_id"), at=tx.at)
        tx.run_staged("campaign.wake", late.loc[late["state"] == MessageState.UNKNOWN, ["campaign_id"]], at=tx.at)
        note_reports(tx, gateway, tx.frame("report.moves_of_note", absent=ReportReason.ABSENT), rules.dead)
    _note_report_charges(tx, charged, rules.prices)
    return moved


def _rows(rows: Iterable[tuple[object, ...]], *columns: str) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns), dtype=object)


def _note_report_charges(tx: Transaction, charged: pd.DataFrame, prices: PriceRules) -> None:
    """Write the charges of reports, the last one of each message; pause a campaign that is charged too much."""
    last = charged.drop_duplicates(["campaign_id", "recipient_id"], keep="last")
    by_campaign: dict[int, list[ChargedMessage]] = {}
    for row in last.to_dict("records"):
        by_campaign.setdefault(row["campaign_id"], []).append(_charged_message(row))
    for campaign_id, messages in by_campaign.items():
        if any(deviates(message, prices) for message in messages):
            campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
            if (why := note_charges(tx, campaign, messages, prices)) is not None:
                pause_and_alert(tx, campaign, why)


def _charged_message(row: Mapping[Hashable, Any]) -> ChargedMessage:
    """Return a row of ``report.waiting`` with its charge."""
    before = row["charged_before"]
    return ChargedMessage(
        row["recipient_id"],
        row["slice_no"],
        Decimal(row["price"]),
        row["segment_count"],
        Charge(Decimal(row["charge"]), row["charge_unit"], _count(row["charge_segments"])),
        None if pd.isna(before) else Decimal(before),
    )


def _count(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
