"""Change a campaign: only the given fields change, all others stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from campanile.services.campaigns.draft_file import wrong_fields
from campanile.services.context import Context
from campanile.sms.errors import CampaignError
from campanile.sms.states import CampaignState
from campanile.store.campaigns.campaigns import check_not_begun, check_not_standing, find_campaign
from campanile.store.campaigns.writer import Revised
from schemas.draft import CampaignDraft

_SWITCHES = {"keep": None, "yes": True, "no": False}
#: Fields that may be cleared: the others have no default.
CLEARABLE = tuple(name for name, field in CampaignDraft.model_fields.items() if not field.is_required())


@dataclass(frozen=True, slots=True)
class Revision:
    """A changed draft, the version of the campaign that it changes, and whether the draft's file must be read."""

    draft: CampaignDraft
    revises: Revised
    reads_file: bool


def read_revised(
    context: Context,
    campaign: str,
    actor: str,
    fields: Mapping[str, Any],
    clear: Sequence[str],
    *,
    prepare_again: bool = False,
) -> Revision:
    """Return a campaign's draft with the given fields changed; with ``prepare_again`` also without any change.

    The file is read if it is given, also under the name that it had, or if the file or its legal basis changes.

    Raises:
        CampaignError: there is no such campaign, its sending has begun or is over, nothing would change, or a value is
            wrong.
    """
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        check_not_standing(found)
        if found.state in (CampaignState.CANCELLED, CampaignState.FINISHED):
            raise CampaignError(f"campaign {campaign} is {found.state}; run prepare-campaign to make a new one")
        if found.state != CampaignState.PREPARED:
            check_not_begun(tx, found)
    before, changes = found.own_draft, touched(fields)
    draft = revise_draft(context, before, actor, changes, clear, may_be_same=prepare_again)
    reads_file = "file" in changes or (draft.file, draft.legal_basis) != (before.file, before.legal_basis)
    return Revision(draft, Revised(found.campaign_id, found.version), reads_file)


def touched(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a form changes: not those that are empty, and no choice that is ``keep``."""
    values = {name: _value_of(CampaignDraft.model_fields[name].annotation, value) for name, value in fields.items()}
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _value_of(kind: Any, value: Any) -> Any:
    """Return the value of a field in a form: None for ``keep`` and for 0 hours, True or False for a switch."""
    if kind is bool:
        return _SWITCHES[value]
    if float in get_args(kind) and not value:
        return None
    return None if get_origin(kind) is Literal and value == "keep" else value


def revise_draft(
    context: Context,
    draft: CampaignDraft,
    actor: str,
    changes: Mapping[str, Any],
    clear: Sequence[str],
    *,
    may_be_same: bool = False,
) -> CampaignDraft:
    """Return a draft with the changes; the fields of ``clear`` get their defaults again.

    Raises:
        CampaignError: one line for all errors.
    """
    unknown = [name for name in clear if name not in CLEARABLE]
    if unknown:
        raise CampaignError(f"{', '.join(unknown)} cannot be cleared; these can: {', '.join(CLEARABLE)}")
    both = [name for name in clear if name in changes]
    if both:
        raise CampaignError(f"{', '.join(both)} cannot be given and cleared at once")
    kept = {name: value for name, value in draft.model_dump().items() if name not in clear}
    try:
        revised = CampaignDraft.model_validate(kept | dict(changes) | {"actor": actor})
        revised = revised.settled(context.settings.is_day_first)
    except ValidationError as error:
        raise CampaignError(f"campaign {draft.name} cannot be revised: {wrong_fields(error)}") from error
    if not may_be_same and "file" not in changes and revised == draft.model_copy(update={"actor": revised.actor}):
        raise CampaignError(
            f"nothing to change in campaign {draft.name}: every field has its old value; give a new value, or give "
            "prepare_again to read its lists, prices and hours again"
        )
    return revised
