"""Charges: the amounts that a gateway reports as charged are stored and compared with the recap."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

import pandas as pd

from campanile.sms.states import CreditKind
from campanile.sms.text.formatting import amount_text, count_text
from campanile.store.billing.alerts import raise_alert
from campanile.store.db.database import Transaction
from campanile.store.ledger.events import add_credit
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import ChargedMessage, ChargeTotals


@dataclass(frozen=True, slots=True)
class PriceRules:
    """How far a charge may differ from the recap: the unit of the prices, and two shares of the recap's price.

    A difference of more than ``tolerance``, up or down, raises an alert; one above ``limit`` pauses the campaign.
    """

    unit: str
    tolerance: Decimal
    limit: Decimal


def note_charges(
    tx: Transaction, campaign: Campaign, messages: Sequence[ChargedMessage], rules: PriceRules
) -> str | None:
    """Write the charges of accepted messages; return why the campaign must be paused, or None.

    The difference to the captured credit is adjusted first, slice by slice; then the totals are compared.

    Args:
        tx: the open transaction; the captures of these messages are written.
        campaign: its row.
        messages: the messages with their charges.
        rules: which differences are allowed.
    """
    gateway, name = campaign.gateway, campaign.name
    strange = sorted({message.charge.unit for message in messages} - {rules.unit})
    changed = [message for message in messages if message.charge.unit == rules.unit and deviates(message, rules)]
    if changed:
        _write(tx, campaign, changed)
    if strange:
        return (
            f"gateway {gateway} charged messages of {name} in {', '.join(strange)}, and its prices are in "
            f"{rules.unit}: they cannot be compared. Correct the tariff or the account, then run resume-campaign"
        )
    return _compared(tx, campaign, rules) if changed else None


def deviates(message: ChargedMessage, rules: PriceRules) -> bool:
    """Return whether a charge differs from the stored values of its message: amount, unit or number of segments."""
    charge = message.charge
    if charge.unit != rules.unit or charge.amount != _known_amount(message):
        return True
    return message.charged_before is None and charge.segment_count not in (None, message.segment_count)


def _known_amount(message: ChargedMessage) -> Decimal:
    return message.price if message.charged_before is None else message.charged_before


def _write(tx: Transaction, campaign: Campaign, changed: Sequence[ChargedMessage]) -> None:
    kept = [
        {
            "campaign_id": campaign.campaign_id,
            "recipient_id": message.recipient_id,
            "slice_no": message.slice_no,
            "amount": str(message.charge.amount),
            "segment_count": message.charge.segment_count or message.segment_count,
        }
        for message in changed
    ]
    tx.run_staged("charge.put", pd.DataFrame(kept), at=tx.at)
    for slice_no, group in groupby(sorted(changed, key=attrgetter("slice_no")), attrgetter("slice_no")):
        differences = (message.charge.amount - _known_amount(message) for message in group)
        add_credit(tx, campaign, slice_no, CreditKind.ADJUST, sum(differences, Decimal(0)))


def _compared(tx: Transaction, campaign: Campaign, rules: PriceRules) -> str | None:
    """Alert when the charges of a campaign differ from its recap; return why it must be paused, or None."""
    gateway, name = campaign.gateway, campaign.name
    captured, adjusted, segment_changes = tx.get(ChargeTotals, "charge.of_campaign", campaign_id=campaign.campaign_id)
    share = adjusted / captured if captured else Decimal(1)
    charged, planned = (amount_text(amount, rules.unit) for amount in (captured + adjusted, captured))
    line = f"gateway {gateway} charged {charged} for messages of {name} that cost {planned} by the recap ({share:+.1%})"
    if segment_changes:
        line += f", {count_text(segment_changes, 'message')} with another number of segments"
    if abs(share) > rules.tolerance or segment_changes:
        raise_alert(tx, f"price: {name}", gateway, f"{line}. Compare the tariff with the contract")
    if share <= rules.limit:  # guard: price-limit
        return None
    return (
        f"{line}, more than the {rules.limit:.0%} that SMS_PRICE_LIMIT_PERCENT allows. Compare the tariff with the "
        "contract; to continue at this price raise that setting, then run resume-campaign"
    )
