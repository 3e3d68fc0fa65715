"""Build what is stored beside the messages: the header that the recap's hash covers, and the campaign row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from campanile.services.campaigns.preparation_context import PreparationContext
from campanile.services.context import Context
from campanile.sms.rules.sender_id import sender_notes
from campanile.sms.schedule.forecast import Forecast, Load, Timing
from campanile.store.campaigns.message_builder import TerritoryTerms
from schemas.draft import CampaignDraft

#: The fields of a draft that the hash covers unchanged.
_HASHED_FIELDS = (
    "name", "title", "kind", "text", "replace_characters", "sender_id", "gateway", "policy", "file", "legal_basis",
    "requested_service", "emergency_reason", "max_messages_in_days", "repeat", "clock", "if_closed",
    "if_credit_ends", "literal_placeholders",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BuiltMessages:
    """What was built on scratch tables: prices by territory, when messages are sent, other details of the page.

    ``loads``: the messages of each window key, in the order of the queue.
    """

    terms: Mapping[str, TerritoryTerms]
    loads: Sequence[Load]
    timing: Timing
    forecast: Forecast
    shown: Mapping[str, Any]


def recap_header(
    context: Context, draft: CampaignDraft, prepared: PreparationContext, built: BuiltMessages
) -> dict[str, Any]:
    """Return what the recap's hash covers besides the messages: the draft, and the prices and rules of that day."""
    fields, terms = draft.model_dump(mode="json", include=set(_HASHED_FIELDS)), built.terms
    return fields | {
        "lists": sorted(set(draft.lists)),
        "exclude_lists": sorted(set(draft.exclude_lists)),
        "typed_numbers": len(draft.numbers),
        "due_at": _instant(built.timing.due_at),
        # A stored key that the hash covers, so its name stays: the send time of each window key that has its own.
        "place_due_at": {key: _instant(hour) for key, hour in built.timing.not_before.items()},
        "offer_ends_at": _instant(prepared.expiry_rules.offer_ends_at),
        "max_lateness_hours": draft.max_lateness,
        "policy_sha256": prepared.policy.sha256,
        "policy_valid_from": str(prepared.policy.valid_from),
        "alsace_moselle": context.settings.alsace_moselle,
        "prices": {territory: each.segment_price for territory, each in terms.items()},
        "unit": prepared.tariff.unit,
        "stop_mentions": {territory: each.stop_mention.strip() for territory, each in terms.items()},
        "can_be_answered": any(
            prepared.rule(draft, territory).can_be_answered for territory in terms or [context.settings.region]
        ),
        "sender_notes": sender_notes(draft.sender_id, terms),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
