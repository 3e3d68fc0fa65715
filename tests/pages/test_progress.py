"""Pages: texts of a partner, a reply or a gateway are escaped, and every number is masked."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.pages.environment import shown_name
from campanile.pages.markdown import Markup, quotation, table
from campanile.pages.progress import progress_line, progress_page
from campanile.pages.views import view_of
from campanile.pages.words import in_zone
from campanile.sms.states import CampaignState
from campanile.store.ledger.run_lifecycle import Progress
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import StateCount
from tests import rows
from tests.rows import AT

PARIS = ZoneInfo("Europe/Paris")


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


def progress(**changes) -> Progress:
    known = dict.fromkeys(Progress._fields, 0) | {"total": 100, "accepted": 75, "waiting": 25}
    return Progress(**(known | {"spent": Decimal("3.75"), "unit": "EUR"} | changes))


def campaign(**changes) -> Campaign:
    return rows.campaign(**{"state": CampaignState.PARKED, "due_at": AT} | changes)


def states(**counts: int) -> list[StateCount]:
    return view_of(
        list[StateCount],
        [{"state": state, "message_count": count, "segment_count": count} for state, count in counts.items()],
    )


def test_a_progress_page_shows_what_was_accepted_and_when_sending_continues() -> None:
    page = progress_page(campaign(), states(accepted=70, delivered=5, planned=25), progress(), PARIS)
    assert "# soldes: parked, 75 % accepted" in page
    assert "Goes on at Mon 2026-11-23 08:00" in page
    assert "75 of 100 messages accepted, 25 waiting, 3.75 EUR spent, 0 unknown." in page


@pytest.mark.parametrize(
    ("changes", "counts", "words"),
    [
        pytest.param({"is_stopped": True}, {"accepted": 2, "cancelled": 8},
                     ("# soldes: finished (stopped), 20 % accepted", "2 of 10 messages accepted, 8 cancelled,"),
                     id="stopped on its way"),
        pytest.param({"state": "cancelled", "is_stopped": True}, {"cancelled": 8},
                     ("# soldes: cancelled, 0 % accepted", "0 of 8 messages accepted, 8 cancelled,"),
                     id="cancelled before it began"),
        pytest.param({}, {"accepted": 3, "expired": 4, "suppressed": 2, "rejected": 1},
                     ("# soldes: finished, 30 % accepted", "3 of 10 messages accepted, 2 stopped by an opt-out or a "
                      "dead number, 1 refused by the gateway, 4 expired unsent,"), id="some were never sent"),
        pytest.param({}, {"undelivered": 3, "written_off": 1},
                     ("finished, 75 % accepted", "3 of 4 messages accepted, 1 written off,"), id="given up"),
        pytest.param({}, {"delivered": 4}, ("# soldes: finished, 100 % accepted",), id="all"),
    ],
)  # fmt: skip
def test_a_finished_campaign_shows_the_outcomes_of_its_messages(
    changes: dict, counts: dict, words: tuple[str, ...]
) -> None:
    over = campaign(**{"state": "finished", "due_at": None} | changes)
    page = progress_page(over, states(**counts), progress(), PARIS)
    assert [word for word in words if word not in page] == []
    assert "done" not in page


def test_a_campaign_without_messages_has_no_share() -> None:
    assert "# soldes: parked, no messages" in progress_page(campaign(), [], progress(total=0), PARIS)


@pytest.mark.parametrize(
    ("rate", "changes", "words"),
    [
        pytest.param(None, {}, "75 of 100 messages accepted, 25 waiting, 3.75 EUR spent, 0 unknown",
                     id="not being sent"),
        pytest.param(5, {}, "5 a second, about 5 seconds left", id="seconds left"),
        pytest.param(5, {"waiting": 9000, "total": 9075}, "about 30 minutes left", id="minutes left"),
        pytest.param(1, {"waiting": 9000, "total": 9075}, "about 2.5 hours left", id="hours left"),
        pytest.param(0, {}, "0 a second, 3.75", id="nothing moves, so the remaining time is unknown"),
        pytest.param(5, {"accepted": 90, "in_flight": 10, "waiting": 0},
                     "90 of 100 messages accepted, 10 in flight, 5 a", id="in flight"),
        pytest.param(5, {"accepted": 96, "unknown": 4, "waiting": 0},
                     "96 of 100 messages accepted, 5 a second, 3.75 EUR spent, 4 unknown",
                     id="unknown is not accepted"),
        pytest.param(5, {"cancelled": 20, "waiting": 5}, "75 of 100 messages accepted, 5 waiting, 20 cancelled, 5 a",
                     id="cancelled is not accepted"),
    ],
)  # fmt: skip
def test_progress_in_one_line(rate: float | None, changes: dict, words: str) -> None:
    assert words in progress_line(progress(**changes), rate)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        pytest.param("-20 % samedi", "> \\-20 % samedi", id="a dash"),
        pytest.param("- 20 % samedi", "> \\- 20 % samedi", id="a list"),
        pytest.param("# 1 des soldes", "> \\# 1 des soldes", id="a heading"),
        pytest.param("1. Venez", "> 1\\. Venez", id="a numbered list"),
        pytest.param("    Bonjour", "> Bonjour", id="four spaces would be code"),
        pytest.param("Bonjour - 20 %", "> Bonjour - 20 %", id="later in the line it is text"),
    ],
)
def test_a_quotation_stays_one_line_of_text(line: str, shown: str) -> None:
    assert quotation(line) == shown


def test_a_cell_of_markup_is_shown_as_it_is_and_counts_stand_right() -> None:
    assert table(["a", "b"], [[Markup("**x**"), "**y**"]], align="lr").splitlines()[1:] == [
        "| --- | ---: |",
        "| **x** | \\*\\*y\\*\\* |",
    ]


def test_every_time_is_on_the_teams_clock() -> None:
    line = "undone at 2026-11-23 07:00 UTC by Ada; due at 2026-07-01 22:30:05 UTC, from 2026-11-23 08:00"
    assert in_zone(line, PARIS) == (
        "undone at Mon 2026-11-23 08:00 (Europe/Paris) by Ada; due at Thu 2026-07-02 00:30 (Europe/Paris), from "
        "2026-11-23 08:00"
    )


def test_a_campaign_is_called_by_its_title_and_its_key() -> None:
    draft = rows.draft(name="noel-2026", title="Noël 2026")
    assert shown_name(campaign(name="noel-2026", draft=draft)) == "Noël 2026 (noel-2026)"
    untitled = draft.model_copy(update={"title": None})
    assert shown_name(campaign(draft=untitled)) == shown_name(campaign()) == "soldes"
    assert shown_name(campaign(draft=draft.model_copy(update={"title": "<b>"}))) == "&lt;b&gt; (soldes)"
