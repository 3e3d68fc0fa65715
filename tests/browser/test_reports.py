"""The HTML file of a report in a browser: on a telephone and on a wide screen, light, dark and in print, offline."""

from pathlib import Path
from typing import Any

import pytest

from campanile.pages.balance import balance_file
from campanile.pages.results import results_file
from tests.browser.conftest import QUIET
from tests.pages.test_balance import view_of_balance
from tests.pages.test_results import view_of_results
from tests.pages.test_templates import PARIS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from playwright.sync_api import sync_playwright

    path = Path("/usr/bin/chromium")
    if not path.exists():
        pytest.skip(f"no {path}: install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(path), args=QUIET)
        yield started
        started.close()


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "results.html"
    path.write_text(results_file(view_of_results(), PARIS), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def balance_report(tmp_path: Path) -> str:
    path = tmp_path / "balance.html"
    path.write_text(balance_file(view_of_balance(), PARIS), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_and_nothing_is_loaded(browser: Any, report: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(report)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    texts = page.evaluate(
        "[...document.querySelectorAll('.tile dd')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert texts == 0, "a figure is wider than its tile"
    assert (requests, errors) == ([report], [])
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
    page.close()


def test_print_is_black_on_white_also_in_a_dark_browser(browser: Any, report: str) -> None:
    page = browser.new_page(viewport={"width": 680, "height": 800}, color_scheme="dark")
    page.goto(report)
    page.emulate_media(media="print", color_scheme="dark")
    style = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    assert style == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 680, "nothing is cut off on paper"
    page.close()


def test_a_chart_has_a_name_for_a_screen_reader(browser: Any, report: str) -> None:
    page = browser.new_page()
    page.goto(report)
    assert page.get_by_role("img", name="Time to delivery").count() == 1
    assert page.get_by_role("img").count() == 6
    page.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_balance_report_fits_and_names_its_chart(browser: Any, balance_report: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(balance_report)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('.tile dd')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert page.evaluate(wide) == 0, "a figure is wider than its tile"
    assert page.get_by_role("img", name="Forecast for two weeks").count() == 1
    page.close()
