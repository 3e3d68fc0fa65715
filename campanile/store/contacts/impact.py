"""Find what a change of a list's files does to its people, and to the campaigns that were prepared for them.

Between ``stage_…`` and ``conclude`` the list may be changed in any way; ``conclude`` returns the difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from campanile.sms.states import CampaignState
from campanile.sms.text.masking import mask_number, mask_numbers
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.campaigns.campaigns import note_event
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign

_SCRATCH = ("staged_touched", "staged_before", "staged_changes")
_SHOWN_CHARACTERS = 20


class TouchedCampaign(NamedTuple):
    """A campaign that a change affects.

    A ``prepared`` one becomes stale: its recap is wrong about ``people_count`` people. Any other one sends what was
    approved: ``people_count`` of its planned messages go to people who were changed or removed.
    """

    name: str
    state: CampaignState
    people_count: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The effects of a change of a list, counted in people of the files concerned.

    Attributes:
        changed: people one of whose fields differs; ``changed_columns`` counts them by field.
        kept: people who are not changed.
        examples: up to three lines for each of ``added``, ``removed``, ``changed``; numbers are masked.
        touched: the campaigns that use these people.
    """

    added: int
    removed: int
    changed: int
    kept: int
    changed_columns: Mapping[str, int]
    examples: Mapping[str, Sequence[str]]
    touched: Sequence[TouchedCampaign]


class _ChangeExample(NamedTuple):
    kind: str
    msisdn: str
    fields_before: Mapping[str, str] | None
    fields_after: Mapping[str, str] | None


def stage_before(tx: Transaction, list_id: int) -> None:
    """Copy the people of ``staged_touched`` as they are now."""
    tx.run("change.stage_before", list_id=list_id)


def conclude(tx: Transaction, list_id: int, list_name: str, what: str, actor: str) -> Preview:
    """Compare with the copy of ``stage_before``, mark the campaigns concerned, and return what changed.

    Args:
        tx: the open transaction.
        list_id: the list.
        list_name: its name.
        what: what happened to it, such as "import 12 undone".
        actor: who did it.
    """
    tx.run("change.stage_changes", list_id=list_id)
    counts = tx.counts("change.counts")
    preview = Preview(
        **{kind: counts.get(kind, 0) for kind in ("added", "removed", "changed", "kept")},
        changed_columns=tx.counts("change.columns"),
        examples=_examples(tx.select(_ChangeExample, "change.examples")),
        touched=_mark_campaigns(tx, list_name, what, actor),
    )
    for table in _SCRATCH:
        tx.execute(f"DROP TABLE temp.{table}")
    return preview


def _mark_campaigns(tx: Transaction, list_name: str, what: str, actor: str) -> list[TouchedCampaign]:
    """Make the prepared campaigns that a change affects stale, and raise an alert for each locked one."""
    touched = []
    for campaign in tx.select(Campaign, "change.campaigns", list_name=list_name):
        is_prepared = campaign.state == CampaignState.PREPARED
        count = _count_in_recap(tx, campaign) if is_prepared else _count_planned(tx, campaign, list_name)
        if count:
            touched.append(TouchedCampaign(campaign.name, campaign.state, count))
            mark = _make_stale if is_prepared else _raise_alert
            mark(tx, campaign, f"list {list_name} changed: {what}", actor, count)
    return touched


def _count_in_recap(tx: Transaction, campaign: Campaign) -> int:
    found = tx.value("change.count_in_recap", campaign_id=campaign.campaign_id, version=campaign.version)
    return int(found)


def _count_planned(tx: Transaction, campaign: Campaign, list_name: str) -> int:
    return int(tx.value("change.count_planned", campaign_id=campaign.campaign_id, list_name=list_name))


def _make_stale(tx: Transaction, campaign: Campaign, what: str, actor: str, _count: int) -> None:
    reason = f"{what}; prepare again"
    tx.run("campaign.make_stale", campaign_id=campaign.campaign_id, stale_reason=reason, at=tx.at)
    note_event(tx, campaign.campaign_id, "stale", campaign.version, actor, what)


def _raise_alert(tx: Transaction, campaign: Campaign, what: str, actor: str, count: int) -> None:
    """Raise the alert of a campaign, in place of an earlier one: each change has a separate alert."""
    kind, gateway, name = f"list_changed: {campaign.name}", campaign.gateway, campaign.name
    message = (
        f"{what}; campaign {name} is {campaign.state} and still sends what was approved: {count} of its planned "
        "messages go to people who were removed or changed. Cancel it if that is wrong"
    )
    clear_alert(tx, kind, gateway)
    raise_alert(tx, kind, gateway, message)
    note_event(tx, campaign.campaign_id, "list_changed", campaign.version, actor, f"{what} ({count})")


def _examples(rows: Sequence[_ChangeExample]) -> dict[str, list[str]]:
    examples: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
    for row in rows:
        line = mask_number(row.msisdn)
        if row.fields_before is not None and row.fields_after is not None:  # added or removed people have only one
            line += f": {_differences(row.fields_before, row.fields_after)}"
        examples[row.kind].append(line)
    return examples


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return the fields that differ, as ``town Lyon → Paris``."""
    names = sorted(before.keys() | after.keys())
    return ", ".join(
        f"{name} {_shown(before.get(name))} → {_shown(after.get(name))}"
        for name in names
        if before.get(name) != after.get(name)
    )


def _shown(value: str | None) -> str:
    if value is None:
        return "(empty)"
    text = mask_numbers(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
