"""Pages of an approval and of a test."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from campanile.pages.views import ApprovedView
from campanile.pages.words import staying_words
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import MessageOfTest


def approval_page(approved: ApprovedView, actor: str, zone: ZoneInfo, links: Sequence[RunLink] = ()) -> str:
    """Return the page of an approval: who approved which recap, when it is sent, what is not sent, the next steps."""
    return render(
        "approval",
        campaign=approved.campaign,
        approved=approved,
        actor=actor,
        staying_count=approved.opted_out_count + approved.dead_count,
        staying=list(staying_words(approved)),
        steps=links,
        zone=zone,
    )


def tested_page(campaign: Campaign, messages: Sequence[MessageOfTest], unit: str) -> str:
    """Return the page of one test; ``messages`` in the order of the numbers typed."""
    return render("test", campaign=campaign, messages=messages, unit=unit)
