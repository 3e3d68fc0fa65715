"""The balance report: what a reader must know first, and the same figures on the page and in the file."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campanile.pages import charts
from campanile.pages.balance import balance_figures, balance_file, balance_page, balance_sections
from campanile.pages.balance_views import BalanceView
from campanile.pages.figures import figure_text
from campanile.sms.predictions.balance import Due, Inputs, Spent, forecast_balance
from campanile.sms.predictions.rates import Beta, Rate
from schemas.billing_rows import Alert, Credit

PARIS = ZoneInfo("Europe/Paris")
FRIDAY = datetime(2026, 11, 27, 8, 15, tzinfo=UTC)


def view_of_balance(path: Path = Path("/data/sandbox.html"), at: datetime = FRIDAY, balance: int = 500) -> BalanceView:
    """Return the balance of a team that sends little on most days, more on Tuesdays, and has approved two campaigns."""
    days = [at.date() - timedelta(days=back) for back in range(1, 57)]
    spent = [Spent(day, False, Decimal(3 + day.day % 7)) for day in days if day.weekday() < 6]
    spent += [Spent(day, True, Decimal(25 + 3 * (day.day % 11))) for day in days if day.weekday() == 1]
    due = [
        Due(date(2026, 11, 28), True, 1800, Decimal(81)),
        Due(date(2026, 12, 2), True, 2600, Decimal("126.10")),
        Due(date(2026, 12, 2), False, 400, Decimal(36)),
    ]
    rate, threshold = Rate([Beta(1.0, 12, 1400)]), Decimal(200)
    inputs = Inputs(at, PARIS, Decimal(balance), threshold, due, spent, 8, rate, Decimal("0.045"))
    credit = Credit(Decimal(balance) + Decimal("4.50"), Decimal(balance), Decimal("243.10"), Decimal(0), "EUR")
    alerts = [Alert(1, "balance_forecast", "sandbox", "FORECAST …", at, at, None)]
    line = "gateway sandbox: balance 504.50 EUR, 243.10 EUR committed to approved campaigns"
    return BalanceView("sandbox", "EUR", at, line, credit, forecast_balance(inputs), alerts, None, path)


def figures(view: BalanceView) -> dict[str, str]:
    return {figure.label: figure_text(figure.value, PARIS) for figure in balance_figures(view)}


def test_the_first_figures_say_when_it_crosses_and_what_to_buy() -> None:
    found = figures(view_of_balance())
    assert found["Below the threshold"] == "Wed 2 Dec"
    assert found["Until Monday noon"] == "covered"
    assert found["Balance"] == "504.50 EUR"
    assert Decimal(found["To buy"].split()[0]) > 150


@pytest.mark.parametrize(
    ("balance", "crossing", "tone"),
    [
        pytest.param(5000, "no day", "", id="enough"),
        pytest.param(500, "Wed 2 Dec", "bad", id="expected to cross"),
        pytest.param(600, "Tue 8 Dec", "warn", id="may cross"),
    ],
)
def test_a_crossing_is_expected_possible_or_none(balance: int, crossing: str, tone: str) -> None:
    figure = next(
        row for row in balance_figures(view_of_balance(balance=balance)) if row.label == "Below the threshold"
    )
    assert figure.tone == tone
    assert figure_text(figure.value, PARIS) == crossing


def test_only_fridays_have_the_week_end() -> None:
    assert "Until Monday noon" not in figures(view_of_balance(at=FRIDAY - timedelta(days=1)))


def test_the_credit_adds_up() -> None:
    credit = next(row for row in balance_sections(view_of_balance(), PARIS) if row.title == "Credit")
    amounts = [Decimal(figure_text(row[1], PARIS).split()[0]) for row in credit.rows]
    assert amounts[0] - sum(amounts[1:-1]) == amounts[-1]
    assert figures(view_of_balance())["Free"] == f"{amounts[-1]} EUR"


def test_a_day_without_a_balance_has_no_forecast() -> None:
    view = replace(view_of_balance(), credit=None, forecast=None)
    assert [section.title for section in balance_sections(view, PARIS)] == ["Alerts"]
    assert "it was never read" in balance_file(view, PARIS)


def test_page_and_file_have_the_same_figures() -> None:
    view = view_of_balance()
    page, file = balance_page(view, [], PARIS), balance_file(view, PARIS)
    for section in balance_sections(view, PARIS):
        for row in section.cells(PARIS):
            assert all(cell in page and cell in file for cell in row)
    assert "A forecast, not a reading." in page


@pytest.mark.parametrize(
    ("start", "low", "threshold"),
    [
        pytest.param(100.0, 50.0, 20.0, id="usual"),
        pytest.param(0.0, 0.0, 0.0, id="nothing"),
        pytest.param(10.0, -500.0, 20.0, id="below zero"),
        pytest.param(1e9, 1.0, 2.0, id="very much"),
    ],
)
def test_a_chart_stays_in_its_frame(start: float, low: float, threshold: float) -> None:
    points = [charts.BandPoint(f"day {number}", low, (low + start) / 2, start) for number in range(14)]
    svg = str(charts.band_chart("Forecast", "what it shows", start, points, threshold))
    band = svg.partition('class="band" d="M')[2].partition('"')[0].replace(" L", " ").removesuffix(" Z").split()
    places = [tuple(map(float, place.split(","))) for place in band]
    assert len(places) == 30
    assert all(0 <= x <= 360 and 0 <= y <= 230 for x, y in places)
