"""A store that may be older than the gateway: restored from a copy, without its log, or the one of another machine.

What it believes to be waiting may have been sent. So each message that waits or is in flight becomes unknown, as if a
sender had died with it: the gateway is asked by look-up, and what it does not know twice waits again. Where it cannot
be asked, a person decides. Until a person has confirmed, nothing is claimed at all.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from campanile.sms.errors import CampaignError
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.commit_number import Reconciliation
from campanile.store.db.database import Transaction
from campanile.store.inbound.inbound import rewind_cursors
from campanile.store.ledger.claim_checks import ClaimRules
from schemas.gateway import OutgoingMessage
from schemas.rows import Campaign

_REASON = "it may have been sent before the store was restored"
#: The histories whose STOPs may be missing.
_STOPS = ("replies", "opt_outs")


def doubt_everything(tx: Transaction, rules: ClaimRules) -> int:
    """Make unknown what may have been sent, once a reconciliation; return how many messages.

    The STOPs of every gateway are read again from the beginning. Sessions of senders that still run are fenced off, and
    the gateway is asked only when nothing of theirs can arrive any more.
    """
    found = tx.reconciliation
    if found is None or found.doubted_at is not None:
        return 0
    campaign_ids = [row["campaign_id"] for row in tx.rows("doubt.open_campaigns")]
    wait = timedelta(seconds=rules.claim_seconds + rules.deadline_seconds + rules.settle_seconds)
    count = _doubt(tx, campaign_ids, found.missing_since, tx.at + wait)
    for gateway in gateways_in_use(tx):
        rewind_cursors(tx, gateway, _STOPS)
    tx.run("store_state.set_doubted", at=tx.at)
    return count


def doubt_approved(tx: Transaction, campaign: Campaign) -> int:
    """Make the messages of a campaign unknown that is approved, and that is older than the last reconciliation.

    The life that was lost may have approved and sent it. Return how many messages: 0 for a campaign made since.
    """
    state = tx.one("store_state.get")
    if state["reconcile_since"] is None or campaign.created_at > state["reconcile_since"]:
        return 0
    return _doubt(tx, [campaign.campaign_id], state["missing_since"], tx.at)


def untried_messages(tx: Transaction, campaign_id: int, most: int) -> list[OutgoingMessage]:
    """Return the first messages of each place that were never handed over, ``most`` of them at most."""
    rows = tx.rows("doubt.probe", campaign_id=campaign_id, most=most)
    return [OutgoingMessage(**row) for row in rows]


def require_tried(tx: Transaction, gateway: str) -> None:
    """Begin a reconciliation when a gateway reports on a message that was never handed over from here."""
    found = tx.row("report.of_untried", gateway=gateway)
    if found is not None:
        tx.begin_reconciliation(
            f"gateway {gateway} reports on message {found['gateway_message_id']}, which waits here and was never sent"
        )


def confirm_reconciled(tx: Transaction, actor: str, reason: str) -> Reconciliation:
    """End a reconciliation by a person's word, so that messages are claimed again; return it as it was.

    Raises:
        CampaignError: there is none, or its messages or STOPs have not been looked at yet.
    """
    found = tx.reconciliation
    if found is None:
        raise CampaignError("the store agrees with its mark: there is nothing to confirm")
    if found.doubted_at is None:
        raise CampaignError("what may have been sent was not looked for yet; run reconcile-store without a name first")
    unread = _unread_histories(tx, found.doubted_at)
    if unread:
        raise CampaignError(
            f"STOPs that the store may have lost were not read yet: {', '.join(unread)}; run process-replies for each "
            "of these gateways, then confirm"
        )
    tx.run("store_state.confirm")
    put_setting(tx, "reconciled", {"reason": reason, "found": found.reason}, actor)
    return found


def campaigns_in_doubt(tx: Transaction) -> list[dict[str, Any]]:
    """Return the campaigns that a person must know of before they confirm, oldest first.

    ``campaign_id``, ``name``, ``kind``, ``state``, ``gateway``, ``due_at``, ``planned_count``, ``unknown_count``.
    """
    return tx.rows("doubt.campaigns")


def gateways_in_use(tx: Transaction) -> list[str]:
    """Return the gateways that a campaign was ever made for."""
    return [row["gateway"] for row in tx.rows("doubt.gateways")]


def _unread_histories(tx: Transaction, since: datetime) -> list[str]:
    unread = []
    for gateway in gateways_in_use(tx):
        read_at = {row["name"]: row["changed_at"] for row in tx.rows("state.of", gateway=gateway)}
        unread += [f"{name} of {gateway}" for name in _STOPS if name not in read_at or read_at[name] < since]
    return unread


def _doubt(tx: Transaction, campaign_ids: Sequence[int], posted_since: datetime, ask_after: datetime) -> int:
    at, ids = tx.at, list(campaign_ids)
    # The fence grows past any that a sender of the lost life may hold: seconds count faster than take-overs.
    fence = int(at.timestamp())
    tx.run("doubt.reserve", campaign_ids=ids, at=at)
    first_event_id = tx.value("event.next_id")
    count = tx.run("doubt.add_events", campaign_ids=ids, first_event_id=first_event_id, reason=_REASON, at=at)
    tx.run("doubt.make_slices_unknown", campaign_ids=ids, posted_since=posted_since, ask_after=ask_after)
    tx.run("doubt.fence_off", campaign_ids=ids, fence=fence, at=at)
    tx.run("doubt.add_leases", campaign_ids=ids, fence=fence)
    return count
