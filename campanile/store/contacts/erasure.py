"""Erase one person from the tables; counts, credit and hashes still add up afterwards, and the number stays opted out.

A row that others must add up with stays under a random ``number_id`` below 0, the tombstone, which leads to nobody.
Claims never send to it. References of messages were keyed hashes of the number, and the key is in the store, so they
become random ones.
"""

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from campanile.sms.errors import CampaignError
from campanile.sms.numbers.written_forms import number_pattern
from campanile.sms.states import CampaignState
from campanile.store.campaigns.campaigns import note_event
from campanile.store.campaigns.recaps import add_redaction, canonical, is_intact
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign

ERASED = "(erased)"
_STALE = "a person of it was erased; prepare again"


@dataclass(frozen=True, slots=True)
class Traces:
    """What identifies a person outside the store.

    Attributes:
        msisdn: the number, E.164.
        texts: texts that only this person got or wrote.
        file_hashes: SHA-256 of the imported files with a row of the person.
        pseudonyms: what stands for the person in files without the number: references of messages, and the key of the
            person in snapshots.
        campaigns: names of the campaigns whose pages may show the person.
    """

    msisdn: str
    texts: Sequence[str]
    file_hashes: Sequence[str]
    pseudonyms: Sequence[str] = ()
    campaigns: Sequence[str] = ()


class _Draft(NamedTuple):
    campaign_id: int
    draft: str


class _Details(NamedTuple):
    version: int
    details: str


def read_traces(tx: Transaction, number_id: int, msisdn: str) -> Traces:
    """Return what identifies a person outside the store, before it is erased."""
    pattern = number_pattern(msisdn)
    return Traces(
        msisdn,
        tx.values("erasure.own_texts", number_id=number_id),
        tx.values("erasure.files", number_id=number_id, pattern=pattern),
        tx.values("erasure.pseudonyms", number_id=number_id),
        tx.values("erasure.campaign_names", number_id=number_id, pattern=pattern),
    )


def check_settled(tx: Transaction, number_id: int) -> None:
    """Refuse to erase a person who has a message with an open outcome: it could be accepted after the erasure.

    Raises:
        CampaignError: there is one; the error names the campaigns.
    """
    names = tx.values("erasure.in_flight", number_id=number_id)
    if names:
        raise CampaignError(
            f"this person has a message in flight or unknown in {', '.join(names)}: wait until it is settled, or run "
            "resolve-unknown; then erase the person"
        )


def erase(tx: Transaction, number_id: int, msisdn: str, actor: str, reason: str) -> dict[str, int]:
    """Erase a person; return the number of rows that were deleted or emptied, by table.

    A campaign that waits keeps its message under the tombstone, and its claim suppresses it. A prepared campaign must
    be prepared again.

    Args:
        tx: the open transaction.
        number_id: the number's digits.
        msisdn: the same as text.
        actor: who erases the person.
        reason: why, without names or numbers: it is kept.
    """
    number, by_pattern = {"number_id": number_id}, {"pattern": number_pattern(msisdn)}
    salt = {"salt": secrets.token_hex(32)}
    rows, messages, replies, deaths = (number | {"tombstone": _tombstone()} for _ in range(4))
    identity = _Identity(number_id, msisdn, {cell for cell in tx.values("erasure.values", **number) if cell})
    campaigns = tx.select(Campaign, "erasure.campaigns", **number)
    intact = [campaign for campaign in campaigns if is_intact(tx, campaign)]
    tx.run("erasure.add", actor=actor, reason=reason, at=tx.at)
    tx.run("erasure.gateway_ids", **number, **salt)
    counts = {
        "delivery_report": tx.run("erasure.reports", **number, **salt),
        "message_event": tx.run("erasure.events", **messages),
        "message_charge": tx.run("erasure.charges", **messages),
        "message": tx.run("erasure.messages", **messages, **salt, reply_tombstone=replies["tombstone"]),
        "exclusion": tx.run("erasure.exclusions", **messages),
        "reply": tx.run("erasure.replies", **replies, **by_pattern, actor=actor, at=tx.at),
        "contact": tx.run("erasure.contacts", **number),
        "import_row": tx.run("erasure.import_rows", **rows),
        "import_row_reject": tx.run("erasure.rejects", **by_pattern),
        "dead_number": tx.run("erasure.dead_number", **number),
        "dead_number_event": tx.run("erasure.dead_number_events", **deaths),
        "absence": tx.run("erasure.absences", **number),
        "opt_out_push": tx.run("erasure.pushes", **replies),
        "draft": _clear_drafts(tx, msisdn),
    }
    for campaign in campaigns:
        _redact_campaign(tx, campaign, identity, was_intact=campaign in intact)
        note_event(tx, campaign.campaign_id, "redacted", campaign.version, actor, "a person was erased")
    tx.run("erasure.lifted_opt_outs", **replies)
    tx.run("erasure.opt_outs", **number)
    tx.run("erasure.suppress", **number, at=tx.at)
    return {table: count for table, count in counts.items() if count}


def _tombstone() -> int:
    """Return a random number_id below 0."""
    return -1 - secrets.randbelow(2**62)


class _Identity(NamedTuple):
    """What identifies a person in the JSON of a recap's page: the number, and the cells of their rows."""

    number_id: int
    msisdn: str
    cells: set[str]


def _redact_campaign(tx: Transaction, campaign: Campaign, identity: _Identity, *, was_intact: bool) -> None:
    """Write the new hash of a recap that was intact, and its details without the person; mark a prepared one stale."""
    campaign_id = campaign.campaign_id
    for row in tx.select(_Details, "erasure.details", campaign_id=campaign_id):
        found = json.loads(row.details)
        redacted = _without(found, identity)
        if redacted != found:
            tx.run("erasure.write_details", campaign_id=campaign_id, version=row.version, details=canonical(redacted))
    if was_intact:
        add_redaction(tx, campaign)
    if campaign.state == CampaignState.PREPARED:
        tx.run("campaign.make_stale", campaign_id=campaign_id, stale_reason=_STALE, at=tx.at)


def _clear_drafts(tx: Transaction, msisdn: str) -> int:
    """Remove a number from the typed numbers of drafts; return how many drafts had it."""
    pattern, count = re.compile(number_pattern(msisdn)), 0
    for row in tx.select(_Draft, "erasure.drafts"):
        draft = json.loads(row.draft)
        kept = [number for number in draft["numbers"] if not pattern.search(number)]
        if kept != draft["numbers"]:
            draft["numbers"], count = kept, count + 1
            text = json.dumps(draft, ensure_ascii=False)
            tx.run("erasure.write_draft", campaign_id=row.campaign_id, draft=text)
    return count


def _without(value: Any, identity: _Identity) -> Any:
    """Return JSON without the person: a text that is one of their cells or has their number, and the number itself."""
    if isinstance(value, dict):
        return {name: _without(each, identity) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, identity) for each in value]
    if isinstance(value, str) and (value in identity.cells or re.search(number_pattern(identity.msisdn), value)):
        return ERASED
    return -1 if value == identity.number_id and not isinstance(value, bool) else value
