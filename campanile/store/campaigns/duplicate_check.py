"""Find campaigns that send the same text to largely the same people within two days; mostly this is a mistake."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from campanile.sms.errors import CampaignError
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign

#: Two campaigns repeat each other when they are sent within this time.
NEAR_HOURS = 48


class Sibling(NamedTuple):
    """An approved campaign with the same text, and how many recipients both share."""

    name: str
    approved_at: datetime
    people_count: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeated text: ``people_count`` of a campaign's recipients already get it from one of ``siblings``."""

    people_count: int
    recipient_count: int
    siblings: Sequence[Sibling]

    @property
    def is_large(self) -> bool:
        """Whether these are largely the same people: half of the recipients, or more."""
        return 0 < self.recipient_count <= 2 * self.people_count


class _NearCampaign(NamedTuple):
    campaign_id: int
    name: str
    text: str | None
    approved_at: datetime


class _SharedPeople(NamedTuple):
    """How many recipients another campaign shares; ``campaign_id`` None: all others together."""

    campaign_id: int | None
    people_count: int


def check_not_repeated(tx: Transaction, campaign: Campaign) -> None:
    """Refuse a campaign whose text is sent to largely the same people by other campaigns within 48 hours.

    A draft with ``repeat`` and an emergency are never refused.

    Args:
        tx: the open transaction.
        campaign: a row of ``campaign`` whose messages are stored.

    Raises:
        CampaignError: the error names the other campaigns, when each was approved, and how many people they share.
    """
    if campaign.emergency_reason is not None or (campaign.draft and campaign.draft.repeat):
        return
    found = find_repeat(tx, campaign)
    if found is not None and found.is_large:
        others = ", ".join(
            f"{sibling.name} (approved {sibling.approved_at:%Y-%m-%d %H:%M} UTC, {sibling.people_count} people)"
            for sibling in found.siblings
        )
        raise CampaignError(
            f"campaign {campaign.name}: {found.people_count} of its {found.recipient_count} people get the same "
            f"text within {NEAR_HOURS} hours from {others}; if this is intended, prepare it again with repeat: true"
        )


def find_repeat(tx: Transaction, campaign: Campaign) -> Repeat | None:
    """Return how a campaign repeats others that are near in time, or None when it shares no recipient with them.

    Two texts are the same if those of the drafts differ only in case and white space. Messages that were not sent and
    cannot be sent any more do not count.
    """
    same = _same_text(tx, campaign)
    if not same:
        return None
    campaign_id = campaign.campaign_id
    together, *each = tx.select(_SharedPeople, "repeat.count_people", campaign_id=campaign_id, campaign_ids=list(same))
    if not each:
        return None
    recipient_count = int(tx.value("repeat.count_recipients", campaign_id=campaign_id))
    siblings = [
        Sibling(same[row.campaign_id].name, same[row.campaign_id].approved_at, row.people_count)
        for row in each
        if row.campaign_id is not None
    ]
    return Repeat(together.people_count, recipient_count, siblings)


def _same_text(tx: Transaction, campaign: Campaign) -> dict[int, _NearCampaign]:
    """Return the campaigns near in time that have the campaign's text, by their ids."""
    text = _folded(campaign.text)
    sent_at = max(campaign.due_at or tx.at, tx.at)
    near = timedelta(hours=NEAR_HOURS)
    rows = tx.select(
        _NearCampaign,
        "repeat.near_campaigns",
        campaign_id=campaign.campaign_id,
        after=sent_at - near,
        before=sent_at + near,
        at=tx.at,
    )
    return {row.campaign_id: row for row in rows if text and _folded(row.text) == text}


def _folded(text: str | None) -> str:
    return " ".join((text or "").casefold().split())
