"""The balance report and the alert on the forecast: what is approved, what is usual, once per crossing."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campanile.pages.balance import balance_file, balance_page
from campanile.services.billing.forecast import (
    due_by_half_day,
    read_balance_view,
    watch_forecast,
    write_balance_page,
)
from campanile.sms.predictions.balance import BalanceForecast
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.billing.balance import add_reading, captured
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.inbound.auto_responder import put_auto_responder
from schemas.billing_rows import OpenLoad
from tests.services.results_desk import ResultsDesk
from tests.stores import copy_store

PARIS = ZoneInfo("Europe/Paris")
MAIL = {"mail_host": "mail.example.org", "mail_to": ["team@example.org"]}


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(
        "campanile.services.billing.alerts.send_mail", lambda _, subject, text, html: sent.append(f"{subject}\n{text}")
    )
    return sent


@pytest.fixture
def desk(empty_store: Path, tmp_path: Path, mails: list[str]) -> Iterator[ResultsDesk]:
    """A Tuesday, 10:00 in Paris, with a threshold of 20 EUR."""
    desk = ResultsDesk(copy_store(empty_store, tmp_path / "data" / "sms.duckdb"), **MAIL)
    yield desk
    assert desk.broken() == {}


def put_balance(desk: ResultsDesk, amount: str) -> None:
    with desk.tx() as tx:
        add_reading(tx, "sandbox", Decimal(amount), "EUR", captured(tx, "sandbox"))


def approve(desk: ResultsDesk, name: str, people: range, **how: object) -> None:
    desk.read_stops()
    desk.prepare(name, people, text=f"{name} STOP 36111", **how)
    desk.approve(name)


def forecast_of(desk: ResultsDesk) -> BalanceForecast:
    found = read_balance_view(desk.context, "sandbox", "a reading").forecast
    assert found is not None
    return found


def test_a_balance_that_was_never_read_has_no_forecast(desk: ResultsDesk) -> None:
    assert read_balance_view(desk.context, "sandbox", "no reading").forecast is None
    assert watch_forecast(desk.context, "sandbox") is None
    assert "it was never read" in balance_page(read_balance_view(desk.context, "sandbox", "no reading"), [], PARIS)


def test_an_approved_campaign_is_taken_when_its_territory_is_open(desk: ResultsDesk) -> None:
    """20:30 in Paris: France opens again tomorrow."""
    put_balance(desk, "100")
    desk.clock.forward(hours=10, minutes=30)
    approve(desk, "soldes", range(100), price="0.5")
    days = forecast_of(desk).days
    assert [(day.median, day.campaigns) for day in days[:3]] == [(100, 0), (50, 50), (50, 0)]


def test_what_is_sent_is_not_taken_twice(desk: ResultsDesk) -> None:
    put_balance(desk, "100")
    before = forecast_of(desk).days[-1].median
    desk.send("avant", range(20), price="0.5")
    put_balance(desk, "90")
    assert forecast_of(desk).days[-1].median == before - 10


def test_past_weeks_are_counted_by_the_half_day_of_the_team(desk: ResultsDesk) -> None:
    for week in range(3):
        desk.send(f"mardi {week}", range(100 * week, 100 * week + 20), price="0.5", text=f"mardi {week} STOP 36111")
        desk.clock.forward(days=7)
    put_balance(desk, "100")
    found = forecast_of(desk)
    assert found.known_weeks == 3
    usual = [day for day in found.days if day.others]
    assert {day.day.weekday() for day in usual} == {1}, "Tuesdays"
    assert float(usual[-1].others) == pytest.approx(10, rel=0.2)


def test_answers_are_expected_while_the_auto_responder_is_on(desk: ResultsDesk) -> None:
    put_balance(desk, "100")
    approve(desk, "soldes", range(1000), price="0.05")
    assert forecast_of(desk).days[0].answers == 0
    with desk.tx() as tx:
        put_auto_responder(tx, AutoResponder(True, "Merci", "reply", 500, None, 5), "ada")
    assert forecast_of(desk).days[0].answers > 0


def test_the_forecast_alerts_once_per_crossing_and_says_that_it_is_one(desk: ResultsDesk, mails: list[str]) -> None:
    put_balance(desk, "100")
    assert watch_forecast(desk.context, "sandbox") is None
    approve(desk, "soldes", range(90), price="1")
    for _ in range(3):
        line = watch_forecast(desk.context, "sandbox")
        assert line is not None
        assert line.startswith(
            "FORECAST for gateway sandbox: the balance free of reserves, 100.00 EUR, is expected to fall below "
        )
        assert "the threshold of 20.00 EUR on Tue 2026-11-24; buy 10.00 EUR to be covered for two weeks" in line
        desk.clock.forward(hours=1)
    assert [mail.splitlines()[0] for mail in mails] == ["Campanile: balance forecast on sandbox"]
    put_balance(desk, "111")  # above the threshold, and not by a tenth
    assert watch_forecast(desk.context, "sandbox") is None
    put_balance(desk, "100")
    watch_forecast(desk.context, "sandbox")
    assert len(mails) == 1, "a forecast that moves around the threshold is one crossing"
    put_balance(desk, "200")
    assert watch_forecast(desk.context, "sandbox") is None
    put_balance(desk, "100")
    watch_forecast(desk.context, "sandbox")
    assert len(mails) == 2, "it rose, and falls again"


def test_a_balance_that_is_below_already_has_the_alert_of_its_own(desk: ResultsDesk, mails: list[str]) -> None:
    put_balance(desk, "19")
    assert watch_forecast(desk.context, "sandbox") is None
    assert mails == []


def test_reserves_alone_may_make_it_cross(desk: ResultsDesk, mails: list[str]) -> None:
    """25 EUR are above the threshold of 20; 10 of them are reserved for messages in flight."""
    put_balance(desk, "25")
    approve(desk, "soldes", range(10), price="1", per_slice=10)
    lease = desk.open("soldes")
    assert lease is not None
    desk.must_claim(lease)
    line = watch_forecast(desk.context, "sandbox")
    assert line is not None
    assert "the balance free of reserves, 15.00 EUR, is expected to fall below" in line
    assert len(mails) == 1


@pytest.mark.parametrize(
    ("days", "balance", "words"),
    [
        pytest.param(3, "500", "Until Mon 2026-11-30 12:00: the balance is covered", id="Friday, covered"),
        pytest.param(3, "50", "Until Mon 2026-11-30 12:00: buy 20.00 EUR to be covered", id="Friday, not covered"),
        pytest.param(2, "500", None, id="Thursday"),
    ],
)
def test_on_fridays_the_report_says_whether_the_balance_lasts(
    desk: ResultsDesk, days: int, balance: str, words: str | None
) -> None:
    put_balance(desk, balance)
    desk.clock.forward(days=days)
    approve(desk, "soldes", range(50), price="1")
    page = balance_page(read_balance_view(desk.context, "sandbox", "balance"), [], PARIS)
    assert (words or "Until Mon") in page if words else "Until Mon" not in page


def test_page_and_file_have_the_same_figures(desk: ResultsDesk) -> None:
    put_balance(desk, "100")
    approve(desk, "soldes", range(90), price="1")
    watch_forecast(desk.context, "sandbox")
    view = read_balance_view(desk.context, "sandbox", "gateway sandbox: balance 100.00 EUR")
    path = write_balance_page(view, balance_file(view, PARIS))
    file, page = path.read_text(encoding="utf-8"), balance_page(view, [], PARIS)
    for text in ("100.00 EUR", "90.00 EUR", "10.00 EUR", "20.00 EUR", "Tue 2026-11-24", "forecast below the threshold"):
        assert text in file
        assert text in page
    assert "<svg" in file
    assert "A forecast, not a reading." in file
    assert "<svg" not in page
    assert path == desk.context.settings.data_dir / "exports" / "balance" / "sandbox.html"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_campaign_that_crosses_noon_is_split_by_the_hour(desk: ResultsDesk, make_paced: Callable[[], None]) -> None:
    """11:00 in Paris, 100 messages at one in 72 seconds: half of them before noon."""
    make_paced()
    put_balance(desk, "1000")
    desk.clock.forward(hours=1)
    approve(desk, "soldes", range(100), price="1")
    with desk.tx(read_only=True) as tx:
        loads, campaign = tx.select(OpenLoad, "balance.open_loads", gateway="sandbox"), find_campaign(tx, "soldes")
    campaigns = {campaign.campaign_id: campaign}
    rows = list(due_by_half_day(desk.context, "sandbox", loads, campaigns, desk.clock.at))
    assert [(row.is_morning, row.message_count, row.price) for row in rows] == [(True, 50, 50), (False, 50, 50)]


@pytest.fixture
def make_paced(desk: ResultsDesk) -> Callable[[], None]:
    def change() -> None:
        desk.context.settings.segments_per_second = 1 / 72

    return change
