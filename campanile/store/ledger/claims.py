"""Claim, before the call: in one transaction everything that could forbid a message is looked at again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from campanile.sms.rules.exclusions import opt_outs_bind
from campanile.sms.schedule.expiry import last_moment
from campanile.sms.states import CampaignKind, MessageState, SliceState
from campanile.store.campaigns.campaigns import STANDING_KINDS
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import why_silent
from campanile.store.ledger.claim_checks import Credit, Refusal, StopReason, closings, credit_for, next_claim, refusal
from campanile.store.ledger.events import UNDECIDED, once_claimed, total_price
from campanile.store.ledger.expiry import expire_late
from campanile.store.ledger.lease import NO_SENDER, keep_lease
from campanile.store.ledger.rate_limit import wait_seconds
from campanile.store.ledger.sender_session import SenderSession
from schemas.gateway import OutgoingMessage
from schemas.rows import Campaign

#: Slices that nobody may get are passed over in one transaction so often: everybody else waits meanwhile.
_MAX_PASSES = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages that are ours to submit, once, until ``post_before``; ``at`` is when the claim was made.

    ``claimed_at``: when they were first claimed; a slice that is asked for again keeps it.
    """

    slice_no: int
    messages: Sequence[OutgoingMessage]
    claimed_at: datetime
    at: datetime
    post_before: datetime
    members: Sequence[Mapping[str, Any]] = field(repr=False, compare=False)
    """The same messages as the store has them."""

    @property
    def lifetime_seconds(self) -> float:
        """For how long after it was made the claim may be posted."""
        return (self.post_before - self.at).total_seconds()


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a transaction claimed; ``stop_reason`` and ``why`` not more, and the seconds after which to ask again."""

    claims: Sequence[Claim] = ()
    stop_reason: StopReason | None = None
    why: str = ""
    wait_seconds: float = 0.0


def claim_slices(session: SenderSession, most: int = 1) -> Claimed:
    """Claim the next slices that may leave now, ``most`` of them at most.

    Looks at the campaign's state and approval, at what has expired, the windows (those that close first go first), the
    opt-outs (read again here, so that a STOP wins over everything planned), the dead numbers, the gateway's rate and
    the credit.
    """
    refused = _refusal(session)
    if (
        refused is None or refused.stop_reason is not StopReason.WOKE_UP
    ):  # how long ago it ran out must be seen until it is paused
        keep_lease(session.tx, session.lease, session.ran_out_at, session.rules.lease_seconds)
    if refused is not None:
        return Claimed(stop_reason=refused.stop_reason, why=refused.why)
    campaign, margin = session.campaign, session.rules.closing_margin
    if session.gives_back:  # guard(2): write-before-claim
        session.write()
    expire_late(session.tx, campaign, lambda key, at: next_claim(campaign, key, at, margin))
    if most <= 0:
        return Claimed()
    takings = _Takings(credit_for(session.tx, campaign), most)
    stopped = _take(session, takings)
    session.write()
    if takings.claims:
        session.put_bucket(session.bucket)
        session.tx.make_mark_durable()
    return replace(stopped, claims=takings.claims) if stopped else Claimed(takings.claims)


def claim_again(session: SenderSession, slice_no: int) -> Claim | None:
    """Take an unknown slice to be posted again under its first key; None when that may not be.

    The body must be the same to the letter, so one opt-out in it, a closed window, or an auto-responder that is off
    forbids it: if the first post never arrived, this one would be the one that sends.
    """
    tx, campaign, found = session.tx, session.campaign, session.row_of(slice_no)
    if campaign.is_stopped or found["state"] != SliceState.UNKNOWN or not was_posted_here(found) or _refusal(session):
        return None
    if why_silent(tx, campaign) is not None:
        return None
    session.write()
    open_places = closings(tx, campaign, session.rules, [found["window_key"]])
    posted = _marked(tx, _members_by_event(tx, found, MessageState.CLAIMED))
    is_barred = any(row["is_opted_out"] for row in posted) and _stops_bind(campaign)
    if is_barred or found["window_key"] not in open_places:
        return None
    post_before = _post_before(session, found, open_places[found["window_key"]])
    if post_before <= tx.at:  # the offer has ended, or it is too late
        return None
    session.take(slice_no, found["claimed_at"], _ask_after(session, post_before), found["first_event_id"])
    still_open = once_claimed(tx, found, *UNDECIDED)
    return Claim(slice_no, _messages(posted, campaign), found["claimed_at"], tx.at, post_before, still_open)


def was_posted_here(found: Mapping[str, Any]) -> bool:
    """Tell whether a sender that is known posted a slice; of a restored store it may have been another one.

    Only such a slice may be posted again under its key: the lost sender may have posted it under others since.
    """
    return bool(found["fence"] != NO_SENDER)  # guard: no-known-sender


def posted_claim(session: SenderSession, slice_no: int) -> Claim:
    """Return an unknown slice as it was posted, to be looked up; nothing of it may be posted."""
    session.write()  # guard: write-before-look-up
    tx, found = session.tx, session.row_of(slice_no)
    posted = _members_by_event(tx, found, MessageState.CLAIMED)
    still_open = once_claimed(tx, found, *UNDECIDED)
    messages = _messages(posted, session.campaign)
    return Claim(slice_no, messages, found["claimed_at"], tx.at, found["claimed_at"], still_open)


@dataclass(slots=True)
class _Takings:
    """What a round has taken so far, and what it may yet take."""

    credit: Credit
    most: int
    claims: list[Claim] = field(default_factory=list)


def _refusal(session: SenderSession) -> Refusal | None:
    if (found := session.tx.reconciliation) is not None:  # guard: reconciling
        return Refusal(StopReason.RECONCILING, f"{found.reason}; nothing leaves before reconcile-store is confirmed")
    return refusal(
        session.tx.at, session.campaign, session.ran_out_at, session.read_at, session.rules, session.newest_at
    )


def _take(session: SenderSession, takings: _Takings) -> Claimed | None:
    """Take slice after slice; return why it stopped before there were as many as wanted."""
    is_urgent = session.campaign.kind not in (CampaignKind.MARKETING, CampaignKind.AUTO_REPLY)
    for _ in range(_MAX_PASSES):
        if len(takings.claims) >= takings.most:
            return None
        queue = _queue(session, takings.most - len(takings.claims))
        if not queue:
            return Claimed(stop_reason=StopReason.NOTHING_LEFT)
        members = _members(session.tx, [chosen for chosen, _ in queue])
        for chosen, closes_at in queue:
            waits = wait_seconds(session.bucket, is_urgent=is_urgent)
            if waits > 0:
                why = f"gateway {session.campaign.gateway} takes no more for {waits:.0f} s"
                return Claimed(stop_reason=StopReason.PACED, why=why, wait_seconds=waits)
            uncovered = _take_slice(session, takings, chosen, members[chosen["slice_no"]], closes_at)
            if uncovered is not None:
                return Claimed(stop_reason=StopReason.NOT_COVERED, why=uncovered)
        session.write()  # what nobody may get is out of the queue
    return None


def _queue(session: SenderSession, most: int) -> list[tuple[Mapping[str, Any], datetime | None]]:
    """Return the slices that may leave now, those first whose place closes first, and when it closes."""
    rows = session.tx.rows("slice.next_planned", campaign_id=session.lease.campaign_id, at=session.tx.at, most=most)
    open_places = closings(session.tx, session.campaign, session.rules, {row["window_key"] for row in rows})
    order = {key: number for number, key in enumerate(open_places)}
    found = [row for row in rows if row["window_key"] in open_places]
    found.sort(key=lambda row: (order[row["window_key"]], row["slice_no"]))
    return [(row, open_places[row["window_key"]]) for row in found[:most]]


def _take_slice(
    session: SenderSession,
    takings: _Takings,
    chosen: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    closes_at: datetime | None,
) -> str | None:
    """Claim one slice, or settle it when nobody of it may get it; return why the credit does not cover it, or None."""
    at, slice_no = session.tx.at, chosen["slice_no"]
    free, suppressed = _split_suppressed(session.campaign, members)
    price = total_price(row["price"] for row in free)
    uncovered = takings.credit.why_not(price) if free else None
    if uncovered is not None:  # guard(2): credit
        return uncovered
    session.add_events(slice_no, suppressed, MessageState.SUPPRESSED)
    if not free:
        session.settle(slice_no)
        return None
    session.add_events(slice_no, free, MessageState.CLAIMED)
    session.add_credit(slice_no, "reserve", price)
    takings.credit = takings.credit.less(price)
    post_before = _post_before(session, chosen, closes_at)
    session.take(slice_no, at, _ask_after(session, post_before))
    session.bucket = replace(session.bucket, tokens=session.bucket.tokens - chosen["segment_count"])
    takings.claims.append(Claim(slice_no, _messages(free, session.campaign), at, at, post_before, free))
    return None


def _split_suppressed(
    campaign: Campaign, members: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Split a slice into who gets it and whom a STOP or a dead number keeps back, these with the reason.

    Tests, notices and answers go to dead numbers too: to people of the team, or who have just written.
    """
    stops_bind, reaches_dead = _stops_bind(campaign), campaign.kind in STANDING_KINDS
    free: list[Mapping[str, Any]] = []
    suppressed: list[Mapping[str, Any]] = []
    for row in members:
        if row["is_opted_out"] and stops_bind:  # guard: opt-outs-read-again
            suppressed.append({**row, "reason": "opted_out"})
        elif row["is_dead"] and not reaches_dead:
            suppressed.append({**row, "reason": "dead_number"})
        else:
            free.append(row)
    return free, suppressed


def _stops_bind(campaign: Campaign) -> bool:
    return opt_outs_bind(campaign.kind, campaign.requested_service)


def _post_before(session: SenderSession, found: Mapping[str, Any], closes_at: datetime | None) -> datetime:
    """Return until when a slice may be posted: within its claim, its window, and its time."""
    ends = [session.tx.at + timedelta(seconds=session.rules.claim_seconds)]
    if closes_at is not None:
        ends.append(closes_at - timedelta(seconds=session.rules.deadline_seconds))
    time_at = found["not_before"] or session.campaign.first_due_at or session.tx.at
    last = last_moment(time_at, session.campaign.expiry_rules)
    return min(ends + ([last] if last is not None else []))


def _ask_after(session: SenderSession, post_before: datetime) -> datetime:
    """Return from when on somebody else may ask for a claim."""
    return post_before + timedelta(seconds=session.rules.deadline_seconds + session.settle_seconds)


def _members(tx: Transaction, chosen: Sequence[Mapping[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Return the messages of planned slices by slice number: those it was cut with, or that were put back into it."""
    as_cut = [row for row in chosen if not row["is_requeued"]]
    found: dict[int, list[dict[str, Any]]] = {row["slice_no"]: [] for row in chosen}
    if as_cut:
        slice_nos = [row["slice_no"] for row in as_cut]
        members = tx.rows("slice.members", campaign_id=as_cut[0]["campaign_id"], slice_nos=slice_nos)
        for member in _marked(tx, members):
            found[member["slice_no"]].append(member)
    for row in chosen:
        if row["is_requeued"]:
            found[row["slice_no"]] = _marked(tx, _members_by_event(tx, row, MessageState.PLANNED))
    return found


def _members_by_event(tx: Transaction, found: Mapping[str, Any], event: str) -> list[dict[str, Any]]:
    names = ("campaign_id", "slice_no", "cut_as", "first_event_id")
    return tx.rows("slice.members_by_event", event=event, **{name: found[name] for name in names})


def _marked(tx: Transaction, members: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with ``is_opted_out`` and ``is_dead`` as they stand at this moment."""
    barred = tx.rows("number.barred", number_ids=[row["number_id"] for row in members])
    opted_out = {row["number_id"] for row in barred if row["is_opted_out"]}
    dead = {row["number_id"] for row in barred if not row["is_opted_out"]}
    return [
        row | {"is_opted_out": row["number_id"] in opted_out, "is_dead": row["number_id"] in dead} for row in members
    ]


def _messages(members: Sequence[Mapping[str, Any]], campaign: Campaign) -> list[OutgoingMessage]:
    names, valid_until = ("client_ref", "msisdn", "text", "encoding", "sender_id"), campaign.offer_ends_at
    return [OutgoingMessage(**{name: row[name] for name in names}, valid_until=valid_until) for row in members]
