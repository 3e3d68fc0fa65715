"""Page of the messages with an unknown outcome, with the gateway's words; a person decides about them."""

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import UnknownMessage

_MAX_ROWS = 200


def unknowns_page(
    campaign: Campaign, messages: Sequence[UnknownMessage], links: Sequence[RunLink], unit: str, zone: ZoneInfo
) -> str:
    """Return the page of a campaign's messages with an unknown outcome."""
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
