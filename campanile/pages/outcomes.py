"""The page that a run ends with where no campaign or list has one: what it did, and what can be done next."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.run_links import RunLink
from campanile.sms.rules.auto_reply import AutoResponder
from schemas.inbound_rows import ReplyCount


def outcome_page(title: str, line: str, links: Sequence[RunLink]) -> str:
    """Return what a run did, in the line that it ends with, and what can be done next."""
    return render("outcome", title=title, line=line, steps=links)


def replies_page(gateway: str, replies: Sequence[ReplyCount], links: Sequence[RunLink]) -> str:
    """Return what replies a gateway brought, and what was decided on answering them."""
    return render("replies", title=f"Replies of {gateway}", replies=replies, steps=links)


def reports_page(gateway: str, moved: Mapping[str, int], links: Sequence[RunLink]) -> str:
    """Return how many messages the newest delivery reports moved, by the state they came to."""
    title = f"Delivery reports of {gateway}"
    return render("delivery_reports", title=title, moved=sorted(moved.items()), steps=links)


def auto_responder_page(line: str, responder: AutoResponder, links: Sequence[RunLink], zone: ZoneInfo) -> str:
    """Return how the auto-responder is set."""
    title = "Auto-responder"
    return render("auto_responder", title=title, line=line, responder=responder, steps=links, zone=zone)


def stopped_page(line: str, paused_count: int, links: Sequence[RunLink]) -> str:
    """Return what was paused by the red button, and how each campaign is resumed."""
    return render("stopped", title="Everything is stopped", line=line, paused_count=paused_count, steps=links)


def opt_out_page(number: str, is_new: bool, links: Sequence[RunLink]) -> str:
    """Return that a person was opted out."""
    return render("opt_out", title="Opt-out recorded", number=number, is_new=is_new, steps=links)
