"""Campaigns and their history: find, cancel, withdraw an approval, change the state."""

from datetime import datetime

from campanile.sms.errors import CampaignError
from campanile.sms.states import CampaignState, SliceState
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign

#: Kinds with one campaign a gateway that never ends, and the beginning of its name.
STANDING_KINDS = {"auto_reply": "auto-reply", "notice": "notice", "test": "send-test"}
#: The states of locked campaigns that revise-campaign may change while nothing was claimed.
REVISABLE_STATES = (CampaignState.APPROVED, CampaignState.PARKED, CampaignState.PAUSED)
_HAS_BEGUN = "its sending has begun; cancel-campaign stops the rest, then prepare it under another name"
_IS_TAKEN = (
    "a run is sending it, and no message is claimed yet; try again in a minute, or stop it with cancel-campaign and "
    "prepare it again under its name"
)
_WHY_NOT_REVISED = dict.fromkeys((*REVISABLE_STATES, CampaignState.SENDING), _HAS_BEGUN) | {
    CampaignState.PREPARED: "it is not approved, so there is nothing to withdraw; prepare-campaign changes it",
    CampaignState.FINISHED: "it is over; prepare it under another name",
    CampaignState.CANCELLED: "it is cancelled, so its name is free; run prepare-campaign to make it again",
}


def find_campaign(tx: Transaction, name: str) -> Campaign:
    """Return the newest campaign of that name.

    Raises:
        CampaignError: there is none; the error names the latest ones.
    """
    found = tx.find(Campaign, "campaign.find", name=name)
    if found is None:
        known = ", ".join(tx.values("campaign.names")) or "none yet"
        raise CampaignError(f"no campaign {name!r}; campaigns are: {known}")
    return found


def cancel(tx: Transaction, name: str, reason: str, actor: str) -> Campaign:
    """Cancel what has not been claimed; return the campaign.

    Before the first claim a campaign becomes ``cancelled``, at no cost. After it the rest is cancelled, and the
    campaign becomes ``finished`` when nothing is in flight any more.

    Raises:
        CampaignError: it is over already.
    """
    campaign = find_campaign(tx, name)
    check_not_standing(campaign)
    campaign_id, state = campaign.campaign_id, campaign.state
    if state in (CampaignState.CANCELLED, CampaignState.FINISHED):
        raise CampaignError(f"campaign {name} is already {state}; there is nothing to cancel")
    was_claimed = tx.value("campaign.was_claimed", campaign_id=campaign_id)
    slices = set(tx.values("slice.states", campaign_id=campaign_id))
    cancel_planned(tx, campaign_id, reason)
    tx.run("campaign.stop", campaign_id=campaign_id)
    note_event(tx, campaign_id, "cancelled", campaign.version, actor, reason)
    if not was_claimed:
        new_state, due_at = CampaignState.CANCELLED, None
    elif slices & {SliceState.CLAIMED, SliceState.UNKNOWN}:
        new_state, due_at = CampaignState.SENDING, tx.at  # the next run settles what is in flight, then ends it
    else:
        new_state, due_at = CampaignState.FINISHED, None
    set_state(tx, campaign_id, new_state, due_at, f"stopped: {reason}")
    return find_campaign(tx, name)


def check_not_begun(tx: Transaction, campaign: Campaign) -> None:
    """Refuse to revise a locked campaign that is being sent, or of which something was claimed already.

    Raises:
        CampaignError: it is one of these, or it is not locked; the error says what to do.
    """
    state = campaign.state
    was_claimed = tx.value("campaign.was_claimed", campaign_id=campaign.campaign_id)
    if state not in REVISABLE_STATES or was_claimed:
        why = _IS_TAKEN if state == CampaignState.SENDING and not was_claimed else _WHY_NOT_REVISED[state]
        raise CampaignError(f"campaign {campaign.name} is {state}: {why}")


def withdraw_approval(tx: Transaction, campaign: Campaign, actor: str, detail: str) -> None:
    """Withdraw the approval of a locked campaign, so that it can be changed.

    Its credit is free again at once, and nothing is sent until it is approved again. The caller stores its messages
    again in the same transaction, so the events of messages that a STOP had suppressed are deleted.

    Raises:
        CampaignError: it is being sent, something of it was claimed already, or it is not locked.
    """
    check_not_begun(tx, campaign)
    campaign_id = campaign.campaign_id
    tx.run("campaign.withdraw_approval", campaign_id=campaign_id, at=tx.at)
    tx.run("alert.clear_list_changed", campaign_id=campaign_id, at=tx.at)
    note_event(tx, campaign_id, "withdrawn", campaign.version, actor, detail)
    tx.run("event.forget", campaign_id=campaign_id)  # after the entry above, so that their ids are not used again


def cancel_planned(tx: Transaction, campaign_id: int, reason: str, *, except_origin: str = "") -> None:
    """Cancel every message of a campaign that is not claimed, except the slices of an origin."""
    which = {"campaign_id": campaign_id, "except_origin": except_origin}
    first_event_id = tx.value("event.next_id")
    tx.run("event.cancel_planned", first_event_id=first_event_id, reason=reason, at=tx.at, **which)
    tx.run("slice.cancel_planned", **which)


def set_state(tx: Transaction, campaign_id: int, state: str, due_at: datetime | None, reason: str | None) -> None:
    """Move a campaign to a state; ``due_at`` is when its next run is due."""
    tx.run("campaign.set_state", campaign_id=campaign_id, state=state, due_at=due_at, state_reason=reason, at=tx.at)
    if state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        tx.run("alert.clear_list_changed", campaign_id=campaign_id, at=tx.at)


def note_event(tx: Transaction, campaign_id: int, event: str, version: int, actor: str, detail: str | None) -> None:
    """Add an event to the history of a campaign."""
    tx.run(
        "campaign.add_event",
        campaign_id=campaign_id,
        event=event,
        version=version,
        actor=actor,
        detail=detail,
        at=tx.at,
    )


def standing_name(kind: str, gateway: str) -> str:
    """Return the name of the campaign that holds all messages of a standing kind on a gateway."""
    return f"{STANDING_KINDS[kind]}-{gateway}"


def check_name_not_reserved(name: str) -> None:
    """Refuse the names of Campanile's own campaigns, also before they exist.

    Raises:
        CampaignError: it is one of them.
    """
    if name.startswith(tuple(f"{prefix}-" for prefix in STANDING_KINDS.values())):
        raise CampaignError(f"campaign name {name} is reserved for Campanile's own campaigns; choose another one")


def check_not_standing(campaign: Campaign) -> None:
    """Refuse to change the campaigns that hold automatic answers, notices and tests.

    Raises:
        CampaignError: it is one of them.
    """
    if campaign.kind in STANDING_KINDS:
        raise CampaignError(f"{campaign.name} is Campanile's own campaign ({campaign.kind}); choose another name")
