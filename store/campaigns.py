"""Campaigns from draft to lock: prepare, approve, cancel, and what is still committed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pandas as pd

from sms.errors import CampaignError
from store.database import Transaction

#: Kinds with one campaign a gateway that never ends: automatic answers, and alerts to the team.
STANDING_KINDS = ("auto_reply", "notice")


@dataclass(frozen=True, slots=True)
class CampaignHead:
    """What a campaign is, apart from its messages."""

    name: str
    kind: str
    gateway: str
    policy: str
    sender_id: str
    requested_service: bool
    is_sample: bool
    draft: str
    due_at: datetime | None
    author: str


@dataclass(frozen=True, slots=True)
class Recap:
    """A stored recap; ``total_price`` in ``unit``."""

    campaign_id: int
    version: int
    recap_hash: str
    audience_count: int
    message_count: int
    exclusion_count: int
    segment_count: int
    total_price: Decimal
    unit: str


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


def read_candidates(
    visit: Transaction, lists: list[str], typed: pd.DataFrame, exclude_lists: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return who may get a message, and the names of the merge fields that exist.

    Returns:
        One row a contact of each list and a typed number, keyed by (origin, number_id), in the draft's order, with
        ``is_opted_out``, ``is_dead``, ``is_excluded``; and the field names, sorted.

    Raises:
        CampaignError: a list does not exist.
    """
    for list_name in [*lists, *exclude_lists]:
        if visit.row("list.find", list_name=list_name) is None:
            known = ", ".join(row["list_name"] for row in visit.rows("list.names")) or "none yet"
            raise CampaignError(f"no list {list_name!r}; lists are: {known}")
    contacts = visit.frame("audience.candidates", lists=lists, exclude_lists=exclude_lists)
    names = [row["field"] for row in visit.rows("audience.field_names", lists=lists)]
    if typed.empty:
        return contacts, names
    with visit.staged(staged_rows=typed):
        return pd.concat([contacts, visit.frame("audience.typed", exclude_lists=exclude_lists)]), names


def has_samples(visit: Transaction, lists: list[str]) -> bool:
    """Tell whether one of the lists was made from the sample files."""
    found = [visit.row("list.find", list_name=list_name) for list_name in lists]
    return any(row is not None and row["is_sample"] for row in found)


def write_prepared(
    visit: Transaction,
    head: CampaignHead,
    header: Mapping[str, Any],
    messages: pd.DataFrame,
    exclusions: pd.DataFrame,
    unit: str,
) -> Recap:
    """Store a campaign's messages, exclusions and recap, in place of those it had before.

    Args:
        visit: the open transaction.
        head: what the campaign is.
        header: everything the recap hash covers besides the messages; JSON-ready.
        messages: one row a recipient, keyed by ``recipient_id``, as ``message.add`` reads it.
        exclusions: one row a contact left out, with its one reason.
        unit: of the prices.

    Raises:
        CampaignError: the campaign is locked, or over.
    """
    campaign_id, version = _open_version(visit, head)
    visit.run("message.forget", campaign_id=campaign_id)
    visit.run("slice.forget", campaign_id=campaign_id)
    add_messages(visit, campaign_id, messages, first_slice_no=1)
    visit.run_staged("exclusion.add", exclusions, campaign_id=campaign_id, version=version)
    totals = visit.row("recap.totals", campaign_id=campaign_id) or {}
    recap = Recap(
        campaign_id=campaign_id,
        version=version,
        recap_hash=_recap_hash(visit, campaign_id, header),
        audience_count=len(messages) + len(exclusions),
        message_count=totals["message_count"],
        exclusion_count=len(exclusions),
        segment_count=int(totals["segment_count"]),
        total_price=totals["total_price"],
        unit=unit,
    )
    _add_recap(visit, recap, header)
    visit.run("campaign.set_recap_hash", campaign_id=campaign_id, recap_hash=recap.recap_hash, at=visit.at)
    note_event(visit, campaign_id, "prepared", version, head.author, recap.recap_hash[:8])
    return recap


def add_messages(visit: Transaction, campaign_id: int, messages: pd.DataFrame, first_slice_no: int) -> None:
    """Add messages and cut their slices; ``slice_no`` of each is at least ``first_slice_no``."""
    setting = visit.row("setting.get", name="store_key") or {}
    visit.run_staged("message.add", messages, campaign_id=campaign_id, store_key=setting["value"])
    visit.run("slice.cut", campaign_id=campaign_id, first_slice_no=first_slice_no)


def approve(visit: Transaction, name: str, recap_hash: str, approver: str) -> dict[str, Any]:
    """Lock a prepared campaign under its recap; return the campaign as it then stands.

    ``recap_hash`` may be its first eight characters or more.

    Raises:
        CampaignError: wrong state, wrong hash, or the balance does not cover it.
    """
    campaign = find_campaign(visit, name)
    _refuse_standing(campaign)
    if campaign["state"] != "prepared":
        raise CampaignError(f"campaign {name} is {campaign['state']}; only a prepared one can be approved")
    latest = str(campaign["recap_hash"])
    if len(recap_hash) < 8 or not latest.startswith(recap_hash.lower()):
        raise CampaignError(
            f"recap hash {recap_hash!r} is not that of the latest recap of {name} ({latest[:8]}, version "
            f"{campaign['version']}); read that recap, and approve it by its first eight characters or more"
        )
    verify_recap(visit, campaign)
    _cover(visit, campaign)
    due_at = campaign["due_at"] or visit.at
    visit.run("campaign.approve", campaign_id=campaign["campaign_id"], due_at=due_at, at=visit.at)
    note_event(visit, campaign["campaign_id"], "approved", campaign["version"], approver, latest[:8])
    return find_campaign(visit, name)


def verify_recap(visit: Transaction, campaign: Mapping[str, Any]) -> None:
    """Compute the recap's hash again from what is stored.

    Raises:
        CampaignError: something the recap covers is not what it was.
    """
    campaign_id = campaign["campaign_id"]
    recap = visit.row("recap.get", campaign_id=campaign_id, version=campaign["version"])
    if recap is None:
        raise CampaignError(f"campaign {campaign['name']} has no recap; prepare it")
    found = _recap_hash(visit, campaign_id, json.loads(recap["header"]))
    if found != campaign["recap_hash"]:
        raise CampaignError(
            f"campaign {campaign['name']} is not what its recap says (hash {found[:8]}, recap "
            f"{str(campaign['recap_hash'])[:8]}); nothing leaves: prepare it again"
        )


def cancel(visit: Transaction, name: str, reason: str, actor: str) -> dict[str, Any]:
    """Cancel what has not been claimed; return the campaign as it then stands.

    Untouched campaigns become ``cancelled``, at no cost. After the first claim what is left is cancelled and the
    campaign ends ``finished`` once nothing is in flight any more.

    Raises:
        CampaignError: it is over already.
    """
    campaign = find_campaign(visit, name)
    _refuse_standing(campaign)
    campaign_id, state = campaign["campaign_id"], campaign["state"]
    if state in ("cancelled", "finished"):
        raise CampaignError(f"campaign {name} is {state} already; nothing is left to cancel")
    slices = {row["state"] for row in visit.rows("slice.count_by_state", campaign_id=campaign_id)}
    visit.run(
        "event.cancel_planned",
        campaign_id=campaign_id,
        first_event_id=visit.value("event.next_id"),
        reason=reason,
        at=visit.at,
    )
    visit.run("slice.cancel_planned", campaign_id=campaign_id)
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


def set_state(visit: Transaction, campaign_id: int, state: str, due_at: datetime | None, reason: str | None) -> None:
    """Move a campaign to a state; ``due_at`` is when somebody must look at it next."""
    visit.run(
        "campaign.set_state", campaign_id=campaign_id, state=state, due_at=due_at, state_reason=reason, at=visit.at
    )


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


def remember_policy(visit: Transaction, policy: str, digest: str, valid_from: date, text: str) -> None:
    """Keep the policy as it was when a recap named it."""
    visit.run("policy.remember", policy=policy, sha256=digest, valid_from=valid_from, text=text, at=visit.at)


def standing_campaign(visit: Transaction, kind: str, gateway: str) -> dict[str, Any]:
    """Return the campaign that holds all automatic answers, or all notices, of a gateway; made at first use."""
    found = visit.row("campaign.find_standing", kind=kind, gateway=gateway)
    if found is None:
        name = f"{kind.replace('_', '-')}-{gateway}"
        head = CampaignHead(name, kind, gateway, "none", "", False, False, "{}", None, "campanile")
        _add_campaign(visit, int(visit.value("campaign.next_id")), head, "sending")
        found = visit.row("campaign.find_standing", kind=kind, gateway=gateway) or {}
    return found


def _refuse_standing(campaign: Mapping[str, Any]) -> None:
    if campaign["kind"] in STANDING_KINDS:
        raise CampaignError(f"{campaign['name']} is Campanile's own campaign ({campaign['kind']}); choose another name")


def _open_version(visit: Transaction, head: CampaignHead) -> tuple[int, int]:
    """Return the campaign and version to write: a new campaign, or the next version of a prepared one."""
    found = visit.row("campaign.find", name=head.name)
    if found is not None:
        _refuse_standing(found)
    if found is None or found["state"] == "cancelled":
        campaign_id = int(visit.value("campaign.next_id"))
        _add_campaign(visit, campaign_id, head, "prepared")
        return campaign_id, 1
    if found["state"] == "finished":
        raise CampaignError(f"campaign {head.name} is finished; choose another name")
    if found["state"] != "prepared":
        raise CampaignError(f"campaign {head.name} is {found['state']}, so it is locked; cancel it to make it again")
    version = found["version"] + 1
    visit.run(
        "campaign.rewrite",
        campaign_id=found["campaign_id"],
        kind=head.kind,
        version=version,
        gateway=head.gateway,
        policy=head.policy,
        sender_id=head.sender_id,
        requested_service=head.requested_service,
        is_sample=head.is_sample,
        draft=head.draft,
        due_at=head.due_at,
        at=visit.at,
    )
    return int(found["campaign_id"]), version


def _add_campaign(visit: Transaction, campaign_id: int, head: CampaignHead, state: str) -> None:
    visit.run(
        "campaign.add",
        campaign_id=campaign_id,
        name=head.name,
        kind=head.kind,
        state=state,
        version=1,
        gateway=head.gateway,
        policy=head.policy,
        sender_id=head.sender_id,
        requested_service=head.requested_service,
        is_sample=head.is_sample,
        draft=head.draft,
        due_at=head.due_at,
        at=visit.at,
    )


def _add_recap(visit: Transaction, recap: Recap, header: Mapping[str, Any]) -> None:
    visit.run(
        "recap.add",
        campaign_id=recap.campaign_id,
        version=recap.version,
        recap_hash=recap.recap_hash,
        header=_canonical(header),
        audience_count=recap.audience_count,
        message_count=recap.message_count,
        exclusion_count=recap.exclusion_count,
        segment_count=recap.segment_count,
        total_price=recap.total_price,
        unit=recap.unit,
        at=visit.at,
    )


def _recap_hash(visit: Transaction, campaign_id: int, header: Mapping[str, Any]) -> str:
    messages = visit.value("recap.hash_messages", campaign_id=campaign_id)
    return sha256(f"{_canonical(header)}\n{messages}".encode()).hexdigest()


def _canonical(header: Mapping[str, Any]) -> str:
    return json.dumps(header, ensure_ascii=False, sort_keys=True)


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
