"""Approving: the last look at a recap before it is locked, and all that may forbid it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sms.errors import CampaignError
from store.campaigns import REVISABLE_STATES, find_campaign, note_event, refuse_standing
from store.database import Transaction
from store.recaps import refuse_changed_audience, verify_recap
from store.repeats import refuse_repeat

_SHOWN_HASH = 8


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """What a team asks of an approval, besides that the recap is right and paid for.

    Attributes:
        approvers: who may approve, in any letter case; empty: anybody.
        four_eyes: nobody approves what they prepared or revised, in any version.
        max_age: an older recap must be prepared again.
    """

    approvers: Sequence[str]
    four_eyes: bool
    max_age: timedelta


def approve(visit: Transaction, name: str, recap_hash: str, approver: str, rules: ApprovalRules) -> dict[str, Any]:
    """Lock a prepared campaign under its recap, and commit its credit.

    Returns:
        The campaign as it then stands, with ``opted_out_count``: how many of its messages stay behind, for a STOP
        that came after the recap.

    Raises:
        CampaignError: it may not be approved; one line that says why, and what to do.
    """
    campaign = find_campaign(visit, name)
    full_hash(campaign, recap_hash)
    _refuse_approver(visit, campaign, approver, rules)
    _refuse_content(visit, campaign, rules.max_age)
    _cover(visit, campaign)
    campaign_id = campaign["campaign_id"]
    opted_out_count = _count_opted_out(visit, campaign)
    visit.run("campaign.approve", campaign_id=campaign_id, due_at=campaign["due_at"] or visit.at, at=visit.at)
    detail = _detail(campaign, opted_out_count)
    note_event(visit, campaign_id, "approved", campaign["version"], approver.strip(), detail)
    return find_campaign(visit, name) | {"opted_out_count": opted_out_count}


def full_hash(campaign: Mapping[str, Any], shown: str) -> str:
    """Return the whole hash of a prepared campaign's latest recap, of which somebody shows eight characters or more.

    Raises:
        CampaignError: it is not prepared, or the hash is not that of its latest recap.
    """
    refuse_standing(campaign)
    name, state, latest = campaign["name"], campaign["state"], str(campaign["recap_hash"])
    if state != "prepared":
        way_out = "; run revise-campaign to change it" if state in REVISABLE_STATES else ""
        raise CampaignError(f"campaign {name} is {state}; only a prepared one can be approved{way_out}")
    if len(shown) < _SHOWN_HASH or not latest.startswith(shown.lower()):
        raise CampaignError(
            f"recap hash {shown!r} is not that of the latest recap of {name} (version {campaign['version']}); "
            "read that recap, and approve it by the first eight characters of its hash, or more"
        )
    return latest


def _refuse_approver(visit: Transaction, campaign: Mapping[str, Any], approver: str, rules: ApprovalRules) -> None:
    """Refuse a person who may not approve; names are compared in any letter case."""
    who, name = approver.strip(), campaign["name"]
    if not who:
        raise CampaignError(f"campaign {name} needs the name of who approves it")
    if rules.approvers and not _is_among(who, rules.approvers):
        raise CampaignError(f"{who} may not approve {name}; SMS_APPROVERS names {', '.join(rules.approvers)}")
    authors = [row["actor"] for row in visit.rows("campaign.authors", campaign_id=campaign["campaign_id"])]
    if rules.four_eyes and _is_among(who, authors):
        raise CampaignError(f"{who} prepared {name} and may not approve it as well (SMS_FOUR_EYES); somebody else must")


def _is_among(who: str, names: Sequence[str]) -> bool:
    return who.casefold() in {name.strip().casefold() for name in names}


def _refuse_content(visit: Transaction, campaign: Mapping[str, Any], max_age: timedelta) -> None:
    """Refuse a recap that is old, empty, or no longer what the store says."""
    name, campaign_id = campaign["name"], campaign["campaign_id"]
    if campaign["stale_reason"] is not None:
        raise CampaignError(f"campaign {name} cannot be approved: {campaign['stale_reason']}")
    if not visit.rows("slice.count_by_state", campaign_id=campaign_id):
        raise CampaignError(f"campaign {name} has no message to send; prepare it again with other recipients")
    if campaign["offer_ends_at"] is not None and campaign["offer_ends_at"] <= visit.at:
        raise CampaignError(f"the offer of {name} has ended; revise it with another offer_ends, or cancel it")
    recap = visit.row("recap.get", campaign_id=campaign_id, version=campaign["version"]) or {}
    age = visit.at - recap["prepared_at"]
    if age > max_age:
        raise CampaignError(
            f"the recap of {name} is {_hours(age)} hours old, and {_hours(max_age)} are allowed "
            "(SMS_RECAP_MAX_AGE_HOURS); prepare it again"
        )
    verify_recap(visit, campaign)
    refuse_changed_audience(visit, campaign, recap)
    refuse_repeat(visit, campaign)


def _hours(time: timedelta) -> str:
    return f"{time / timedelta(hours=1):.4g}"


def _cover(visit: Transaction, campaign: Mapping[str, Any]) -> None:
    """Check that the balance covers a campaign besides what is kept for others.

    An emergency may use what is committed to marketing: only what alerts still need is kept from it.
    """
    gateway, name = campaign["gateway"], campaign["name"]
    credit = visit.row("credit.available", gateway=gateway)
    if credit is None:
        raise CampaignError(f"the balance of gateway {gateway} was never read; run check-balance, then approve {name}")
    is_emergency = bool(campaign["emergency_reason"])
    statement = "campaign.committed_to_alerts" if is_emergency else "campaign.committed"
    committed: Decimal = visit.value(statement, gateway=gateway)
    price = (visit.row("recap.totals", campaign_id=campaign["campaign_id"]) or {})["total_price"]
    missing = price + committed - credit["available"]
    if missing > 0:
        raise CampaignError(
            f"campaign {name} costs {price} {credit['unit']}; {credit['available']} are available on {gateway}, "
            f"{committed} of them committed to {'other alerts' if is_emergency else 'approved campaigns'}: "
            f"{missing} {credit['unit']} are missing"
        )


def _count_opted_out(visit: Transaction, campaign: Mapping[str, Any]) -> int:
    """Count the messages that a STOP took meanwhile; it does not bind an alert that people asked for."""
    if campaign["kind"] == "alert" and campaign["requested_service"]:
        return 0
    return int(visit.value("campaign.count_opted_out", campaign_id=campaign["campaign_id"]))


def _detail(campaign: Mapping[str, Any], opted_out_count: int) -> str:
    parts = [str(campaign["recap_hash"])[:_SHOWN_HASH]]
    if opted_out_count:
        parts.append(f"{opted_out_count} opted out since")
    if campaign["emergency_reason"]:
        parts.append(f"emergency: {campaign['emergency_reason']}")
    return "; ".join(parts)
