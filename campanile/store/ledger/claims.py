"""Claim slices before they are posted: one transaction checks all conditions of a message again."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from campanile.sms.schedule.expiry import last_moment
from campanile.sms.states import CampaignKind, CreditKind, MessageState, SliceState
from campanile.store.billing.alerts import raise_alert
from campanile.store.inbound.auto_responder import why_silent
from campanile.store.ledger.claim_checks import (
    Refusal,
    SpendableCredit,
    StopReason,
    closings,
    credit_for,
    next_claim,
    refusal,
)
from campanile.store.ledger.events import UNDECIDED, events_of, once_claimed, total_price
from campanile.store.ledger.expiry import expire_late
from campanile.store.ledger.lease import NO_SENDER, keep_lease
from campanile.store.ledger.rate_limit import wait_seconds
from campanile.store.ledger.recipients import Recipients, holds_opted_out, members_by_event, outgoing, read_recipients
from campanile.store.ledger.requeue import put_aside
from campanile.store.ledger.sender_session import SenderSession
from schemas.gateway import OutgoingMessage
from schemas.ledger_rows import ClaimedMessage, Member, QueuedSlice, Slice

#: How often one transaction fetches slices again if all of those before were suppressed: other processes wait for it.
_MAX_PASSES = 20
#: The kind of the alert that the daily limit of a gateway is reached.
DAILY_LIMIT = "daily_limit"


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages that may be submitted once, until ``post_before``; ``at`` is when the claim was made.

    ``claimed_at``: when they were first claimed; a slice that is posted again or looked up keeps it.
    """

    slice_no: int
    messages: Sequence[OutgoingMessage]
    claimed_at: datetime
    at: datetime
    post_before: datetime
    members: Sequence[ClaimedMessage] = field(repr=False, compare=False)
    """Those of the messages that are still undecided, as they are stored."""

    @property
    def lifetime_seconds(self) -> float:
        """How many seconds after it was made the claim may be posted."""
        return (self.post_before - self.at).total_seconds()


@dataclass(frozen=True, slots=True)
class Claimed:
    """The claims of a transaction; ``stop_reason``, ``why``: why there are no more; ``wait_seconds``: until a retry."""

    claims: Sequence[Claim] = ()
    stop_reason: StopReason | None = None
    why: str = ""
    wait_seconds: float = 0.0


def claim_slices(session: SenderSession, most: int = 1) -> Claimed:
    """Claim the next slices that may be sent now, at most ``most``.

    Checks the state and approval of the campaign, expiry, the sending windows (those that close first come first), the
    opt-outs (read again here, so that a STOP wins over planned messages), dead numbers, the rate of the gateway and the
    credit.
    """
    refused = _refusal(session)
    # A lease that expired long ago is not extended: the campaign is paused first.
    if refused is None or refused.stop_reason is not StopReason.WOKE_UP:
        keep_lease(session.tx, session.lease, session.ran_out_at, session.rules.lease_seconds)
    if refused is not None:
        return Claimed(stop_reason=refused.stop_reason, why=refused.why)
    campaign, margin = session.campaign, session.rules.closing_margin
    if session.gives_back:  # guard(2): write-before-claim
        session.write()
    expire_late(session.tx, campaign, lambda key, at: next_claim(campaign, key, at, margin))
    if most <= 0:
        return Claimed()
    takings = _Takings(credit_for(session.tx, campaign, session.rules.daily_limit), most)
    stopped = _take(session, takings)
    session.write()
    if takings.claims:
        session.put_bucket(session.bucket)
        session.tx.make_mark_durable()
    return replace(stopped, claims=takings.claims) if stopped else Claimed(takings.claims)


def claim_again(session: SenderSession, slice_no: int) -> Claim | None:
    """Claim an unknown slice, to be posted again under its first key; return None if that is not allowed.

    The body must be exactly the same, so the slice is not posted if one recipient has opted out, its window is closed
    or the auto-responder is off: if the first post never arrived, the second one sends all its messages.
    """
    tx, campaign, found = session.tx, session.campaign, session.row_of(slice_no)
    if campaign.is_stopped or found.state != SliceState.UNKNOWN or not was_posted_here(found) or _refusal(session):
        return None
    if why_silent(tx, campaign, found.cut_as) is not None:
        return None
    session.write()
    open_windows = closings(tx, campaign, session.rules, [found.window_key])
    posted = members_by_event(tx, found, MessageState.CLAIMED)
    is_barred = holds_opted_out(tx, campaign, posted)
    if is_barred or found.window_key not in open_windows:
        return None
    post_before = _post_before(session, found, open_windows[found.window_key])
    if post_before <= tx.at:  # the offer has ended, or it is too late
        return None
    session.take(slice_no, found.claimed_at, _ask_after(session, post_before), found.first_event_id)
    still_open = once_claimed(tx, found, *UNDECIDED)
    return Claim(slice_no, outgoing(posted, campaign), found.claimed_at, tx.at, post_before, still_open)


def was_posted_here(found: Slice) -> bool:
    """Return whether a known sender posted a slice; in a restored store an unknown one may have posted it.

    Only a slice of a known sender may be posted again under its key: an unknown one may have used other keys.
    """
    return bool(found.fence != NO_SENDER)  # guard: no-known-sender


def posted_claim(session: SenderSession, slice_no: int) -> Claim:
    """Return an unknown slice as it was posted, to be looked up; it must not be posted."""
    session.write()  # guard: write-before-look-up
    tx, found = session.tx, session.row_of(slice_no)
    posted = members_by_event(tx, found, MessageState.CLAIMED)
    still_open = once_claimed(tx, found, *UNDECIDED)
    messages = outgoing(posted, session.campaign)
    return Claim(slice_no, messages, found.claimed_at, tx.at, found.claimed_at, still_open)


@dataclass(slots=True)
class _Takings:
    """The claims of a transaction so far, and how much more it may spend and claim."""

    credit: SpendableCredit
    most: int
    claims: list[Claim] = field(default_factory=list)


def _refusal(session: SenderSession) -> Refusal | None:
    if (found := session.tx.reconciliation) is not None:  # guard: reconciling
        return Refusal(StopReason.RECONCILING, f"{found.reason}; nothing is sent before reconcile-store is confirmed")
    return refusal(
        session.tx.at, session.campaign, session.ran_out_at, session.read_at, session.rules, session.newest_at
    )


def _take(session: SenderSession, takings: _Takings) -> Claimed | None:
    """Claim slice after slice; return why there are fewer than requested, or None."""
    is_urgent = session.campaign.kind not in (CampaignKind.MARKETING, CampaignKind.AUTO_REPLY)
    for _ in range(_MAX_PASSES):
        if len(takings.claims) >= takings.most:
            return None
        queue = _queue(session, takings.most - len(takings.claims))
        if not queue:
            return Claimed(stop_reason=StopReason.NOTHING_LEFT)
        recipients = read_recipients(session.tx, session.campaign, [chosen for chosen, _ in queue])
        for chosen, closes_at in queue:
            waits = wait_seconds(session.bucket, is_urgent=is_urgent)
            if waits > 0:
                why = f"gateway {session.campaign.gateway} accepts no more messages for {waits:.0f} s"
                return Claimed(stop_reason=StopReason.PACED, why=why, wait_seconds=waits)
            uncovered = _take_slice(session, takings, chosen, recipients[chosen.slice_no], closes_at)
            if uncovered is not None:
                return _uncovered(session, uncovered)
        session.write()  # removes the suppressed slices from the queue
    return None


def _uncovered(session: SenderSession, refused: Refusal) -> Claimed:
    """Return why no more is claimed; the daily limit is an alert of the gateway, and the next day ends it."""
    if refused.stop_reason is not StopReason.DAILY_LIMIT:
        return Claimed(stop_reason=refused.stop_reason, why=refused.why)
    why = f"{refused.why}; what waits is sent the next day, without anybody's help"
    raise_alert(session.tx, DAILY_LIMIT, session.campaign.gateway, why)
    seconds = session.rules.daily_limit.seconds_to_next_day(session.tx.at)
    return Claimed(stop_reason=refused.stop_reason, why=why, wait_seconds=seconds)


def _queue(session: SenderSession, most: int) -> list[tuple[QueuedSlice, datetime | None]]:
    """Return the slices that may be sent now, each with the time at which its window closes, the earliest first."""
    rows = session.tx.select(
        QueuedSlice, "slice.next_planned", campaign_id=session.lease.campaign_id, at=session.tx.at, most=most
    )
    open_windows = closings(session.tx, session.campaign, session.rules, {row.window_key for row in rows})
    order = {key: number for number, key in enumerate(open_windows)}
    found = [row for row in rows if row.window_key in open_windows]
    found.sort(key=lambda row: (order[row.window_key], row.slice_no))
    return [(row, open_windows[row.window_key]) for row in found[:most]]


def _take_slice(
    session: SenderSession,
    takings: _Takings,
    chosen: QueuedSlice,
    recipients: Recipients,
    closes_at: datetime | None,
) -> Refusal | None:
    """Claim a slice as far as the credit covers it; return why the credit covers no more, or None.

    What is not covered is put into a slice of its own, which waits. A slice is settled if all its messages are
    suppressed.
    """
    at, slice_no = session.tx.at, chosen.slice_no
    covered_count = takings.credit.count_covered(member.price for member in recipients.free)
    free, uncovered = recipients.free[:covered_count], recipients.free[covered_count:]
    if uncovered and not free:
        return takings.credit.shortage(uncovered[0].price)
    session.add_events(slice_no, MessageState.SUPPRESSED, recipients.suppressed)
    if not free:
        session.settle(slice_no)
        return None
    if uncovered:  # guard(2): put-aside
        put_aside(session, chosen, uncovered)
    price = total_price(member.price for member in free)
    session.add_events(slice_no, MessageState.CLAIMED, events_of(free))
    session.add_credit(slice_no, CreditKind.RESERVE, price)
    takings.credit = takings.credit.less(price)
    post_before = _post_before(session, chosen, closes_at)
    session.take(slice_no, at, _ask_after(session, post_before))
    session.bucket = replace(session.bucket, tokens=session.bucket.tokens - chosen.segment_count)
    members = [_as_claimed(member, chosen.campaign_id, at) for member in free]
    takings.claims.append(Claim(slice_no, outgoing(free, session.campaign), at, at, post_before, members))
    return takings.credit.shortage(uncovered[0].price) if uncovered else None


def _as_claimed(member: Member, campaign_id: int, at: datetime) -> ClaimedMessage:
    return ClaimedMessage(
        campaign_id,
        member.recipient_id,
        member.number_id,
        member.msisdn,
        member.client_ref,
        member.segment_count,
        member.price,
        MessageState.CLAIMED,
        member.slice_no,
        None,
        at,
    )


def _post_before(session: SenderSession, found: Slice | QueuedSlice, closes_at: datetime | None) -> datetime:
    """Return until when a slice may be posted: before its claim, its window and its messages expire."""
    ends = [session.tx.at + timedelta(seconds=session.rules.claim_seconds)]
    if closes_at is not None:
        ends.append(closes_at - timedelta(seconds=session.rules.deadline_seconds))
    time_at = found.not_before or session.campaign.first_due_at or session.tx.at
    last = last_moment(time_at, session.campaign.expiry_rules)
    return min(ends + ([last] if last is not None else []))


def _ask_after(session: SenderSession, post_before: datetime) -> datetime:
    """Return from when on another sender may ask the gateway for the messages of a claim."""
    return post_before + timedelta(seconds=session.rules.deadline_seconds + session.settle_seconds)
