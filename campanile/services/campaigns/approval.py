"""Approve a campaign by the hash of its recap, or cancel the rest of one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from campanile.pages.views import ApprovedView
from campanile.pages.words import approval_figures, staying_words
from campanile.services.approver_secrets import parse_secrets
from campanile.services.billing.balance import read_balance
from campanile.services.campaigns.approval_checks import check_times_hold
from campanile.services.campaigns.predictions import predict_end_again
from campanile.services.campaigns.send_schedule import expiring_words
from campanile.services.context import Context
from campanile.services.inbound.responder_state import answer_forecast
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
    """Approve a prepared campaign at today's prices and rules; the balance is read first.

    Args:
        context: the context.
        campaign: its name.
        recap_hash: eight characters or more, with or without spaces.
        actor: who approves.
        code: what ``python -m campanile.approval_code`` printed; empty if the team has no secrets.
        figures: how many messages and what they cost, as the recap says; empty: not checked.

    Returns:
        The approved campaign, the figures of its recap, how many of its messages are not sent because of events after
        the recap, and when the first of the others is sent.

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
        rules = replace(approval_rules(context), answers=answer_forecast(context, tx, found.gateway))
        row, unsent = approve(tx, campaign, whole_hash, actor, rules)
        predict_end_again(context, tx, row)
    due_at = row.due_at or context.now()
    first_at = min((departure.starts_at for departure in forecast.departures), default=due_at)
    approved = ApprovedView(
        row,
        recap_figures,
        max(first_at, due_at),
        opted_out_count=unsent.opted_out_count,
        dead_count=unsent.dead_count,
    )
    context.log.info("%s approved by %s, due at %s", campaign, actor, approved.campaign.due_at)
    for words in staying_words(approved):
        context.log.info("messages of %s that are not sent: %s", campaign, words)
    if forecast.expiring:
        words = expiring_words(forecast.expiring)
        context.log.warning("messages of %s that cannot be sent in time: %s", campaign, words)
    return approved


def cancel_rest(context: Context, campaign: str, reason: str, actor: str) -> str:
    """Cancel the messages of a campaign that are not claimed; return the state of the campaign after it."""
    with context.transaction() as tx:
        state = str(cancel(tx, campaign, reason, actor).state)
    context.log.info("%s: messages that were not sent are cancelled (%s); it is now %s", campaign, reason, state)
    return state


def _check_figures(campaign: str, given: str, figures: str) -> None:
    """Refuse figures that differ from the latest recap: the person who approves has read another one."""
    if given.strip() and given.split() != figures.split():
        raise CampaignError(
            f"figures {given!r} are not those of the latest recap of {campaign}, which are {figures}; read that recap"
        )


def approval_rules(context: Context) -> ApprovalRules:
    """Return the team's rules for approvals, from the settings."""
    found = context.settings
    return ApprovalRules(found.approvers, found.four_eyes, timedelta(hours=found.recap_max_age_hours))


def _check_code(context: Context, campaign: str, whole_hash: str, actor: str, code: str) -> None:
    """Refuse a code that is not this approver's for this recap; without secrets no code is needed."""
    secrets = parse_secrets(context.settings.approver_secrets)
    if not secrets:
        return
    secret = secrets.get(actor.strip().casefold())
    if secret is None:
        raise CampaignError(f"{actor!r} has no secret in SMS_APPROVER_SECRETS, so they cannot approve {campaign}")
    if not is_approval_code(code, secret, whole_hash):
        wrong = "wrong" if code else "missing"
        raise CampaignError(
            f"the approval code of {actor} for this recap of {campaign} is {wrong}; "
            f"python -m campanile.approval_code {whole_hash} prints it"
        )


def _check_terms_unchanged(context: Context, campaign: str, header: Mapping[str, Any], tariff: Tariff) -> None:
    """Refuse a recap whose prices, STOP mentions, policy or setting alsace_moselle differ from those in force now."""
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
    """Yield each STOP mention that the provider requires now and that differs from the recap's."""
    if header["kind"] != CampaignKind.MARKETING:
        return
    manifest = context.manifest(header["gateway"])
    for territory, before in header["stop_mentions"].items():
        now = manifest.sender_rule(territory, header["sender_id"]).stop_mention.strip()
        if now != before:
            yield f"the STOP mention of {key_name(territory)} changed from {before or 'none'} to {now or 'none'}"
