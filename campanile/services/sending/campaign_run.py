"""One run of a campaign: open it under a lease, send, close it; and the alerts that a run raises."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from socket import gethostname
from typing import NamedTuple

from campanile.services.billing.alerts import alert, send_waiting_alerts
from campanile.services.context import Context
from campanile.services.inbound.sync import sync_opt_outs_to_the_end
from campanile.services.sending.reconciliation import find_lost_life
from campanile.services.sending.sender import Sender
from campanile.services.sending.termination import told_to_end
from campanile.sms.errors import CampaignError, GatewayDenied, GatewayError
from campanile.sms.schedule.policy import load_policy
from campanile.sms.states import CampaignState
from campanile.sms.text.formatting import count_text
from campanile.store.billing.alerts import clear_alert
from campanile.store.campaigns.campaigns import STANDING_KINDS, find_campaign
from campanile.store.campaigns.pause import stopped_alert
from campanile.store.ledger.lease import Lease, LeaseLost
from campanile.store.ledger.run_lifecycle import (
    Opened,
    Owner,
    RunOutcome,
    close_sending,
    open_sending,
    read_progress,
)
from schemas.campaign_rows import Campaign

_UNKNOWN = "unknown messages"
_CREDIT_ENDED = "credit ended"


@dataclass(frozen=True, slots=True)
class Sending:
    """A campaign and its lease; without a lease there is nothing to send, and ``why`` is the reason."""

    campaign: str
    gateway: str
    lease: Lease | None
    why: str


class Closed(NamedTuple):
    """A campaign after its run, and how many unknown messages a person must decide on."""

    campaign: Campaign
    undecided_count: int
    is_ours: bool


def alert_team(context: Context, sending: Sending, why: str, about: str | None = None, *, anew: bool = False) -> None:
    """Alert the team at once.

    Args:
        context: the context.
        sending: the campaign.
        why: the text of the alert.
        about: the kind of the alert; None: sending stopped.
        anew: send it although an older alert of that kind is open.
    """
    kind = f"{about}: {sending.campaign}" if about else stopped_alert(sending.campaign)
    if anew:
        with context.transaction() as tx:
            clear_alert(tx, kind, sending.gateway)
    alert(context, kind, sending.gateway, why)


def open_run(context: Context, campaign: str, run_id: str | None) -> tuple[Sending, Opened]:
    """Take the lease of a campaign and check that its content is still what was approved.

    Args:
        context: the context.
        campaign: its name.
        run_id: the Prefect run that sends it; None: not a run of a deployment.

    Raises:
        CampaignError: it was never approved, or the campaign or its policy differs from its recap.
    """
    owner = Owner(f"{gethostname()}:{os.getpid()}", run_id)
    with context.transaction(read_only=True) as tx:
        manifest = context.manifest(find_campaign(tx, campaign).gateway)
    with context.transaction() as tx:
        opened = open_sending(tx, campaign, owner, context.claim_rules(manifest))
        found = opened.campaign
        _check_policy(found, tx.value("recap.header", campaign_id=found.campaign_id, version=found.version))
    context.log.info(opened.why)
    return Sending(campaign, found.gateway, opened.lease, opened.why), opened


def send_run(context: Context, sending: Sending, on_progress: Callable[[Sender], object]) -> RunOutcome:
    """Send until nothing may be claimed any more, or until this process gets SIGTERM.

    Args:
        context: the context.
        sending: a campaign with its lease.
        on_progress: called every ``SMS_PROGRESS_SECONDS``, while nothing is in flight.
    """
    lease = _lease_of(sending)
    try:
        gateway = context.gateway(sending.gateway)
    except GatewayError as error:  # the sandbox is called at once, to get the simulated time
        return RunOutcome(str(error), needs_person=isinstance(error, GatewayDenied), is_alarming=True)
    try:
        if (why := find_lost_life(context, sending.campaign, gateway)) is not None:
            return RunOutcome(why, is_alarming=True)
    except GatewayError as error:
        why = f"the gateway could not be asked whether it has messages of {sending.campaign} already: {error}"
        return RunOutcome(why, needs_person=isinstance(error, GatewayDenied), is_alarming=True)
    sync = partial(sync_opt_outs_to_the_end, context, sending.gateway)
    with told_to_end() as stop, Sender(context, lease, gateway, sync, stop) as sender:
        try:
            while (run_outcome := sender.run(context.settings.progress_seconds)) is None:
                sender.balance_watch.follow_up()
                on_progress(sender)
        except LeaseLost as error:
            return RunOutcome(str(error))
        sender.balance_watch.look_once()
    context.log.info("%s: %s", sending.campaign, dict(sender.counters.events) or "no answer yet")
    return run_outcome


def close_run(context: Context, sending: Sending, run_outcome: RunOutcome) -> Closed:
    """End the lease: the campaign is finished when no message is open, else parked or paused."""
    rules = context.claim_rules(context.manifest(sending.gateway))
    try:
        with context.transaction() as tx:
            closed = close_sending(tx, _lease_of(sending), rules, run_outcome)
            is_well = closed.state == CampaignState.FINISHED or (run_outcome.why is None and closed.due_at is not None)
            unknown_count = read_progress(tx, closed).unknown
            if is_well:
                clear_alert(tx, stopped_alert(sending.campaign), sending.gateway)
            if not unknown_count:
                clear_alert(tx, f"{_UNKNOWN}: {sending.campaign}", sending.gateway)
    except LeaseLost as error:
        context.log.warning(str(error))
        with context.transaction(read_only=True) as tx:
            return Closed(find_campaign(tx, sending.campaign), 0, is_ours=False)
    context.log.info("%s is %s, due at %s", sending.campaign, closed.state, closed.due_at)
    return Closed(closed, unknown_count if run_outcome.asks_person else 0, is_ours=True)


def alert_run_outcome(context: Context, sending: Sending, closed: Campaign, run_outcome: RunOutcome) -> None:
    """Alert the team that a person must act, or that sending waits, or that the rest of a campaign was cancelled.

    Automatic answers, tests and notices are tried again each minute, and alerted of once.
    """
    if run_outcome.needs_person or run_outcome.is_alarming:
        about = _CREDIT_ENDED if run_outcome.cancels_rest else None
        anew = run_outcome.needs_person and closed.kind not in STANDING_KINDS
        alert_team(context, sending, str(run_outcome.why), about, anew=anew)
    elif run_outcome.why is not None:  # a claim may have raised an alert, such as that of the daily limit
        send_waiting_alerts(context)


def alert_unknown(context: Context, sending: Sending, unknown_count: int) -> None:
    """Alert the team that a person must decide on unknown messages."""
    words = f"{count_text(unknown_count, 'message')} of {sending.campaign} may or may not have been accepted"
    alert_team(context, sending, f"{words}; the gateway does not know: decide with resolve-unknown", _UNKNOWN)


def _lease_of(sending: Sending) -> Lease:
    if sending.lease is None:
        raise CampaignError(sending.why)
    return sending.lease


def _check_policy(campaign: Campaign, header: str | None) -> None:
    """Refuse to send under another policy text than the recap named."""
    if header is not None and campaign.state == CampaignState.APPROVED:
        policy = load_policy(campaign.policy)
        if policy.sha256 not in header:
            raise CampaignError(
                f"policy {policy.name} is not the one that the recap of {campaign.name} names; prepare it again"
            )
