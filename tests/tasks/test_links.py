"""Links and commands carry each value unharmed: through an address, Prefect's form, a shell and the command line."""

import inspect
import json
import shlex
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.command_line import read_parameters
from tasks.links import command, decision_links, form_address, next_parameters, review_links

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


def test_every_parameter_is_one_of_its_flow() -> None:
    for name, values in next_parameters(campaign()).items():
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
    assert next_parameters(campaign())["approve-campaign"]["recap_hash"] == "01234567"


@pytest.mark.parametrize(
    ("text", "filled_in"),
    [
        pytest.param("-30 % samedi", "-30 % samedi", id="a text can be changed where it stands"),
        pytest.param("Appelez le 0 800 123 456", "Appelez le 0 800 123 456", id="the author's own words are no secret"),
    ],
)
def test_the_text_to_revise(text: str, filled_in: str) -> None:
    assert next_parameters(campaign(text))["revise-campaign"]["text"] == filled_in
