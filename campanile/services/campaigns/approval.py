"""Lock a campaign under its recap, or take it back."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from campanile.pages.views import ApprovedView
from campanile.pages.words import approval_figures, staying_words
from campanile.services.billing.balance import read_balance
from campanile.services.campaigns.approval_checks import check_times_hold
from campanile.services.campaigns.send_schedule import expiring_words
from campanile.services.context import Context
from campanile.services.settings import parse_secrets
from campanile.sms.errors import CampaignError
from campanile.sms.rules.approval_code import is_approval_code
from campanile.sms.rules.tariff import Tariff
from campanile.sms.schedule.policy import load_policy
from campanile.sms.schedule.territories import key_name
from campanile.sms.states import CampaignKind
from campanile.store.campaigns.approval import ApprovalRules, approve, full_hash
from campanile.store.campaigns.campaigns import cancel, find_campaign
from schemas.recap_rows import Recap


def approve_recap(
    context: Context, campaign: str, recap_hash: str, actor: str, code: str, figures: str = ""
) -> ApprovedView:
    """Approve a prepared campaign under the terms of today, with the balance read just before.

    Args:
        context: the context.
        campaign: its name.
        recap_hash: eight characters or more, with or without spaces.
        actor: who approves.
        code: what ``python -m campanile.approval_code`` printed; empty where the team has no secrets.
        figures: how many messages and what they cost, as the recap says; empty: not said.

    Returns:
        The campaign as it then stands, the figures of its recap, which of its messages stay behind, and when the
        first of the others leaves.

    Raises:
        CampaignError: it may not be approved; one line that says why, and what to do.
    """
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        whole_hash = full_hash(found, "".join(recap_hash.split()))
        recap = tx.get(Recap, "recap.get", campaign_id=found.campaign_id, version=found.version)
    recap_figures = approval_figures(recap)
    _check_figures(campaign, figures, recap_figures)
    _check_code(context, campaign, whole_hash, actor, code)
    _check_terms_unchanged(context, campaign, recap.header, context.tariff(found.gateway))
    read_balance(context, found.gateway)
    with context.transaction() as tx:
        forecast = check_times_hold(context, tx, find_campaign(tx, campaign))
        row, staying = approve(tx, campaign, whole_hash, actor, approval_rules(context))
    due_at = row.due_at or context.now()
    leaves_at = min((leaving.starts_at for leaving in forecast.departures), default=due_at)
    approved = ApprovedView(
        row,
        recap_figures,
        max(leaves_at, due_at),
        opted_out_count=staying.opted_out_count,
        dead_count=staying.dead_count,
    )
    context.log.info("%s approved by %s, due at %s", campaign, actor, approved.campaign.due_at)
    for words in staying_words(approved):
        context.log.info("of its messages stay behind: %s", words)
    if forecast.expiring:
        context.log.warning("of its messages will not leave in time: %s", expiring_words(forecast.expiring))
    return approved


def cancel_rest(context: Context, campaign: str, reason: str, actor: str) -> str:
    """Cancel what has not left; return the state the campaign is then in."""
    with context.transaction() as tx:
        state = str(cancel(tx, campaign, reason, actor).state)
    context.log.info("%s: what had not left is cancelled (%s); it is %s", campaign, reason, state)
    return state


def _check_figures(campaign: str, given: str, figures: str) -> None:
    """Refuse to approve other figures than those that stood in the form: a person read them there."""
    if given.strip() and given.split() != figures.split():
        raise CampaignError(
            f"figures {given!r} are not those of the latest recap of {campaign}, which are {figures}; read that recap"
        )


def approval_rules(context: Context) -> ApprovalRules:
    """Return what the team asks of an approval, from the settings."""
    found = context.settings
    return ApprovalRules(found.approvers, found.four_eyes, timedelta(hours=found.recap_max_age_hours))


def _check_code(context: Context, campaign: str, whole_hash: str, actor: str, code: str) -> None:
    """Where approvers have secrets, refuse any other code than theirs for this very recap."""
    secrets = parse_secrets(context.settings.approver_secrets)
    if not secrets:
        return
    secret = secrets.get(actor.strip().casefold())
    if secret is None:
        raise CampaignError(f"{actor!r} has no secret in SMS_APPROVER_SECRETS, so they cannot approve {campaign}")
    if not is_approval_code(code, secret, whole_hash):
        wrong = "this code is not that" if code else "an approval needs the code"
        raise CampaignError(
            f"{wrong} of {actor} for this recap of {campaign}; python -m campanile.approval_code {whole_hash} prints it"
        )


def _check_terms_unchanged(context: Context, campaign: str, header: Mapping[str, Any], tariff: Tariff) -> None:
    """Refuse a recap whose prices, STOP mentions, policy or reading of Alsace-Moselle are not those in force now."""
    changes = "; ".join(_changed_terms(context, header, tariff))
    if changes:
        raise CampaignError(f"since the recap of {campaign} was made, {changes}: prepare it again")


def _changed_terms(context: Context, header: Mapping[str, Any], tariff: Tariff) -> Iterator[str]:
    for territory, price in header["prices"].items():
        now = tariff.prices.get(territory)
        if now is None or now != Decimal(price):
            yield f"the price of {key_name(territory)} changed from {price} to {'none' if now is None else now}"
    yield from _changed_mentions(context, header)
    policy = load_policy(header["policy"])
    terms = {
        "the unit of prices": (header["unit"], tariff.unit),
        f"the text of policy {policy.name}": (header["policy_sha256"][:8], policy.sha256[:8]),
        "the setting alsace_moselle": (header["alsace_moselle"], context.settings.alsace_moselle),
    }
    for what, (before, after) in terms.items():
        if before != after:
            yield f"{what} changed from {before} to {after}"


def _changed_mentions(context: Context, header: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the provider asks to be written at the end of marketing now, where a recap has something else."""
    if header["kind"] != CampaignKind.MARKETING:
        return
    manifest = context.manifest(header["gateway"])
    for territory, before in header["stop_mentions"].items():
        now = manifest.sender_rule(territory, header["sender_id"]).stop_mention.strip()
        if now != before:
            yield f"the STOP mention of {key_name(territory)} changed from {before or 'none'} to {now or 'none'}"
