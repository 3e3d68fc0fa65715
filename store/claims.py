"""Claim, before the call: in one transaction everything that could forbid a message is looked at again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from schemas.gateway import OutgoingMessage
from sms.expiry import last_moment, patience_of
from sms.planning import opt_outs_bind
from store.campaigns import STANDING_KINDS
from store.clearance import ClaimRules, Credit, Halt, closings, credit_for, next_claim, refusal
from store.database import Transaction
from store.expiry import expire_late
from store.journal import add_credit, add_events, total_price
from store.lease import Lease, check_lease, extend_lease
from store.pace import Bucket, bucket_of, put_bucket, wait_seconds

#: Slices that nobody may get are passed over in one visit so often: everybody else waits meanwhile.
_MOST_PASSES = 20


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


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a visit claimed, and why not more: ``halt``, one line, and the seconds until asking again makes sense."""

    claims: Sequence[Claim] = ()
    halt: Halt | None = None
    why: str = ""
    wait_seconds: float = 0.0


@dataclass(slots=True)
class _Round:
    """One claiming visit: what it looks at, and what it has taken so far."""

    visit: Transaction
    lease: Lease
    campaign: Mapping[str, Any]
    rules: ClaimRules
    bucket: Bucket
    credit: Credit
    claims: list[Claim] = field(default_factory=list)

    @property
    def is_urgent(self) -> bool:
        return self.campaign["kind"] not in ("marketing", "auto_reply")


def claim_slices(visit: Transaction, lease: Lease, rules: ClaimRules, most: int = 1) -> Claimed:
    """Claim the next slices that may leave now, ``most`` of them at most.

    Looks at the lease, the campaign's state and approval, at what has expired, the windows (those that close first go
    first), the opt-outs (read again here, so that a STOP wins over everything planned), the dead numbers, the
    gateway's rate and the credit.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    ran_out_at = check_lease(visit, lease)
    campaign = visit.row("campaign.get", campaign_id=lease.campaign_id) or {}
    refused = refusal(visit, campaign, ran_out_at, rules)
    if refused is None or refused.halt is not Halt.WOKE_UP:  # how long ago it ran out must be seen until it is paused
        extend_lease(visit, lease, rules.lease_seconds)
    if refused is not None:
        return Claimed(halt=refused.halt, why=refused.why)
    expire_late(visit, campaign, lambda key, at: next_claim(campaign, key, at, rules.closing_margin))
    bucket = bucket_of(visit, campaign["gateway"], rules.segments_per_second)
    now = _Round(visit, lease, campaign, rules, bucket, credit_for(visit, campaign))
    halted = _take(now, most)
    if now.claims:
        put_bucket(visit, campaign["gateway"], now.bucket)
    return replace(halted, claims=now.claims) if halted else Claimed(now.claims)


def claim_again(visit: Transaction, lease: Lease, slice_no: int, rules: ClaimRules) -> Claim | None:
    """Take an unknown slice to be posted again under its first key; None when that may not be.

    The body must be the same to the letter, so one opt-out in it, or a closed window, forbids it: if the first post
    never arrived, this one would be the one that sends.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    ran_out_at = check_lease(visit, lease)
    campaign = visit.row("campaign.get", campaign_id=lease.campaign_id) or {}
    found = visit.row("slice.get", campaign_id=lease.campaign_id, slice_no=slice_no) or {}
    if campaign["is_stopped"] or found["state"] != "unknown" or refusal(visit, campaign, ran_out_at, rules):
        return None
    open_places = closings(visit, campaign, rules, [found["window_key"]])
    posted = _members(visit, lease.campaign_id, found, "claimed")
    is_barred = any(row["is_opted_out"] for row in posted) and _stops_bind(campaign)
    if is_barred or found["window_key"] not in open_places:
        return None
    post_before = _post_before(visit, campaign, found, open_places[found["window_key"]], rules)
    if post_before <= visit.at:  # the offer has ended, or it is too late
        return None
    _mark_claimed(visit, lease, slice_no, found["claimed_at"], post_before, rules, found["first_event_id"])
    still_open = _still_open(visit, found)
    return Claim(slice_no, _messages(posted, campaign), found["claimed_at"], visit.at, post_before, still_open)


def posted_claim(visit: Transaction, lease: Lease, slice_no: int) -> Claim:
    """Return an unknown slice as it was posted, to be looked up; nothing of it may be posted."""
    campaign = visit.row("campaign.get", campaign_id=lease.campaign_id) or {}
    found = visit.row("slice.get", campaign_id=lease.campaign_id, slice_no=slice_no) or {}
    posted = _members(visit, lease.campaign_id, found, "claimed")
    still_open = _still_open(visit, found)
    return Claim(slice_no, _messages(posted, campaign), found["claimed_at"], visit.at, found["claimed_at"], still_open)


def _take(now: _Round, most: int) -> Claimed | None:
    """Take slice after slice; return why it stopped before there were ``most``."""
    for _ in range(_MOST_PASSES):
        missing = most - len(now.claims)
        if missing <= 0:
            return None
        queue = _queue(now, missing)
        if not queue:
            return Claimed(halt=Halt.NOTHING_LEFT)
        for chosen, closes_at in queue:
            waits = wait_seconds(now.bucket, is_urgent=now.is_urgent)
            if waits > 0:
                why = f"gateway {now.campaign['gateway']} takes no more for {waits:.0f} s"
                return Claimed(halt=Halt.PACED, why=why, wait_seconds=waits)
            uncovered = _take_slice(now, chosen, closes_at)
            if uncovered is not None:
                return Claimed(halt=Halt.NOT_COVERED, why=uncovered)
    return None


def _queue(now: _Round, most: int) -> list[tuple[Mapping[str, Any], datetime | None]]:
    """Return the slices that may leave now, those first whose place closes first, and when it closes."""
    rows = now.visit.rows("slice.next_planned", campaign_id=now.lease.campaign_id, at=now.visit.at, most=most)
    open_places = closings(now.visit, now.campaign, now.rules, {row["window_key"] for row in rows})
    order = {key: number for number, key in enumerate(open_places)}
    found = [row for row in rows if row["window_key"] in open_places]
    found.sort(key=lambda row: (order[row["window_key"]], row["slice_no"]))
    return [(row, open_places[row["window_key"]]) for row in found[:most]]


def _take_slice(now: _Round, chosen: Mapping[str, Any], closes_at: datetime | None) -> str | None:
    """Claim one slice, or settle it when nobody of it may get it; return why the credit does not cover it, or None."""
    visit, lease, slice_no = now.visit, now.lease, chosen["slice_no"]
    members, suppressed = _split_suppressed(visit, now.campaign, chosen)
    price = total_price(row["price"] for row in members)
    uncovered = now.credit.why_not(price) if members else None
    if uncovered is not None:
        return uncovered
    if suppressed:
        add_events(visit, lease, slice_no, suppressed, "suppressed")
    if not members:
        visit.run("slice.settle", campaign_id=lease.campaign_id, slice_no=slice_no)
        return None
    first_event_id = add_events(visit, lease, slice_no, members, "claimed")
    add_credit(visit, now.campaign, slice_no, "reserve", price)
    now.credit = now.credit.less(price)
    post_before = _post_before(visit, now.campaign, chosen, closes_at, now.rules)
    _mark_claimed(visit, lease, slice_no, visit.at, post_before, now.rules, first_event_id)
    now.bucket = replace(now.bucket, tokens=now.bucket.tokens - chosen["segment_count"])
    now.claims.append(Claim(slice_no, _messages(members, now.campaign), visit.at, visit.at, post_before, members))
    return None


def _split_suppressed(
    visit: Transaction, campaign: Mapping[str, Any], chosen: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Split a slice into who gets it and whom a STOP or a dead number keeps back, these with the reason.

    Tests, notices and answers go to dead numbers too: to people of the team, or who have just written.
    """
    members = _members(visit, campaign["campaign_id"], chosen, "planned" if chosen["is_requeued"] else None)
    stops_bind, reaches_dead = _stops_bind(campaign), campaign["kind"] in STANDING_KINDS
    free, suppressed = [], []
    for row in members:
        if row["is_opted_out"] and stops_bind:
            suppressed.append({**row, "reason": "opted_out"})
        elif row["is_dead"] and not reaches_dead:
            suppressed.append({**row, "reason": "dead_number"})
        else:
            free.append(row)
    return free, suppressed


def _stops_bind(campaign: Mapping[str, Any]) -> bool:
    return opt_outs_bind(campaign["kind"], campaign["requested_service"])


def _post_before(
    visit: Transaction,
    campaign: Mapping[str, Any],
    found: Mapping[str, Any],
    closes_at: datetime | None,
    rules: ClaimRules,
) -> datetime:
    """Return until when a slice may be posted: within its claim, its window, and its time."""
    ends = [visit.at + timedelta(seconds=rules.claim_seconds)]
    if closes_at is not None:
        ends.append(closes_at - timedelta(seconds=rules.deadline_seconds))
    last = last_moment(found["not_before"] or campaign["first_due_at"] or visit.at, patience_of(campaign))
    return min(ends + ([last] if last is not None else []))


def _mark_claimed(
    visit: Transaction,
    lease: Lease,
    slice_no: int,
    claimed_at: datetime,
    post_before: datetime,
    rules: ClaimRules,
    first_event_id: int,
) -> None:
    visit.run(
        "slice.claim",
        campaign_id=lease.campaign_id,
        slice_no=slice_no,
        fence=lease.fence,
        claimed_at=claimed_at,
        ask_after=post_before + timedelta(seconds=rules.deadline_seconds + rules.settle_seconds),
        first_event_id=first_event_id,
    )


def _members(visit: Transaction, campaign_id: int, found: Mapping[str, Any], event: str | None) -> list[dict[str, Any]]:
    """Return the messages of a slice: those it was cut with, or those that an ``event`` put into it."""
    if event is None:
        members = visit.rows("slice.members", campaign_id=campaign_id, slice_no=found["slice_no"])
    else:
        members = visit.rows(
            "slice.members_by_event",
            campaign_id=campaign_id,
            slice_no=found["slice_no"],
            cut_as=found["cut_as"],
            first_event_id=found["first_event_id"],
            event=event,
        )
    barred = visit.rows("number.barred", number_ids=[row["number_id"] for row in members])
    opted_out = {row["number_id"] for row in barred if row["is_opted_out"]}
    dead = {row["number_id"] for row in barred if not row["is_opted_out"]}
    return [
        {**row, "is_opted_out": row["number_id"] in opted_out, "is_dead": row["number_id"] in dead} for row in members
    ]


def _still_open(visit: Transaction, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the members of a slice that an answer may still decide: the others have left, or wait in another slice."""
    names = ("campaign_id", "slice_no", "cut_as", "first_event_id")
    return visit.rows("slice.open_members", **{name: found[name] for name in names})


def _messages(members: Sequence[Mapping[str, Any]], campaign: Mapping[str, Any]) -> list[OutgoingMessage]:
    names, valid_until = ("client_ref", "msisdn", "text", "encoding", "sender_id"), campaign["offer_ends_at"]
    return [OutgoingMessage(**{name: row[name] for name in names}, valid_until=valid_until) for row in members]
