"""Pages of an approval and a test: other people's text is escaped, and each message that is not sent is counted."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from campanile.pages import approval as lock_pages
from campanile.pages.views import ApprovedView
from campanile.sms.states import CampaignState, MessageState
from schemas.ledger_rows import MessageOfTest
from tests.rows import campaign, draft

PARIS = ZoneInfo("Europe/Paris")
CAMPAIGN = campaign(
    state=CampaignState.APPROVED,
    due_at=datetime(2026, 11, 24, 8, tzinfo=UTC),
    draft=draft(text="appelez le 01 23 45 67 89"),
)


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
    message = MessageOfTest("+33612345678", text, "GSM-7", 1, Decimal("0.045"), MessageState.ACCEPTED)
    page = lock_pages.tested_page(CAMPAIGN, [message], "EUR")
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
def test_what_is_not_sent_is_shown(opted_out_count: int, dead_count: int, line: str | None) -> None:
    leaves_at = datetime(2026, 11, 24, 8, tzinfo=UTC)
    approved = ApprovedView(CAMPAIGN, "1 510 messages, 118.61 EUR", leaves_at, opted_out_count, dead_count)
    page = lock_pages.approval_page(approved, "Ada", PARIS)
    assert "**1 510 messages, 118.61 EUR** at most, from Tue 2026-11-24 09:00 (Europe/Paris)." in page
    assert ("will not be sent" in page) == (line is not None)
    assert (line or "") in page
