"""A run of a campaign: open it, close it, count its messages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.errors import CampaignError
from campanile.sms.states import CampaignKind, CampaignState, MessageState
from campanile.store.campaigns.campaigns import STANDING_KINDS, cancel, find_campaign, note_event, set_state
from campanile.store.campaigns.pause import pause_found
from campanile.store.campaigns.recaps import verify_recap
from campanile.store.db.clock_check import distrust_ahead
from campanile.store.db.database import Transaction
from campanile.store.ledger.claim_checks import ClaimRules, late_words, next_claim
from campanile.store.ledger.expiry import expire_late
from campanile.store.ledger.lease import Lease, extend_lease, find_lease, take_lease
from campanile.store.ledger.message_ids import alert_shared_ids
from campanile.store.ledger.outcomes import abandon_claims_of_others, unknown_slices
from campanile.store.ledger.reconciliation import doubt_everything
from schemas.billing_rows import BalanceReading
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import DueCampaign, StateCount, WaitingWindow

MAY_OPEN = (CampaignState.APPROVED, CampaignState.PARKED, CampaignState.SENDING)
OPEN_STATES = (MessageState.PLANNED, MessageState.CLAIMED, MessageState.UNKNOWN)
#: The field of ``Progress`` that counts a state of messages, unless both have the same name.
_COUNTED_AS = {
    MessageState.PLANNED: "waiting",
    MessageState.CLAIMED: "in_flight",
    MessageState.DELIVERED: MessageState.ACCEPTED,
    MessageState.UNDELIVERED: MessageState.ACCEPTED,
}


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a lease: ``name`` for people, and the Prefect run, if there is one."""

    name: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        why: why it stopped early; None: nothing more may be sent now.
        needs_person: a person must act before anything is sent again: the campaign is paused.
        is_alarming: the campaign continues automatically, and the team is alerted.
        asks_person: only a person can settle the unknown messages.
        cancels_rest: the messages that are not claimed are cancelled, and the campaign ends.
        trusts_clock: False: the clock jumped, so no message expires by it.
        retry_seconds: when to try again what was refused.
    """

    why: str | None = None
    needs_person: bool = False
    is_alarming: bool = False
    asks_person: bool = False
    cancels_rest: bool = False
    trusts_clock: bool = True
    retry_seconds: float = 60.0


class Opened(NamedTuple):
    """The result of opening a campaign: the lease, or None if there is nothing to do; ``why`` in one line.

    ``is_held``: it has just been paused, and waits for a person.
    """

    campaign: Campaign
    lease: Lease | None
    why: str
    is_held: bool = False


class Progress(NamedTuple):
    """The progress of a campaign: messages by their state, and what it has cost, in the gateway's unit."""

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


def open_sending(tx: Transaction, name: str, owner: Owner, rules: ClaimRules) -> Opened:
    """Open a campaign for sending, and take its lease.

    If no run sent it for a long time after it was due (the machine slept, a backup was restored), it is paused and
    waits for a person.

    Raises:
        CampaignError: it was never approved, or differs from its recap.
    """
    doubt_everything(tx, rules)
    distrust_ahead(tx, rules.clock_margin_seconds)  # guard: clock-ahead
    campaign = find_campaign(tx, name)
    state = campaign.state
    if state == CampaignState.PREPARED:
        raise CampaignError(f"campaign {name} is prepared, not approved; approve it with the hash of its recap first")
    if state not in MAY_OPEN:
        return Opened(campaign, None, f"campaign {name} is {state}: nothing to send")
    if campaign.due_at is None or campaign.due_at > tx.at:
        due = campaign.due_at or "there is something to send"
        return Opened(campaign, None, f"campaign {name} is not due before {due}")
    if (late := _why_late(tx, campaign, rules)) is not None:
        pause_found(tx, campaign, late)
        return Opened(find_campaign(tx, name), None, late, is_held=True)
    if campaign.kind in (CampaignKind.MARKETING, CampaignKind.ALERT) and state == CampaignState.APPROVED:
        verify_recap(tx, campaign)
    lease = take_lease(tx, campaign.campaign_id, owner.name, rules.lease_seconds, owner.run_id)
    if lease is None:
        return Opened(campaign, None, f"campaign {name} is being sent by another run")
    abandon_claims_of_others(tx, lease, rules)  # guard: abandoned-claims
    if state == CampaignState.APPROVED:
        note_event(tx, campaign.campaign_id, "started", campaign.version, owner.name, None)
    set_state(tx, campaign.campaign_id, CampaignState.SENDING, campaign.due_at, campaign.state_reason)
    return Opened(campaign, lease, f"campaign {name} is being sent")


def close_sending(tx: Transaction, lease: Lease, rules: ClaimRules, run_outcome: RunOutcome) -> Campaign:
    """End a run: the campaign is finished when no message is open, else parked until something can be done.

    Messages that can no longer be sent in time expire first. The states of the messages decide, never an empty queue.
    The lease ends.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    campaign_id = lease.campaign_id
    extend_lease(tx, lease, 0)
    campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
    if campaign.state != CampaignState.SENDING:
        return campaign
    is_standing = campaign.kind in STANDING_KINDS
    if not campaign.is_stopped and run_outcome.trusts_clock:
        expire_late(tx, campaign, lambda key, at: next_claim(campaign, key, at, rules.closing_margin))
    open_states = {row.state for row in count_messages(tx, campaign_id)} & set(OPEN_STATES)
    if not open_states:
        reason = campaign.state_reason if campaign.is_stopped else None
        set_state(
            tx,
            campaign_id,
            CampaignState.SENDING if is_standing else CampaignState.FINISHED,
            None,
            None if is_standing else reason,
        )
        if not is_standing:
            note_event(tx, campaign_id, "finished", campaign.version, "campanile", None)
            alert_shared_ids(tx, campaign)
    elif run_outcome.cancels_rest and not campaign.is_stopped:
        return cancel(tx, str(campaign.name), str(run_outcome.why), "campanile")
    elif run_outcome.needs_person and not is_standing and not campaign.is_stopped:
        pause_found(tx, campaign, str(run_outcome.why))
    else:
        _park(
            tx,
            campaign,
            rules,
            run_outcome,
            waits_for_person=run_outcome.asks_person and open_states == {MessageState.UNKNOWN},
        )
    return tx.get(Campaign, "campaign.get", campaign_id=campaign_id)


def count_messages(tx: Transaction, campaign_id: int) -> list[StateCount]:
    """Return the messages and segments of a campaign by state."""
    return tx.select(StateCount, "message.count_by_state", campaign_id=campaign_id)


def read_progress(tx: Transaction, campaign: Campaign) -> Progress:
    """Return the progress of a campaign without reading each message: messages in flight count by whole slices."""
    reading = tx.find(BalanceReading, "balance.latest", gateway=campaign.gateway)
    unit = reading.unit if reading else ""
    return tx.get(Progress, "slice.progress", campaign_id=campaign.campaign_id, unit=unit)


def recount(progress: Progress, states: Sequence[StateCount]) -> Progress:
    """Return the exact progress of a campaign; ``states`` are those of ``count_messages``."""
    counts: Counter[str] = Counter()
    for row in states:
        counts[_COUNTED_AS.get(row.state, row.state)] += row.message_count
    by_name = {name: counts[name] for name in Progress._fields if name not in ("total", "spent", "unit")}
    return Progress(total=counts.total(), **by_name, spent=progress.spent, unit=progress.unit)


def due_campaigns(tx: Transaction) -> list[DueCampaign]:
    """Return the campaigns that must be sent now: due, parked until now, or orphaned."""
    return tx.select(DueCampaign, "campaign.due", at=tx.at)


def _why_late(tx: Transaction, campaign: Campaign, rules: ClaimRules) -> str | None:
    """Return the line that no run sent the campaign since it was due, or since its last lease expired; or None."""
    if campaign.kind in STANDING_KINDS or campaign.is_stopped:
        return None
    lease = find_lease(tx, campaign.campaign_id)
    assert campaign.due_at is not None, "it is due"
    since = max([campaign.due_at] + ([lease.expires_at] if lease else []))
    seconds = (tx.at - since).total_seconds()
    return late_words(campaign.name, since, seconds) if seconds > rules.wake_up_seconds else None


def _park(
    tx: Transaction, campaign: Campaign, rules: ClaimRules, run_outcome: RunOutcome, *, waits_for_person: bool
) -> None:
    campaign_id = campaign.campaign_id
    due_at = None if waits_for_person else _next_look(tx, campaign, rules, run_outcome)
    why = "only a person can settle its unknown messages: run resolve-unknown" if waits_for_person else run_outcome.why
    state = CampaignState.SENDING if campaign.kind in STANDING_KINDS else CampaignState.PARKED
    set_state(tx, campaign_id, state, due_at, campaign.state_reason if campaign.is_stopped else why)
    until = "a person decides" if due_at is None else f"{due_at:%Y-%m-%d %H:%M} UTC"
    note_event(tx, campaign_id, "parked", campaign.version, "campanile", f"until {until}")


def _next_look(tx: Transaction, campaign: Campaign, rules: ClaimRules, run_outcome: RunOutcome) -> datetime:
    """Return when the campaign can continue: a retry, the next opening of its windows, or a look-up of unknowns."""
    campaign_id = campaign.campaign_id
    retry_at = tx.at + timedelta(seconds=run_outcome.retry_seconds)
    waiting = tx.select(WaitingWindow, "slice.waiting", campaign_id=campaign_id)
    starts = [(row.window_key, max(row.not_before or tx.at, tx.at)) for row in waiting]
    times = [max(next_claim(campaign, key, at, rules.closing_margin), retry_at) for key, at in starts]
    if not run_outcome.asks_person:
        times += [row.ask_after for row in unknown_slices(tx, campaign_id)]
    if run_outcome.why is not None:
        times = [max(at, retry_at) for at in times]
    return max(min(times, default=retry_at), tx.at + timedelta(seconds=1))
