"""Campaigns and their history: find, approve, cancel, move from state to state."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sms.errors import CampaignError
from store.database import Transaction
from store.recaps import verify_recap

#: Kinds with one campaign a gateway that never ends: automatic answers, and alerts to the team.
STANDING_KINDS = ("auto_reply", "notice")


def find_campaign(visit: Transaction, name: str) -> dict[str, Any]:
    """Return the newest campaign of that name.

    Raises:
        CampaignError: there is none; the line names the latest ones.
    """
    found = visit.row("campaign.find", name=name)
    if found is None:
        known = ", ".join(row["name"] for row in visit.rows("campaign.names")) or "none yet"
        raise CampaignError(f"no campaign {name!r}; campaigns are: {known}")
    return found


def approve(visit: Transaction, name: str, recap_hash: str, approver: str) -> dict[str, Any]:
    """Lock a prepared campaign under its recap; return the campaign as it then stands.

    ``recap_hash`` may be its first eight characters or more.

    Raises:
        CampaignError: wrong state, a list that changed since, wrong hash, or the balance does not cover it.
    """
    campaign = find_campaign(visit, name)
    refuse_standing(campaign)
    if campaign["state"] != "prepared":
        raise CampaignError(f"campaign {name} is {campaign['state']}; only a prepared one can be approved")
    if campaign["stale_reason"] is not None:
        raise CampaignError(f"campaign {name} cannot be approved: {campaign['stale_reason']}")
    latest = str(campaign["recap_hash"])
    if len(recap_hash) < 8 or not latest.startswith(recap_hash.lower()):
        raise CampaignError(
            f"recap hash {recap_hash!r} is not that of the latest recap of {name} (version {campaign['version']}); "
            "read that recap, and approve it by the first eight characters of its hash, or more"
        )
    if not approver.strip():
        raise CampaignError(f"campaign {name} needs the name of who approves it")
    if not visit.rows("slice.count_by_state", campaign_id=campaign["campaign_id"]):
        raise CampaignError(f"campaign {name} has no message to send; prepare it again with other recipients")
    verify_recap(visit, campaign)
    _cover(visit, campaign)
    due_at = campaign["due_at"] or visit.at
    visit.run("campaign.approve", campaign_id=campaign["campaign_id"], due_at=due_at, at=visit.at)
    note_event(visit, campaign["campaign_id"], "approved", campaign["version"], approver, latest[:8])
    return find_campaign(visit, name)


def cancel(visit: Transaction, name: str, reason: str, actor: str) -> dict[str, Any]:
    """Cancel what has not been claimed; return the campaign as it then stands.

    Untouched campaigns become ``cancelled``, at no cost. After the first claim what is left is cancelled and the
    campaign ends ``finished`` once nothing is in flight any more.

    Raises:
        CampaignError: it is over already.
    """
    campaign = find_campaign(visit, name)
    refuse_standing(campaign)
    campaign_id, state = campaign["campaign_id"], campaign["state"]
    if state in ("cancelled", "finished"):
        raise CampaignError(f"campaign {name} is {state} already; nothing is left to cancel")
    slices = {row["state"] for row in visit.rows("slice.count_by_state", campaign_id=campaign_id)}
    cancel_planned(visit, campaign_id, reason)
    visit.run("campaign.stop", campaign_id=campaign_id)
    note_event(visit, campaign_id, "cancelled", campaign["version"], actor, reason)
    if slices <= {"planned"}:
        new_state, due_at = "cancelled", None
    elif slices & {"claimed", "unknown"}:
        new_state, due_at = "sending", visit.at  # the next run settles what is in flight, then ends it
    else:
        new_state, due_at = "finished", None
    set_state(visit, campaign_id, new_state, due_at, f"stopped: {reason}")
    return find_campaign(visit, name)


def cancel_planned(visit: Transaction, campaign_id: int, reason: str) -> None:
    """Cancel every message of a campaign that nobody has claimed."""
    first_event_id = visit.value("event.next_id")
    visit.run(
        "event.cancel_planned", campaign_id=campaign_id, first_event_id=first_event_id, reason=reason, at=visit.at
    )
    visit.run("slice.cancel_planned", campaign_id=campaign_id)


def set_state(visit: Transaction, campaign_id: int, state: str, due_at: datetime | None, reason: str | None) -> None:
    """Move a campaign to a state; ``due_at`` is when somebody must look at it next."""
    visit.run(
        "campaign.set_state", campaign_id=campaign_id, state=state, due_at=due_at, state_reason=reason, at=visit.at
    )
    if state in ("finished", "cancelled"):
        visit.run("alert.clear_list_changed", campaign_id=campaign_id, at=visit.at)


def note_event(visit: Transaction, campaign_id: int, event: str, version: int, actor: str, detail: str | None) -> None:
    """Write who did what into the campaign's history."""
    visit.run(
        "campaign.add_event",
        campaign_id=campaign_id,
        event=event,
        version=version,
        actor=actor,
        detail=detail,
        at=visit.at,
    )


def refuse_reserved_name(name: str) -> None:
    """Keep the names of Campanile's own campaigns free, also before there are any.

    Raises:
        CampaignError: it is one of them.
    """
    for kind in STANDING_KINDS:
        if name.startswith(f"{kind.replace('_', '-')}-"):
            raise CampaignError(f"campaign name {name} is kept for Campanile's own campaigns; choose another one")


def refuse_standing(campaign: Mapping[str, Any]) -> None:
    """Keep people's hands off the campaigns that hold automatic answers and notices.

    Raises:
        CampaignError: it is one of them.
    """
    if campaign["kind"] in STANDING_KINDS:
        raise CampaignError(f"{campaign['name']} is Campanile's own campaign ({campaign['kind']}); choose another name")


def _cover(visit: Transaction, campaign: Mapping[str, Any]) -> None:
    """Check that the balance covers a campaign besides all that is committed already."""
    gateway, name = campaign["gateway"], campaign["name"]
    credit = visit.row("credit.available", gateway=gateway)
    if credit is None:
        raise CampaignError(f"the balance of gateway {gateway} was never read; run check-balance, then approve {name}")
    committed = visit.value("campaign.committed", gateway=gateway)
    price = (visit.row("recap.totals", campaign_id=campaign["campaign_id"]) or {})["total_price"]
    missing = price + committed - credit["available"]
    if missing > 0:
        raise CampaignError(
            f"campaign {name} costs {price} {credit['unit']}; {credit['available']} are available on {gateway}, "
            f"{committed} of them committed to approved campaigns: {missing} {credit['unit']} are missing"
        )
