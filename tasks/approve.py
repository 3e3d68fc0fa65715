"""Lock a campaign under its recap, or take it back."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from prefect import get_run_logger, task

from sms.approval import is_approval_code
from sms.errors import CampaignError
from sms.places import key_name
from sms.policy import load_policy
from sms.tariff import Tariff
from store.approving import ApprovalRules, approve, full_hash
from store.campaigns import cancel, find_campaign
from tasks.approval_hours import refuse_late
from tasks.balance import read_balance
from tasks.hours import expiring_words
from tasks.house import manifest_of, tariff_of, visit_store
from tasks.links import approval_figures
from tasks.lock_pages import approval_page, staying_words
from tasks.publish import publish
from tasks.settings import parse_secrets, settings


@task
def approve_recap(campaign: str, recap_hash: str, approver: str, code: str, figures: str = "") -> dict[str, Any]:
    """Approve a prepared campaign under the terms of today, with the balance read just before.

    Args:
        campaign: its name.
        recap_hash: eight characters or more, with or without spaces.
        approver: who approves.
        code: what ``python -m tasks.approval_code`` printed; empty where the team has no secrets.
        figures: how many messages and what they cost, as the recap says; empty: not said.

    Returns:
        The campaign as ``store.approving.approve`` returns it, with the ``figures`` of its recap and when the first of
        its messages ``leaves_at``.

    Raises:
        CampaignError: it may not be approved; one line that says why, and what to do.
    """
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, campaign)
        whole_hash = full_hash(found, "".join(recap_hash.split()))
        recap = visit.row("recap.get", campaign_id=found["campaign_id"], version=found["version"]) or {}
    _refuse_figures(campaign, figures, approval_figures(recap))
    _refuse_code(campaign, whole_hash, approver, code)
    _refuse_changed_terms(campaign, json.loads(recap["header"]), tariff_of(found["gateway"]))
    read_balance(found["gateway"])
    with visit_store() as visit:
        forecast = refuse_late(visit, find_campaign(visit, campaign))
        approved = approve(visit, campaign, whole_hash, approver, approval_rules())
    get_run_logger().info("%s approved by %s, due at %s", campaign, approver, approved["due_at"])
    for words in staying_words(approved):
        get_run_logger().info("of its messages stay behind: %s", words)
    if forecast.expiring:
        get_run_logger().warning("of its messages will not leave in time: %s", expiring_words(forecast.expiring))
    leaves_at = min((leaving.starts_at for leaving in forecast.departures), default=approved["due_at"])
    return approved | {"figures": approval_figures(recap), "leaves_at": max(leaves_at, approved["due_at"])}


@task
def publish_approval(approved: Mapping[str, Any], approver: str) -> str:
    """Publish that a campaign is approved, and return the page."""
    page = approval_page(approved, approver.strip(), settings().zone)
    publish(f"approval-{approved['name']}", page, f"Approval of {approved['name']}")
    return page


@task
def cancel_rest(campaign: str, reason: str, actor: str) -> str:
    """Cancel what has not left; return the state the campaign is then in."""
    with visit_store() as visit:
        state = str(cancel(visit, campaign, reason, actor)["state"])
    get_run_logger().info("%s: what had not left is cancelled (%s); it is %s", campaign, reason, state)
    return state


def _refuse_figures(campaign: str, given: str, figures: str) -> None:
    """Refuse to approve other figures than those that stood in the form: a person read them there."""
    if given.strip() and given.split() != figures.split():
        raise CampaignError(
            f"figures {given!r} are not those of the latest recap of {campaign}, which are {figures}; read that recap"
        )


def approval_rules() -> ApprovalRules:
    """Return what the team asks of an approval, from the settings."""
    found = settings()
    return ApprovalRules(found.approvers, found.four_eyes, timedelta(hours=found.recap_max_age_hours))


def _refuse_code(campaign: str, whole_hash: str, approver: str, code: str) -> None:
    """Where approvers have secrets, refuse any other code than theirs for this very recap."""
    secrets = parse_secrets(settings().approver_secrets)
    if not secrets:
        return
    secret = secrets.get(approver.strip().casefold())
    if secret is None:
        raise CampaignError(f"{approver!r} has no secret in SMS_APPROVER_SECRETS, so they cannot approve {campaign}")
    if not is_approval_code(code, secret, whole_hash):
        wrong = "this code is not that" if code else "an approval needs the code"
        raise CampaignError(
            f"{wrong} of {approver} for this recap of {campaign}; python -m tasks.approval_code {whole_hash} prints it"
        )


def _refuse_changed_terms(campaign: str, header: Mapping[str, Any], tariff: Tariff) -> None:
    """Refuse a recap whose prices, STOP mentions, policy or reading of Alsace-Moselle are not those in force now."""
    changes = "; ".join(_changed_terms(header, tariff))
    if changes:
        raise CampaignError(f"since the recap of {campaign} was made, {changes}: prepare it again")


def _changed_terms(header: Mapping[str, Any], tariff: Tariff) -> Iterator[str]:
    for territory, price in header["prices"].items():
        now = tariff.prices.get(territory)
        if now is None or now != Decimal(price):
            yield f"the price of {key_name(territory)} changed from {price} to {'none' if now is None else now}"
    yield from _changed_mentions(header)
    policy = load_policy(header["policy"])
    terms = {
        "the unit of prices": (header["unit"], tariff.unit),
        f"the text of policy {policy.name}": (header["policy_sha256"][:8], policy.sha256[:8]),
        "the setting alsace_moselle": (header["alsace_moselle"], settings().alsace_moselle),
    }
    for what, (before, after) in terms.items():
        if before != after:
            yield f"{what} changed from {before} to {after}"


def _changed_mentions(header: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the provider asks to be written at the end of marketing now, where a recap has something else."""
    if header["kind"] != "marketing":
        return
    manifest = manifest_of(header["gateway"])
    for territory, before in header["stop_mentions"].items():
        now = manifest.sender_rule(territory, header["sender_id"]).stop_mention.strip()
        if now != before:
            yield f"the STOP mention of {key_name(territory)} changed from {before or 'none'} to {now or 'none'}"
