"""What nobody knows and only a person can decide: listed with the gateway's words, and decided by name."""

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from schemas.ledger_rows import UnknownMessage
from schemas.rows import Campaign

_MAX_ROWS = 200


def unknowns_page(
    campaign: Campaign, messages: Sequence[UnknownMessage], links: Sequence[RunLink], unit: str, zone: ZoneInfo
) -> str:
    """Return the messages of a campaign whose fate nobody knows."""
    price = sum((message.price for message in messages), Decimal(0))
    return render(
        "unknowns",
        campaign=campaign,
        messages=messages,
        price=price,
        steps=links,
        unit=unit,
        zone=zone,
        max_rows=_MAX_ROWS,
    )
