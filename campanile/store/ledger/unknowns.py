"""Unknown messages that no request can settle any more: a named person writes them off or sends them again."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

from campanile.sms.errors import CampaignError
from campanile.sms.states import CampaignState, CreditKind, MessageState
from campanile.store.campaigns.campaigns import find_campaign, note_event, set_state
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import why_silent
from campanile.store.ledger.events import add_credit, add_events, events_of, total_price
from campanile.store.ledger.lease import NO_SENDER, Lease, find_lease
from campanile.store.ledger.requeue import requeue
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import RequeuedMessage, Slice, UnknownMessage

Settle = Callable[[Transaction, Campaign, Slice, Sequence[UnknownMessage], str], None]


def list_unknown(tx: Transaction, campaign_id: int) -> list[UnknownMessage]:
    """Return the unknown messages of a campaign, by slice and recipient."""
    return tx.select(UnknownMessage, "unknown.list", campaign_id=campaign_id)


def write_off(tx: Transaction, name: str, actor: str, reason: str) -> int:
    """Write off the unknown messages of a campaign and release their credit; return how many.

    A delivery report that comes later still proves a message accepted, and captures its price.

    Raises:
        CampaignError: there is none, or none may be decided now.
    """
    return _decide(tx, name, actor, reason, MessageState.WRITTEN_OFF, _give_up)


def resend(tx: Transaction, name: str, actor: str, reason: str) -> int:
    """Put the unknown messages of a campaign back into its queue and release their credit; return how many.

    A recipient who got the message the first time gets it twice: the person who decides is responsible for that.

    Raises:
        CampaignError: there is none, none may be decided now, or nothing of the campaign is sent any more: it was
            cancelled, or the auto-responder is off.
    """
    campaign = find_campaign(tx, name)
    if campaign.is_stopped:
        raise CampaignError(f"campaign {name} was cancelled, so nothing of it is sent again; write its unknowns off")
    if (why := why_silent(tx, campaign)) is not None:
        raise CampaignError(f"{why}, so nothing of {name} is sent again; write its unknowns off")
    return _decide(tx, name, actor, reason, "resent", _queue_again)


def _decide(tx: Transaction, name: str, actor: str, reason: str, event: str, settle: Settle) -> int:
    campaign = find_campaign(tx, name)
    campaign_id = campaign.campaign_id
    unknown = _decidable(tx, campaign)
    for slice_no, rows in groupby(unknown, attrgetter("slice_no")):
        group = list(rows)
        found = tx.get(Slice, "slice.get", campaign_id=campaign_id, slice_no=slice_no)
        add_credit(tx, campaign, slice_no, CreditKind.RELEASE, total_price(message.price for message in group))
        settle(tx, campaign, found, group, f"{actor}: {reason}")
        tx.run("slice.settle", campaign_id=campaign_id, slice_nos=[slice_no])
    note_event(tx, campaign_id, event, campaign.version, actor, f"{len(unknown)} unknown messages: {reason}")
    set_state(tx, campaign_id, campaign.state, tx.at, campaign.state_reason)
    return len(unknown)


def _give_up(
    tx: Transaction, campaign: Campaign, found: Slice, messages: Sequence[UnknownMessage], reason: str
) -> None:
    lease = Lease(campaign.campaign_id, NO_SENDER)
    add_events(tx, lease, found.slice_no, MessageState.WRITTEN_OFF, events_of(messages, reason))


def _queue_again(
    tx: Transaction, campaign: Campaign, found: Slice, messages: Sequence[UnknownMessage], reason: str
) -> None:
    again = [RequeuedMessage(row.recipient_id, row.segment_count, row.price, reason) for row in messages]
    requeue(tx, campaign, found, again, NO_SENDER)


def _decidable(tx: Transaction, campaign: Campaign) -> list[UnknownMessage]:
    """Return the unknown messages that no open request can settle any more."""
    name, state = campaign.name, campaign.state
    if state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        raise CampaignError(f"campaign {name} is {state}: it has no unknown message to decide on")
    lease = find_lease(tx, campaign.campaign_id)
    if lease is not None and lease.expires_at > tx.at:
        raise CampaignError(
            f"a run is sending campaign {name} and may still settle its unknown messages; try again when it has ended, "
            f"or pause the campaign (the run may write until {lease.expires_at:%H:%M:%S} UTC)"
        )
    unknown = list_unknown(tx, campaign.campaign_id)
    if not unknown:
        raise CampaignError(f"campaign {name} is {state}: none of its messages is unknown")
    decidable = [row for row in unknown if row.ask_after <= tx.at]
    if not decidable:
        first = min(row.ask_after for row in unknown)
        raise CampaignError(
            f"the unknown messages of {name} may still be in flight; decide from {first:%H:%M:%S} UTC on"
        )
    return decidable
