"""A campaign on its way: open it, close it, count it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sms.errors import CampaignError
from store.campaigns import STANDING_KINDS, find_campaign, note_event, set_state
from store.clearance import ClaimRules, late_words, next_claim
from store.clock import distrust_ahead
from store.control import pause_found
from store.database import Transaction
from store.expiry import expire_late
from store.ids import alert_shared_ids
from store.lease import Lease, extend_lease, take_lease
from store.outcomes import abandon_claims_of_others, unknown_slices
from store.recaps import verify_recap
from store.reconcile import doubt_everything

MAY_OPEN = ("approved", "parked", "sending")
OPEN_STATES = ("planned", "claimed", "unknown")
#: Where a state of messages is counted in ``Progress``, unless it is called alike.
_COUNTED_AS = {"planned": "waiting", "claimed": "in_flight", "delivered": "accepted", "undelivered": "accepted"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who sends: ``name`` for people, and the Prefect run where there is one."""

    name: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        why: why it stopped early; None: nothing more may leave now.
        needs_person: somebody must act before anything leaves again: the campaign is paused.
        is_alarming: it goes on by itself, and the team should know.
        asks_person: nobody but a person can settle what is unknown.
        trusts_clock: False: it jumped, so nothing is given up as too late by it.
        retry_seconds: when to try again what was refused.
    """

    why: str | None = None
    needs_person: bool = False
    is_alarming: bool = False
    asks_person: bool = False
    trusts_clock: bool = True
    retry_seconds: float = 60.0


class Opened(NamedTuple):
    """What came of opening a campaign: the lease, or None when there is nothing to do; ``why`` in one line.

    ``is_held``: it has just been paused, and waits for a person.
    """

    campaign: dict[str, Any]
    lease: Lease | None
    why: str
    is_held: bool = False


class Progress(NamedTuple):
    """How far a campaign is: messages by what became of them, and what it has cost, in the gateway's unit."""

    total: int
    waiting: int
    in_flight: int
    unknown: int
    accepted: int
    rejected: int
    suppressed: int
    cancelled: int
    expired: int
    written_off: int
    spent: Decimal
    unit: str


def open_sending(visit: Transaction, name: str, owner: Owner, rules: ClaimRules) -> Opened:
    """Take a campaign to be sent.

    Nobody looked after it for long after its time (a machine that slept, a backup that came back)? Then it is paused
    and waits for a person.

    Raises:
        CampaignError: it was never approved, or is not what its recap says.
    """
    doubt_everything(visit, rules)
    distrust_ahead(visit, rules.clock_margin_seconds)
    campaign = find_campaign(visit, name)
    state = campaign["state"]
    if state == "prepared":
        raise CampaignError(f"campaign {name} is prepared, not approved; approve it by its recap's hash first")
    if state not in MAY_OPEN:
        return Opened(campaign, None, f"campaign {name} is {state}: nothing to send")
    if campaign["due_at"] is None or campaign["due_at"] > visit.at:
        due = campaign["due_at"] or "there is something to send"
        return Opened(campaign, None, f"campaign {name} is not due before {due}")
    if (late := _why_late(visit, campaign, rules)) is not None:
        pause_found(visit, campaign, late)
        return Opened(find_campaign(visit, name), None, late, is_held=True)
    if campaign["kind"] in ("marketing", "alert") and state == "approved":
        verify_recap(visit, campaign)
    lease = take_lease(visit, campaign["campaign_id"], owner.name, rules.lease_seconds, owner.run_id)
    if lease is None:
        return Opened(campaign, None, f"campaign {name} is being sent by another run")
    abandon_claims_of_others(visit, lease, rules)
    if state == "approved":
        note_event(visit, campaign["campaign_id"], "started", campaign["version"], owner.name, None)
    set_state(visit, campaign["campaign_id"], "sending", campaign["due_at"], campaign["state_reason"])
    return Opened(campaign, lease, f"campaign {name} is being sent")


def close_sending(visit: Transaction, lease: Lease, rules: ClaimRules, ending: Ending) -> dict[str, Any]:
    """End a run: the campaign is finished when no message is open, else parked until something can be done.

    What can no longer leave in time expires first. The truth is the messages, never an empty queue. The lease is given
    back.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    campaign_id = lease.campaign_id
    extend_lease(visit, lease, 0)
    campaign = visit.row("campaign.get", campaign_id=campaign_id) or {}
    if campaign["state"] != "sending":
        return campaign
    is_standing = campaign["kind"] in STANDING_KINDS
    if not campaign["is_stopped"] and ending.trusts_clock:
        expire_late(visit, campaign, lambda key, at: next_claim(campaign, key, at, rules.closing_margin))
    open_states = {row["state"] for row in count_messages(visit, campaign_id)} & set(OPEN_STATES)
    if not open_states:
        reason = campaign["state_reason"] if campaign["is_stopped"] else None
        set_state(visit, campaign_id, "sending" if is_standing else "finished", None, None if is_standing else reason)
        if not is_standing:
            note_event(visit, campaign_id, "finished", campaign["version"], "campanile", None)
            alert_shared_ids(visit, campaign)
    elif ending.needs_person and not is_standing and not campaign["is_stopped"]:
        pause_found(visit, campaign, str(ending.why))
    else:
        _park(visit, campaign, rules, ending, waits_for_person=ending.asks_person and open_states == {"unknown"})
    return visit.row("campaign.get", campaign_id=campaign_id) or {}


def count_messages(visit: Transaction, campaign_id: int) -> list[dict[str, Any]]:
    """Return message count, price and segments by state."""
    return visit.rows("message.count_by_state", campaign_id=campaign_id)


def read_progress(visit: Transaction, campaign: Mapping[str, Any]) -> Progress:
    """Return how far a campaign is without asking each message: what is in flight is counted by whole slices."""
    found = visit.row("slice.progress", campaign_id=campaign["campaign_id"]) or {}
    credit = visit.row("credit.available", gateway=campaign["gateway"])
    return Progress(**found, unit=credit["unit"] if credit else "")


def recount(progress: Progress, states: Sequence[Mapping[str, Any]]) -> Progress:
    """Return how far a campaign is to the message; ``states`` are those of ``count_messages``."""
    counts: Counter[str] = Counter()
    for row in states:
        counts[_COUNTED_AS.get(row["state"], row["state"])] += row["message_count"]
    fates = {name: counts[name] for name in Progress._fields if name not in ("total", "spent", "unit")}
    return Progress(total=counts.total(), **fates, spent=progress.spent, unit=progress.unit)


def due_campaigns(visit: Transaction) -> list[dict[str, Any]]:
    """Return the campaigns that somebody must send now: due, parked until now, or orphaned."""
    return visit.rows("campaign.due", at=visit.at)


def _why_late(visit: Transaction, campaign: Mapping[str, Any], rules: ClaimRules) -> str | None:
    """Tell that nobody looked after a campaign since its time came, or since its last sender was there; or None."""
    if campaign["kind"] in STANDING_KINDS or campaign["is_stopped"]:
        return None
    lease = visit.row("lease.get", campaign_id=campaign["campaign_id"])
    since = max([campaign["due_at"]] + ([lease["expires_at"]] if lease else []))
    seconds = (visit.at - since).total_seconds()
    return late_words(campaign["name"], since, seconds) if seconds > rules.wake_up_seconds else None


def _park(
    visit: Transaction, campaign: Mapping[str, Any], rules: ClaimRules, ending: Ending, *, waits_for_person: bool
) -> None:
    campaign_id = campaign["campaign_id"]
    due_at = None if waits_for_person else _next_look(visit, campaign, rules, ending)
    why = "only a person can settle what is unknown: resolve-unknown" if waits_for_person else ending.why
    state = "sending" if campaign["kind"] in STANDING_KINDS else "parked"
    set_state(visit, campaign_id, state, due_at, campaign["state_reason"] if campaign["is_stopped"] else why)
    until = "somebody decides" if due_at is None else f"{due_at:%Y-%m-%d %H:%M} UTC"
    note_event(visit, campaign_id, "parked", campaign["version"], "campanile", f"until {until}")


def _next_look(visit: Transaction, campaign: Mapping[str, Any], rules: ClaimRules, ending: Ending) -> datetime:
    """Return when the campaign can go on: a retry, the next opening of its places, or the time to ask for unknowns."""
    campaign_id = campaign["campaign_id"]
    retry_at = visit.at + timedelta(seconds=ending.retry_seconds)
    waiting = visit.rows("slice.waiting", campaign_id=campaign_id)
    starts = [(row["window_key"], max(row["not_before"] or visit.at, visit.at)) for row in waiting]
    times = [max(next_claim(campaign, key, at, rules.closing_margin), retry_at) for key, at in starts]
    if not ending.asks_person:
        times += [row["ask_after"] for row in unknown_slices(visit, campaign_id)]
    if ending.why is not None:
        times = [max(at, retry_at) for at in times]
    return max(min(times, default=retry_at), visit.at + timedelta(seconds=1))
