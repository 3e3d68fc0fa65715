"""Templates: the content of each field is escaped and masked in every page; a missing field is an error."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError

from campanile.pages import approval, outcomes
from campanile.pages.alert_rules import AlertRuleView, RuleChange, alert_rule_page
from campanile.pages.balance import balance_page
from campanile.pages.balance_views import BalanceView
from campanile.pages.diagnostics import checks_page
from campanile.pages.environment import ENVIRONMENT
from campanile.pages.import_views import ImportReport
from campanile.pages.imports import change_page, import_page, list_page, lists_page
from campanile.pages.markdown import Markup
from campanile.pages.month import month_page
from campanile.pages.person import erased_page, explained_page, person_page, purged_page
from campanile.pages.person_views import ErasedView, Explained, PersonView, PurgedView
from campanile.pages.progress import progress_page
from campanile.pages.recap import recap_page
from campanile.pages.recap_views import RecapView
from campanile.pages.reconciliation import doubt_page
from campanile.pages.result_views import MonthView, ResultsView
from campanile.pages.results import results_page
from campanile.pages.reviews import doubtful_page
from campanile.pages.run_links import RunLink
from campanile.pages.unknowns import unknowns_page
from campanile.pages.views import (
    ApprovedView,
    Check,
    Doubt,
)
from campanile.pages.words import ANSWER_WORDS, RESULT_WORDS, STATE_WORDS
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.sms.rules.balance_alert import AlertRule
from campanile.sms.rules.replies.verdicts import UNANSWERED
from campanile.sms.states import MessageState, RowResult
from campanile.store.contacts.impact import Preview
from campanile.store.ledger.run_lifecycle import Progress
from schemas.campaign_rows import Campaign
from schemas.contact_rows import ListCard, ListSummary
from schemas.draft import CampaignDraft
from schemas.inbound_rows import DoubtfulReply, ReplyCount, UnknownWord
from schemas.ledger_rows import MessageOfTest, StateCount, UnknownMessage

PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
HOSTILE = "# <b>w</b> | [x](http://y) `c` **d** ~~e~~ ![f](g)\n\n- h www.i.fr 06 12 34 56 78\x1b"
PLAIN = "a bbb www bbbb c xxx dhttpdddyd ecc fdddf gghhg hhhhhi\n\nj k wwwxixfr of the same length."
#: Fields that only our code or a checked form writes, or keys of a table.
KNOWN: dict[str, Any] = {
    "answer": "planned",
    "window_key": "FR",
    "territory": "FR",
    "zone": "Europe/Paris",
    "recap_hash": "0123456789abcdef",
    "unit": "EUR",
    "severity": "costs",
    "max_messages_in_days": "3 in 30",
    "header": "Mobile",
    "field": "note",
    "figure": "messages",
    "delimiter": ";",
    "barred_by": "opted_out",
    "category": "matched",
}
REASONS = {"ListVerdict": "no_consent", "ExclusionCount": "opted_out", "Expiring": "offer_ended"}
MAPPINGS: dict[str, Any] = {
    "prices": {"FR": Decimal("0.045")},
    "territories": {"FR": 7},
    "result_counts": dict.fromkeys(RowResult, 2),
    "reject_reasons": {"letters": 2},
}
#: Fields whose numbers belong to no person: names of letters, digits and dashes only, and the draft's text.
UNMASKED = ("name", "month", "campaign", "list_name", "title", "sender_id", "text", "figures", "exports", "undeclared")


def filled(kind: Any, text: str, name: str = "", owner: str = "") -> Any:
    """Return an instance of a type with ``text`` in each of its fields, however deep."""
    if name == "reason" and owner in REASONS:
        return REASONS[owner]
    if name in KNOWN and (kind in (str, str | None, Any) or get_origin(kind) is Literal):
        return KNOWN[name]
    if name in MAPPINGS and get_origin(kind) is Mapping:
        return MAPPINGS[name]
    return (
        composed(get_origin(kind), get_args(kind), text, name, owner) if get_origin(kind) else single(kind, text, name)
    )


def composed(origin: Any, arguments: tuple[Any, ...], text: str, name: str, owner: str) -> Any:
    """Return a collection, or one of several types, with ``text`` in it."""
    if origin is Literal:
        return arguments[0]
    kinds = arguments[:1] if origin is Annotated else arguments
    inner = [filled(each, text, name, owner) for each in kinds if each not in (type(None), Ellipsis)]
    if origin is Mapping or origin is dict:
        return {masked_where_it_matters(text, "key"): inner[1]}
    if origin in (Sequence, list, tuple):
        return tuple(inner)
    return inner[0]  # a union's first type, or what is annotated


def single(kind: Any, text: str, name: str) -> Any:
    if kind is CampaignDraft:
        known = CampaignDraft(name="soldes", text="Soldes", sender_id="36180", actor="ada")
        return known.model_copy(update={"title": masked_where_it_matters(text, "title"), "actor": text})
    if is_dataclass(kind) or issubclass(kind, tuple):
        hints = get_type_hints(kind, include_extras=True)
        names = [field.name for field in fields(kind)] if is_dataclass(kind) else list(hints)
        return kind(**{each: filled(hints[each], text, each, kind.__name__) for each in names})
    if issubclass(kind, StrEnum):
        return next(iter(kind))
    if kind in (str, Any):
        return masked_where_it_matters(text, name)
    values = {
        int: 7,
        float: 1.5,
        bool: True,
        Decimal: Decimal("1.5"),
        datetime: AT,
        date: AT.date(),
        Path: Path("/data/x"),
    }
    return values[kind]


def masked_where_it_matters(text: str, name: str) -> str:
    return text.replace("06 12 34 56 78", "a number here.") if name in (*UNMASKED, "key") else text


def links(text: str) -> list[RunLink]:
    named = masked_where_it_matters(text, "title")
    return [RunLink(named, named, "http://ui/run?a=%7B)\n<b>", ""), RunLink(named, named, None, "python -m flows a")]


def own(text: str) -> str:
    return masked_where_it_matters(text, "name")


def report(text: str) -> ImportReport:
    return filled(ImportReport, text)


def imported(text: str) -> str:
    found = report(text)
    again, workbook = (
        ImportReport(found.summary, found.staged, 1.0, False),
        found,
    )
    object.__setattr__(again.summary, "same_as", None)
    return import_page(own(text), [again, workbook], [text], links(text))


def month_view(text: str) -> MonthView:
    found: MonthView = filled(MonthView, text)
    units = {row.gateway: "EUR" for row in found.rows}
    return replace(found, units=units)


def ruled(text: str) -> AlertRuleView:
    rule = AlertRule(Decimal(20), text, Decimal(2), mail_to=[text], sms_to=[text])
    return AlertRuleView(text, rule, False, [RuleChange(AT, text, text, text)])


PAGES: dict[str, Callable[[str], str]] = {
    "alert_rule": lambda text: alert_rule_page(ruled(text), text, links(text), PARIS),
    "approval": lambda text: approval.approval_page(filled(ApprovedView, text), text, PARIS, links(text)),
    "auto_responder": lambda text: outcomes.auto_responder_page(
        text, AutoResponder(True, own(text), "day", 5, AT), {"FR": Decimal("0.05")}, "EUR", links(text), PARIS
    ),
    "balance": lambda text: balance_page(filled(BalanceView, text), links(text), PARIS),
    "change": lambda text: change_page(own(text), filled(Preview, text), True),
    "delivery_reports": lambda text: outcomes.reports_page(
        text, {"delivered": 7}, [filled(UnknownWord, text)], links(text)
    ),
    "diagnostics": lambda text: checks_page([Check(text, verdict, text, text) for verdict in ("fails", "in order")]),
    "erased": lambda text: erased_page(filled(ErasedView, own(text)), links(text)),
    "explained": lambda text: explained_page(filled(Explained, text), links(text), PARIS),
    "import": imported,
    "list": lambda text: list_page(filled(ListCard, text), PARIS, [own(text)], links(text)),
    "lists": lambda text: lists_page([filled(ListSummary, text)], PARIS),
    "month": lambda text: month_page(month_view(text), PARIS),
    "opt_out": lambda text: outcomes.opt_out_page(text, True, links(text)),
    "outcome": lambda text: outcomes.outcome_page(text, text, links(text)),
    # For a file in which the number and the texts stand in clear.
    "person": lambda text: person_page(filled(PersonView, own(text))),
    "progress": lambda text: progress_page(
        filled(Campaign, text), [filled(StateCount, text)], filled(Progress, text), PARIS, 5
    ),
    "purged": lambda text: purged_page(filled(PurgedView, text), links(text)),
    "recap": lambda text: recap_page(filled(RecapView, text), PARIS, text, links(text)),
    "reconciliation": lambda text: doubt_page(filled(Doubt, text), PARIS),
    "replies": lambda text: outcomes.replies_page(text, [filled(ReplyCount, text)], links(text)),
    "results": lambda text: results_page(filled(ResultsView, text), PARIS),
    "reviews": lambda text: doubtful_page([filled(DoubtfulReply, text)], {7: links(text)}, PARIS),
    "stopped": lambda text: outcomes.stopped_page(text, 2, links(text)),
    "test": lambda text: approval.tested_page(filled(Campaign, text), [filled(MessageOfTest, text)], "EUR"),
    "unknowns": lambda text: unknowns_page(
        filled(Campaign, text), [filled(UnknownMessage, text)], links(text), "EUR", PARIS
    ),
}
#: Pages that show only numbers, quotations of a person's text or sections, which have filters of their own.
ONLY_FILTERED = {"month", "opt_out", "results", "reviews"}
EACH_PAGE = pytest.mark.parametrize("name", sorted(PAGES))


def outside_code(page: str) -> str:
    return re.sub(r"^```\n.*?^```$", "(code)", page, flags=re.MULTILINE | re.DOTALL)


def alive(page: str) -> list[str]:
    """Return the parts of ``HOSTILE`` that are formatting, a link, HTML or a person's number in a page."""
    text = outside_code(page)
    signs = ["<b>", "](http://y", "`c`", "**d**", "~~e~~", "![f", "\n- h", "www.i", "\x1b", "12 34 56"]
    return [sign for sign in signs if sign in text]


def skeleton(page: str) -> list[str]:
    """Return the kinds of lines of a page, each once in a row: headings, items, rows with their cells, quotations."""
    kinds = []
    for line in outside_code(page).splitlines():
        bare = line.replace("\\\\", "").replace("\\|", "")
        found = re.match(r"#{1,6} |\s*- |> |\d+\. |=+$|---", line)
        kind = f"row of {bare.count('|')}" if bare.startswith("|") else found[0] if found else "text" if line else ""
        kinds += [kind] if kinds[-1:] != [kind] else []
    return kinds


def test_each_template_has_a_page_here() -> None:
    parts = {"macros.md.jinja", "recap_macros.md.jinja"}
    found = set(ENVIRONMENT.list_templates(filter_func=lambda name: name.endswith(".md.jinja")))
    assert {f"{name}.md.jinja" for name in PAGES} == found - parts


@EACH_PAGE
def test_whatever_stands_in_a_field_is_inert_and_masked(name: str) -> None:
    page = PAGES[name](HOSTILE)
    assert alive(page) == [], page


@EACH_PAGE
def test_no_field_makes_a_line_a_heading_an_item_or_another_column(name: str) -> None:
    assert skeleton(PAGES[name](HOSTILE)) == skeleton(PAGES[name](PLAIN))


@pytest.mark.parametrize("name", sorted(PAGES.keys() - ONLY_FILTERED))
def test_without_the_escaping_it_would_come_alive(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENVIRONMENT, "finalize", lambda value: "" if value is None else str(value))
    assert alive(PAGES[name](HOSTILE))


@EACH_PAGE
def test_a_missing_value_is_an_error(name: str) -> None:
    with pytest.raises(UndefinedError):
        ENVIRONMENT.get_template(f"{name}.md.jinja").render()


def test_a_missing_field_of_a_view_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="nothing"):
        ENVIRONMENT.from_string("{{ link.nothing }}").render(link=links("a")[0])


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{{ text }}", id="printed"),
        pytest.param("{{ text | safe }}", id="called safe by Jinja's own filter, which knows HTML only"),
        pytest.param("{{ text | upper | lower }}", id="through other filters"),
        pytest.param("{{ 'a' ~ text }}", id="put together"),
        pytest.param("{{ '%s' | format(text) }}", id="formatted"),
        pytest.param("{{ [text, text] | join }}", id="joined by Jinja"),
        pytest.param("{{ [text, text] | joined }}", id="joined by our filter"),
        pytest.param("{{ ('a' | unmasked) ~ text }}", id="behind what is safe"),
        pytest.param("{{ ('a' | unmasked) + text }}", id="added to what is safe"),
        pytest.param("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(text) }}", id="in a macro"),
        pytest.param("{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ text }}{% endcall %}", id="called"),
        pytest.param("{% set x %}{{ text }}{% endset %}{{ x }}", id="set as a block"),
        pytest.param("{% for x in [text] %}{{ loop.index }}{{ x }}{% endfor %}", id="in a loop"),
        pytest.param("{{ text if text else '' }}", id="by a condition"),
        pytest.param("{% autoescape true %}{{ text }}{% endautoescape %}", id="in a block that asks for HTML"),
    ],
)
def test_no_way_leads_around_the_escaping(source: str) -> None:
    assert alive(ENVIRONMENT.from_string(source).render(text=HOSTILE)) == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(text) }}", id="a macro"),
        pytest.param("{% set x %}{{ text }}{% endset %}{{ x }}", id="a block"),
        pytest.param("{{ text | user_text }}", id="a filter"),
    ],
)
def test_what_is_escaped_is_escaped_once(source: str) -> None:
    assert ENVIRONMENT.from_string(source).render(text="a_b") == "a\\_b"


def test_a_count_is_masked_unless_it_is_shown_as_one() -> None:
    template = ENVIRONMENT.from_string("{{ number }}, {{ number | count }}")
    assert template.render(number=33612345678) == "336\\*\\*\\*\\*5678, 33 612 345 678"


def test_what_is_cut_of_markup_is_text_again() -> None:
    safe = Markup("**a**")
    assert {type(each) for each in (safe + "b", safe[1:], safe.upper(), safe.join(["b"]), f"{safe}")} == {str}


def test_an_address_cannot_end_its_link() -> None:
    page = outcomes.outcome_page("a", "b", links("c")[:1])
    assert "- **[c](http://ui/run?a=%7B%29%0A%3Cb%3E)**: c" in page


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        pytest.param(STATE_WORDS, MessageState, id="states of messages"),
        pytest.param(RESULT_WORDS, RowResult, id="results of rows"),
        pytest.param(ANSWER_WORDS, (*UNANSWERED, "waiting", "planned", "in_doubt"), id="answers"),
    ],
)
def test_each_code_has_words(table: Mapping[str, str], codes: Iterable[str]) -> None:
    assert [code for code in codes if code not in table] == []
