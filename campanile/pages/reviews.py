"""Doubtful replies: a page that lists them, and a colleague's decision on one."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from schemas.inbound_rows import DoubtfulReply


def doubtful_page(replies: Sequence[DoubtfulReply], links: Mapping[int, Sequence[RunLink]], zone: ZoneInfo) -> str:
    """Return the page of doubtful replies, each with its ``links``, by its id."""
    count = replies[0].doubtful_count if replies else 0
    return render("reviews", replies=replies, count=count, steps=links, zone=zone)
