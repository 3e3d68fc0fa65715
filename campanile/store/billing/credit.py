"""Check that the balance covers a price: the same rule for approvals and for tests."""

from decimal import Decimal

from campanile.sms.errors import CampaignError
from campanile.sms.text.formatting import amount_text
from campanile.store.billing.balance import credit_left
from campanile.store.db.database import Transaction


def check_credit(tx: Transaction, gateway: str, what: str, price: Decimal, *, is_emergency: bool = False) -> None:
    """Refuse a price that the balance does not cover besides what approved campaigns still need.

    Args:
        tx: the open transaction.
        gateway: the gateway with the balance.
        what: the name of what has this price, for the error.
        price: in the unit of the balance.
        is_emergency: the credit committed to marketing may be used; only the credit that alerts need is kept.

    Raises:
        CampaignError: the balance is too low, or was never read.
    """
    credit = credit_left(tx, gateway)
    if credit is None:
        raise CampaignError(f"the balance of gateway {gateway} was never read; run check-balance, then try again")
    kept = credit.committed_to_alerts if is_emergency else credit.committed
    amounts = price, credit.available, kept, price + kept - credit.available
    if amounts[-1] > 0:
        costs, available, committed, missing = (amount_text(amount, credit.unit) for amount in amounts)
        others = "other alerts" if is_emergency else "approved campaigns"
        raise CampaignError(
            f"{what} costs {costs}; {available} are available on {gateway}, {committed} of them committed to {others}: "
            f"{missing} are missing"
        )
