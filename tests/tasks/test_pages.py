"""Pages: whatever a partner, a reply or a gateway wrote stays text, and no number is shown whole."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.house import amount_text
from tasks.pages import progress_page, recap_page, table
from tasks.publish import artifact_key

PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def recap_view(**changes: Any) -> dict[str, Any]:
    view: dict[str, Any] = {
        "campaign": {"name": "soldes", "sender_id": "MABOUTIQUE"},
        "recap": {
            "version": 2,
            "recap_hash": "0123456789abcdef",
            "message_count": 3,
            "segment_count": 4,
            "exclusion_count": 1,
            "audience_count": 4,
            "total_price": Decimal("0.180000"),
            "unit": "EUR",
        },
        "header": {
            "text": "Bonjour {first_name}",
            "due_at": "leaves as soon as it is approved",
            "policy": "fr-strict",
            "policy_valid_from": "2026-03-01",
            "alsace_moselle": "all_mainland",
            "stop_mentions": "STOP au 36180",
            "replies": "nobody can answer",
        },
        "exclusions": [{"reason": "opted_out", "contact_count": 1}],
        "territories": [{"territory": "FR", "message_count": 3, "segment_count": 4, "price": Decimal("0.18")}],
        "encodings": [{"encoding": "GSM-7", "segment_count": 1, "message_count": 3}],
        "previews": [
            {
                "which": "longest",
                "msisdn": "+33612345678",
                "text": "Bonjour",
                "segment_count": 1,
                "price": Decimal("0.045"),
            }
        ],
        "windows": [{"window_key": "FR", "message_count": 3, "opens_at": AT, "closes_at": AT}],
        "credit": {"available": Decimal("10"), "committed": Decimal("2"), "balance": Decimal("10"), "unit": "EUR"},
    }
    return view | changes


def test_the_recap_says_who_what_how_much_when_and_the_hash() -> None:
    page = recap_page(recap_view(), PARIS, "Rehearsal")
    for words in (
        "3 messages, 4 segments, 0.18 EUR",
        "`01234567`",
        "4 contacts = 3 messages + 1 left out",
        "Mon 2026-11-23 08:00",
        "7.82 EUR left after this one",
        "fr-strict of 2026-03-01",
        "approve-campaign",
        "Rehearsal",
    ):
        assert words in page, words


def test_missing_money_is_said_and_so_is_a_balance_never_read() -> None:
    poor = {"available": Decimal("0.1"), "committed": Decimal("0"), "balance": Decimal("0.1"), "unit": "EUR"}
    assert "0.08 EUR **missing for this one**" in recap_page(recap_view(credit=poor), PARIS, "")
    assert "never read" in recap_page(recap_view(credit=None), PARIS, "")


def test_numbers_are_masked() -> None:
    assert "+33612345678" not in recap_page(recap_view(), PARIS, "")
    assert "+336****5678" in recap_page(recap_view(), PARIS, "").replace("\\", "")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a | b", id="a pipe would make a column"),
        pytest.param("line\nbreak", id="a line break would end the row"),
        pytest.param("<script>alert(1)</script>", id="a tag"),
        pytest.param("[click](http://example.org)", id="a link"),
        pytest.param("![x](http://example.org/x.png)", id="an image"),
        pytest.param("`code` **bold** _it_", id="marks"),
        pytest.param("\x1b[31mred", id="control characters"),
    ],
)
def test_user_text_stays_one_inert_cell(text: str) -> None:
    (_, _, row) = table(["text"], [[text]]).split("\n")
    inner = row.removeprefix("| ").removesuffix(" |")
    for sign in "|<>[]`*_":
        for position, found in enumerate(inner):
            if found == sign:
                assert inner[position - 1] in "\\&;" or inner[position - 1 : position] == "\\", (
                    f"{sign} is live in {row}"
                )
    assert "\x1b" not in row


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_a_table_has_one_line_a_row_whatever_the_cells_hold(cells: list[str]) -> None:
    lines = table(["x"] * len(cells), [cells]).splitlines()
    assert len(lines) == 3
    unescaped = lines[2].replace("\\\\", "").replace("\\|", "")
    assert unescaped.count("|") == len(cells) + 1


def test_progress_counts_what_is_settled() -> None:
    states = [
        {"state": "accepted", "message_count": 75, "segment_count": 75},
        {"state": "planned", "message_count": 25, "segment_count": 25},
    ]
    campaign = {"name": "soldes", "state": "parked", "state_reason": None, "due_at": AT}
    page = progress_page(campaign, states, PARIS)
    assert "parked, 75 % done" in page
    assert "Goes on at Mon 2026-11-23 08:00" in page


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        pytest.param("0.045", "0.045 EUR", id="a price keeps its thousandths"),
        pytest.param("12.5", "12.50 EUR", id="two decimals at least"),
        pytest.param("1234567", "1 234 567.00 EUR", id="thousands apart"),
        pytest.param("0", "0.00 EUR", id="nothing"),
        pytest.param("1000", "1 000.00 EUR", id="round thousands are no exponents"),
    ],
)
def test_amounts_as_people_read_them(amount: str, words: str) -> None:
    assert amount_text(Decimal(amount), "EUR") == words


def test_keys_are_what_prefect_takes() -> None:
    assert artifact_key("import-opt_outs") == "import-opt-outs"
