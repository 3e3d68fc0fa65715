"""Test messages: texts of a campaign, as its recipients will get them, to a few numbers of the team."""

from collections.abc import Sequence
from decimal import Decimal

from campanile.services.billing.balance import read_balance
from campanile.services.context import Context
from campanile.services.input_checks import typed_number
from campanile.services.sending.system_messages import make_system_message, plan_rows
from campanile.sms.errors import CampaignError
from campanile.sms.numbers.msisdn import Number
from campanile.sms.states import CampaignKind, CampaignState
from campanile.store.billing.credit import check_credit
from campanile.store.campaigns.campaigns import check_not_standing, find_campaign, note_event
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign

KIND = CampaignKind.TEST
MAX_NUMBERS = 10


def plan_test(context: Context, campaign: str, numbers: Sequence[str], actor: str, origin: str) -> str:
    """Plan one message for each number, in their order; return the gateway.

    The first number gets the text of the most expensive message of the recap, the next ones those of the longest, the
    shortest, and others. Each origin plans once: the Retry of a run sends nothing again.

    Args:
        context: the context.
        campaign: its name.
        numbers: one to ten numbers, as they were typed.
        actor: the person who tests it.
        origin: the mark of the messages of this test.

    Raises:
        CampaignError: a wrong number, or too many; no such campaign, or none of its messages; or no credit for it.
    """
    own_numbers = _own_numbers(context, numbers)
    with context.transaction(read_only=True) as tx:
        gateway = str(find_campaign(tx, campaign).gateway)
    tariff = context.tariff(gateway)
    read_balance(context, gateway)
    with context.transaction() as tx:
        found = find_campaign(tx, campaign)
        check_not_standing(found)
        if found.state in (CampaignState.CANCELLED, CampaignState.FINISHED):
            raise CampaignError(f"campaign {campaign} is {found.state}; its texts cannot be tested any more")
        if tx.value("message.has_origin", kind=KIND, origin=origin):
            context.log.info("this run has planned its tests before: nothing is sent again")
            return gateway
        first_id = int(tx.value("message.next_recipient_id", kind=KIND, gateway=gateway))
        rows = [
            make_system_message(recipient_id, number, text, found.sender_id, tariff, origin)
            for recipient_id, (number, text) in enumerate(
                zip(own_numbers, _real_texts(tx, found, len(own_numbers)), strict=True), start=first_id
            )
        ]
        price = sum((Decimal(row.price) for row in rows), Decimal())
        check_credit(tx, gateway, f"the test of {campaign}", price)
        plan_rows(context, tx, KIND, gateway, rows)
        detail = f"numbers: {len(own_numbers)}; {origin}"
        note_event(tx, found.campaign_id, "tested", found.version, actor, detail)
    context.log.info("%s: %d test messages planned", campaign, len(rows))
    return gateway


def _own_numbers(context: Context, numbers: Sequence[str]) -> list[Number]:
    if not 1 <= len(numbers) <= MAX_NUMBERS:
        raise CampaignError(f"a test goes to 1 to {MAX_NUMBERS} numbers, not to {len(numbers)}")
    return [typed_number(context, position, raw) for position, raw in enumerate(numbers, start=1)]


def _real_texts(tx: Transaction, campaign: Campaign, count: int) -> list[str]:
    """Return so many texts of the messages of a campaign, different ones first; repeated when there are fewer."""
    texts = list(dict.fromkeys(tx.values("message.telling", campaign_id=campaign.campaign_id, count=count)))
    if not texts:
        raise CampaignError(f"campaign {campaign.name} has no message to test; prepare it with recipients")
    return [texts[position % len(texts)] for position in range(count)]
