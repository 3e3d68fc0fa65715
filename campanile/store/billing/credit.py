"""Check that the balance covers a price: the same rule for approvals and for tests."""

from decimal import Decimal

from campanile.sms.errors import CampaignError
from campanile.sms.text.formatting import amount_text
from campanile.store.billing.balance import credit_left
from campanile.store.db.database import Transaction
from schemas.billing_rows import NO_ANSWERS, AnswerForecast


def check_credit(
    tx: Transaction,
    gateway: str,
    what: str,
    price: Decimal,
    *,
    is_emergency: bool = False,
    answers: AnswerForecast = NO_ANSWERS,
) -> None:
    """Refuse a price that the balance does not cover besides what approved campaigns and automatic answers need.

    Args:
        tx: the open transaction.
        gateway: the gateway with the balance.
        what: the name of what has this price, for the error.
        price: in the unit of the balance.
        is_emergency: the credit committed to marketing may be used; only the credit that alerts need is kept.
        answers: what automatic answers will cost.

    Raises:
        CampaignError: the balance is too low, or was never read.
    """
    credit = credit_left(tx, gateway, answers)
    if credit is None:
        raise CampaignError(f"the balance of gateway {gateway} was never read; run check-balance, then try again")
    free = credit.free_for_emergency if is_emergency else credit.free
    amounts = price, credit.available, credit.available - free, price - free
    if amounts[-1] > 0:
        costs, available, committed, missing = (amount_text(amount, credit.unit) for amount in amounts)
        others = "other alerts" if is_emergency else "approved campaigns"
        others += " and expected answers" if credit.expected_answers and not is_emergency else ""
        raise CampaignError(
            f"{what} costs {costs}; {available} are available on {gateway}, {committed} of them committed to {others}: "
            f"{missing} are missing"
        )
