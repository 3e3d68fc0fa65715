"""The page of unknown messages: masked numbers, the gateway's escaped words, and both decisions."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campanile.pages.run_links import RunLink
from campanile.pages.unknowns import unknowns_page
from campanile.sms.states import CampaignState
from schemas.ledger_rows import UnknownMessage
from tests.rows import campaign

PARIS = ZoneInfo("Europe/Paris")
FORM = RunLink("Write them off", "they count as not sent.", "http://ui/run?parameters=%7B%7D", "python -m flows a")
COMMAND = RunLink("Send them again", "twice.", None, "python -m flows resolve-unknown campaign=soldes")


def row(person: int = 0, reason: str | None = "read timed out") -> UnknownMessage:
    claimed_at = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    return UnknownMessage(person, f"+3363998{person:04}", 1, Decimal("0.045"), 7, claimed_at, claimed_at, reason)


def draw(*rows: UnknownMessage, links: tuple[RunLink, ...] = (FORM, COMMAND), **changes: Any) -> str:
    return unknowns_page(campaign(state=CampaignState.PARKED, **changes), rows, links, "EUR", PARIS)


def test_all_that_is_known_of_a_message() -> None:
    page = draw(row(12))
    assert page.startswith("# soldes: 1 message unknown\n")
    assert r"| +336\*\*\*\*0012 | 7 | Tue 2026-11-24 10:00 | 0.045 EUR | read timed out |" in page
    assert "3363998" not in page


def test_what_stays_reserved() -> None:
    assert "0.09 EUR stay reserved" in draw(row(1), row(2))


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        pytest.param("lost +33639980012", "lost +336\\*\\*\\*\\*0012", id="a number is masked"),
        pytest.param("a|b [x](http://y)", "a\\|b \\[x\\](http\\://y)", id="no column, no link"),
        pytest.param(None, "|  |", id="no words"),
    ],
)
def test_the_gateways_words(reason: str | None, shown: str) -> None:
    assert shown in draw(row(reason=reason))


def test_a_person_must_act() -> None:
    assert "now a person must decide" in draw(row())
    later = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert "decide only if you know more" in draw(row(), due_at=later)


def test_a_long_list_is_cut_and_says_so() -> None:
    page = draw(*(row(person) for person in range(201)))
    assert page.count("read timed out") == 200
    assert "These are the first 200" in page


def test_nothing_is_left_to_decide() -> None:
    page = draw(links=())
    assert page.startswith("# soldes: nothing is unknown\n")
    assert "Decide" not in page
