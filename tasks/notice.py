"""Messages that Campanile writes by itself: alerts to the team, automatic answers. Same ledger, same protocol."""

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
    """Add one message for each (recipient_id, number) to the standing campaign of a kind, due at once.

    The primary key makes a recipient_id that was planned before an error: nothing is planned twice.
    """
    if not recipients:
        return
    campaign = standing_campaign(visit, kind, gateway)
    campaign_id = campaign["campaign_id"]
    first_slice_no = int(visit.value("slice.next_no", campaign_id=campaign_id))
    rows = [_row(recipient_id, number, text, tariff, first_slice_no) for recipient_id, number in recipients]
    add_messages(visit, campaign_id, pd.DataFrame(rows), first_slice_no)
    set_state(visit, campaign_id, "sending", visit.at - timedelta(seconds=1), None)


def _row(recipient_id: int, number: Number, text: str, tariff: Tariff, slice_no: int) -> dict[str, Any]:
    parts = count_segments(text)
    return {
        "recipient_id": recipient_id,
        "number_id": number.number_id,
        "msisdn": number.msisdn,
        "text": text,
        "encoding": parts.encoding,
        "sender_id": settings().reply_sender_id,
        "segment_count": parts.segment_count,
        "price": str(tariff.price(number.territory) * parts.segment_count),
        "territory": number.territory,
        "window_key": number.territory,
        "slice_no": slice_no,
        "origin": "campanile",
        "import_id": None,
        "row_number": None,
    }
