"""Copy the store, and reconcile a restored one: ask the gateway, then a person."""

from pathlib import Path

from campanile.pages.views import Doubt
from campanile.services.billing.alerts import alert
from campanile.services.context import Context
from campanile.services.inbound.sync import sync_opt_outs
from campanile.services.input_checks import require_actor, require_reason
from campanile.sms.errors import GatewayError
from campanile.sms.text.formatting import count_text
from campanile.store.billing.alerts import clear_alert
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.db.backup import back_up
from campanile.store.db.clock_check import distrust_ahead
from campanile.store.ledger.reconciliation import (
    campaigns_in_doubt,
    confirm_reconciled,
    doubt_everything,
    gateways_in_use,
    untried_messages,
)
from schemas.gateway import Batch, Gateway, Outcome

#: How many messages of a campaign are looked up before each of its runs.
_MAX_PROBED = 16
_ALERT = "store_in_doubt"


def copy_store(context: Context, folder: str | None = None) -> str:
    """Copy the store into ``folder``, or into a new folder of the backups; return one line.

    Raises:
        StoreError: the folder exists already, or the copy is damaged.
    """
    target = Path(folder) if folder else context.settings.backups / f"{context.now():%Y-%m-%dT%H%M%SZ}"
    found = context.settings
    copy = back_up(
        found.store_file, target, context.now, wait_seconds=found.store_wait_seconds, opt_out_key=found.opt_out_key
    )
    line = (
        f"{copy.folder} holds the store at commit {copy.sequence}, of {copy.committed_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({copy.size_bytes / 1_000_000:.1f} MB); the copy was opened and checked. docs/backup.md says how to restore "
        "it"
    )
    context.log.info(line)
    return line


def find_doubt(context: Context) -> Doubt | None:
    """Mark messages that may have been sent as unknown, and read the STOPs again; return the doubt, or None."""
    with context.transaction() as tx:
        if tx.reconciliation is None:
            return None
        gateways = gateways_in_use(tx)
        rules = [context.claim_rules(context.manifest(gateway)) for gateway in gateways or [context.settings.gateway]]
        count = doubt_everything(tx, max(rules, key=lambda rule: rule.settle_seconds))
    if count:
        context.log.warning("%s may have been sent and are looked up now", count_text(count, "message"))
    for gateway in gateways:
        _sync_opt_outs(context, gateway)
    with context.transaction() as tx:
        found, campaigns = tx.reconciliation, campaigns_in_doubt(tx)
    return None if found is None else Doubt(found, campaigns)


def confirm_doubt(context: Context, actor: str, reason: str) -> str:
    """End the reconciliation when a person confirms it; return one line.

    Raises:
        CampaignError: actor or reason is empty, no reconciliation is open, or STOPs were not read again.
    """
    actor, why = require_actor(actor), require_reason(reason)
    with context.transaction() as tx:
        confirm_reconciled(tx, actor, why)
        clear_alert(tx, _ALERT, context.settings.gateway)
    line = f"{actor} confirmed the store: messages are claimed again"
    context.log.info(line)
    return line


def find_lost_life(context: Context, campaign: str, gateway: Gateway) -> str | None:
    """Look up the next messages of a campaign; return why nothing may be sent, or None.

    If the gateway has one of them, store and mark were restored together, as with the snapshot of a whole machine.

    Raises:
        GatewayError: the gateway cannot be asked now.
    """
    if not gateway.manifest.looks_up_messages:
        return None
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        messages = untried_messages(tx, found.campaign_id, _MAX_PROBED)
    if not messages:
        return None
    since = min(moment for moment in (found.created_at, found.first_due_at) if moment is not None)
    outcomes = gateway.look_up(Batch(messages, f"probe-{messages[0].client_ref}", since))
    known = [item.gateway_message_id for item in outcomes if item.outcome is Outcome.ACCEPTED]
    if not known:  # guard: ask-before-run
        return None
    with context.transaction() as tx:
        name = gateway.manifest.gateway
        tx.begin_reconciliation(
            f"gateway {name} has message {known[0]} of {campaign}, which waits here and was never sent"
        )
        reason = tx.reconciliation
    return None if reason is None else reason.reason


def alert_doubt(context: Context) -> None:
    """Alert the team, once, when a reconciliation is open; called before campaigns are started."""
    with context.transaction() as tx:
        found = tx.reconciliation
    if found is not None:
        alert(
            context,
            _ALERT,
            context.settings.gateway,
            f"{found.reason}. Nothing is sent until a person has run reconcile-store",
        )


def distrust_clock(context: Context) -> None:
    """Look up what was posted while the clock was ahead; called before campaigns are started."""
    with context.transaction() as tx:
        count = distrust_ahead(tx, context.settings.clock_margin_seconds)
    if count:
        context.log.warning("the clock was set back: %s are looked up", count_text(count, "unknown slice"))


def _sync_opt_outs(context: Context, gateway: str) -> None:
    try:
        sync_opt_outs(context, gateway)
    except GatewayError as error:
        context.log.warning("STOPs of %s cannot be read now; the next process-replies does: %s", gateway, error)
