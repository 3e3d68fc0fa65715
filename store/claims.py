"""Claim, before the call: in one transaction everything that could forbid a message is looked at again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from schemas.gateway import OutgoingMessage
from sms.errors import CampaignError
from sms.planning import opt_outs_bind
from sms.quiet_hours import key_closing
from store.campaigns import STANDING_KINDS
from store.database import Transaction
from store.inbound import seconds_since_read
from store.journal import add_credit, add_events, total_price
from store.lease import Lease, extend_lease


class NotCovered(CampaignError):  # noqa: N818 - reads as what it is
    """The credit left does not cover the next slice."""


class NotSending(CampaignError):  # noqa: N818 - reads as what it is
    """Somebody took the campaign out of sending meanwhile."""


class StaleStops(CampaignError):  # noqa: N818 - reads as what it is
    """Replies or the provider's opt-outs were last read too long ago: a STOP may be waiting there."""


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """What a claim must respect, in seconds: the settings of the same names say what each is for."""

    claim_seconds: float
    deadline_seconds: float
    margin_seconds: float
    lease_seconds: float
    settle_seconds: float
    replies_max_age_seconds: float


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages that are ours to submit, once, until ``post_before``; ``at`` is when it was made."""

    slice_no: int
    request_key: str
    messages: Sequence[OutgoingMessage]
    at: datetime
    post_before: datetime


def claim_next(visit: Transaction, lease: Lease, rules: ClaimRules) -> Claim | None:
    """Claim the next slice that may leave now; None when there is none.

    Looks at the lease, the campaign's state and approval, the windows, the opt-outs (read again here, so that a STOP
    wins over everything planned), the dead numbers and the credit.

    Raises:
        LeaseLost: another owner took the campaign.
        StaleStops: opt-outs must be read from the gateway first.
        NotCovered: the credit does not cover the slice.
        CampaignError: the campaign may not send.
    """
    extend_lease(visit, lease, rules.lease_seconds)
    campaign = visit.row("campaign.get", campaign_id=lease.campaign_id) or {}
    _check_may_send(campaign)
    _check_stops_are_fresh(visit, campaign, rules)
    closings = _closings(visit, campaign, rules)
    while chosen := visit.row("slice.next_planned", campaign_id=lease.campaign_id, open_keys=list(closings)):
        leaving = _without_suppressed(visit, lease, campaign, chosen)
        if not leaving.empty:
            _reserve(visit, campaign, chosen["slice_no"], leaving)
            add_events(visit, lease, chosen["slice_no"], leaving, "claimed")
            closes_at = closings[chosen["window_key"]]
            return _claim(visit, lease, chosen["slice_no"], leaving, visit.at, closes_at, rules)
        visit.run("slice.settle", campaign_id=lease.campaign_id, slice_no=chosen["slice_no"])
    return None


def claim_again(visit: Transaction, lease: Lease, slice_no: int, rules: ClaimRules) -> Claim | None:
    """Take an unknown slice to be posted again under its first key; None when that may not be.

    The body must be the same to the letter, so one opt-out in it, or a closed window, forbids it: if the first post
    never arrived, this one would be the one that sends.

    Raises:
        LeaseLost: another owner took the campaign.
        StaleStops: opt-outs must be read from the gateway first.
    """
    extend_lease(visit, lease, rules.lease_seconds)
    campaign = visit.row("campaign.get", campaign_id=lease.campaign_id) or {}
    found = visit.row("slice.get", campaign_id=lease.campaign_id, slice_no=slice_no) or {}
    if campaign["state"] != "sending" or campaign["is_stopped"] or found["state"] != "unknown":
        return None
    _check_stops_are_fresh(visit, campaign, rules)
    closings = _closings(visit, campaign, rules, [found["window_key"]])
    posted = visit.frame("slice.members_by_event", event="claimed", campaign_id=lease.campaign_id, slice_no=slice_no)
    is_barred = bool(posted["is_opted_out"].any()) and _stops_bind(campaign)
    if is_barred or found["window_key"] not in closings:
        return None
    return _claim(visit, lease, slice_no, posted, found["claimed_at"], closings[found["window_key"]], rules)


def _without_suppressed(
    visit: Transaction, lease: Lease, campaign: Mapping[str, Any], chosen: Mapping[str, Any]
) -> pd.DataFrame:
    """Suppress those members of a slice whom a STOP or a dead number keeps back, and return the others.

    Tests, notices and answers go to dead numbers too: to people of the team, or who have just written.
    """
    queued = {"campaign_id": lease.campaign_id, "slice_no": chosen["slice_no"]}
    if chosen["is_requeued"]:
        members = visit.frame("slice.members_by_event", event="planned", **queued)
    else:
        members = visit.frame("slice.members", **queued)
    is_opted_out = members["is_opted_out"].astype(bool) & _stops_bind(campaign)
    is_dead = members["is_dead"].astype(bool) & ~is_opted_out & (campaign["kind"] not in STANDING_KINDS)
    for reason, is_suppressed in (("opted_out", is_opted_out), ("dead_number", is_dead)):
        add_events(visit, lease, chosen["slice_no"], members[is_suppressed], "suppressed", reason=reason)
    return members[~is_opted_out & ~is_dead]


def _stops_bind(campaign: Mapping[str, Any]) -> bool:
    return opt_outs_bind(campaign["kind"], campaign["requested_service"])


def _check_may_send(campaign: Mapping[str, Any]) -> None:
    if campaign["state"] != "sending":
        raise NotSending(f"campaign {campaign['name']} is {campaign['state']}; only a sending one may claim")
    needs_approval = campaign["kind"] in ("marketing", "alert")
    if needs_approval and (campaign["approved_hash"] is None or campaign["approved_hash"] != campaign["recap_hash"]):
        raise CampaignError(f"campaign {campaign['name']} is not approved under its latest recap; nothing leaves")


def _check_stops_are_fresh(visit: Transaction, campaign: Mapping[str, Any], rules: ClaimRules) -> None:
    for name in ("replies", "opt_outs"):
        age = seconds_since_read(visit, campaign["gateway"], name)
        if age is None or age > rules.replies_max_age_seconds:
            seen = "never" if age is None else f"{age:.0f} s ago"
            raise StaleStops(
                f"{name} of gateway {campaign['gateway']} were last read {seen}; nothing leaves before they are"
            )


def _closings(
    visit: Transaction, campaign: Mapping[str, Any], rules: ClaimRules, keys: Sequence[str] | None = None
) -> dict[str, datetime | None]:
    """Return the places that may be written to now, and when each closes (None: windows do not bind).

    A place that closes before the gateway is sure to have the messages is closed already.
    """
    if keys is None:
        keys = [row["window_key"] for row in visit.rows("slice.window_keys", campaign_id=campaign["campaign_id"])]
    if campaign["kind"] != "marketing":
        return dict.fromkeys(keys)
    least = visit.at + timedelta(seconds=rules.margin_seconds + rules.deadline_seconds)
    closings = {key: key_closing(visit.at, key, campaign["policy"]) for key in keys}
    return {key: closes_at for key, closes_at in closings.items() if closes_at is not None and closes_at > least}


def _reserve(visit: Transaction, campaign: Mapping[str, Any], slice_no: int, members: pd.DataFrame) -> None:
    needed = total_price(members)
    gateway, is_marketing = campaign["gateway"], campaign["kind"] == "marketing"
    kept = visit.value("campaign.committed_to_alerts", gateway=gateway) if is_marketing else 0
    credit = visit.row("credit.available", gateway=gateway)
    if credit is None or credit["available"] - kept < needed:
        left = "its balance was never read" if credit is None else f"{credit['available']} {credit['unit']} are left"
        left += f", {kept} of them for alerts" if kept else ""
        raise NotCovered(
            f"campaign {campaign['name']} needs {needed} for its next slice on {campaign['gateway']}: {left}"
        )
    add_credit(visit, campaign, slice_no, "reserve", needed)


def _claim(
    visit: Transaction,
    lease: Lease,
    slice_no: int,
    members: pd.DataFrame,
    claimed_at: datetime,
    closes_at: datetime | None,
    rules: ClaimRules,
) -> Claim:
    post_before = visit.at + timedelta(seconds=rules.claim_seconds)
    if closes_at is not None:
        post_before = min(post_before, closes_at - timedelta(seconds=rules.deadline_seconds))
    visit.run(
        "slice.claim",
        campaign_id=lease.campaign_id,
        slice_no=slice_no,
        fence=lease.fence,
        claimed_at=claimed_at,
        ask_after=post_before + timedelta(seconds=rules.deadline_seconds + rules.settle_seconds),
    )
    columns = ["client_ref", "msisdn", "text", "encoding", "sender_id"]
    messages = [OutgoingMessage(*row) for row in members[columns].itertuples(index=False)]
    return Claim(slice_no, f"{messages[0].client_ref}-{slice_no}", messages, visit.at, post_before)
