"""What nobody knows, and a named person decides: given up, or sent again."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from campanile.sms.errors import CampaignError
from campanile.sms.states import CampaignState, MessageState
from campanile.store.campaigns.campaigns import find_campaign, note_event, set_state
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import why_silent
from campanile.store.ledger.events import add_credit, add_events, total_price
from campanile.store.ledger.lease import NO_SENDER, Lease
from campanile.store.ledger.outcomes import requeue
from schemas.rows import Campaign

Row = dict[str, Any]
Settle = Callable[[Transaction, Campaign, Row, Sequence[Row]], None]


def list_unknown(tx: Transaction, campaign_id: int) -> list[Row]:
    """Return the messages whose fate nobody knows, by slice and recipient.

    ``msisdn``, ``price`` and ``segment_count``; ``slice_no``; ``claimed_at``, when it was first handed over;
    ``ask_after``, from when on it may be decided; ``reason``, the gateway's words or ours.
    """
    return tx.rows("unknown.list", campaign_id=campaign_id)


def write_off(tx: Transaction, name: str, actor: str, reason: str) -> int:
    """Give up a campaign's unknown messages and free their credit; return how many.

    A delivery report that comes later still proves one accepted, and takes its price after all.

    Raises:
        CampaignError: there is none, or none may be decided now.
    """
    return _decide(tx, name, actor, reason, MessageState.WRITTEN_OFF, _give_up)


def resend(tx: Transaction, name: str, actor: str, reason: str) -> int:
    """Put a campaign's unknown messages back into its queue and free their credit; return how many.

    Who had got one gets it twice: that is what the person answers for.

    Raises:
        CampaignError: there is none, none may be decided now, or nothing of the campaign leaves any more: it was
            cancelled, or its answers were switched off.
    """
    campaign = find_campaign(tx, name)
    if campaign.is_stopped:
        raise CampaignError(f"campaign {name} was cancelled, so nothing of it is sent again; write its unknowns off")
    if (why := why_silent(tx, campaign)) is not None:
        raise CampaignError(f"{why}, so nothing of {name} is sent again; write its unknowns off")
    return _decide(tx, name, actor, reason, "resent", _queue_again)


def _decide(tx: Transaction, name: str, actor: str, reason: str, event: str, settle: Settle) -> int:
    campaign = find_campaign(tx, name)
    members = [row | {"reason": f"{actor}: {reason}"} for row in _decidable(tx, campaign)]
    campaign_id = campaign.campaign_id
    for slice_no, rows in groupby(members, itemgetter("slice_no")):
        group = list(rows)
        found = tx.one("slice.get", campaign_id=campaign_id, slice_no=slice_no)
        add_credit(tx, campaign, slice_no, "release", total_price(row["price"] for row in group))
        settle(tx, campaign, found, group)
        tx.run("slice.settle", campaign_id=campaign_id, slice_nos=[slice_no])
    note_event(tx, campaign_id, event, campaign.version, actor, f"{len(members)} unknown messages: {reason}")
    set_state(tx, campaign_id, campaign.state, tx.at, campaign.state_reason)
    return len(members)


def _give_up(tx: Transaction, campaign: Campaign, found: Row, members: Sequence[Row]) -> None:
    add_events(tx, Lease(campaign.campaign_id, NO_SENDER), found["slice_no"], members, MessageState.WRITTEN_OFF)


def _queue_again(tx: Transaction, campaign: Campaign, found: Row, members: Sequence[Row]) -> None:
    requeue(tx, campaign, found, members, NO_SENDER)


def _decidable(tx: Transaction, campaign: Campaign) -> list[Row]:
    """Return the unknown messages that no request can speak of any more, as ``list_unknown`` does."""
    name, state = campaign.name, campaign.state
    if state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        raise CampaignError(f"campaign {name} is {state}: it has no unknown message to decide on")
    lease = tx.row("lease.get", campaign_id=campaign.campaign_id)
    if lease is not None and lease["expires_at"] > tx.at:
        raise CampaignError(
            f"campaign {name} is in the hands of a run, which may still settle its unknown messages; try again when it "
            f"has ended, or pause it (until {lease['expires_at']:%H:%M:%S} UTC it may be writing)"
        )
    unknown = list_unknown(tx, campaign.campaign_id)
    if not unknown:
        raise CampaignError(f"campaign {name} is {state}: none of its messages is unknown")
    decidable = [row for row in unknown if row["ask_after"] <= tx.at]
    if not decidable:
        first = min(row["ask_after"] for row in unknown)
        raise CampaignError(
            f"the unknown messages of {name} may still be on their way; decide from {first:%H:%M:%S} UTC on"
        )
    return decidable
