"""The recipients of a slice: its messages, checked against the current opt-outs and dead numbers."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from campanile.sms.rules.exclusions import opt_outs_bind
from campanile.sms.states import MessageState
from campanile.store.campaigns.campaigns import STANDING_KINDS
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign
from schemas.gateway import OutgoingMessage
from schemas.ledger_rows import BarredNumber, Member, MessageEvent, QueuedSlice, Slice


class Recipients(NamedTuple):
    """The messages of a slice that may be sent, and the events of those that are suppressed."""

    free: list[Member]
    suppressed: list[MessageEvent]


class _Barred(NamedTuple):
    """The numbers of some recipients that are opted out now, and those that do not exist."""

    opted_out: Collection[int]
    dead: Collection[int]


def read_recipients(tx: Transaction, campaign: Campaign, chosen: Sequence[QueuedSlice]) -> dict[int, Recipients]:
    """Return the recipients of each planned slice, and those that are suppressed, by slice number."""
    members = _members(tx, chosen)
    barred = _barred_numbers(tx, [member for group in members.values() for member in group])
    return {slice_no: _split_suppressed(campaign, group, barred) for slice_no, group in members.items()}


def members_by_event(tx: Transaction, found: Slice | QueuedSlice, event: MessageState) -> list[Member]:
    """Return the messages that an event put into a slice, as they are posted from it."""
    return tx.select(
        Member,
        "slice.members_by_event",
        campaign_id=found.campaign_id,
        slice_no=found.slice_no,
        cut_as=found.cut_as,
        first_event_id=found.first_event_id,
        event=event,
    )


def outgoing(members: Sequence[Member], campaign: Campaign) -> list[OutgoingMessage]:
    """Return messages in the form that gateways take."""
    valid_until = campaign.offer_ends_at
    return [
        OutgoingMessage(row.client_ref, row.msisdn, row.text, row.encoding, row.sender_id, valid_until)
        for row in members
    ]


def holds_opted_out(tx: Transaction, campaign: Campaign, members: Sequence[Member]) -> bool:
    """Return whether one of some recipients opted out, if opt-outs apply to the campaign, or was erased."""
    if any(_is_erased(member) for member in members):
        return True
    return bool(_barred_numbers(tx, members).opted_out) and _stops_bind(campaign)


def _members(tx: Transaction, chosen: Sequence[QueuedSlice]) -> dict[int, list[Member]]:
    """Return the messages of planned slices by slice number: the original ones, or those put back into the slice."""
    found: dict[int, list[Member]] = {row.slice_no: [] for row in chosen}
    as_cut = [row for row in chosen if not row.is_requeued]
    if as_cut:
        members = tx.select(
            Member,
            "slice.members",
            campaign_id=chosen[0].campaign_id,
            slice_nos=[row.slice_no for row in as_cut],
            first_event_id=min((row.first_event_id for row in as_cut if row.first_event_id is not None), default=None),
        )
        for member in members:
            found[member.slice_no].append(member)
    for row in chosen:
        if row.is_requeued:
            found[row.slice_no] = members_by_event(tx, row, MessageState.PLANNED)
    return found


def _barred_numbers(tx: Transaction, members: Sequence[Member]) -> _Barred:
    barred = tx.select(BarredNumber, "number.barred", number_ids=[member.number_id for member in members])
    opted_out = {row.number_id for row in barred if row.is_opted_out}
    return _Barred(opted_out, {row.number_id for row in barred if not row.is_opted_out})


def _split_suppressed(campaign: Campaign, members: Sequence[Member], barred: _Barred) -> Recipients:
    """Split a slice into messages that may be sent and those that an erasure, an opt-out or a dead number suppresses.

    Tests, notices and automatic answers are sent to dead numbers too: their recipients are people of the team, or
    people who have just written.
    """
    stops_bind, reaches_dead = _stops_bind(campaign), campaign.kind in STANDING_KINDS
    found = Recipients([], [])
    for member in members:
        if _is_erased(member):  # guard: erased
            found.suppressed.append(MessageEvent(member.recipient_id, reason="erased"))
        elif member.number_id in barred.opted_out and stops_bind:  # guard: opt-outs-read-again
            found.suppressed.append(MessageEvent(member.recipient_id, reason="opted_out"))
        elif member.number_id in barred.dead and not reaches_dead:
            found.suppressed.append(MessageEvent(member.recipient_id, reason="dead_number"))
        else:
            found.free.append(member)
    return found


def _is_erased(member: Member) -> bool:
    """Return whether the recipient was erased: nothing but a tombstone is left of them."""
    return member.number_id < 0


def _stops_bind(campaign: Campaign) -> bool:
    return opt_outs_bind(campaign.kind, campaign.requested_service)
