"""Approve a campaign: check its recap once more, lock it, and commit its credit."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from campanile.sms.errors import CampaignError
from campanile.sms.rules.exclusions import opt_outs_bind
from campanile.sms.states import CampaignKind, CampaignState
from campanile.store.billing.credit import check_credit
from campanile.store.campaigns.campaigns import REVISABLE_STATES, check_not_standing, find_campaign, note_event
from campanile.store.campaigns.duplicate_check import check_not_repeated
from campanile.store.campaigns.recaps import check_audience_unchanged, verify_recap
from campanile.store.db.database import Transaction
from campanile.store.ledger.reconciliation import doubt_approved
from campanile.store.ledger.suppression import suppress_planned
from schemas.billing_rows import NO_ANSWERS, AnswerForecast
from schemas.campaign_rows import Campaign, Staying
from schemas.recap_rows import Recap, RecapTotals

_SHOWN_HASH = 8


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """What a team requires of an approval, besides a valid recap and enough credit.

    Attributes:
        approvers: who may approve, in any letter case; empty: any person.
        four_eyes: a person who prepared or revised any version may not approve.
        max_age: an older recap must be prepared again.
        answers: what automatic answers will cost.
    """

    approvers: Sequence[str]
    four_eyes: bool
    max_age: timedelta
    answers: AnswerForecast = NO_ANSWERS


def approve(tx: Transaction, name: str, recap_hash: str, actor: str, rules: ApprovalRules) -> tuple[Campaign, Staying]:
    """Lock a prepared campaign under its recap, and commit its credit.

    Returns:
        The approved campaign, and how many of its messages are not sent because of events after the recap.

    Raises:
        CampaignError: it may not be approved; one line that says why, and what to do.
    """
    campaign = find_campaign(tx, name)
    full_hash(campaign, recap_hash)
    _check_actor(tx, campaign, actor, rules)
    _check_content(tx, campaign, rules.max_age)
    _cover(tx, campaign, rules.answers)
    campaign_id = campaign.campaign_id
    staying = _count_staying(tx, campaign)
    due_at = campaign.due_at or tx.at
    tx.run(
        "campaign.approve",
        campaign_id=campaign_id,
        due_at=max(due_at, tx.at),  # a day without a time begins at midnight, which has passed
        first_due_at=due_at,
        at=tx.at,
    )
    note_event(tx, campaign_id, "approved", campaign.version, actor.strip(), _detail(campaign, staying))
    doubt_approved(tx, campaign)
    suppress_planned(tx, tx.frame("opt_out.of_recipients", campaign_id=campaign_id))  # opted out since the recap
    return find_campaign(tx, name), staying


def full_hash(campaign: Campaign, shown: str) -> str:
    """Return the whole hash of a prepared campaign's latest recap from its first eight characters or more.

    Raises:
        CampaignError: it is not prepared, or the hash is not that of its latest recap.
    """
    check_not_standing(campaign)
    name, state, latest = campaign.name, campaign.state, str(campaign.recap_hash)
    if state != CampaignState.PREPARED:
        way_out = "; run revise-campaign to change it" if state in REVISABLE_STATES else ""
        raise CampaignError(f"campaign {name} is {state}; only a prepared one can be approved{way_out}")
    if len(shown) < _SHOWN_HASH or not latest.startswith(shown.lower()):
        raise CampaignError(
            f"recap hash {shown!r} is not that of the latest recap of {name} (version {campaign.version}); "
            "read that recap, and approve it by the first eight characters of its hash, or more"
        )
    return latest


def _check_actor(tx: Transaction, campaign: Campaign, actor: str, rules: ApprovalRules) -> None:
    """Refuse a person who may not approve; names are compared in any letter case."""
    actor, name = actor.strip(), campaign.name
    if not actor:
        raise CampaignError(f"campaign {name} needs the name of the person who approves it")
    if rules.approvers and not _is_among(actor, rules.approvers):
        raise CampaignError(f"{actor} may not approve {name}; SMS_APPROVERS names {', '.join(rules.approvers)}")
    authors = tx.values("campaign.authors", campaign_id=campaign.campaign_id)
    if rules.four_eyes and _is_among(actor, authors):
        raise CampaignError(
            f"{actor} prepared {name} and may not approve it as well (SMS_FOUR_EYES); another person must"
        )


def _is_among(name: str, names: Sequence[str]) -> bool:
    return _folded(name) in map(_folded, names)


def _folded(name: str) -> str:
    """Return a name in the form that is compared: some keyboards write é as two characters."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def _check_content(tx: Transaction, campaign: Campaign, max_age: timedelta) -> None:
    """Refuse a recap that is old, empty, or no longer the same as the stored content."""
    name, campaign_id = campaign.name, campaign.campaign_id
    if campaign.stale_reason is not None:
        raise CampaignError(f"campaign {name} cannot be approved: {campaign.stale_reason}")
    if not tx.values("slice.states", campaign_id=campaign_id):
        raise CampaignError(f"campaign {name} has no message to send; prepare it again with other recipients")
    if campaign.offer_ends_at is not None and campaign.offer_ends_at <= tx.at:
        raise CampaignError(f"the offer of {name} has ended; revise it with another offer_ends, or cancel it")
    recap = tx.get(Recap, "recap.get", campaign_id=campaign_id, version=campaign.version)
    age = tx.at - recap.prepared_at
    if age > max_age:
        raise CampaignError(
            f"the recap of {name} is {_hours(age)} hours old, and {_hours(max_age)} are allowed "
            "(SMS_RECAP_MAX_AGE_HOURS); prepare it again"
        )
    verify_recap(tx, campaign)
    check_audience_unchanged(tx, campaign, recap)
    check_not_repeated(tx, campaign)
    _check_not_served(tx, campaign)


def _check_not_served(tx: Transaction, campaign: Campaign) -> None:
    """Refuse a recap with people who have since got as many marketing messages as its draft allows."""
    allowed = campaign.draft.max_messages_in_days if campaign.draft else None
    if campaign.kind != CampaignKind.MARKETING or not allowed:
        return
    most, _, days = allowed.partition(" in ")
    served_count = tx.value(
        "campaign.count_served",
        campaign_id=campaign.campaign_id,
        most_messages=int(most),
        counted_since=tx.at - timedelta(days=int(days)),
    )
    if served_count:
        raise CampaignError(
            f"campaign {campaign.name} is for people with fewer than {most} marketing messages in {days} days; "
            f"{served_count} of its recipients have reached that number since: prepare it again"
        )


def _hours(time: timedelta) -> str:
    return f"{time / timedelta(hours=1):.4g}"


def _cover(tx: Transaction, campaign: Campaign, answers: AnswerForecast) -> None:
    totals = tx.get(RecapTotals, "recap.totals", campaign_id=campaign.campaign_id)
    what, is_emergency = f"campaign {campaign.name}", bool(campaign.emergency_reason)
    check_credit(tx, campaign.gateway, what, totals.total_price, is_emergency=is_emergency, answers=answers)


def _count_staying(tx: Transaction, campaign: Campaign) -> Staying:
    """Count the messages that are not sent: those that a claim would suppress."""
    binds = opt_outs_bind(campaign.kind, campaign.requested_service)
    return tx.get(Staying, "campaign.count_staying", campaign_id=campaign.campaign_id, opt_outs_bind=binds)


def _detail(campaign: Campaign, staying: Staying) -> str:
    words = {"opted_out_count": "opted out since", "dead_count": "with a dead number since"}
    parts = [str(campaign.recap_hash)[:_SHOWN_HASH]]
    counts = staying._asdict()
    parts += [f"{counts[name]} {word}" for name, word in words.items() if counts[name]]
    if campaign.emergency_reason:
        parts.append(f"emergency: {campaign.emergency_reason}")
    return "; ".join(parts)
