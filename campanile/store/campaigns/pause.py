"""Pause and resume campaigns. Each claim reads the state in its own transaction, so a pause takes effect at once."""

from campanile.sms.errors import CampaignError
from campanile.sms.states import CampaignState
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.campaigns.campaigns import STANDING_KINDS, check_not_standing, find_campaign, note_event, set_state
from campanile.store.db.clock_check import confirm_clock, seconds_behind
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import HeldLease

PAUSABLE_STATES = (CampaignState.APPROVED, CampaignState.PARKED, CampaignState.SENDING)
_WAIT_FOR_CLOCK = (CampaignState.PARKED, CampaignState.SENDING)
_WHY_NOT_PAUSED = {
    CampaignState.PREPARED: "nothing of it is sent before it is approved",
    CampaignState.PAUSED: "resume-campaign continues it, cancel-campaign ends it",
    CampaignState.FINISHED: "all messages that could be sent are sent",
    CampaignState.CANCELLED: "nothing of it is sent",
}


def pause(tx: Transaction, name: str, actor: str, reason: str) -> Campaign:
    """Pause a campaign until a person resumes or cancels it; outcomes of messages in flight are still recorded.

    Raises:
        CampaignError: it is over, paused already, not approved yet, or Campanile's own.
    """
    campaign = find_campaign(tx, name)
    check_not_standing(campaign)
    if campaign.state not in PAUSABLE_STATES:
        why = _WHY_NOT_PAUSED[campaign.state]
        raise CampaignError(f"campaign {name} is {campaign.state}, so it cannot be paused: {why}")
    if campaign.is_stopped:
        raise CampaignError(f"campaign {name} was cancelled: nothing more of it is sent, so there is nothing to pause")
    return _pause(tx, campaign, actor, reason, f"paused by {actor}: {reason}")


def resume(tx: Transaction, name: str, actor: str, reason: str, *, clock_margin_seconds: float = 120.0) -> Campaign:
    """Resume a paused campaign at its time; messages that are overdue, or waited for a person, are sent now.

    A campaign without any claim is ``approved`` again, so that its recap is verified before it is sent. A campaign that
    waits because the clock was set back is resumed too, and the clock counts as right from then on.

    Raises:
        CampaignError: it is not paused.
    """
    campaign = find_campaign(tx, name)
    if campaign.state in _WAIT_FOR_CLOCK and seconds_behind(tx) > clock_margin_seconds:
        confirm_clock(tx, actor)
        tx.run("lease.end_now", campaign_id=campaign.campaign_id, at=tx.at)
        set_state(tx, campaign.campaign_id, campaign.state, tx.at, None)
        note_event(tx, campaign.campaign_id, "clock confirmed", campaign.version, actor, reason or None)
        return find_campaign(tx, name)
    if campaign.state != CampaignState.PAUSED:
        raise CampaignError(f"campaign {name} is {campaign.state}; only a paused one can be resumed")
    campaign_id = campaign.campaign_id
    was_claimed = tx.value("campaign.was_claimed", campaign_id=campaign_id)
    tx.run("campaign.forget_run", campaign_id=campaign_id)
    due_at = max(campaign.due_at or tx.at, tx.at)
    set_state(tx, campaign_id, CampaignState.PARKED if was_claimed else CampaignState.APPROVED, due_at, None)
    note_event(tx, campaign_id, "resumed", campaign.version, actor, reason or None)
    return find_campaign(tx, name)


def stop_everything(tx: Transaction, actor: str, reason: str) -> list[str]:
    """Pause every marketing and alert campaign that may still be sent; return their names.

    Automatic answers, notices and tests continue.
    """
    campaigns = tx.select(Campaign, "campaign.stoppable")
    for campaign in campaigns:
        _pause(tx, campaign, actor, reason, f"everything stopped by {actor}: {reason}")
    return [str(campaign.name) for campaign in campaigns]


def pause_gateway(tx: Transaction, gateway: str, actor: str, reason: str) -> list[str]:
    """Pause the campaigns of a gateway that may still be sent, except emergencies; return their names."""
    campaigns = [
        campaign
        for campaign in tx.select(Campaign, "campaign.stoppable")
        if campaign.gateway == gateway and not campaign.emergency_reason
    ]
    for campaign in campaigns:
        _pause(tx, campaign, actor, reason, f"paused by {actor}: {reason}")
    return [str(campaign.name) for campaign in campaigns]


def pause_found(tx: Transaction, campaign: Campaign, reason: str) -> Campaign:
    """Pause a campaign because of a fault that Campanile found, until a person acts; return the campaign.

    A campaign that a person stopped or paused meanwhile is not changed, nor are Campanile's own campaigns, which no
    person can resume.
    """
    if campaign.state in PAUSABLE_STATES and campaign.kind not in STANDING_KINDS:
        return _pause(tx, campaign, "campanile", reason, reason)
    return campaign


def stopped_alert(campaign: str) -> str:
    """Return the kind of the alert that the sending of a campaign stopped; only this campaign clears it."""
    return f"sending stopped: {campaign}"


def pause_and_alert(tx: Transaction, campaign: Campaign, reason: str) -> Campaign:
    """Pause a campaign because of an answer of its gateway, and raise the alert; return the campaign.

    Both are in one transaction. A campaign that is paused already keeps its open alert. A campaign that was cancelled,
    or is over, is not paused.
    """
    kind, may_pause = stopped_alert(campaign.name), campaign.state in PAUSABLE_STATES
    if may_pause:
        clear_alert(tx, kind, campaign.gateway)
    raise_alert(tx, kind, campaign.gateway, reason)
    return pause_found(tx, campaign, reason) if may_pause and not campaign.is_stopped else campaign


def pause_of_run(tx: Transaction, name: str, run_id: str, reason: str) -> Campaign | None:
    """Pause the campaign of a run that was cancelled; return None when there is nothing to pause.

    A campaign that another run sends is not paused.
    """
    campaign = find_campaign(tx, name)
    lease = tx.find(HeldLease, "lease.get", campaign_id=campaign.campaign_id)
    is_of_another = lease is not None and lease.expires_at > tx.at and lease.run_id != run_id
    is_ours = campaign.kind in STANDING_KINDS
    if is_of_another or is_ours or campaign.is_stopped or campaign.state not in PAUSABLE_STATES:
        return None
    return _pause(tx, campaign, "prefect", reason, reason)


def _pause(tx: Transaction, campaign: Campaign, actor: str, detail: str, reason: str) -> Campaign:
    campaign_id = campaign.campaign_id
    set_state(tx, campaign_id, CampaignState.PAUSED, campaign.due_at, reason)
    note_event(tx, campaign_id, "paused", campaign.version, actor, detail)
    return tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
