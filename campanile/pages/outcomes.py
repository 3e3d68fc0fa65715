"""Pages of runs for which no campaign or list has a page: what the run did, and the next steps."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from campanile.pages.words import grouped_by_value
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.sms.text.formatting import amount_text
from schemas.inbound_rows import ReplyCount, UnknownWord


def outcome_page(title: str, line: str, links: Sequence[RunLink]) -> str:
    """Return the page of a run: its final line, and the next steps."""
    return render("outcome", title=title, line=line, steps=links)


def replies_page(
    gateway: str, replies: Sequence[ReplyCount], links: Sequence[RunLink], files: Sequence[str] = ()
) -> str:
    """Return the page of a gateway's replies, with the decision on the automatic answer, and a line per file read."""
    return render("replies", title=f"Replies of {gateway}", replies=replies, files=files, steps=links)


def reports_page(
    gateway: str, moved: Mapping[str, int], unknown_words: Sequence[UnknownWord], links: Sequence[RunLink]
) -> str:
    """Return the page of the newest delivery reports: messages by their new state, and words in no table."""
    title = f"Delivery reports of {gateway}"
    moves = sorted(moved.items())
    return render("delivery_reports", title=title, moved=moves, unknown_words=unknown_words, steps=links)


def auto_responder_page(
    line: str,
    responder: AutoResponder,
    prices: Mapping[str, Decimal],
    unit: str,
    links: Sequence[RunLink],
    zone: ZoneInfo,
) -> str:
    """Return the page of the auto-responder's settings; ``prices`` of one answer, in ``unit``, by territory."""
    return render(
        "auto_responder",
        title="Auto-responder",
        line=line,
        responder=responder,
        prices=grouped_by_value({territory: amount_text(price, unit) for territory, price in prices.items()}),
        steps=links,
        zone=zone,
    )


def stopped_page(line: str, paused_count: int, links: Sequence[RunLink]) -> str:
    """Return the page of stop-everything: what was paused, and how each campaign is resumed."""
    return render("stopped", title="Everything is stopped", line=line, paused_count=paused_count, steps=links)


def opt_out_page(number: str, is_new: bool, links: Sequence[RunLink]) -> str:
    """Return the page of a recorded opt-out."""
    return render("opt_out", title="Opt-out recorded", number=number, is_new=is_new, steps=links)
