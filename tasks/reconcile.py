"""Copies of the store, and what to do when one of them came back: ask the gateway, then a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from prefect import get_run_logger, task

from schemas.gateway import Batch, Gateway, Outcome
from sms.errors import GatewayError
from sms.masking import escape_markdown
from sms.wording import count_text
from store.backup import back_up
from store.campaigns import find_campaign
from store.clock import distrust_ahead
from store.commit_number import Reconciliation
from store.operators import clear_alert
from store.reconcile import (
    campaigns_in_doubt,
    confirm_reconciled,
    doubt_everything,
    gateways_in_use,
    untried_messages,
)
from tasks.alerts import alert
from tasks.clock import now
from tasks.house import claim_rules, manifest_of, visit_store
from tasks.inbound import read_stops
from tasks.names import reasoned, signed
from tasks.pages import Markup, local_time, table
from tasks.publish import publish
from tasks.settings import settings

#: Messages of a campaign that are looked up before each of its runs.
_MOST_PROBED = 16
_ALERT = "store_in_doubt"
_WHAT_HAPPENS = {
    "prepared": "may have been approved and sent: when it is approved, its messages are looked up first",
    "approved": "goes on at its hour, after its messages were looked up",
    "sending": "goes on, after its messages were looked up",
    "parked": "goes on at its hour, after its messages were looked up",
    "paused": "stays paused; resumed, its messages are looked up first",
}


class Doubt(NamedTuple):
    """What a person reads before they confirm: why the store is in doubt, and each campaign that it is about."""

    found: Reconciliation
    campaigns: Sequence[Mapping[str, Any]]


@task
def copy_store(folder: str | None = None) -> str:
    """Copy the store into a folder of its own, or into this one; return one line.

    Raises:
        StoreError: the folder exists already, or the copy is not whole.
    """
    target = Path(folder) if folder else settings().backups / f"{now():%Y-%m-%dT%H%M%SZ}"
    copy = back_up(settings().store_file, target, now, wait_seconds=settings().store_wait_seconds)
    line = (
        f"{copy.folder} holds the store at commit {copy.sequence}, of {copy.committed_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({copy.size_bytes / 1_000_000:.1f} MB); the copy was opened and is whole. docs/backup.md says how to restore "
        "it"
    )
    get_run_logger().info(line)
    return line


@task
def find_doubt() -> Doubt | None:
    """Make unknown what may have been sent, read the STOPs again, and return what is in doubt; None: nothing is."""
    with visit_store() as visit:
        if visit.reconciliation is None:
            return None
        gateways = gateways_in_use(visit)
        rules = [claim_rules(manifest_of(gateway)) for gateway in gateways or [settings().gateway]]
        count = doubt_everything(visit, max(rules, key=lambda rule: rule.settle_seconds))
    if count:
        get_run_logger().warning("%s may have been sent and are looked up now", count_text(count, "message"))
    for gateway in gateways:
        _read_stops(gateway)
    with visit_store() as visit:
        found, campaigns = visit.reconciliation, campaigns_in_doubt(visit)
    return None if found is None else Doubt(found, campaigns)


@task
def confirm_doubt(name: str, reason: str) -> str:
    """End the reconciliation by a person's word; return one line.

    Raises:
        CampaignError: no name or no reason is given, the store is not in doubt, or STOPs were not read again.
    """
    actor, why = signed(name), reasoned(reason)
    with visit_store() as visit:
        confirm_reconciled(visit, actor, why)
        clear_alert(visit, _ALERT, settings().gateway)
    line = f"{actor} confirmed the store: messages are claimed again"
    get_run_logger().info(line)
    return line


@task
def publish_doubt(doubt: Doubt | None) -> str:
    """Publish what is in doubt and what to do, and return the page."""
    page = doubt_page(doubt, settings().zone)
    publish("reconcile-store", page, "Does the store know all that was sent")
    return page


def find_lost_life(campaign: str, gateway: Gateway) -> str | None:
    """Look up the messages that a campaign sends next; return why nothing may be sent, or None.

    The gateway has one of them? Then store and mark came back together, as with the snapshot of a whole machine.

    Raises:
        GatewayError: the gateway cannot be asked now.
    """
    if not gateway.manifest.looks_up_messages:
        return None
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, campaign)
        messages = untried_messages(visit, found["campaign_id"], _MOST_PROBED)
    if not messages:
        return None
    since = min(moment for moment in (found["created_at"], found["first_due_at"]) if moment is not None)
    outcomes = gateway.look_up(Batch(messages, f"probe-{messages[0].client_ref}", since))
    known = [item.gateway_message_id for item in outcomes if item.outcome is Outcome.ACCEPTED]
    if not known:
        return None
    with visit_store() as visit:
        name = gateway.manifest.gateway
        visit.begin_reconciliation(
            f"gateway {name} has message {known[0]} of {campaign}, which waits here and was never sent"
        )
        reason = visit.reconciliation
    return None if reason is None else reason.reason


def alert_doubt() -> None:
    """Alert the team, once, when the store is in doubt; look at it before campaigns are started."""
    with visit_store() as visit:
        found = visit.reconciliation
    if found is not None:
        alert(_ALERT, settings().gateway, f"{found.reason}. Nothing is sent until a person has run reconcile-store")


def distrust_clock() -> None:
    """Have what was posted by a clock that was ahead looked up; look at it before campaigns are started."""
    with visit_store() as visit:
        count = distrust_ahead(visit, settings().clock_margin_seconds)
    if count:
        get_run_logger().warning("the clock was set back: %s are looked up", count_text(count, "unknown slice"))


def doubt_page(doubt: Doubt | None, zone: ZoneInfo) -> str:
    """Return what a person reads before they confirm that a store which came back may send again."""
    if doubt is None:
        return "# The store agrees with its mark\n\nNothing is in doubt, and nothing has to be done.\n"
    found = doubt.found
    parts = [
        "# The store may be older than what was sent",
        f"{escape_markdown(found.reason)}. This was found on {_at(found.since, zone)}; what was committed after "
        f"{_at(found.missing_since, zone)} may be missing. **Nothing is claimed until a person confirms.**",
        "## What Campanile has done",
        "Each message that waits here may have been sent, so it is *unknown*: the gateway is asked for it by its "
        "reference. What the gateway has is accepted; what it does not know, twice, waits again. Where a gateway "
        "cannot be asked, `resolve-unknown` lets a person decide. Replies and opt-outs of the provider are read again "
        "from the beginning.",
        "## What only you can know",
        f"- Opt-outs recorded by hand or imported from files after {_at(found.missing_since, zone)} are not here: "
        "import them again.",
        "- Contacts imported, campaigns made, paused or cancelled since are not here. A campaign that was made and "
        "sent since must not be made again: look for it in the provider's console.",
        "- Replies that came since are kept and get no automatic answer: they may have had one.",
        "## Campaigns that go on",
        _campaigns(doubt.campaigns, zone) if doubt.campaigns else "None.",
        "## Confirm",
        "Stop or cancel what must not go on, then run **reconcile-store** with your name and the reason.",
    ]
    return "\n\n".join(parts) + "\n"


def _campaigns(campaigns: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    rows = [
        (
            row["name"],
            row["state"],
            row["planned_count"],
            row["unknown_count"],
            _at(row["due_at"], zone) if row["due_at"] else "",
            Markup(_WHAT_HAPPENS[row["state"]]),
        )
        for row in campaigns
    ]
    return table(["campaign", "state", "waiting", "unknown", "due", "what happens"], rows, align="llrrll")


def _at(moment: datetime, zone: ZoneInfo) -> str:
    return f"{local_time(moment, zone)} ({zone.key})"


def _read_stops(gateway: str) -> None:
    try:
        read_stops(gateway)
    except GatewayError as error:
        get_run_logger().warning("STOPs of %s cannot be read now; the next process-replies does: %s", gateway, error)
