"""Messages that Campanile writes by itself: alerts to the team, answers, tests. Same ledger, same protocol."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from sms.msisdn import Number, parse_number
from sms.segments import count_segments
from sms.tariff import Tariff
from store.campaigns import set_state
from store.database import Transaction
from store.preparing import add_messages, standing_campaign
from tasks.house import manifest_of
from tasks.pacing import pace_of
from tasks.settings import settings


def plan_notices(visit: Transaction, gateway: str, tariff: Tariff, alert_id: int, text: str) -> None:
    """Plan an alert to each number of the team."""
    numbers = [parse_number(raw, settings().region) for raw in settings().alert_numbers]
    recipients = [(alert_id * 1000 + rank, number) for rank, number in enumerate(numbers, start=1)]
    plan_own_messages(visit, "notice", gateway, tariff, recipients, text)


def plan_own_messages(
    visit: Transaction,
    kind: str,
    gateway: str,
    tariff: Tariff,
    recipients: Sequence[tuple[int, Number]],
    text: str,
) -> None:
    """Plan one text for each (recipient_id, number), by the sender that Campanile answers with."""
    sender_id = settings().reply_sender_id
    rows = [own_message(recipient_id, number, text, sender_id, tariff) for recipient_id, number in recipients]
    plan_rows(visit, kind, gateway, rows)


def plan_rows(visit: Transaction, kind: str, gateway: str, rows: Sequence[dict[str, Any]]) -> None:
    """Add messages, made by ``own_message``, to the standing campaign of a kind, due at once.

    The primary key makes a recipient_id that was planned before an error: nothing is planned twice.
    """
    if not rows:
        return
    campaign_id = standing_campaign(visit, kind, gateway)["campaign_id"]
    first_slice_no = int(visit.value("slice.next_no", campaign_id=campaign_id))
    size = pace_of(manifest_of(gateway)).slice_size
    slice_nos = [first_slice_no + position // size for position in range(len(rows))]
    add_messages(visit, campaign_id, pd.DataFrame(rows).assign(slice_no=slice_nos), first_slice_no)
    set_state(visit, campaign_id, "sending", visit.at - timedelta(seconds=1), None)


def own_message(
    recipient_id: int, number: Number, text: str, sender_id: str, tariff: Tariff, origin: str = "campanile"
) -> dict[str, Any]:
    """Return one message at its normal price, as ``plan_rows`` takes it.

    Raises:
        ConfigurationError: the tariff has no price for the number's territory.
    """
    parts = count_segments(text)
    return {
        "recipient_id": recipient_id,
        "number_id": number.number_id,
        "msisdn": number.msisdn,
        "text": text,
        "encoding": parts.encoding,
        "sender_id": sender_id,
        "segment_count": parts.segment_count,
        "price": str(tariff.price(number.territory) * parts.segment_count),
        "territory": number.territory,
        "window_key": number.territory,
        "origin": origin,
        "import_id": None,
        "row_number": None,
    }
