"""A draft and the terms it is prepared under: hours, prices, what the provider promises; what is wrong is said here."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from prefect import task

from schemas.draft import CampaignDraft
from schemas.gateway import Manifest, SenderRule
from sms.errors import CampaignError
from sms.expiry import Patience
from sms.policy import Policy, load_policy
from sms.replacements import replace_characters
from sms.sender_id import check_sender_id
from sms.tariff import Tariff
from sms.template import Template, parse_template
from tasks.clock import now
from tasks.draft_file import parse_draft
from tasks.given_files import read_given_text
from tasks.house import manifest_of, tariff_of
from tasks.names import ATTACHED, check_name
from tasks.settings import settings

_FURTHEST = timedelta(days=366)
DRAFT_SUFFIXES = (".yaml", ".yml", ".json")
DRAFT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a draft is prepared under: the provider's manifest, the hours, the prices, and its text taken apart.

    ``due_at`` is None where it leaves once approved, or at an hour that each place has on its own clock.
    """

    manifest: Manifest
    policy: Policy
    tariff: Tariff
    template: Template
    due_at: datetime | None
    patience: Patience

    def rule(self, draft: CampaignDraft, territory: str) -> SenderRule:
        """Return what the draft's sender implies in a territory."""
        return self.manifest.sender_rule(territory, draft.sender_id)

    def stop_mention(self, draft: CampaignDraft, territory: str) -> str:
        """Return the STOP mention of a territory, with its leading space; alerts have none."""
        return self.rule(draft, territory).stop_mention if draft.kind == "marketing" else ""


@task
def read_draft(draft: CampaignDraft | None, path: str | None) -> CampaignDraft:
    """Return the draft given, or the one that a YAML or JSON file holds.

    Raises:
        CampaignError: none or both were given, or the file holds no draft; one line for all that is wrong.
        ConfigurationError: the file is not where files may be read from.
    """
    if (draft is None) == (path is None):
        raise CampaignError("give either a draft or the path of a YAML file with one")
    if draft is not None:
        return draft.settled(settings().is_day_first)
    try:
        text = read_given_text(str(path), DRAFT_SUFFIXES, DRAFT_BYTES)
    except OSError as error:
        raise CampaignError(f"no draft {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CampaignError(f"draft {path} is no text in UTF-8 (byte {error.start + 1}); save it as such") from error
    return parse_draft(text, str(path)).settled(settings().is_day_first)


def terms_of(draft: CampaignDraft) -> Terms:
    """Refuse whatever is wrong before any contact is read."""
    check_name(draft.name, "campaign")
    check_sender_id(draft.sender_id, ())
    for name, value in (("requested_service", draft.requested_service), ("emergency_reason", draft.emergency_reason)):
        if value and draft.kind == "marketing":
            raise CampaignError(f"{name} is for alerts: campaign {draft.name} is marketing")
    if draft.if_closed == "drop" and draft.kind == "alert":
        raise CampaignError(f"if_closed is for marketing: campaign {draft.name} is an alert, which no hours bind")
    if any(name.startswith(ATTACHED) for name in [*draft.lists, *draft.exclude_lists]):
        raise CampaignError(f"lists of {draft.name}: a name that begins with {ATTACHED} is kept for a draft's own file")
    if not draft.lists and not draft.numbers and draft.file is None:
        raise CampaignError(f"campaign {draft.name} has no recipients; name lists, type numbers, or give a file")
    return Terms(
        manifest_of(draft.gateway),
        load_policy(draft.policy),
        tariff_of(draft.gateway),
        parse_template(replace_characters(draft.text, draft.replace_characters)),
        _due_at(draft),
        _patience(draft),
    )


def _due_at(draft: CampaignDraft) -> datetime | None:
    """Return the moment a draft names, in the team's zone, or None: once approved, or on each recipient's clock."""
    if draft.clock == "local" and (draft.send_on is None or draft.send_time is None):
        raise CampaignError(f"clock: local needs a day in send_on and an hour in send_time, for campaign {draft.name}")
    if draft.send_on is None and draft.send_time is not None:
        raise CampaignError(
            f"send_time {draft.send_time} needs a day in send_on; leave both empty to send once approved"
        )
    if draft.send_on is None:
        return None
    today, day = now().astimezone(settings().zone).date(), date.fromisoformat(draft.send_on)
    if not today <= day <= today + _FURTHEST:
        raise CampaignError(f"send_on {draft.send_on} is not between today ({today}) and a year from now")
    if draft.clock == "local":
        return None
    due_at = datetime.combine(day, draft.hour(), settings().zone)
    if draft.send_time is not None and due_at < now():
        raise CampaignError(
            f"send_time {draft.send_time} on {draft.send_on} has passed; give a later hour, or leave both empty to "
            "send once approved"
        )
    return due_at


def _patience(draft: CampaignDraft) -> Patience:
    max_lateness = None if draft.max_lateness is None else timedelta(hours=draft.max_lateness)
    return Patience(_offer_ends_at(draft), max_lateness, draft.if_closed == "drop")


def _offer_ends_at(draft: CampaignDraft) -> datetime | None:
    """Return when a draft's offer ends: at the minute it names, or when its day is over."""
    if draft.offer_ends is None:
        return None
    day, _, hour = draft.offer_ends.partition(" ")
    ends_on = date.fromisoformat(day)
    ends_at = (
        datetime.combine(ends_on, time.fromisoformat(hour), settings().zone)
        if hour
        else datetime.combine(ends_on + timedelta(days=1), time(), settings().zone)
    )
    if ends_at <= (_due_at(draft) or now()):
        raise CampaignError(f"offer_ends {draft.offer_ends} is over before campaign {draft.name} would leave")
    return ends_at
