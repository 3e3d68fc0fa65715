"""Record, after the call: what the gateway answered, what nobody knows, and what is found out later."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from campanile.sms.states import MessageState, SliceState
from campanile.store.contacts.opt_outs import add_opt_outs
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import why_silent
from campanile.store.ledger.charges import deviates, note_charges
from campanile.store.ledger.claim_checks import ClaimRules
from campanile.store.ledger.events import (
    UNDECIDED,
    SliceEvents,
    add_events,
    add_slice_events,
    once_claimed,
    total_price,
)
from campanile.store.ledger.late_acceptance import accept_put_back
from campanile.store.ledger.lease import NO_SENDER, Lease
from campanile.store.ledger.look_up_lag import ABSENT, LateAcceptance
from campanile.store.ledger.message_ids import dispute_ids
from campanile.store.ledger.sender_session import SenderSession
from schemas.gateway import Outcome, SubmitOutcome
from schemas.rows import Campaign

#: What an outcome makes of a message, and of the credit its claim reserved; unknown keeps its reserve.
_EVENT_OF = {
    Outcome.ACCEPTED: MessageState.ACCEPTED,
    Outcome.REJECTED: MessageState.REJECTED,
    Outcome.BLACKLISTED: MessageState.REJECTED,
    Outcome.NOT_ACCEPTED: MessageState.PLANNED,
    Outcome.UNKNOWN: MessageState.UNKNOWN,
}
_CREDIT_OF = {
    Outcome.ACCEPTED: "capture",
    Outcome.REJECTED: "release",
    Outcome.BLACKLISTED: "release",
    Outcome.NOT_ACCEPTED: "release",
}
_UNANSWERED = SubmitOutcome("", Outcome.UNKNOWN, reason="the gateway said nothing of this message")


def record(
    session: SenderSession,
    slice_no: int,
    outcomes: Sequence[SubmitOutcome],
    ask_after: datetime,
    *,
    claimed: Sequence[Mapping[str, Any]] | None = None,
    was_looked_up: bool = False,
) -> dict[str, int]:
    """Write what the gateway answered for the messages of a slice that are still open.

    An open message without an outcome is unknown, and may be asked for from ``ask_after`` on. What is proved not
    accepted goes into a new slice. An id that is another message's, or not the one that a message is known by, is not
    believed: that message stays unknown, and the campaign is paused (``message_ids``). What the gateway says that it
    charged is written beside what the recap said, and may pause the campaign as well (``charges``). Asked again,
    a gateway may have what it was thought not to have: that is accepted while it waits to be sent again, and absence
    counts later from then on (``look_up_lag``).

    Args:
        session: the sender session; what is written is written at its end.
        slice_no: the slice.
        outcomes: what the gateway said, in any order.
        ask_after: when the gateway may be asked for what is unknown.
        claimed: the slice's members as its claim read them: claimed under this lease, nobody else moves them.
        was_looked_up: the outcomes are those of a look-up.

    Returns:
        How many messages got each event.
    """
    tx, found, settle_seconds = session.tx, session.row_of(slice_no), session.settle_seconds
    if claimed is not None and found["state"] == SliceState.CLAIMED and found["fence"] == session.lease.fence:
        members = [{**row, "state": MessageState.CLAIMED} for row in claimed]
    else:
        members = once_claimed(tx, found, *UNDECIDED)
    said = dispute_ids(session, found, outcomes, is_first=claimed is not None, was_looked_up=was_looked_up)
    counts: Counter[str] = Counter()
    charged: list[Mapping[str, Any]] = []
    if claimed is None and (proved := accept_put_back(tx, found, said)):
        counts["accepted"] += len(proved)
        charged += proved
        late = [row for row in proved if row["state_reason"] == ABSENT and found["fence"] != NO_SENDER]
        session.take_late([LateAcceptance(found["claimed_at"], row["changed_at"]) for row in late])
    if was_looked_up:
        said = _after_look_up(session, slice_no, members, said)
    if session.row_of(slice_no)["is_disputed"]:  # guard: disputed-slice
        said = _without_absence(said)
    for outcome, group in _by_outcome(members, said).items():
        counts[_EVENT_OF[outcome]] += len(group)
        _note_outcome(session, found, outcome, group)
        charged += [{**row, "slice_no": slice_no} for row in group if outcome is Outcome.ACCEPTED]
    if "unknown" in counts:
        learned = timedelta(seconds=session.settle_seconds - settle_seconds)
        session.make_unknown(slice_no, ask_after + learned, absent_count=0)
    else:
        session.settle(slice_no)
    _note_charges(session, [row for row in charged if row["charge"] is not None])
    return dict(counts)


def abandon_claims_of_others(tx: Transaction, lease: Lease, rules: ClaimRules) -> int:
    """Make the claims of owners who lost the lease unknown: nobody knows what the gateway did; return how many.

    Where the clock jumped forward the lease ran out early, and its owner may be posting at this moment. So nobody asks
    for these before such a post would be over, counted from now.
    """
    count = 0
    over_at = tx.at + timedelta(seconds=rules.claim_seconds + rules.deadline_seconds + rules.settle_seconds)
    for row in tx.rows("slice.left_by_others", campaign_id=lease.campaign_id, fence=lease.fence):
        members = once_claimed(tx, {**row, "campaign_id": lease.campaign_id}, *UNDECIDED)
        claimed = [row for row in members if row["state"] == "claimed"]
        add_events(tx, lease, row["slice_no"], claimed, MessageState.UNKNOWN, reason="its sender is gone")
        tx.run(
            "slice.make_unknown",
            campaign_id=lease.campaign_id,
            ask_after=max(row["ask_after"], over_at),
            **{name: row[name] for name in ("slice_no", "absent_count")},
        )
        count += len(claimed)
    return count


def unknown_slices(tx: Transaction, campaign_id: int) -> list[dict[str, Any]]:
    """Return the slices with messages nobody knows the fate of: ``slice_no``, ``claimed_at``, ``ask_after``, …."""
    return tx.rows("slice.unknown", campaign_id=campaign_id)


def note_absence(session: SenderSession, slice_no: int, ask_after: datetime) -> None:
    """Remember a look-up that found no trace: absence counts when it is seen twice, a settling time apart."""
    session.make_unknown(slice_no, ask_after, session.row_of(slice_no)["absent_count"] + 1)


def requeue(
    tx: Transaction,
    campaign: Campaign,
    found: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    fence: int,
) -> None:
    """Put messages of a slice into a new one, to be sent again.

    On a stopped campaign they are cancelled instead, and so are answers of an auto-responder that is off.

    Args:
        tx: the open transaction.
        campaign: its row.
        found: the row of the slice that they were claimed from.
        members: one row a message: ``recipient_id``, ``price``, ``segment_count``, and ``reason`` where there is one.
        fence: of whoever does it.
    """
    lease = Lease(campaign.campaign_id, fence)
    why_silent_now = why_silent(tx, campaign)
    # guard: auto-responder-off
    if campaign.is_stopped or why_silent_now:  # stopped while it was in flight: it never left, and never will
        add_events(tx, lease, found["slice_no"], members, MessageState.PLANNED)
        add_events(tx, lease, found["slice_no"], members, MessageState.CANCELLED, why_silent_now)
        return
    slice_no = int(tx.value("slice.next_no", campaign_id=lease.campaign_id))
    first_ids = add_slice_events(tx, lease, [SliceEvents(slice_no, MessageState.PLANNED, members)])
    tx.run(
        "slice.requeue",
        campaign_id=lease.campaign_id,
        slice_no=slice_no,
        message_count=len(members),
        segment_count=sum(row["segment_count"] for row in members),
        price=total_price(row["price"] for row in members),
        first_event_id=first_ids[slice_no],
        **{name: found[name] for name in ("window_key", "not_before", "cut_as")},
    )


def _by_outcome(
    members: Sequence[Mapping[str, Any]], outcomes: Sequence[SubmitOutcome]
) -> dict[Outcome, list[dict[str, Any]]]:
    """Return the members of a slice by outcome, each with the gateway's id, words and charge."""
    by_ref = {outcome.client_ref: outcome for outcome in outcomes}
    groups: dict[Outcome, list[dict[str, Any]]] = {}
    for row in members:
        answer = by_ref.get(row["client_ref"], _UNANSWERED)
        names = ("gateway_message_id", "reason", "charge")
        answered = {**row, **{name: getattr(answer, name) for name in names}}
        groups.setdefault(answer.outcome, []).append(answered)
    return groups


def _after_look_up(
    session: SenderSession, slice_no: int, members: Sequence[Mapping[str, Any]], said: Sequence[SubmitOutcome]
) -> list[SubmitOutcome]:
    """Return what a look-up said, absence with its reason, once what it shows of its own delay is learned.

    What is found after it was found absent took longer to be seen than was waited for; then what is still absent may
    take as long, and proves nothing yet. What was found before, and is shown again, says nothing of the delay.
    """
    seconds, still_open = session.settle_seconds, {row["client_ref"] for row in members}
    found = any(item.outcome is Outcome.ACCEPTED and item.client_ref in still_open for item in said)
    if found and session.row_of(slice_no)["absent_count"]:
        session.learn_settling(2 * seconds)
    if session.settle_seconds > seconds:
        return _without_absence(said)
    return [replace(item, reason=ABSENT) if item.outcome is Outcome.NOT_ACCEPTED else item for item in said]


def _without_absence(said: Sequence[SubmitOutcome]) -> list[SubmitOutcome]:
    """Return what was said with nothing proved absent."""
    return [replace(item, outcome=Outcome.UNKNOWN) if item.outcome is Outcome.NOT_ACCEPTED else item for item in said]


def _note_charges(session: SenderSession, rows: Sequence[Mapping[str, Any]]) -> None:
    if not any(deviates(row, session.rules.prices) for row in rows):
        return
    session.write()  # what was captured is compared with it
    why = note_charges(session.tx, session.campaign, rows, session.rules.prices)
    if why is not None:
        session.pause(why)


def _note_outcome(
    session: SenderSession, found: Mapping[str, Any], outcome: Outcome, members: Sequence[Mapping[str, Any]]
) -> None:
    slice_no = found["slice_no"]
    if outcome is Outcome.UNKNOWN:  # those that are unknown already stay what they are
        session.add_events(slice_no, [row for row in members if row["state"] == "claimed"], MessageState.UNKNOWN)
        return
    session.add_credit(slice_no, _CREDIT_OF[outcome], total_price(row["price"] for row in members))
    if outcome is Outcome.BLACKLISTED:
        people = pd.DataFrame(members, columns=["number_id", "msisdn"])
        add_opt_outs(session.tx, people, "gateway", f"blacklisted by {session.campaign.gateway}")
    if outcome is Outcome.NOT_ACCEPTED:
        requeue(session.tx, session.campaign, found, members, session.lease.fence)
    else:
        session.add_events(slice_no, members, _EVENT_OF[outcome])
