"""Recaps: the hash, which ensures that exactly what is approved is sent, and the changes since the last version."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from campanile.sms.errors import CampaignError
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign
from schemas.recap_rows import PeopleChange, Recap

_FIGURES = {
    "audience_count": "contacts", "message_count": "messages", "exclusion_count": "excluded",
    "segment_count": "segments", "total_price": "price",
}  # fmt: skip


#: Columns of a campaign that sending uses; they are in the header of the recap too, which the hash covers.
_USED_BY_SENDING = (
    "kind", "policy", "gateway", "sender_id", "requested_service", "emergency_reason", "offer_ends_at", "if_closed",
    "max_lateness_hours",
)  # fmt: skip


class _WindowHour(NamedTuple):
    window_key: str
    not_before: datetime | None


def verify_recap(tx: Transaction, campaign: Campaign) -> None:
    """Compute the hash of a recap again from the stored content, before anything of it is sent.

    If a person was erased since, the hash is that of the content without the person: it was written by the transaction
    that verified the one before, so it proves all other messages.

    Raises:
        CampaignError: something that the recap covers has changed.
    """
    campaign_id = campaign.campaign_id
    recap = tx.find(Recap, "recap.get", campaign_id=campaign_id, version=campaign.version)
    if recap is None:
        raise CampaignError(f"campaign {campaign.name} has no recap; prepare it")
    header = recap.header
    changed = [
        name for name in _USED_BY_SENDING if name in header and header[name] != _as_header(getattr(campaign, name))
    ]
    if header.get("due_at") is not None and not _is_its_time(campaign, header["due_at"]):
        changed.append("due_at")
    hours, slices = header.get("place_due_at", {}), tx.select(_WindowHour, "slice.hours", campaign_id=campaign_id)
    if any(_as_header(row.not_before) != hours.get(row.window_key) for row in slices):
        changed.append("place_due_at")
    if changed:
        raise CampaignError(
            f"campaign {campaign.name} differs from its recap ({', '.join(changed)}); nothing is sent: prepare it again"
        )
    found = compute_hash(tx, campaign_id, header)
    expected = expected_hash(tx, campaign)
    if found != expected:
        raise CampaignError(
            f"campaign {campaign.name} differs from its recap (hash {found[:8]}, recap {str(expected)[:8]}); nothing "
            "is sent: prepare it again"
        )


def expected_hash(tx: Transaction, campaign: Campaign) -> str | None:
    """Return the hash that the stored content must have: of the recap, or since a person of it was erased."""
    found = tx.value("erasure.redacted_hash", campaign_id=campaign.campaign_id, version=campaign.version)
    return campaign.recap_hash if found is None else str(found)


def is_intact(tx: Transaction, campaign: Campaign) -> bool:
    """Return whether a campaign's messages are still those that were hashed, so that a new hash proves the rest."""
    recap = tx.find(Recap, "recap.get", campaign_id=campaign.campaign_id, version=campaign.version)
    return recap is not None and compute_hash(tx, campaign.campaign_id, recap.header) == expected_hash(tx, campaign)


def add_redaction(tx: Transaction, campaign: Campaign) -> None:
    """Record the hash that an intact recap has after people were taken out of its messages, in the same transaction."""
    recap = tx.get(Recap, "recap.get", campaign_id=campaign.campaign_id, version=campaign.version)
    tx.run(
        "erasure.add_redaction",
        campaign_id=campaign.campaign_id,
        version=campaign.version,
        redacted_hash=compute_hash(tx, campaign.campaign_id, recap.header),
    )


def compute_hash(tx: Transaction, campaign_id: int, header: Mapping[str, Any]) -> str:
    """Return the hash of a campaign's header and of all its messages as they are stored now."""
    messages = tx.value("recap.hash_messages", campaign_id=campaign_id)
    return sha256(f"{canonical(header)}\n{messages}".encode()).hexdigest()


def canonical(header: Mapping[str, Any]) -> str:
    """Return a header as the text that is hashed and stored."""
    return json.dumps(header, ensure_ascii=False, sort_keys=True)


def _is_its_time(campaign: Campaign, due_at: str) -> bool:
    """Return whether a campaign is sent at the time of its recap, or later: it may have been paused at that time."""
    first = campaign.first_due_at or campaign.due_at
    return (
        _as_header(first) == due_at and first is not None and campaign.due_at is not None and campaign.due_at >= first
    )


def _as_header(value: object) -> object:
    """Return a column as a header has it: instants in UTC."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def audience_mark(tx: Transaction, list_names: Sequence[str]) -> str:
    """Return a digest of the people of lists, their fields and legal basis, without opt-outs."""
    return str(tx.value("audience.mark", list_names=list(list_names)))


def check_audience_unchanged(tx: Transaction, campaign: Campaign, recap: Recap) -> None:
    """Refuse a recap whose lists have changed: a person would be missing, or get an old text.

    Raises:
        CampaignError: a list has changed; the error names the lists.
    """
    names = recap.details.get("lists", [])
    if recap.audience_mark is not None and audience_mark(tx, names) != recap.audience_mark:
        raise CampaignError(
            f"campaign {campaign.name} cannot be approved: its lists ({', '.join(names)}) have changed since "
            f"version {recap.version} was prepared; prepare it again"
        )


def changes_since(before: Recap, recap: Recap, people: PeopleChange) -> dict[str, Any]:
    """Return the differences from the last recap: ``fields`` of the header, ``figures``, and ``people``; JSON-ready."""
    old, new = before.header, recap.header
    return {
        "since_version": before.version,
        "fields": [
            {"field": name, "before": old.get(name), "after": new.get(name)}
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ],
        "figures": [
            {"figure": word, "before": str(getattr(before, name)), "after": str(getattr(recap, name))}
            for name, word in _FIGURES.items()
            if getattr(before, name) != getattr(recap, name)
        ],
        "people": people._asdict(),
    }
