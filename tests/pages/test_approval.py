"""Pages of an approval and a test: other people's text is escaped, and each message that is not sent is counted."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from campanile.pages import approval as lock_pages
from campanile.pages.views import ApprovedView, CampaignView, MessageOfTest, view_of
from schemas.draft import CampaignDraft

PARIS = ZoneInfo("Europe/Paris")
DRAFT = CampaignDraft(name="soldes", text="appelez le 01 23 45 67 89", sender_id="36180", actor="ada")
CAMPAIGN = {
    "name": "soldes",
    "state": "approved",
    "version": 2,
    "gateway": "sandbox",
    "recap_hash": "deadbeef" * 8,
    "due_at": datetime(2026, 11, 24, 8, tzinfo=UTC),
    "offer_ends_at": None,
    "state_reason": None,
    "stale_reason": None,
    "is_stopped": False,
    "draft": DRAFT,
}


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        pytest.param("# Soldes", "> \\# Soldes", id="a heading"),
        pytest.param("- 20 %", "> \\- 20 %", id="a list"),
        pytest.param("2. samedi", "> 2\\. samedi", id="a numbered list"),
        pytest.param("=====", "> \\=====", id="a rule"),
        pytest.param("Bonjour\n\n# Soldes", "> \\# Soldes", id="a second paragraph"),
        pytest.param("de 06 12 34 56 78", "> de 06\\*\\*\\*\\*\\*678", id="a number from a list"),
        pytest.param("appelez le 01 23 45 67 89", "> appelez le 01 23 45 67 89", id="a number in the draft's own text"),
    ],
)
def test_the_text_of_a_test_is_quoted(text: str, quoted: str) -> None:
    message = {
        "msisdn": "+33612345678",
        "state": "accepted",
        "encoding": "GSM-7",
        "segment_count": 1,
        "price": Decimal("0.045"),
        "text": text,
    }
    page = lock_pages.tested_page(view_of(CampaignView, CAMPAIGN), [view_of(MessageOfTest, message)], "EUR")
    assert page.splitlines()[-1] == quoted
    assert "612345678" not in page


@pytest.mark.parametrize(
    ("opted_out_count", "dead_count", "line"),
    [
        pytest.param(0, 0, None, id="none"),
        pytest.param(2, 0, "**2 of its messages will not be sent**: 2 after a STOP.", id="a STOP"),
        pytest.param(
            1200,
            3,
            "**1 203 of its messages will not be sent**: 1 200 after a STOP, 3 to a number that does not exist, as the "
            "operator reported.",
            id="both",
        ),
    ],
)
def test_what_stays_behind_is_told(opted_out_count: int, dead_count: int, line: str | None) -> None:
    approved = {
        "campaign": CAMPAIGN,
        "leaves_at": datetime(2026, 11, 24, 8, tzinfo=UTC),
        "figures": "1 510 messages, 118.61 EUR",
        "opted_out_count": opted_out_count,
        "dead_count": dead_count,
    }
    page = lock_pages.approval_page(view_of(ApprovedView, approved), "Ada", PARIS)
    assert "**1 510 messages, 118.61 EUR** at most, from Tue 2026-11-24 09:00 (Europe/Paris)." in page
    assert ("will not be sent" in page) == (line is not None)
    assert (line or "") in page
