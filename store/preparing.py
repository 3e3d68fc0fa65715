"""From candidates to a stored, hashed recap; and the campaigns that Campanile holds for itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from sms.errors import CampaignError
from store.campaigns import note_event, refuse_reserved_name
from store.database import Transaction
from store.lists import find_list
from store.recaps import canonical, compute_hash


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
        find_list(visit, list_name)
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
        recap_hash=compute_hash(visit, campaign_id, header),
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


def _open_version(visit: Transaction, head: CampaignHead) -> tuple[int, int]:
    """Return the campaign and version to write: a new campaign, or the next version of a prepared one."""
    refuse_reserved_name(head.name)
    found = visit.row("campaign.find", name=head.name)
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
        version=version,
        at=visit.at,
        **_columns_of(head),
    )
    return int(found["campaign_id"]), version


def _add_campaign(visit: Transaction, campaign_id: int, head: CampaignHead, state: str) -> None:
    visit.run(
        "campaign.add",
        campaign_id=campaign_id,
        name=head.name,
        state=state,
        version=1,
        at=visit.at,
        **_columns_of(head),
    )


def _columns_of(head: CampaignHead) -> dict[str, Any]:
    """Return what a new version may change: all but the name and the author, who stands in the history."""
    return {
        "kind": head.kind,
        "gateway": head.gateway,
        "policy": head.policy,
        "sender_id": head.sender_id,
        "requested_service": head.requested_service,
        "is_sample": head.is_sample,
        "draft": head.draft,
        "due_at": head.due_at,
    }


def _add_recap(visit: Transaction, recap: Recap, header: Mapping[str, Any]) -> None:
    visit.run(
        "recap.add",
        campaign_id=recap.campaign_id,
        version=recap.version,
        recap_hash=recap.recap_hash,
        header=canonical(header),
        audience_count=recap.audience_count,
        message_count=recap.message_count,
        exclusion_count=recap.exclusion_count,
        segment_count=recap.segment_count,
        total_price=recap.total_price,
        unit=recap.unit,
        at=visit.at,
    )
