"""Links and commands carry each value unharmed: through an address, Prefect's form, a shell and the command line."""

import inspect
import json
import shlex
from decimal import Decimal
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.command_line import read_parameters
from tasks.links import (
    basis_links,
    command,
    decision_links,
    form_address,
    next_parameters,
    review_links,
    run_links,
)

PAGE = "http://ui/deployments/deployment/1"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = [
    pytest.param("50 % off, 100%25, 7%", id="percent signs"),
    pytest.param('l\'été « chic » "ici" \\o/', id="quotes and backslashes"),
    pytest.param('"Soldes"', id="quotes around it all"),
    pytest.param("Bonjour {first_name|cher client}: -20 % # demain", id="merge fields, and what YAML would read"),
    pytest.param("a & b = c + d; $HOME `ls` ?", id="what addresses and shells would read"),
    pytest.param("ligne\nligne\u2028\x85```", id="line breaks of all sorts"),
    pytest.param("😀 \xa0 œ", id="an emoji, a no-break space"),
    pytest.param("", id="nothing"),
]


def as_the_ui_reads_it(address: str) -> Any:
    """Decode as Prefect's UI does: its router once, its form a second time."""
    (once,) = parse_qs(urlsplit(address).query, strict_parsing=True)["parameters"]
    return json.loads(unquote(once, errors="strict"))


def as_the_command_reads_it(line: str) -> dict[str, Any]:
    """Take a command apart as a shell does, and read its words as ``python -m flows`` does."""
    assert "\n" not in line
    *_, flow, first, second = shlex.split(line)
    assert flow == "revise-campaign"
    properties = {"campaign": {"type": "string"}, "text": {"type": "string"}}
    return read_parameters([first, second], {"properties": properties})


@pytest.mark.parametrize("text", NASTY)
def test_a_text_comes_through(text: str) -> None:
    values = {"campaign": "soldes", "text": text}
    assert as_the_ui_reads_it(form_address(PAGE, values)) == values
    assert as_the_command_reads_it(command("revise-campaign", values)) == values


@given(TEXTS)
def test_any_text_comes_through(text: str) -> None:
    values = {"campaign": "soldes", "text": text}
    assert as_the_ui_reads_it(form_address(PAGE, values)) == values
    assert as_the_command_reads_it(command("revise-campaign", values)) == values


@given(TEXTS)
def test_an_address_ends_no_link_of_markdown(text: str) -> None:
    assert set(form_address(PAGE, {"text": text})) & set(" ()<>[]|\"'`*\n") == set()


def campaign(text: str = "Bonjour") -> dict[str, Any]:
    return {"name": "soldes", "recap_hash": "0123456789abcdef", "draft": json.dumps({"text": text})}


RECAP = {"message_count": 1510, "total_price": Decimal("118.61"), "unit": "EUR"}


def test_every_parameter_is_one_of_its_flow() -> None:
    for name, values in next_parameters(campaign(), RECAP).items():
        stem = name.replace("-", "_")
        flow = getattr(import_module(f"flows.{stem}"), stem)
        assert set(values) <= set(inspect.signature(flow.fn).parameters), name


def test_decisions_are_filled_in_as_their_flow_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.resolve_unknown import resolve_unknown

    monkeypatch.setattr("tasks.links._deployment_pages", lambda names: dict.fromkeys(names, PAGE))
    links = decision_links("soldes")
    given = [as_the_ui_reads_it(str(link.address)) for link in links]
    assert [values["decision"] for values in given] == ["write_off", "resend"]
    for values in given:
        resolve_unknown.validate_parameters(values)
        assert set(values) == set(inspect.signature(resolve_unknown.fn).parameters)


def test_reviews_are_filled_in_as_their_flow_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.review_replies import review_replies

    monkeypatch.setattr("tasks.links._deployment_pages", lambda names: dict.fromkeys(names, PAGE))
    links = review_links([12, 13])
    given = {reply_id: [as_the_ui_reads_it(str(link.address)) for link in links[reply_id]] for reply_id in links}
    assert [values["verdict"] for values in given[13]] == ["lift", "keep"]
    for values in given[12]:
        review_replies.validate_parameters(values)
        assert values["reply_id"] == 12
        assert set(values) == set(inspect.signature(review_replies.fn).parameters)


def test_the_hash_is_given_as_the_page_shows_it() -> None:
    assert next_parameters(campaign(), RECAP)["approve-campaign"]["recap_hash"] == "01234567"


@pytest.mark.parametrize(
    ("text", "filled_in"),
    [
        pytest.param("-30 % samedi", "-30 % samedi", id="a text can be changed where it stands"),
        pytest.param("Appelez le 0 800 123 456", "Appelez le 0 800 123 456", id="the author's own words are no secret"),
    ],
)
def test_the_text_to_revise(text: str, filled_in: str) -> None:
    assert next_parameters(campaign(text), RECAP)["revise-campaign"]["text"] == filled_in


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.links._deployment_pages", lambda names: dict.fromkeys(names, PAGE))


def test_an_approval_repeats_how_many_and_how_much(pages: None) -> None:
    (approve,) = [link for link in run_links(campaign(), RECAP) if link.title == "Approve"]
    assert approve.words == "locks it under this hash: 1 510 messages, 118.61 EUR; it leaves at its hour."
    assert as_the_ui_reads_it(str(approve.address))["figures"] == "1 510 messages, 118.61 EUR"


def test_where_nobody_gets_a_message_nothing_is_approved_and_the_basis_can_be_declared(pages: None) -> None:
    links = {link.title: link for link in run_links(campaign(), RECAP | {"message_count": 0}, ["clients"])}
    assert list(links) == ["Declare the legal basis of clients", "Revise", "Cancel", "Prepare again"]
    assert as_the_ui_reads_it(str(links["Declare the legal basis of clients"].address)) == {
        "list_name": "clients", "action": "declare", "legal_basis": "", "name": "",
    }  # fmt: skip


def test_a_stale_recap_is_not_approved(pages: None) -> None:
    titles = [link.title for link in run_links(campaign() | {"stale_reason": "list clients changed"}, RECAP)]
    assert titles == ["Revise", "Cancel", "Prepare again"]


def test_a_stale_recap_is_refreshed_by_a_link(pages: None) -> None:
    from flows.revise_campaign import revise_campaign

    link = run_links(campaign(), RECAP)[-1]
    values = as_the_ui_reads_it(str(link.address))
    assert (link.title, values) == ("Prepare again", {"campaign": "soldes", "author": "", "prepare_again": True})
    revise_campaign.validate_parameters(values)


def test_the_basis_of_a_list_is_declared_by_a_form_that_is_filled_in(pages: None) -> None:
    from flows.manage_list import manage_list

    (link,) = basis_links(["clients"])
    manage_list.validate_parameters(as_the_ui_reads_it(str(link.address)))
    assert basis_links([]) == []
