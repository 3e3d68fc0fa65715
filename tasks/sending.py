"""Send due messages: open a campaign, send, close it; and publish its progress.

Prefect never retries these tasks: the store decides what may be posted again, and when.
"""

from functools import partial
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from campanile.pages.progress import progress_line, progress_page
from campanile.pages.unknowns import unknowns_page
from campanile.services.billing import balance
from campanile.services.billing.alerts import alert_gateway
from campanile.services.inbound import reports, sync
from campanile.services.sending import unknown_messages
from campanile.services.sending.campaign_run import (
    Sending,
    alert_run_outcome,
    alert_team,
    alert_unknown,
    close_run,
    open_run,
    send_run,
)
from campanile.services.sending.sender import Sender
from campanile.sms.states import CampaignState
from campanile.store.campaigns.campaigns import STANDING_KINDS, find_campaign
from campanile.store.ledger.run_lifecycle import Progress, RunOutcome, count_messages, read_progress
from campanile.store.ledger.unknowns import list_unknown
from schemas.campaign_rows import Campaign
from tasks.artifacts import artifact_key, publish_unless_away
from tasks.context import as_task, current_context
from tasks.events import announce
from tasks.prefect_calls import BREAKER, PrefectAway, bound_events
from tasks.run_links import decision_links

_SENDING_FLOW = "send-campaign"

decide_unknown = as_task(unknown_messages.decide_unknown, task_run_name="{decision} what is unknown of {campaign}")


@task(retries=0)
def open_campaign(campaign: str) -> Sending:
    """Take a campaign's lease and check that the campaign is exactly the approved one."""
    bound_events()
    context, run_id = current_context(), flow_run.id if flow_run.flow_name == _SENDING_FLOW else None
    sending, opened = open_run(context, campaign, run_id)
    if opened.is_held:
        announce("paused", opened.campaign, reason=opened.why)
        publish_progress(campaign, return_state=True)  # a page that fails must not stop the campaign
        alert_team(context, sending, opened.why, anew=True)
    elif opened.lease is not None and opened.campaign.state == CampaignState.APPROVED:
        announce("started", opened.campaign)
    return sending


@task(retries=0, cache_policy=NO_CACHE, task_run_name="send {sending.campaign}")
def send_messages(sending: Sending) -> RunOutcome:
    """Send until nothing more may be claimed or this process is asked to end; publish the progress meanwhile."""
    return send_run(current_context(), sending, _ProgressPages(sending).publish)


@task(retries=0)
def close_campaign(sending: Sending, run_outcome: RunOutcome) -> Campaign:
    """Give the lease back and return the campaign: finished, parked or paused; alert the team if a person must act."""
    context = current_context()
    closed, undecided_count, is_ours = close_run(context, sending, run_outcome)
    if not is_ours:
        return closed
    if closed.kind not in STANDING_KINDS and (
        closed.state in (CampaignState.FINISHED, CampaignState.PARKED) or run_outcome.needs_person
    ):
        announce(closed.state, closed)
    alert_run_outcome(context, sending, closed, run_outcome)
    if undecided_count:
        publish_unknowns(sending.campaign)
        alert_unknown(context, sending, undecided_count)
    return closed


@task
def publish_progress(campaign: str) -> str:
    """Publish the progress of a campaign, and return the page."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        progress = read_progress(tx, found)
        states = count_messages(tx, found.campaign_id)
        missing = reports.missing_reports(context, tx, found)
    page = progress_page(found, states, progress, context.settings.zone, missing=missing)
    publish_unless_away(f"progress-{campaign}", page, f"Progress of {campaign}")
    return page


@task(task_run_name="list what is unknown of {campaign}")
def publish_unknowns(campaign: str) -> str:
    """Publish the unknown messages of a campaign with links to both decisions, and return the page."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        messages = list_unknown(tx, found.campaign_id)
    links = decision_links(campaign) if messages else []
    page = unknowns_page(found, messages, links, context.manifest(found.gateway).unit, context.settings.zone)
    publish_unless_away(f"unknown-{campaign}", page, f"Unknown messages of {campaign}")
    return page


def sync_before(gateway: str) -> None:
    """Sync opt-outs before sending; if they cannot be read, nothing is claimed, because the known ones are too old."""
    sync.try_sync_opt_outs(current_context(), gateway)


def refresh_balance(gateway: str) -> None:
    """Read the balance after sending, and alert if it is low; a reading that fails does not fail the run."""
    balance.refresh_balance(current_context(), gateway)
    send_notices(gateway)


def send_system_messages(kind: str, gateway: str) -> None:
    """Send the waiting automatic answers, notices or tests, with the same protocol as every campaign."""
    with current_context().transaction(read_only=True) as tx:
        standing = tx.find(Campaign, "campaign.find_standing", kind=kind, gateway=gateway)
    if standing is None or standing.due_at is None:
        return
    sending = open_campaign(standing.name)
    if sending.lease is not None:
        close_campaign(sending, send_messages(sending))


def send_notices(gateway: str) -> None:
    """Send the alerts about a gateway that wait as SMS."""
    send_system_messages("notice", alert_gateway(current_context(), gateway))


class _ProgressPages:
    """The progress of a run: a progress bar and a page; neither waits for Prefect's server."""

    def __init__(self, sending: Sending) -> None:
        self._campaign = sending.campaign
        self._bar: UUID | None = None

    def publish(self, sender: Sender) -> None:
        """Publish the rate and the remaining messages of a campaign, without counting a million messages."""
        context = current_context()
        with context.transaction(read_only=True) as tx:
            found = find_campaign(tx, self._campaign)
            progress = read_progress(tx, found)
        rate = sender.counters.accepted_per_second()
        context.log.info("%s: %s", self._campaign, progress_line(progress, rate))
        page = progress_page(found, (), progress, context.settings.zone, rate)
        publish_unless_away(f"progress-{self._campaign}", page, f"Progress of {self._campaign}")
        try:
            self._bar = BREAKER.call(partial(self._move_bar, progress))
        except PrefectAway as error:
            context.log.warning("the progress bar is not updated: %s", error)

    def _move_bar(self, progress: Progress) -> UUID | None:
        percent = 100 * progress.accepted / progress.total if progress.total else 100.0
        if self._bar is None:
            key, description = artifact_key(f"sending-{self._campaign}"), f"Accepted messages of {self._campaign}"
            found: Any = create_progress_artifact(percent, key=key, description=description)
            return found  # type: ignore[no-any-return]
        update_progress_artifact(self._bar, percent)
        return self._bar
