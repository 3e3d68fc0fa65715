"""Send what is due, as tasks that Prefect shows: open, one leg after the other, close.

Nothing here is ever retried by Prefect: the store decides what may be posted again, and when.
"""

import os
from dataclasses import dataclass
from socket import gethostname
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from sms.errors import CampaignError, GatewayDenied, GatewayError
from sms.policy import load_policy
from sms.wording import count_text
from store.campaigns import STANDING_KINDS, find_campaign
from store.control import stopped_alert
from store.lease import Lease, LeaseLost
from store.operators import clear_alert
from store.sending import Ending, Owner, close_sending, count_messages, open_sending, read_progress
from tasks.alerts import alert
from tasks.events import announce
from tasks.house import claim_rules, gateway_named, manifest_of, visit_store
from tasks.inbound import read_stops_to_the_end
from tasks.pages import progress_line, progress_page
from tasks.prefect_calls import bound_events
from tasks.publish import publish_unless_away
from tasks.reconcile import find_lost_life
from tasks.sender import Sender
from tasks.settings import settings
from tasks.stopping import told_to_end
from tasks.unknowns import publish_unknowns

_SENDING_FLOW = "send-campaign"
_UNKNOWN = "unknown messages"


@dataclass(frozen=True, slots=True)
class Sending:
    """A campaign that is ours to send; without a lease there is nothing to do, and ``why`` tells."""

    campaign: str
    gateway: str
    lease: Lease | None
    why: str


@task(retries=0)
def open_campaign(campaign: str) -> Sending:
    """Take a campaign's lease and see that it is still what was approved.

    Raises:
        CampaignError: it was never approved, or it, or its policy, is not what its recap says.
    """
    bound_events()
    owner = Owner(f"{gethostname()}:{os.getpid()}", flow_run.id if flow_run.flow_name == _SENDING_FLOW else None)
    with visit_store(read_only=True) as visit:
        manifest = manifest_of(find_campaign(visit, campaign)["gateway"])
    with visit_store() as visit:
        opened = open_sending(visit, campaign, owner, claim_rules(manifest))
        found = opened.campaign
        _check_policy(found, visit.row("recap.get", campaign_id=found["campaign_id"], version=found["version"]))
    sending = Sending(campaign, found["gateway"], opened.lease, opened.why)
    if opened.is_held:
        announce("paused", found, reason=opened.why)
        publish_progress(campaign, return_state=True)  # a page that is not drawn stops no campaign
        _alert_team(sending, opened.why, anew=True)
    elif opened.lease is not None and found["state"] == "approved":
        announce("started", found)
    get_run_logger().info(opened.why)
    return sending


def send_all(sending: Sending) -> Ending:
    """Send leg after leg until nothing may leave any more, or until this process is told to end."""
    lease = _lease_of(sending)
    try:
        gateway = gateway_named(sending.gateway)
    except GatewayError as error:  # a rehearsal sets the sandbox's clock at once
        return Ending(str(error), needs_person=isinstance(error, GatewayDenied), is_alarming=True)
    try:
        if (why := find_lost_life(sending.campaign, gateway)) is not None:
            return Ending(why, is_alarming=True)
    except GatewayError as error:
        why = f"the gateway could not be asked whether it has messages of {sending.campaign} already: {error}"
        return Ending(why, needs_person=isinstance(error, GatewayDenied), is_alarming=True)
    with (
        told_to_end() as stop,
        Sender(lease, gateway, get_run_logger(), lambda: read_stops_to_the_end(sending.gateway), stop) as sender,
    ):
        try:
            while (ending := send_leg(sending.campaign, sender)) is None:
                publish_rate(sending, sender, return_state=True)  # a page that is not drawn stops no campaign
        except LeaseLost as error:
            return Ending(str(error))
    return ending


@task(retries=0, cache_policy=NO_CACHE, task_run_name="a leg of {campaign}")
def send_leg(campaign: str, sender: Sender) -> Ending | None:
    """Send for some seconds; return how sending ended, or None: there is more.

    Raises:
        LeaseLost: another sender took the campaign over.
    """
    ending = sender.run(settings().progress_seconds)
    get_run_logger().info("%s: %s", campaign, dict(sender.tally.events) or "nothing came back yet")
    return ending


@task(retries=0)
def close_campaign(sending: Sending, ending: Ending) -> dict[str, Any]:
    """Give the lease back: finished when nothing is open, else parked or paused; who must act is told at once."""
    rules = claim_rules(manifest_of(sending.gateway))
    try:
        with visit_store() as visit:
            closed = close_sending(visit, _lease_of(sending), rules, ending)
            is_well = closed["state"] == "finished" or (ending.why is None and closed["due_at"] is not None)
            unknown_count = read_progress(visit, closed).unknown
            if is_well:
                clear_alert(visit, stopped_alert(sending.campaign), sending.gateway)
            if not unknown_count:
                clear_alert(visit, f"{_UNKNOWN}: {sending.campaign}", sending.gateway)
    except LeaseLost as error:
        get_run_logger().warning(str(error))
        with visit_store(read_only=True) as visit:
            return find_campaign(visit, sending.campaign)
    get_run_logger().info("%s is %s, due at %s", sending.campaign, closed["state"], closed["due_at"])
    if closed["kind"] not in STANDING_KINDS and (closed["state"] in ("finished", "parked") or ending.needs_person):
        announce(closed["state"], closed)
    if ending.needs_person or ending.is_alarming:
        _alert_team(sending, str(ending.why), anew=ending.needs_person)
    if ending.asks_person and unknown_count:
        publish_unknowns(sending.campaign)
        _alert_team(
            sending,
            f"{count_text(unknown_count, 'message')} of {sending.campaign} may or may not have left, "
            "and the gateway cannot tell: decide by resolve-unknown",
            _UNKNOWN,
        )
    return closed


@task
def publish_progress(campaign: str) -> str:
    """Publish how far a campaign is, and return the page."""
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, campaign)
        progress = read_progress(visit, found)
        states = count_messages(visit, found["campaign_id"])
    page = progress_page(found, states, progress, settings().zone)
    publish_unless_away(f"progress-{campaign}", page, f"Progress of {campaign}")
    return page


@task(cache_policy=NO_CACHE)
def publish_rate(sending: Sending, sender: Sender) -> None:
    """Publish how fast a campaign is going and what is left, without counting a million messages."""
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, sending.campaign)
        progress = read_progress(visit, found)
    rate = sender.tally.accepted_per_second()
    get_run_logger().info("%s: %s", sending.campaign, progress_line(progress, rate))
    page = progress_page(found, (), progress, settings().zone, rate)
    publish_unless_away(f"progress-{sending.campaign}", page, f"Progress of {sending.campaign}")


def send_own_messages(kind: str, gateway: str) -> None:
    """Send the automatic answers or notices that wait, by the protocol of every campaign."""
    with visit_store(read_only=True) as visit:
        standing = visit.row("campaign.find_standing", kind=kind, gateway=gateway)
    if standing is None or standing["due_at"] is None:
        return
    sending = open_campaign(standing["name"])
    if sending.lease is not None:
        close_campaign(sending, send_all(sending))


def _alert_team(sending: Sending, why: str, about: str | None = None, *, anew: bool = False) -> None:
    """Alert the team at once.

    Args:
        sending: the campaign.
        why: what is told.
        about: what the alert is called; None: that sending stopped.
        anew: told although an older alert of that kind is open: somebody has dealt with that one.
    """
    kind = f"{about}: {sending.campaign}" if about else stopped_alert(sending.campaign)
    if anew:
        with visit_store() as visit:
            clear_alert(visit, kind, sending.gateway)
    alert(kind, sending.gateway, why)


def _lease_of(sending: Sending) -> Lease:
    if sending.lease is None:
        raise CampaignError(sending.why)
    return sending.lease


def _check_policy(campaign: dict[str, Any], recap: dict[str, Any] | None) -> None:
    """Refuse to send under another policy text than the recap named."""
    if recap is not None and campaign["state"] == "approved":
        policy = load_policy(campaign["policy"])
        if policy.sha256 not in recap["header"]:
            raise CampaignError(
                f"policy {policy.name} is not the one that the recap of {campaign['name']} names; prepare it again"
            )
