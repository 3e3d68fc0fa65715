"""Send what is due: claim, call, record, one slice a step; and ask for what nobody knows.

Nothing here is ever retried by Prefect: the store decides what may be posted again, and when.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from socket import gethostname
from typing import Any

from prefect import get_run_logger, task

from schemas.gateway import Gateway, Outcome, OutgoingMessage, Resolution, SubmitOutcome
from sms.errors import CampaignError, GatewayAmbiguous, GatewayDenied, GatewayError, GatewayThrottled, MailError
from sms.policy import load_policy
from store.campaigns import find_campaign
from store.claims import Claim, NotCovered, NotSending, StaleStops, claim_again, claim_next
from store.lease import Lease, extend_lease
from store.operators import clear_alert
from store.outcomes import note_absence, open_client_refs, record, unknown_slices
from store.sending import close_sending, count_messages, open_sending
from tasks.balance import alert
from tasks.house import claim_rules, gateway_named, visit_store
from tasks.inbound import read_stops
from tasks.pages import progress_page
from tasks.publish import publish
from tasks.settings import settings

RETRY_SECONDS = 60.0
Answer = tuple[Sequence[SubmitOutcome], GatewayError | None]
Submit = Callable[[Gateway, Claim, bool], Answer]
_LONGEST_PAUSE_SECONDS = 10.0


class Step(StrEnum):
    """What one step of sending came to."""

    SENT = "sent"
    REFUSED = "refused"
    WAITED = "waited"
    DONE = "done"


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
    owner = f"{gethostname()}:{os.getpid()}"
    with visit_store() as visit:
        found, lease, why = open_sending(visit, campaign, owner, settings().lease_seconds)
        _check_policy(found, visit.row("recap.get", campaign_id=found["campaign_id"], version=found["version"]))
    get_run_logger().info(why)
    return Sending(campaign, found["gateway"], lease, why)


def send_open_slices(sending: Sending) -> str | None:
    """Step until nothing can leave any more; return why it stopped early, or None.

    Raises:
        LeaseLost: another sender took the campaign over.
    """
    refusals = 0
    while refusals < settings().refusals_before_parking:
        try:
            step = send_step(sending, refusals)
        except StaleStops:
            step = _read_stops_again(sending)
        except (GatewayDenied, NotCovered) as error:
            _alert_team(sending, str(error))
            return str(error)
        except GatewayError as error:
            return str(error)
        except NotSending:  # somebody cancelled it meanwhile: what is in flight is settled, the rest is theirs
            return None
        if step is Step.DONE:
            return None
        refusals = refusals + 1 if step is Step.REFUSED else 0
    return f"gateway {sending.gateway} refused or could not be reached {refusals} times in a row"


@task(retries=0, task_run_name="slice of {sending.campaign}")
def send_step(sending: Sending, refusals: int) -> Step:
    """Send the next slice; when there is none, ask for an unknown one, or wait until it may be asked for."""
    lease = _lease_of(sending)
    gateway = gateway_named(sending.gateway)
    if refusals:
        time.sleep(min(0.2 * 2**refusals, _LONGEST_PAUSE_SECONDS))
    started = _clock_that_counts_sleep()
    with visit_store() as visit:
        claim = claim_next(visit, lease, claim_rules())
    if claim is not None:
        return _submit_and_record(lease, gateway, claim, started, _submit)
    return _settle_next(lease, gateway)


@task
def close_campaign(sending: Sending, why: str | None) -> dict[str, Any]:
    """Give the lease back: finished when nothing is open, else parked until something can be done."""
    with visit_store() as visit:
        campaign = close_sending(visit, _lease_of(sending), claim_rules(), RETRY_SECONDS, why)
        if why is None:
            clear_alert(visit, _stopped(sending), sending.gateway)
    get_run_logger().info("%s is %s, due at %s", sending.campaign, campaign["state"], campaign["due_at"])
    return campaign


@task
def publish_progress(campaign: str) -> str:
    """Publish how far a campaign is, and return the page."""
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, campaign)
        states = count_messages(visit, found["campaign_id"])
    page = progress_page(found, states, settings().zone)
    publish(f"progress-{campaign}", page, f"Progress of {campaign}")
    return page


def send_own_messages(kind: str, gateway: str) -> None:
    """Send the automatic answers or notices that wait, by the protocol of every campaign."""
    with visit_store(read_only=True) as visit:
        standing = visit.row("campaign.find_standing", kind=kind, gateway=gateway)
    if standing is None or standing["due_at"] is None:
        return
    sending = open_campaign(standing["name"])
    if sending.lease is not None:
        close_campaign(sending, send_open_slices(sending))


def _read_stops_again(sending: Sending) -> Step:
    """Read the STOPs that came during a long sending; until they are read nothing leaves."""
    try:
        read_stops(sending.gateway)
    except GatewayError as error:
        get_run_logger().warning("STOPs cannot be read: %s", error)
        return Step.REFUSED
    return Step.WAITED


def _stopped(sending: Sending) -> str:
    """Name the alert of one campaign: another one's good end does not clear it."""
    return f"sending stopped: {sending.campaign}"


def _alert_team(sending: Sending, why: str) -> None:
    """Tell the team at once; a mail that cannot leave must not keep the campaign from being closed in order."""
    try:
        alert(_stopped(sending), sending.gateway, why)
    except MailError as error:
        get_run_logger().error("the alert stays open, for its mail did not leave: %s", error)


def _submit_and_record(lease: Lease, gateway: Gateway, claim: Claim, started: float, submit: Submit) -> Step:
    """Call the gateway with a committed claim, then commit what it answered."""
    elapsed = _clock_that_counts_sleep() - started
    is_late = elapsed >= (claim.post_before - claim.at).total_seconds()
    outcomes, error = submit(gateway, claim, is_late)
    with visit_store() as visit:
        ask_after = visit.at + timedelta(seconds=_settle_seconds(gateway))
        counts = record(visit, lease, claim.slice_no, outcomes, ask_after)
    get_run_logger().info("slice %d of %d messages: %s", claim.slice_no, len(claim.messages), counts)
    if isinstance(error, GatewayDenied):
        raise error
    if isinstance(error, GatewayThrottled) and error.retry_after:
        time.sleep(min(error.retry_after, _LONGEST_PAUSE_SECONDS))
    return Step.SENT if error is None and set(counts) != {"planned"} else Step.REFUSED


def _submit(gateway: Gateway, claim: Claim, is_late: bool) -> Answer:
    """Post for the first time: what an error proves not accepted may be sent again, what it leaves open is unknown."""
    if is_late:
        return _not_accepted(claim.messages, "the time to post it had passed"), None
    try:
        return gateway.submit(claim.messages, claim.request_key), None
    except GatewayAmbiguous as error:
        get_run_logger().warning("nobody knows whether slice %d was accepted: %s", claim.slice_no, error)
        return [SubmitOutcome(item.client_ref, Outcome.UNKNOWN, reason=str(error)) for item in claim.messages], error
    except GatewayError as error:
        get_run_logger().warning("slice %d was not accepted: %s", claim.slice_no, error)
        return _not_accepted(claim.messages, str(error)), error


def _submit_again(gateway: Gateway, claim: Claim, is_late: bool) -> Answer:
    """Post an unknown slice again under its first key.

    An error speaks of this request only: the first one may have been accepted all the same, so all stays unknown.
    """
    if is_late:
        return [], None
    try:
        return gateway.submit(claim.messages, claim.request_key), None
    except GatewayError as error:
        get_run_logger().warning("slice %d is still unknown: %s", claim.slice_no, error)
        return [], error


def _not_accepted(messages: Sequence[OutgoingMessage], reason: str) -> list[SubmitOutcome]:
    return [SubmitOutcome(item.client_ref, Outcome.NOT_ACCEPTED, reason=reason) for item in messages]


def _settle_next(lease: Lease, gateway: Gateway) -> Step:
    """Ask for the unknown slice that may be asked for first, or wait for its time; DONE when there is none in reach."""
    with visit_store() as visit:
        extend_lease(visit, lease, settings().lease_seconds)
        waiting = sorted(unknown_slices(visit, lease.campaign_id), key=lambda row: row["ask_after"])
        at = visit.at
    if not waiting or gateway.manifest.resolution is Resolution.NEITHER:
        return Step.DONE
    first = waiting[0]
    seconds = (first["ask_after"] - at).total_seconds()
    if seconds > settings().settle_wait_seconds:
        return Step.DONE
    if seconds > 0:
        time.sleep(min(seconds, settings().lease_seconds / 3))
        return Step.WAITED
    return _ask_for(lease, gateway, first)


def _ask_for(lease: Lease, gateway: Gateway, unknown: dict[str, Any]) -> Step:
    """Settle one unknown slice: the same key again while the gateway remembers it, else by look-up."""
    started = _clock_that_counts_sleep()
    if gateway.manifest.resolution is Resolution.IDEMPOTENCY_KEY:
        with visit_store() as visit:
            age = (visit.at - unknown["claimed_at"]).total_seconds()
            is_remembered = age < gateway.manifest.key_life_seconds / 2
            claim = claim_again(visit, lease, unknown["slice_no"], claim_rules()) if is_remembered else None
        if claim is not None:
            return _submit_and_record(lease, gateway, claim, started, _submit_again)
    return _look_up(lease, gateway, unknown)


def _look_up(lease: Lease, gateway: Gateway, unknown: dict[str, Any]) -> Step:
    """Ask by reference; absence counts when it was seen before, a settling time ago."""
    slice_no = unknown["slice_no"]
    with visit_store(read_only=True) as visit:
        client_refs = open_client_refs(visit, lease, slice_no)
    found = gateway.look_up(client_refs)
    absent = [item for item in found if item.outcome is Outcome.NOT_ACCEPTED]
    with visit_store() as visit:
        ask_after = visit.at + timedelta(seconds=_settle_seconds(gateway))
        if absent and unknown["absent_count"] == 0:
            note_absence(visit, lease, slice_no, ask_after)
            return Step.WAITED
        counts = record(visit, lease, slice_no, found, ask_after)
    get_run_logger().info("slice %d looked up: %s", slice_no, counts)
    return Step.SENT


def _settle_seconds(gateway: Gateway) -> float:
    return max(settings().settle_seconds, gateway.manifest.look_up_lag_seconds)


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


def _clock_that_counts_sleep() -> float:
    """Return seconds that go on while the machine sleeps, so that a claim does not outlive its time unseen."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
