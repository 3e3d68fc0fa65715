"""System messages, which Campanile writes itself: alerts to the team, automatic answers, tests; in the same ledger."""

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from campanile.services.context import Context
from campanile.services.sending.throughput import pace_of
from campanile.sms.numbers.msisdn import Number, parse_number
from campanile.sms.rules.tariff import Tariff
from campanile.sms.states import CampaignKind, CampaignState
from campanile.sms.text.segments import count_segments
from campanile.store.campaigns.campaigns import set_state
from campanile.store.campaigns.writer import add_messages, standing_campaign
from campanile.store.db.database import Transaction
from schemas.ledger_rows import SystemMessage


def plan_notices(
    context: Context, tx: Transaction, gateway: str, tariff: Tariff, alert_id: int, numbers: Sequence[str], text: str
) -> None:
    """Plan an alert as one SMS to each of these numbers of the team."""
    parsed = [parse_number(raw, context.settings.region) for raw in numbers]
    recipients = [(alert_id * 1000 + rank, number) for rank, number in enumerate(parsed, start=1)]
    plan_system_messages(context, tx, CampaignKind.NOTICE, gateway, tariff, recipients, text)


def plan_system_messages(
    context: Context,
    tx: Transaction,
    kind: str,
    gateway: str,
    tariff: Tariff,
    recipients: Sequence[tuple[int, Number]],
    text: str,
    origin: str = "campanile",
) -> None:
    """Plan one text for each (recipient_id, number), under the sender id of automatic answers; ``origin`` says why."""
    sender_id = context.settings.reply_sender_id
    rows = [make_system_message(key, number, text, sender_id, tariff, origin) for key, number in recipients]
    plan_rows(context, tx, kind, gateway, rows)


def plan_rows(context: Context, tx: Transaction, kind: str, gateway: str, rows: Sequence[SystemMessage]) -> None:
    """Add messages to the standing campaign of a kind, due at once.

    A recipient_id that was planned before is an error of the primary key: nothing is planned twice.
    """
    if not rows:
        return
    campaign_id = standing_campaign(tx, kind, gateway).campaign_id
    first_slice_no = int(tx.value("slice.next_no", campaign_id=campaign_id))
    size = pace_of(context.settings, context.manifest(gateway)).slice_size
    slice_nos = [first_slice_no + position // size for position in range(len(rows))]
    add_messages(tx, campaign_id, pd.DataFrame(rows).assign(slice_no=slice_nos), first_slice_no)
    set_state(tx, campaign_id, CampaignState.SENDING, tx.at - timedelta(seconds=1), None)


def make_system_message(
    recipient_id: int, number: Number, text: str, sender_id: str, tariff: Tariff, origin: str = "campanile"
) -> SystemMessage:
    """Return one message at its normal price.

    Raises:
        ConfigurationError: the tariff has no price for the number's territory.
    """
    parts = count_segments(text)
    return SystemMessage(
        recipient_id=recipient_id,
        number_id=number.number_id,
        msisdn=number.msisdn,
        text=text,
        encoding=parts.encoding,
        sender_id=sender_id,
        segment_count=parts.segment_count,
        price=str(tariff.price(number.territory) * parts.segment_count),
        territory=number.territory,
        window_key=number.territory,
        origin=origin,
    )
