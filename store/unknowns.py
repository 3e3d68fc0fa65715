"""What nobody knows, and a named person decides: given up, or sent again."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sms.errors import CampaignError
from store.answers import why_silent
from store.campaigns import find_campaign, note_event, set_state
from store.database import Transaction
from store.journal import add_credit, add_events, total_price
from store.lease import NO_SENDER, Lease
from store.outcomes import requeue

Row = dict[str, Any]
Settle = Callable[[Transaction, Row, Row, Sequence[Row]], None]


def list_unknown(visit: Transaction, campaign_id: int) -> list[Row]:
    """Return the messages whose fate nobody knows, by slice and recipient.

    ``msisdn``, ``price`` and ``segment_count``; ``slice_no``; ``claimed_at``, when it was first handed over;
    ``ask_after``, from when on it may be decided; ``reason``, the gateway's words or ours.
    """
    return visit.rows("unknown.list", campaign_id=campaign_id)


def write_off(visit: Transaction, name: str, actor: str, reason: str) -> int:
    """Give up a campaign's unknown messages and free their credit; return how many.

    A delivery report that comes later still proves one accepted, and takes its price after all.

    Raises:
        CampaignError: there is none, or none may be decided now.
    """
    return _decide(visit, name, actor, reason, "written_off", _give_up)


def resend(visit: Transaction, name: str, actor: str, reason: str) -> int:
    """Put a campaign's unknown messages back into its queue and free their credit; return how many.

    Who had got one gets it twice: that is what the person answers for.

    Raises:
        CampaignError: there is none, none may be decided now, or nothing of the campaign leaves any more: it was
            cancelled, or its answers were switched off.
    """
    campaign = find_campaign(visit, name)
    if campaign["is_stopped"]:
        raise CampaignError(f"campaign {name} was cancelled, so nothing of it is sent again; write its unknowns off")
    if (why := why_silent(visit, campaign)) is not None:
        raise CampaignError(f"{why}, so nothing of {name} is sent again; write its unknowns off")
    return _decide(visit, name, actor, reason, "resent", _queue_again)


def _decide(visit: Transaction, name: str, actor: str, reason: str, event: str, settle: Settle) -> int:
    campaign = find_campaign(visit, name)
    members = [row | {"reason": f"{actor}: {reason}"} for row in _decidable(visit, campaign)]
    campaign_id = campaign["campaign_id"]
    for slice_no, rows in groupby(members, itemgetter("slice_no")):
        group = list(rows)
        found = visit.row("slice.get", campaign_id=campaign_id, slice_no=slice_no) or {}
        add_credit(visit, campaign, slice_no, "release", total_price(row["price"] for row in group))
        settle(visit, campaign, found, group)
        visit.run("slice.settle", campaign_id=campaign_id, slice_nos=[slice_no])
    note_event(visit, campaign_id, event, campaign["version"], actor, f"{len(members)} unknown messages: {reason}")
    set_state(visit, campaign_id, campaign["state"], visit.at, campaign["state_reason"])
    return len(members)


def _give_up(visit: Transaction, campaign: Row, found: Row, members: Sequence[Row]) -> None:
    add_events(visit, Lease(campaign["campaign_id"], NO_SENDER), found["slice_no"], members, "written_off")


def _queue_again(visit: Transaction, campaign: Row, found: Row, members: Sequence[Row]) -> None:
    requeue(visit, campaign, found, members, NO_SENDER)


def _decidable(visit: Transaction, campaign: Row) -> list[Row]:
    """Return the unknown messages that no request can speak of any more, as ``list_unknown`` does."""
    name, state = campaign["name"], campaign["state"]
    if state in ("finished", "cancelled"):
        raise CampaignError(f"campaign {name} is {state}: it has no unknown message to decide on")
    lease = visit.row("lease.get", campaign_id=campaign["campaign_id"])
    if lease is not None and lease["expires_at"] > visit.at:
        raise CampaignError(
            f"campaign {name} is in the hands of a run, which may still settle its unknown messages; try again when it "
            f"has ended, or pause it (until {lease['expires_at']:%H:%M:%S} UTC it may be writing)"
        )
    unknown = list_unknown(visit, campaign["campaign_id"])
    if not unknown:
        raise CampaignError(f"campaign {name} is {state}: none of its messages is unknown")
    decidable = [row for row in unknown if row["ask_after"] <= visit.at]
    if not decidable:
        first = min(row["ask_after"] for row in unknown)
        raise CampaignError(
            f"the unknown messages of {name} may still be on their way; decide from {first:%H:%M:%S} UTC on"
        )
    return decidable
