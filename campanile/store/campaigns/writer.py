"""Store a prepared campaign with its recap and hash; and create the campaigns of system messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple

import pandas as pd

from campanile.sms.errors import CampaignError
from campanile.sms.rules.auto_reply import NO_POLICY
from campanile.sms.states import CampaignState
from campanile.store.campaigns.campaigns import (
    STANDING_KINDS,
    check_name_not_reserved,
    note_event,
    standing_name,
    withdraw_approval,
)
from campanile.store.campaigns.recaps import audience_mark, canonical, changes_since, compute_hash
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign, stored_draft
from schemas.contact_rows import ContactList
from schemas.draft import CampaignDraft
from schemas.recap_rows import PeopleChange, Recap, RecapTotals


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign without its messages; ``not_before``: send times by window key, where they differ."""

    name: str
    kind: str
    gateway: str
    policy: str
    sender_id: str
    requested_service: bool
    is_sample: bool
    draft: CampaignDraft | None
    due_at: datetime | None
    actor: str
    emergency_reason: str | None = None
    offer_ends_at: datetime | None = None
    if_closed: str = "next_opening"
    max_lateness_hours: float | None = None
    not_before: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecapDetails:
    """The details of a recap that its hash does not cover.

    ``unit`` of the prices; the ``lists`` it was made from and those it excludes, and their ``audience_mark`` when
    they were read; other details that its page has ``shown`` (JSON-ready); and when messages are sent: (window_key,
    starts_at, ends_at, message_count).
    """

    unit: str
    lists: Sequence[str] = ()
    audience_mark: str | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)
    departures: Sequence[tuple[str, datetime, datetime, int]] = ()


class Revised(NamedTuple):
    """The campaign and version that a person read and wants to change."""

    campaign_id: int
    version: int


def has_samples(tx: Transaction, lists: list[str]) -> bool:
    """Return whether one of the lists was made from the sample files."""
    found = [tx.find(ContactList, "list.find", list_name=list_name) for list_name in lists]
    return any(row is not None and row.is_sample for row in found)


def write_prepared(
    tx: Transaction,
    campaign_row: CampaignRow,
    header: Mapping[str, Any],
    details: RecapDetails,
    *,
    revises: Revised | None = None,
) -> Recap:
    """Store a campaign's messages, exclusions and recap; they replace those of the version before.

    The messages are those of ``staged_messages``, one row a recipient, as ``message.add`` reads them; and
    ``staged_exclusions`` has one row a contact that is excluded, with its one reason.

    Args:
        tx: the open transaction.
        campaign_row: the campaign without its messages.
        header: everything the recap hash covers besides the messages; JSON-ready.
        details: the details of the recap that the hash does not cover.
        revises: the version that was read to be revised; an approval is withdrawn in the same transaction.

    Raises:
        CampaignError: a list changed, the campaign is locked or over, or it changed since it was read to be revised.
    """
    mark = audience_mark(tx, details.lists)
    if details.audience_mark not in (None, mark):
        raise CampaignError(
            f"a list of campaign {campaign_row.name} changed while the recap was made; prepare it again"
        )
    campaign_id, version = _open_version(tx, campaign_row, revises)
    before = tx.find(Recap, "recap.get", campaign_id=campaign_id, version=version - 1)
    people = tx.get(PeopleChange, "recap.people_changed", campaign_id=campaign_id) if before else None
    tx.run("message.forget", campaign_id=campaign_id)
    tx.run("slice.forget", campaign_id=campaign_id)
    tx.run("departure.forget", campaign_id=campaign_id)
    _store_messages(tx, campaign_id, first_slice_no=1)
    _set_hours(tx, campaign_id, campaign_row.not_before)
    exclusion_count = tx.run("exclusion.add", campaign_id=campaign_id, version=version)
    _add_departures(tx, campaign_id, details.departures)
    totals = tx.get(RecapTotals, "recap.totals", campaign_id=campaign_id)
    recap = Recap(
        campaign_id=campaign_id,
        version=version,
        recap_hash=compute_hash(tx, campaign_id, header),
        header=header,
        details={**details.shown, "lists": sorted(set(details.lists))},
        audience_mark=mark,
        audience_count=totals.message_count + exclusion_count,
        message_count=totals.message_count,
        exclusion_count=exclusion_count,
        segment_count=totals.segment_count,
        total_price=totals.total_price,
        unit=details.unit,
        prepared_at=tx.at,
    )
    changes = changes_since(before, recap, people) if before and people else None
    recap = replace(recap, details={**recap.details, "changes": changes})
    _add_recap(tx, recap)
    tx.run("campaign.set_recap_hash", campaign_id=campaign_id, recap_hash=recap.recap_hash, at=tx.at)
    note_event(tx, campaign_id, "revised" if revises else "prepared", version, campaign_row.actor, recap.recap_hash[:8])
    return recap


def add_messages(tx: Transaction, campaign_id: int, messages: pd.DataFrame, first_slice_no: int) -> None:
    """Add messages and their slices; ``slice_no`` of each is at least ``first_slice_no``.

    Raises:
        FrameError: they do not fit ``Messages``.
    """
    from schemas.frame_checks import check
    from schemas.frames import Messages

    with tx.staged("message.add", staged_messages=check(messages, Messages, "messages")):
        _store_messages(tx, campaign_id, first_slice_no)


def remember_policy(tx: Transaction, policy: str, digest: str, valid_from: date, text: str) -> None:
    """Store the text of a policy that a recap names."""
    tx.run("policy.remember", policy=policy, sha256=digest, valid_from=valid_from, text=text, at=tx.at)


def standing_campaign(tx: Transaction, kind: str, gateway: str) -> Campaign:
    """Return the campaign of all automatic answers, notices or tests of a gateway; it is created at first use."""
    found = tx.find(Campaign, "campaign.find_standing", kind=kind, gateway=gateway)
    if found is None:
        name = standing_name(kind, gateway)
        campaign_row = CampaignRow(name, kind, gateway, NO_POLICY, "", False, False, None, None, "campanile")
        _add_campaign(tx, int(tx.value("campaign.next_id")), campaign_row, CampaignState.SENDING)
        found = tx.get(Campaign, "campaign.find_standing", kind=kind, gateway=gateway)
    return found


def check_not_locked(
    tx: Transaction, name: str, revises: Revised | None = None, title: str | None = None
) -> Campaign | None:
    """Return the campaign of that name that a preparation replaces; None: a new one is created.

    Raises:
        CampaignError: it is Campanile's own, over, locked, changed since it was read to be revised, or has another
            title that gives the same name.
    """
    check_name_not_reserved(name)
    found = tx.find(Campaign, "campaign.find", name=name)
    if revises is not None and (found is None or (found.campaign_id, found.version) != revises):
        raise CampaignError(f"campaign {name} was changed meanwhile; read its recap, and revise it again")
    if found is None or (found.state == CampaignState.CANCELLED and revises is None):
        return None
    if found.state == CampaignState.CANCELLED:
        raise CampaignError(f"campaign {name} was cancelled meanwhile; run prepare-campaign to make it again")
    if found.state == CampaignState.FINISHED:
        raise CampaignError(f"campaign {name} is finished; choose another name")
    if found.state != CampaignState.PREPARED and revises is None:
        raise CampaignError(
            f"campaign {name} is {found.state}, so it is locked; run revise-campaign to change it (it must then be "
            "approved again), or cancel-campaign to cancel it"
        )
    other = found.title
    if revises is None and title and other and other != title:
        raise CampaignError(
            f"{title!r} gives the key {name}, which is that of {other!r}; choose another name, or change its title "
            "with revise-campaign"
        )
    return found


def _open_version(tx: Transaction, campaign_row: CampaignRow, revises: Revised | None) -> tuple[int, int]:
    """Return the campaign and version to write: a new campaign, or the next version of the existing one."""
    found = check_not_locked(tx, campaign_row.name, revises, campaign_row.draft.title if campaign_row.draft else None)
    if found is None:
        campaign_id = int(tx.value("campaign.next_id"))
        _add_campaign(tx, campaign_id, campaign_row, CampaignState.PREPARED)
        return campaign_id, 1
    if found.state != CampaignState.PREPARED:
        withdraw_approval(tx, found, campaign_row.actor, "to be revised")
    version = found.version + 1
    tx.run("campaign.rewrite", campaign_id=found.campaign_id, version=version, at=tx.at, **_columns_of(campaign_row))
    return found.campaign_id, version


def _add_campaign(tx: Transaction, campaign_id: int, campaign_row: CampaignRow, state: str) -> None:
    tx.run(
        "campaign.add",
        campaign_id=campaign_id,
        name=campaign_row.name,
        state=state,
        version=1,
        at=tx.at,
        **_columns_of(campaign_row),
    )


def _columns_of(campaign_row: CampaignRow) -> dict[str, Any]:
    """Return the columns that a new version may change: all but the name and the actor, who is in the history."""
    return {
        "kind": campaign_row.kind,
        "gateway": campaign_row.gateway,
        "policy": campaign_row.policy,
        "sender_id": campaign_row.sender_id,
        "requested_service": campaign_row.requested_service,
        "is_sample": campaign_row.is_sample,
        "draft": stored_draft(campaign_row.draft),
        "due_at": campaign_row.due_at,
        "emergency_reason": campaign_row.emergency_reason,
        "offer_ends_at": campaign_row.offer_ends_at,
        "if_closed": campaign_row.if_closed,
        "max_lateness_hours": campaign_row.max_lateness_hours,
    }


def _store_messages(tx: Transaction, campaign_id: int, first_slice_no: int) -> None:
    """Add the staged messages; their references are made with the store key of the time when the campaign was created.

    So a campaign keeps its references, and one that is prepared again after a restore is still found at the gateway.
    Campanile's own campaigns, which never end and number their messages, use the current store key.
    """
    campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
    since = tx.at if campaign.kind in STANDING_KINDS else campaign.created_at
    store_key = tx.value("setting.at", name="store_key", at=since)
    tx.run("message.add", campaign_id=campaign_id, store_key=store_key)
    tx.run("slice.cut", campaign_id=campaign_id, first_slice_no=first_slice_no)


def _set_hours(tx: Transaction, campaign_id: int, not_before: Mapping[str, datetime]) -> None:
    if not_before:
        rows = pd.DataFrame(list(not_before.items()), columns=["window_key", "not_before"])
        with tx.staged("slice.set_hours", staged_hours=rows):
            tx.run("slice.set_hours", campaign_id=campaign_id)


def _add_departures(
    tx: Transaction, campaign_id: int, departures: Sequence[tuple[str, datetime, datetime, int]]
) -> None:
    rows = pd.DataFrame(departures, columns=["window_key", "starts_at", "ends_at", "message_count"])
    with tx.staged("departure.add", staged_departures=rows):
        tx.run("departure.add", campaign_id=campaign_id)


def _add_recap(tx: Transaction, recap: Recap) -> None:
    tx.run(
        "recap.add",
        campaign_id=recap.campaign_id,
        version=recap.version,
        recap_hash=recap.recap_hash,
        header=canonical(recap.header),
        details=canonical(recap.details),
        audience_mark=recap.audience_mark,
        audience_count=recap.audience_count,
        message_count=recap.message_count,
        exclusion_count=recap.exclusion_count,
        segment_count=recap.segment_count,
        total_price=recap.total_price,
        unit=recap.unit,
        at=recap.prepared_at,
    )
