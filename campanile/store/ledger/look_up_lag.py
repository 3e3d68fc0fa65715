"""The settling time of a gateway: how long after a post a look-up may miss a message that was accepted.

The manifest and the settings give it. A message that a later look-up missed, although it was accepted, proves that the
settling time must be longer: then it is raised, and stored for the gateway.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.campaigns.pause import pause_and_alert
from campanile.store.db.database import Transaction
from campanile.store.ledger.events import put_state
from schemas.campaign_rows import Campaign
from schemas.inbound_rows import GatewayState

#: The name of the learned settling time in the state of a gateway, and the kind of the alert about it.
SETTLE = "settle_seconds"
LATE = "late acceptance"
#: Why a message was put back after look-ups.
ABSENT = "look-ups found no trace of it"
#: The longest settling time: after it a person decides.
_LONGEST_SECONDS = 86400.0


class LateAcceptance(NamedTuple):
    """A message that was claimed, missed by a look-up at ``absent_at``, and accepted nevertheless."""

    claimed_at: datetime
    absent_at: datetime


def learned_seconds(tx: Transaction, gateway: str) -> float:
    """Return the settling time that was learned from late acceptances of a gateway; 0: there was none."""
    found = tx.find(GatewayState, "state.get", gateway=gateway, name=SETTLE)
    return 0.0 if found is None else float(found.value)


def raise_settling(tx: Transaction, gateway: str, seconds: float) -> bool:
    """Raise the settling time of a gateway, and look up absent messages again; return whether it was raised.

    Args:
        tx: the open transaction.
        gateway: the gateway whose look-up missed a message.
        seconds: the new settling time; one that is lower than the stored one changes nothing.
    """
    before, seconds = learned_seconds(tx, gateway), min(seconds, _LONGEST_SECONDS)
    if seconds <= before:
        return False
    put_state(tx, gateway, SETTLE, f"{seconds:.3f}")
    tx.run("slice.ask_later", gateway=gateway, microseconds=round((seconds - before) * 1_000_000))
    return True


def take_late(tx: Transaction, gateway: str, late: Sequence[LateAcceptance]) -> bool:
    """Raise the settling time after late acceptances, and alert; return whether it was raised.

    Campaigns in which other messages wait because they were found absent are paused: they may be accepted as well.
    """
    if not late:
        return False
    longest = max((item.absent_at - item.claimed_at).total_seconds() for item in late)
    if not raise_settling(tx, gateway, 2 * longest):
        return False
    line = (
        f"gateway {gateway} had accepted a message of which its look-ups showed no trace {longest:.1f} s after the "
        f"claim; absence counts after {learned_seconds(tx, gateway):.1f} s from now on. Messages that were sent "
        "again before may have been received twice: compare the exports of the campaigns with the gateway's bill"
    )
    clear_alert(tx, LATE, gateway)
    raise_alert(tx, LATE, gateway, line)
    for campaign_id in tx.values("campaign.holds_absent", gateway=gateway, absent=ABSENT):
        campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
        waits = f"other messages of {campaign.name} wait because they were found absent as well"
        pause_and_alert(tx, campaign, f"{line}; {waits}, and resume-campaign sends them again")
    return True


def late_reports(tx: Transaction) -> list[LateAcceptance]:
    """Return the messages taken as absent that the staged delivery reports prove accepted."""
    if not tx.value("report.has_absent"):
        return []
    return tx.select(LateAcceptance, "report.late", absent=ABSENT)
