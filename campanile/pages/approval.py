"""The pages of what happens between a recap and its sending: approved, tested."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from campanile.pages.views import ApprovedView
from campanile.pages.words import staying_words
from schemas.ledger_rows import MessageOfTest
from schemas.rows import Campaign


def approval_page(approved: ApprovedView, actor: str, zone: ZoneInfo, links: Sequence[RunLink] = ()) -> str:
    """Return who approved which recap, when it leaves, how many of its messages stay behind, and what can follow."""
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
    """Return what became of the messages of one test; ``messages`` in the order of the numbers typed."""
    return render("test", campaign=campaign, messages=messages, unit=unit)
