"""Tests of a campaign: its own texts, as real recipients will read them, to a few numbers of the team."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from prefect import get_run_logger, task
from prefect.runtime import flow_run

from sms.errors import CampaignError
from sms.msisdn import Number
from store.campaigns import find_campaign, note_event, refuse_standing
from store.credit import refuse_uncovered
from store.database import Transaction
from tasks.balance import read_balance
from tasks.house import tariff_of, visit_store
from tasks.lock_pages import tested_page
from tasks.names import typed_number
from tasks.notice import own_message, plan_rows
from tasks.publish import publish

KIND = "test"
MOST_NUMBERS = 10


@task
def plan_test(campaign: str, numbers: Sequence[str], actor: str) -> str:
    """Plan one message for each number, in their order; return the gateway.

    The first number gets the text of the dearest message of the recap, the next ones those of the longest, the
    shortest, and others. The same run plans only once: its Retry sends nothing again.

    Raises:
        CampaignError: a wrong number, or too many; no such campaign, or none of its messages; or no credit for it.
    """
    own_numbers = _own_numbers(numbers)
    with visit_store(read_only=True) as visit:
        gateway = str(find_campaign(visit, campaign)["gateway"])
    tariff = tariff_of(gateway)
    read_balance(gateway)
    origin = _origin()
    with visit_store() as visit:
        found = find_campaign(visit, campaign)
        refuse_standing(found)
        if found["state"] in ("cancelled", "finished"):
            raise CampaignError(f"campaign {campaign} is {found['state']}; there is nothing left to test")
        if visit.value("message.has_origin", kind=KIND, origin=origin):
            get_run_logger().info("this run has planned its tests before: nothing is sent again")
            return gateway
        first_id = int(visit.value("message.next_recipient_id", kind=KIND, gateway=gateway))
        rows = [
            own_message(recipient_id, number, text, found["sender_id"], tariff, origin)
            for recipient_id, (number, text) in enumerate(
                zip(own_numbers, _real_texts(visit, found, len(own_numbers)), strict=True), start=first_id
            )
        ]
        price = sum((Decimal(row["price"]) for row in rows), Decimal())
        refuse_uncovered(visit, gateway, f"the test of {campaign}", price)
        plan_rows(visit, KIND, gateway, rows)
        detail = f"numbers: {len(own_numbers)}; {origin}"
        note_event(visit, found["campaign_id"], "tested", found["version"], actor, detail)
    get_run_logger().info("%s: %d test messages planned", campaign, len(rows))
    return gateway


@task
def publish_test(campaign: str) -> str:
    """Publish what became of the run's test messages, and return the page."""
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, campaign)
        messages = visit.rows("message.of_origin", kind=KIND, origin=_origin())
    page = tested_page(found, messages, tariff_of(found["gateway"]).unit)
    publish(f"test-{campaign}", page, f"Test of {campaign}")
    return page


def _origin() -> str:
    """Return what marks the messages of this run, also when it is run again."""
    return f"run {flow_run.id}"


def _own_numbers(numbers: Sequence[str]) -> list[Number]:
    if not 1 <= len(numbers) <= MOST_NUMBERS:
        raise CampaignError(f"a test goes to 1 to {MOST_NUMBERS} numbers, not to {len(numbers)}")
    return [typed_number(position, raw) for position, raw in enumerate(numbers, start=1)]


def _real_texts(visit: Transaction, campaign: dict[str, Any], count: int) -> list[str]:
    """Return so many texts of a campaign's messages, different ones first; a text comes again when there are fewer."""
    rows = visit.rows("message.telling", campaign_id=campaign["campaign_id"], count=count)
    texts = list(dict.fromkeys(row["text"] for row in rows))
    if not texts:
        raise CampaignError(f"campaign {campaign['name']} has no message to test; prepare it with recipients")
    return [texts[position % len(texts)] for position in range(count)]
