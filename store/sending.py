"""A campaign on its way: open it, close it, count it."""

from datetime import datetime, timedelta
from typing import Any

from sms.errors import CampaignError
from sms.quiet_hours import key_closing, next_key_opening
from store.campaigns import find_campaign, note_event, set_state
from store.claims import ClaimRules
from store.database import Transaction
from store.lease import Lease, extend_lease, take_lease
from store.outcomes import abandon_claims_of_others, unknown_slices
from store.recaps import verify_recap

MAY_OPEN = ("approved", "parked", "sending")
OPEN_STATES = ("planned", "claimed", "unknown")


def open_sending(
    visit: Transaction, name: str, owner: str, lease_seconds: float
) -> tuple[dict[str, Any], Lease | None, str]:
    """Take a campaign to be sent.

    Returns:
        The campaign, the lease or None when there is nothing to do, and why in one line.

    Raises:
        CampaignError: it was never approved, or is not what its recap says.
    """
    campaign = find_campaign(visit, name)
    state = campaign["state"]
    if state == "prepared":
        raise CampaignError(f"campaign {name} is prepared, not approved; approve it by its recap's hash first")
    if state not in MAY_OPEN:
        return campaign, None, f"campaign {name} is {state}: nothing to send"
    if campaign["due_at"] is None or campaign["due_at"] > visit.at:
        return campaign, None, f"campaign {name} is not due before {campaign['due_at'] or 'there is something to send'}"
    if campaign["kind"] in ("marketing", "alert") and state == "approved":
        verify_recap(visit, campaign)
    lease = take_lease(visit, campaign["campaign_id"], owner, lease_seconds)
    if lease is None:
        return campaign, None, f"campaign {name} is being sent by another run"
    abandon_claims_of_others(visit, lease)
    if state == "approved":
        note_event(visit, campaign["campaign_id"], "started", campaign["version"], owner, None)
    set_state(visit, campaign["campaign_id"], "sending", campaign["due_at"], campaign["state_reason"])
    return campaign, lease, f"campaign {name} is being sent"


def close_sending(
    visit: Transaction, lease: Lease, rules: ClaimRules, retry_seconds: float, why: str | None
) -> dict[str, Any]:
    """End a run: the campaign is finished when no message is open, else parked until something can be done.

    The truth is the messages, never an empty queue. The lease is given back.
    """
    campaign_id = lease.campaign_id
    extend_lease(visit, lease, 0)
    campaign = visit.row("campaign.get", campaign_id=campaign_id) or {}
    if campaign["state"] != "sending":
        return campaign
    is_open = any(row["state"] in OPEN_STATES for row in count_messages(visit, campaign_id))
    is_standing = campaign["kind"] not in ("marketing", "alert")
    if is_open:
        due_at = _next_look(visit, campaign, rules, retry_seconds, why)
        reason = campaign["state_reason"] if campaign["is_stopped"] else why
        set_state(visit, campaign_id, "sending" if is_standing else "parked", due_at, reason)
        note_event(visit, campaign_id, "parked", campaign["version"], "campanile", f"until {due_at:%Y-%m-%d %H:%M} UTC")
    elif is_standing:
        set_state(visit, campaign_id, "sending", None, None)
    else:
        set_state(visit, campaign_id, "finished", None, campaign["state_reason"] if campaign["is_stopped"] else None)
        note_event(visit, campaign_id, "finished", campaign["version"], "campanile", None)
    return visit.row("campaign.get", campaign_id=campaign_id) or {}


def count_messages(visit: Transaction, campaign_id: int) -> list[dict[str, Any]]:
    """Return message count, price and segments by state."""
    return visit.rows("message.count_by_state", campaign_id=campaign_id)


def due_campaigns(visit: Transaction) -> list[dict[str, Any]]:
    """Return the campaigns that somebody must send now: due, parked until now, or orphaned."""
    return visit.rows("campaign.due", at=visit.at)


def _next_look(
    visit: Transaction, campaign: dict[str, Any], rules: ClaimRules, retry_seconds: float, why: str | None
) -> datetime:
    """Return when the campaign can go on: a retry, the next opening of its places, or the time to ask for unknowns."""
    campaign_id = campaign["campaign_id"]
    retry_at = visit.at + timedelta(seconds=retry_seconds)
    times: list[datetime] = [row["ask_after"] for row in unknown_slices(visit, campaign_id)]
    keys = [row["window_key"] for row in visit.rows("slice.window_keys", campaign_id=campaign_id)]
    if campaign["kind"] == "marketing":
        margin = timedelta(seconds=rules.margin_seconds + rules.deadline_seconds)
        times += [max(_next_claim(visit.at, key, campaign["policy"], margin), retry_at) for key in keys]
    elif keys:
        times.append(retry_at)
    if why is not None:
        times = [max(at, retry_at) for at in times]
    return max(min(times, default=retry_at), visit.at + timedelta(seconds=1))


def _next_claim(at: datetime, key: str, policy: str, margin: timedelta) -> datetime:
    """Return when a place may next be claimed for: a window that is about to close counts as closed."""
    closes_at = key_closing(at, key, policy)
    if closes_at is not None and closes_at - at <= margin:
        return next_key_opening(closes_at, key, policy)
    return next_key_opening(at, key, policy)
