"""The page of doubtful replies: the escaped text, and how to settle each."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from campanile.pages.reviews import doubtful_page
from campanile.pages.run_links import RunLink
from schemas.inbound_rows import DoubtfulReply

PARIS = ZoneInfo("Europe/Paris")


def row(reply_id: int, text: str, count: int = 1, **changes: Any) -> DoubtfulReply:
    found = {
        "reply_id": reply_id,
        "sender": "+33612345678",
        "text": text,
        "received_at": datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
        "campaign": "soldes",
        "doubtful_count": count,
    }
    return DoubtfulReply(**(found | changes))


def links(*reply_ids: int) -> dict[int, list[RunLink]]:
    return {reply_id: [RunLink("Lift", "no refusal.", f"http://ui/{reply_id}", "")] for reply_id in reply_ids}


def test_without_any_it_says_so() -> None:
    assert doubtful_page([], {}, PARIS).startswith("# No doubtful replies\n")


def test_each_reply_with_its_links_and_without_its_number() -> None:
    page = doubtful_page([row(12, "Stop ? rappelez le 06 12 34 56 78\n# rien", campaign=None)], links(12), PARIS)
    assert "# 1 doubtful reply\n" in page
    assert "## Reply 12\n\n+336" in page
    assert "Tue 2026-11-24 10:00 (Europe/Paris):" in page
    assert "612345678" not in page.replace(" ", "")
    assert "\n# rien" not in page, "a text makes no heading"
    assert "- **[Lift](http://ui/12)**: no refusal." in page


def test_more_than_one_page_holds() -> None:
    page = doubtful_page([row(1, "stop ?", 70), row(2, "stop ?", 70)], links(1, 2), PARIS)
    assert "# 70 doubtful replies\n" in page
    assert "These are the oldest 2; the others follow when these are settled." in page
