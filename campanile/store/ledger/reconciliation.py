"""Reconcile a store that may be older than the gateway: restored from a copy, without its log, from another machine.

Its planned messages may have been sent. So each message that is planned or in flight becomes unknown, as if its sender
had died: the gateway is asked by look-up, and a message that two look-ups do not find is planned again. If a gateway
cannot be asked, a person decides. Nothing is claimed until a person has confirmed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from campanile.sms.errors import CampaignError
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.commit_number import Reconciliation
from campanile.store.db.database import Transaction
from campanile.store.inbound.histories import rewind_cursors
from campanile.store.ledger.claim_checks import ClaimRules
from schemas.campaign_rows import Campaign
from schemas.gateway import OutgoingMessage
from schemas.inbound_rows import GatewayState
from schemas.ledger_rows import DoubtedCampaign, StoreState

_REASON = "it may have been sent before the store was restored"
#: The histories whose STOPs may be missing.
_STOPS = ("replies", "opt_outs")


def doubt_everything(tx: Transaction, rules: ClaimRules) -> int:
    """Mark messages that may have been sent as unknown, once for each reconciliation; return how many.

    The STOPs of every gateway are read again from the beginning. Senders that still run are fenced off, and the gateway
    is asked only when none of their posts can arrive any more.
    """
    found = tx.reconciliation
    if found is None or found.doubted_at is not None:
        return 0
    campaign_ids = tx.values("doubt.open_campaigns")
    wait = timedelta(seconds=rules.claim_seconds + rules.deadline_seconds + rules.settle_seconds)
    count = _doubt(tx, campaign_ids, found.missing_since, tx.at + wait)
    for gateway in gateways_in_use(tx):
        rewind_cursors(tx, gateway, _STOPS)
    tx.run("store_state.set_doubted", at=tx.at)
    return count


def doubt_approved(tx: Transaction, campaign: Campaign) -> int:
    """Mark the messages of an approved campaign as unknown if it is older than the last reconciliation.

    Return how many messages.

    The lost store may have approved and sent it.
    """
    state = tx.get(StoreState, "store_state.get")
    if state.reconcile_since is None or campaign.created_at > state.reconcile_since:
        return 0
    assert state.missing_since is not None, "each reconciliation sets it"
    return _doubt(tx, [campaign.campaign_id], state.missing_since, tx.at)


def untried_messages(tx: Transaction, campaign_id: int, most: int) -> list[OutgoingMessage]:
    """Return the first messages of each window key that were never posted, at most ``most``."""
    return tx.select(OutgoingMessage, "doubt.probe", campaign_id=campaign_id, most=most)


def require_tried(tx: Transaction, gateway: str) -> None:
    """Begin a reconciliation when a staged report of a gateway is on a message that was never posted from here."""
    message_id = tx.value("report.untried")
    if message_id is not None:
        tx.begin_reconciliation(
            f"gateway {gateway} reports on message {message_id}, which waits here and was never sent"
        )


def confirm_reconciled(tx: Transaction, actor: str, reason: str) -> Reconciliation:
    """End a reconciliation that a person confirms, so that messages are claimed again; return it as it was.

    Raises:
        CampaignError: there is none, or its messages or STOPs were not read yet.
    """
    found = tx.reconciliation
    if found is None:
        raise CampaignError("the store agrees with its mark: there is nothing to confirm")
    if found.doubted_at is None:
        raise CampaignError(
            "messages that may have been sent are not marked yet; run reconcile-store without a name first"
        )
    unread = _unread_histories(tx, found.doubted_at)
    if unread:
        raise CampaignError(
            f"STOPs that the store may have lost were not read yet: {', '.join(unread)}; run process-replies for each "
            "of these gateways, then confirm"
        )
    tx.run("store_state.confirm")
    put_setting(tx, "reconciled", {"reason": reason, "found": found.reason}, actor)
    return found


def campaigns_in_doubt(tx: Transaction) -> list[DoubtedCampaign]:
    """Return the campaigns that a person must check before they confirm, oldest first."""
    return tx.select(DoubtedCampaign, "doubt.campaigns")


def gateways_in_use(tx: Transaction) -> list[str]:
    """Return the gateways that have campaigns."""
    return tx.values("doubt.gateways")


def _unread_histories(tx: Transaction, since: datetime) -> list[str]:
    unread = []
    for gateway in gateways_in_use(tx):
        read_at = {row.name: row.changed_at for row in tx.select(GatewayState, "state.of", gateway=gateway)}
        unread += [f"{name} of {gateway}" for name in _STOPS if name not in read_at or read_at[name] < since]
    return unread


def _doubt(tx: Transaction, campaign_ids: Sequence[int], posted_since: datetime, ask_after: datetime) -> int:
    at, ids = tx.at, list(campaign_ids)
    # The new fence is above any that a sender of the lost store may hold: seconds grow faster than take-overs.
    fence = int(at.timestamp())
    tx.run("doubt.reserve", campaign_ids=ids, at=at)
    first_event_id = tx.value("event.next_id")
    count = tx.run("doubt.add_events", campaign_ids=ids, first_event_id=first_event_id, reason=_REASON, at=at)
    tx.run("doubt.make_slices_unknown", campaign_ids=ids, posted_since=posted_since, ask_after=ask_after)
    tx.run("doubt.fence_off", campaign_ids=ids, fence=fence, at=at)
    tx.run("doubt.add_leases", campaign_ids=ids, fence=fence)
    return count
