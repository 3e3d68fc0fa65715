"""Delivery reports of a gateway: each is stored once, also if it is read twice, and applied to its message."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from campanile.sms.rules.dead_numbers import DeadRules
from campanile.sms.states import MessageState
from campanile.store.campaigns.pause import pause_and_alert
from campanile.store.db.database import Transaction
from campanile.store.inbound.dead_numbers import note_reports
from campanile.store.ledger.charges import PriceRules, deviates, note_charges
from campanile.store.ledger.late_acceptance import LATE_STATES, apply_moves
from campanile.store.ledger.look_up_lag import late_reports, take_late
from campanile.store.ledger.message_ids import disputed_reports
from schemas.campaign_rows import Campaign
from schemas.gateway import Charge
from schemas.inbound_rows import GatewayState, UnknownWord
from schemas.ledger_rows import ChargedMessage

_WORDS_SHOWN = timedelta(days=30)
_DEAD_RULES = DeadRules()
_ACCEPTED = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.UNDELIVERED)
#: The event of a report for a message in a state. Reports only move a message forward: any other pair changes nothing.
#: A report proves that the gateway has the message, also when it only says that delivery is pending.
_FORWARD = {
    (state, status): status
    for state in (MessageState.ACCEPTED, *LATE_STATES)
    for status in (MessageState.DELIVERED, MessageState.UNDELIVERED)
} | {(state, "pending"): MessageState.ACCEPTED for state in LATE_STATES}


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


def add_reports(tx: Transaction, gateway: str, reports: pd.DataFrame) -> int:
    """Write the reports (``DeliveryReports``) that are new; return how many."""
    return tx.run_staged("report.add", reports, gateway=gateway, at=tx.at)


def unapplied_reports(tx: Transaction, gateway: str) -> list[int]:
    """Return the numbers of the waiting reports, in the order in which they are applied."""
    return tx.values("report.unapplied", gateway=gateway)


def apply_reports(
    tx: Transaction,
    gateway: str,
    prices: PriceRules,
    report_nos: Sequence[int] | None = None,
    dead_rules: DeadRules = _DEAD_RULES,
) -> dict[str, int]:
    """Apply waiting reports, all or those with these numbers; return how many messages changed, by event.

    ``_FORWARD`` decides which report changes which state. A report on a message that is in flight or not known keeps
    waiting. So does a report on a message that was never posted: ``require_tried``, which the caller runs first, begins
    a reconciliation then.

    A message that was put back, by proof or by a person, and not claimed again, is accepted by its report and not sent
    again. If it is claimed again, its report waits for the answer. If the message is put back once more, it is accepted
    then. If it is accepted, the report moves it forward, so that of two reports on two posts the first final one
    counts. If it is rejected, it stays rejected.

    A campaign that waited only for a decision on its unknown messages is due at once, to be finished.

    A report under an id that belongs to another message proves nothing. A report under another id than its message has
    pauses the campaign. A report on a message that was taken as absent raises the settling time. The charge of a report
    is written beside the price of the recap, by the rules ``prices``. ``note_reports`` records numbers that are dead.
    """
    take_late(tx, gateway, late_reports(tx, gateway))
    disputed = disputed_reports(tx, gateway)
    numbers = unapplied_reports(tx, gateway) if report_nos is None else report_nos
    asked = pd.DataFrame({"report_no": pd.Series(numbers, dtype="int64")})
    with tx.staged("report.waiting", staged_rows=asked):
        waiting = tx.frame("report.waiting", gateway=gateway)
    events = [_FORWARD.get(pair) for pair in zip(waiting["state"], waiting["status"], strict=True)]
    moves = waiting.assign(event=pd.Series(events, index=waiting.index, dtype=object))
    moves = moves[~moves["report_id"].isin(disputed)]
    charged = moves[moves["charge"].notna() & (moves["event"].notna() | moves["state"].isin(_ACCEPTED))]
    moves = moves[moves["event"].notna()]
    moves = moves.sort_values(
        "event", key=lambda event: event == MessageState.ACCEPTED, kind="stable"
    )  # the final ones first
    moves = moves.drop_duplicates(["campaign_id", "recipient_id"])
    apply_moves(tx, moves)
    tx.run_staged("campaign.wake", moves.loc[moves["state"] == MessageState.UNKNOWN, ["campaign_id"]], at=tx.at)
    note_reports(tx, gateway, moves, dead_rules)
    tx.run_staged("report.mark_applied", waiting[["report_no"]], at=tx.at)
    _note_report_charges(tx, charged, prices)
    return {str(event): int(count) for event, count in moves["event"].value_counts().items()}


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
