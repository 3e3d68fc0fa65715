"""Record the answers of the gateway after a post or a look-up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import pandas as pd

from campanile.sms.states import CreditKind, MessageState, SliceState
from campanile.store.contacts.opt_outs import add_opt_outs
from campanile.store.db.database import Transaction
from campanile.store.ledger.charges import deviates, note_charges
from campanile.store.ledger.claim_checks import ClaimRules
from campanile.store.ledger.events import (
    UNDECIDED,
    add_events,
    events_of,
    once_claimed,
    total_price,
)
from campanile.store.ledger.late_acceptance import accept_put_back
from campanile.store.ledger.lease import NO_SENDER, Lease
from campanile.store.ledger.look_up_lag import ABSENT, LateAcceptance
from campanile.store.ledger.message_ids import dispute_ids
from campanile.store.ledger.requeue import requeue
from campanile.store.ledger.sender_session import SenderSession
from schemas.gateway import Outcome, SubmitOutcome
from schemas.ledger_rows import ChargedMessage, ClaimedMessage, MessageEvent, RequeuedMessage, Slice

#: The event of each outcome, and the credit entry; an unknown message keeps its reserve.
_EVENT_OF = {
    Outcome.ACCEPTED: MessageState.ACCEPTED,
    Outcome.REJECTED: MessageState.REJECTED,
    Outcome.BLACKLISTED: MessageState.REJECTED,
    Outcome.NOT_ACCEPTED: MessageState.PLANNED,
    Outcome.UNKNOWN: MessageState.UNKNOWN,
}
_CREDIT_OF = {
    Outcome.ACCEPTED: CreditKind.CAPTURE,
    Outcome.REJECTED: CreditKind.RELEASE,
    Outcome.BLACKLISTED: CreditKind.RELEASE,
    Outcome.NOT_ACCEPTED: CreditKind.RELEASE,
}
_UNANSWERED = SubmitOutcome("", Outcome.UNKNOWN, reason="the gateway gave no answer for this message")


class _Answered(NamedTuple):
    """A message of a slice, and the answer of the gateway."""

    message: ClaimedMessage
    answer: SubmitOutcome

    @property
    def event(self) -> MessageEvent:
        """The event that records the answer."""
        return MessageEvent(self.message.recipient_id, self.answer.gateway_message_id, self.answer.reason)


def record(
    session: SenderSession,
    slice_no: int,
    outcomes: Sequence[SubmitOutcome],
    ask_after: datetime,
    *,
    claimed: Sequence[ClaimedMessage] | None = None,
    was_looked_up: bool = False,
) -> dict[str, int]:
    """Write the answers of the gateway for the messages of a slice that are undecided.

    A message without an answer is unknown, and may be asked for from ``ask_after`` on. A message that is proved not
    accepted is put into a new slice. An answer under an id that belongs to another message, or that has changed, is not
    trusted: the message stays unknown, and the campaign is paused (``message_ids``). Charges are written beside the
    prices of the recap, and may pause the campaign too (``charges``). A second answer may accept a message that was put
    back: it is accepted while it waits to be sent again, and the settling time is raised (``look_up_lag``).

    Args:
        session: the sender session; its events are written at its end.
        slice_no: the slice.
        outcomes: the answers, in any order.
        ask_after: when the gateway may be asked for the unknown messages.
        claimed: the messages as the claim read them; under this lease no other process changes them.
        was_looked_up: the answers are those of a look-up.

    Returns:
        How many messages got each event.
    """
    tx, found, settle_seconds = session.tx, session.row_of(slice_no), session.settle_seconds
    if claimed is not None and found.state == SliceState.CLAIMED and found.fence == session.lease.fence:
        members = claimed
    else:
        members = once_claimed(tx, found, *UNDECIDED)
    said = dispute_ids(session, found, outcomes, is_first=claimed is not None, was_looked_up=was_looked_up)
    counts: Counter[str] = Counter()
    accepted: list[_Answered] = []
    if claimed is None and (proved := accept_put_back(tx, found, said)):
        counts["accepted"] += len(proved)
        accepted += [_Answered(*late) for late in proved]
        late = [row.message for row in proved if row.message.state_reason == ABSENT and found.fence != NO_SENDER]
        session.take_late([LateAcceptance(found.claimed_at, message.changed_at) for message in late])
    if was_looked_up:
        said = _after_look_up(session, slice_no, members, said)
    if session.row_of(slice_no).is_disputed:  # guard: disputed-slice
        said = _without_absence(said)
    for outcome, group in _by_outcome(members, said).items():
        counts[_EVENT_OF[outcome]] += len(group)
        _note_outcome(session, found, outcome, group)
        accepted += group if outcome is Outcome.ACCEPTED else []
    if "unknown" in counts:
        learned = timedelta(seconds=session.settle_seconds - settle_seconds)
        session.make_unknown(slice_no, ask_after + learned, absent_count=0)
    else:
        session.settle(slice_no)
    _note_charges(session, accepted)
    return dict(counts)


def abandon_claims_of_others(tx: Transaction, lease: Lease, rules: ClaimRules) -> int:
    """Make the claims of senders that lost the lease unknown; return how many messages.

    If the clock jumped forward, the lease expired early, and its owner may be posting at this moment. So the gateway is
    not asked for the messages before such a post is over, counted from now.
    """
    count = 0
    over_at = tx.at + timedelta(seconds=rules.claim_seconds + rules.deadline_seconds + rules.settle_seconds)
    for row in tx.select(Slice, "slice.left_by_others", campaign_id=lease.campaign_id, fence=lease.fence):
        members = once_claimed(tx, row, *UNDECIDED)
        claimed = [member for member in members if member.state == MessageState.CLAIMED]
        add_events(tx, lease, row.slice_no, MessageState.UNKNOWN, events_of(claimed, "its sender is gone"))
        tx.run(
            "slice.make_unknown",
            campaign_id=lease.campaign_id,
            slice_no=row.slice_no,
            ask_after=max(row.ask_after, over_at),
            absent_count=row.absent_count,
        )
        count += len(claimed)
    return count


def unknown_slices(tx: Transaction, campaign_id: int) -> list[Slice]:
    """Return the slices of a campaign that have unknown messages."""
    return tx.select(Slice, "slice.unknown", campaign_id=campaign_id)


def note_absence(session: SenderSession, slice_no: int, ask_after: datetime) -> None:
    """Count a look-up that found no message: absence is proof if it is seen twice, a settling time apart."""
    session.make_unknown(slice_no, ask_after, session.row_of(slice_no).absent_count + 1)


def _by_outcome(members: Sequence[ClaimedMessage], outcomes: Sequence[SubmitOutcome]) -> dict[Outcome, list[_Answered]]:
    """Return the messages of a slice by outcome, each with its answer."""
    by_ref = {outcome.client_ref: outcome for outcome in outcomes}
    groups: dict[Outcome, list[_Answered]] = {}
    for member in members:
        answer = by_ref.get(member.client_ref, _UNANSWERED)
        groups.setdefault(answer.outcome, []).append(_Answered(member, answer))
    return groups


def _after_look_up(
    session: SenderSession, slice_no: int, members: Sequence[ClaimedMessage], said: Sequence[SubmitOutcome]
) -> list[SubmitOutcome]:
    """Return the answers of a look-up, absence with its reason; raise the settling time if they show that it is short.

    A message that is found after it was absent shows that the settling time was too short; then another one that is
    still absent may take as long, and its absence is no proof yet. A message that was found before proves nothing.
    """
    seconds, still_open = session.settle_seconds, {member.client_ref for member in members}
    found = any(item.outcome is Outcome.ACCEPTED and item.client_ref in still_open for item in said)
    if found and session.row_of(slice_no).absent_count:
        session.learn_settling(2 * seconds)
    if session.settle_seconds > seconds:
        return _without_absence(said)
    return [replace(item, reason=ABSENT) if item.outcome is Outcome.NOT_ACCEPTED else item for item in said]


def _without_absence(said: Sequence[SubmitOutcome]) -> list[SubmitOutcome]:
    """Return answers in which an absent message is unknown."""
    return [replace(item, outcome=Outcome.UNKNOWN) if item.outcome is Outcome.NOT_ACCEPTED else item for item in said]


def _note_charges(session: SenderSession, accepted: Sequence[_Answered]) -> None:
    charged = [
        ChargedMessage(message.recipient_id, message.slice_no, message.price, message.segment_count, answer.charge)
        for message, answer in accepted
        if answer.charge is not None
    ]
    if not any(deviates(message, session.rules.prices) for message in charged):
        return
    session.write()  # the captured credit is compared with the charges
    why = note_charges(session.tx, session.campaign, charged, session.rules.prices)
    if why is not None:
        session.pause(why)


def _note_outcome(session: SenderSession, found: Slice, outcome: Outcome, group: Sequence[_Answered]) -> None:
    slice_no = found.slice_no
    if outcome is Outcome.UNKNOWN:  # a message that is unknown already gets no second event
        claimed = [row.event for row in group if row.message.state == MessageState.CLAIMED]
        session.add_events(slice_no, MessageState.UNKNOWN, claimed)
        return
    session.add_credit(slice_no, _CREDIT_OF[outcome], total_price(row.message.price for row in group))
    if outcome is Outcome.BLACKLISTED:
        people = pd.DataFrame({"number_id": [row.message.number_id for row in group]})
        add_opt_outs(session.tx, people, "gateway", f"blacklisted by {session.campaign.gateway}")
    if outcome is Outcome.NOT_ACCEPTED:
        requeue(session.tx, session.campaign, found, [_requeued(row) for row in group], session.lease.fence)
    else:
        session.add_events(slice_no, _EVENT_OF[outcome], [row.event for row in group])


def _requeued(row: _Answered) -> RequeuedMessage:
    message, answer = row
    return RequeuedMessage(
        message.recipient_id, message.segment_count, message.price, answer.reason, answer.gateway_message_id
    )
