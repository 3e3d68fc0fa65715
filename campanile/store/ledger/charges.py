"""What a gateway says that it charged, beside what the recap said: captured in full, and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from campanile.sms.text.formatting import amount_text, count_text
from campanile.store.billing.alerts import raise_alert
from campanile.store.db.database import Transaction
from campanile.store.ledger.events import add_credit
from schemas.gateway import Charge
from schemas.rows import Campaign


@dataclass(frozen=True, slots=True)
class PriceRules:
    """What a gateway may charge beside the recap: the unit of its prices, and two shares of what was to be charged.

    Beyond ``tolerance``, more or less, an alert is raised; above ``limit`` the campaign is paused.
    """

    unit: str
    tolerance: Decimal
    limit: Decimal


def note_charges(
    tx: Transaction, campaign: Campaign, rows: Sequence[Mapping[str, Any]], rules: PriceRules
) -> str | None:
    """Write what a gateway charged for messages of a campaign that it accepted; return why to pause it, or None.

    The difference to what was captured is adjusted, slice by slice, before any conclusion is drawn from it.

    Args:
        tx: the open transaction; the captures of these messages are written.
        campaign: its row.
        rows: one a message: ``recipient_id``, ``slice_no``, ``price`` and ``segment_count`` of the recap, ``charge`` (a
            ``Charge``) and, where one was written before, ``charged_before``.
        rules: what is allowed.
    """
    gateway, name = campaign.gateway, campaign.name
    strange = sorted({row["charge"].unit for row in rows} - {rules.unit})
    changed = [row for row in rows if row["charge"].unit == rules.unit and deviates(row, rules)]
    if changed:
        _write(tx, campaign, changed)
    if strange:
        return (
            f"gateway {gateway} charged messages of {name} in {', '.join(strange)}, and its prices are in "
            f"{rules.unit}: what it charged cannot be compared. Correct the tariff or the account, then resume-campaign"
        )
    return _compared(tx, campaign, rules) if changed else None


def deviates(row: Mapping[str, Any], rules: PriceRules) -> bool:
    """Tell whether a charge is not what is known of its message: another amount, unit or number of segments."""
    charge: Charge = row["charge"]
    before = row.get("charged_before")
    if charge.unit != rules.unit or charge.amount != Decimal(before or row["price"]):
        return True
    return before is None and charge.segment_count not in (None, row["segment_count"])


def _write(tx: Transaction, campaign: Campaign, changed: Sequence[Mapping[str, Any]]) -> None:
    kept = [
        {
            "campaign_id": campaign.campaign_id,
            "recipient_id": row["recipient_id"],
            "slice_no": row["slice_no"],
            "amount": str(row["charge"].amount),
            "segment_count": row["charge"].segment_count or row["segment_count"],
        }
        for row in changed
    ]
    tx.run_staged("charge.put", pd.DataFrame(kept), at=tx.at)
    for slice_no, group in groupby(sorted(changed, key=itemgetter("slice_no")), itemgetter("slice_no")):
        differences = (row["charge"].amount - Decimal(row.get("charged_before") or row["price"]) for row in group)
        add_credit(tx, campaign, int(slice_no), "adjust", sum(differences, Decimal(0)))


def _compared(tx: Transaction, campaign: Campaign, rules: PriceRules) -> str | None:
    """Raise an alert where a campaign was charged otherwise than its recap said; return why to pause it, or None."""
    gateway, name = campaign.gateway, campaign.name
    found = tx.one("charge.of_campaign", campaign_id=campaign.campaign_id)
    captured, adjusted = found["captured"], found["adjusted"]
    share = adjusted / captured if captured else Decimal(1)
    charged, planned = (amount_text(amount, rules.unit) for amount in (captured + adjusted, captured))
    line = f"gateway {gateway} charged {charged} for messages of {name} that cost {planned} by the recap ({share:+.1%})"
    if found["segment_changes"]:
        line += f", {count_text(found['segment_changes'], 'message')} with another number of segments"
    if abs(share) > rules.tolerance or found["segment_changes"]:
        raise_alert(tx, f"price: {name}", gateway, f"{line}. Compare the tariff with the contract")
    if share <= rules.limit:  # guard: price-limit
        return None
    return (
        f"{line}, more than the {rules.limit:.0%} that SMS_PRICE_LIMIT_PERCENT allows. Compare the tariff with the "
        "contract; to go on at this price raise that setting, then resume-campaign"
    )
