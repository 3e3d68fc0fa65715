"""The report of a campaign: exact rates, the same figures on page and in file, and a file that needs no other."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.pages.charts import Bar, Point, bar_chart, curve_chart
from campanile.pages.figures import Money, Plain, Share, figure_text, rate_text
from campanile.pages.result_views import ResultsView
from campanile.pages.results import key_figures, results_file, results_page, results_sections
from campanile.sms.rules.opt_out_lines import crossed_line
from schemas.result_rows import Funnel, ReplyExample
from tests.pages.test_templates import HOSTILE, PARIS, filled

#: All that the file is made of: nothing that runs, loads or submits.
TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "dl", "div", "dt", "dd", "main",
    "section", "strong", "table", "thead", "tbody", "tr", "th", "td", "footer",
    "svg", "desc", "text", "rect", "line", "path", "circle",
}  # fmt: skip


class Reader(HTMLParser):
    """Reads a page: its tags, attributes and text, as a browser would."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def view_of_results(text: str = "soldes") -> ResultsView:
    view: ResultsView = filled(ResultsView, text)
    funnel = Funnel(1732, 1570, 1569, 1506, 4, 1)
    return replace(view, funnel=funnel, examples=[ReplyExample("other", text)], page=Path("/data/results.html"))


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        pytest.param(1506, 1569, "95.98 %", id="two decimals"),
        pytest.param(0, 1569, "0.00 %", id="nothing"),
        pytest.param(1569, 1569, "100.00 %", id="all"),
        pytest.param(1, 10**6, "0.01 %", id="one in a million is not nothing"),
        pytest.param(10**6 - 1, 10**6, "99.99 %", id="all but one is not all"),
        pytest.param(0, 0, "—", id="of nothing there is no share"),
    ],
)
def test_a_rate(part: int, whole: int, text: str) -> None:
    assert rate_text(part, whole) == figure_text(Share(part, whole), PARIS) == text


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_rate_is_nothing_or_all_only_if_it_is(part: int, rest: int) -> None:
    text = rate_text(part, part + rest)
    assert (text == "0.00 %") == (part == 0 and rest > 0)
    assert (text == "100.00 %") == (rest == 0 and part > 0)


@pytest.mark.parametrize(
    ("opted_out", "words"),
    [(9, None), (10, "providers warn"), (19, "providers warn"), (20, "providers may block the account")],
)
def test_the_line_that_opt_outs_have_reached(opted_out: int, words: str | None) -> None:
    line = crossed_line(opted_out, 1000)
    assert (line and line.words) == words


def test_too_many_opt_outs_are_marked() -> None:
    view = view_of_results()
    tones = {
        count: next(
            figure.tone
            for figure in key_figures(replace(view, funnel=replace(view.funnel, opted_out_count=count)))
            if figure.label == "Opted out"
        )
        for count in (15, 16, 32)
    }
    assert tones == {15: "", 16: "warn", 32: "bad"}


def test_page_and_file_have_the_same_figures() -> None:
    view = view_of_results()
    page, texts = results_page(view, PARIS), "".join(Reader(results_file(view, PARIS)).texts)
    cells = [cell for section in results_sections(view, PARIS) for row in section.cells(PARIS) for cell in row]
    assert "95.98 %" in cells
    assert len(cells) > 60
    for cell in cells:
        assert cell in texts
        assert cell.replace("_", r"\_") in page
    for section in results_sections(view, PARIS):
        assert f"## {section.title}\n" in page
        assert section.title in texts


def test_the_file_needs_no_other_file_and_no_network() -> None:
    page = results_file(view_of_results(), PARIS)
    reader = Reader(page)
    assert {tag for tag, _ in reader.tags} == TAGS
    named = {name for _, attributes in reader.tags for name in attributes}
    assert named & {"src", "href", "action", "onload", "style", "srcset", "data"} == set()
    assert not re.search(r"url\(|@import|https?:", page)


def test_what_people_wrote_stays_text_and_no_number_is_shown() -> None:
    page = results_file(filled(ResultsView, HOSTILE), PARIS, note=HOSTILE)
    assert {tag for tag, _ in Reader(page).tags} <= TAGS
    assert "12 34 56" not in page


def test_each_chart_is_named_for_those_who_do_not_see_it() -> None:
    page = results_file(view_of_results(), PARIS)
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) == 6
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for chart in charts:
        svg = ET.fromstring(chart)
        title, description = svg[0], svg[1]
        assert [title.tag, description.tag] == ["title", "desc"]
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text
        assert description.text


@given(st.lists(st.tuples(st.text(max_size=60), st.floats(-1, 2))))
def test_a_chart_is_sound_svg_inside_its_frame(values: list[tuple[str, float]]) -> None:
    bars = ET.fromstring(re.sub(r"[^\x20-\ud7ff]", "", bar_chart("a", "b", [Bar(t, f, t) for t, f in values])))
    widths = [float(rect.get("width", "")) for rect in bars.iter("rect")]
    assert all(0 <= width <= 360 for width in widths)
    curve = ET.fromstring(curve_chart("a", "b", [Point("1 s", fraction) for _, fraction in values]))
    heights = [float(dot.get("cy", "")) for dot in curve.iter("circle")]
    assert len(heights) == len(values)
    assert all(0 <= height <= 190 for height in heights)


def test_a_name_keeps_its_digits_and_a_text_does_not() -> None:
    number = "06 12 34 56 78"
    assert figure_text(Plain(number), PARIS) == number
    assert figure_text(number, PARIS) == "06*****678"
    assert figure_text(None, PARIS) == figure_text(Money(None, "EUR"), ZoneInfo("UTC")) == "—"
