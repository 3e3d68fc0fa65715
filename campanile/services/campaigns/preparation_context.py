"""Check a draft, and read what it is prepared with: sending windows, prices, the provider's manifest."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from campanile.services.context import Context
from campanile.services.input_checks import ATTACHED, check_name
from campanile.sms.errors import CampaignError
from campanile.sms.rules.sender_id import check_sender_id
from campanile.sms.rules.tariff import Tariff
from campanile.sms.schedule.expiry import ExpiryRules
from campanile.sms.schedule.policy import Policy, load_policy
from campanile.sms.text.replacements import replace_characters
from campanile.sms.text.template import Template, parse_template
from schemas.draft import CampaignDraft
from schemas.gateway import Manifest, SenderRule

_FURTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class PreparationContext:
    """What a draft is prepared with: the provider's manifest, the sending windows, the prices, and its parsed text.

    ``due_at`` is None if it is sent once approved, or at a time on the clock of each territory.
    """

    manifest: Manifest
    policy: Policy
    tariff: Tariff
    template: Template
    due_at: datetime | None
    expiry_rules: ExpiryRules

    def rule(self, draft: CampaignDraft, territory: str) -> SenderRule:
        """Return what the draft's sender implies in a territory."""
        return self.manifest.sender_rule(territory, draft.sender_id)

    def stop_mention(self, draft: CampaignDraft, territory: str) -> str:
        """Return the STOP mention of a territory, with its leading space; alerts have none."""
        return self.rule(draft, territory).stop_mention if draft.kind == "marketing" else ""


def preparation_context(context: Context, draft: CampaignDraft) -> PreparationContext:
    """Check a draft before any contact is read; return its preparation context.

    Raises:
        CampaignError: a field of the draft is wrong.
        ConfigurationError: there is no such gateway, policy or tariff.
    """
    check_name(draft.name, "campaign")
    check_sender_id(draft.sender_id, ())
    for name, value in (("requested_service", draft.requested_service), ("emergency_reason", draft.emergency_reason)):
        if value and draft.kind == "marketing":
            raise CampaignError(f"{name} is for alerts: campaign {draft.name} is marketing")
    if draft.if_closed == "drop" and draft.kind == "alert":
        raise CampaignError(f"if_closed is for marketing: campaign {draft.name} is an alert, which is sent at any time")
    if any(name.startswith(ATTACHED) for name in [*draft.lists, *draft.exclude_lists]):
        raise CampaignError(f"lists of {draft.name}: names that begin with {ATTACHED} are reserved for files of drafts")
    if not draft.lists and not draft.numbers and draft.file is None:
        raise CampaignError(f"campaign {draft.name} has no recipients; name lists, type numbers, or give a file")
    return PreparationContext(
        context.manifest(draft.gateway),
        load_policy(draft.policy),
        context.tariff(draft.gateway),
        parse_template(replace_characters(draft.text, draft.replace_characters)),
        _due_at(context, draft),
        _expiry_rules(context, draft),
    )


def _due_at(context: Context, draft: CampaignDraft) -> datetime | None:
    """Return the send time of a draft, in the team's zone; None: once approved, or on each recipient's clock."""
    if draft.clock == "local" and (draft.send_on is None or draft.send_time is None):
        raise CampaignError(f"clock: local needs a day in send_on and an hour in send_time, for campaign {draft.name}")
    if draft.send_on is None and draft.send_time is not None:
        raise CampaignError(
            f"send_time {draft.send_time} needs a day in send_on; leave both empty to send once approved"
        )
    if draft.send_on is None:
        return None
    today, day = context.now().astimezone(context.settings.zone).date(), date.fromisoformat(draft.send_on)
    if not today <= day <= today + _FURTHEST:
        raise CampaignError(f"send_on {draft.send_on} is not between today ({today}) and a year from now")
    if draft.clock == "local":
        return None
    due_at = datetime.combine(day, draft.hour(), context.settings.zone)
    if draft.send_time is not None and due_at < context.now():
        raise CampaignError(
            f"send_time {draft.send_time} on {draft.send_on} has passed; give a later hour, or leave both empty to "
            "send once approved"
        )
    return due_at


def _expiry_rules(context: Context, draft: CampaignDraft) -> ExpiryRules:
    max_lateness = None if draft.max_lateness is None else timedelta(hours=draft.max_lateness)
    return ExpiryRules(_offer_ends_at(context, draft), max_lateness, draft.if_closed == "drop")


def _offer_ends_at(context: Context, draft: CampaignDraft) -> datetime | None:
    """Return when a draft's offer ends: at the minute it names, or when its day is over."""
    if draft.offer_ends is None:
        return None
    day, _, hour = draft.offer_ends.partition(" ")
    ends_on = date.fromisoformat(day)
    ends_at = (
        datetime.combine(ends_on, time.fromisoformat(hour), context.settings.zone)
        if hour
        else datetime.combine(ends_on + timedelta(days=1), time(), context.settings.zone)
    )
    if ends_at <= (_due_at(context, draft) or context.now()):
        raise CampaignError(
            f"offer_ends {draft.offer_ends} is not later than the time at which campaign {draft.name} is sent; give a "
            "later one"
        )
    return ends_at
