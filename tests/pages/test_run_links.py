"""Links and commands keep each value unchanged: through an address, Prefect's form, a shell and the command line."""

import inspect
import json
import shlex
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.pages.outcomes import outcome_page
from campanile.pages.run_links import RunLink, command, form_address, next_parameters
from campanile.services.cli_args import read_parameters
from tests.rows import campaign, draft, recap

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


RECAP = recap()


@pytest.mark.process
def test_every_parameter_is_one_of_its_flow() -> None:
    for name, values in next_parameters(campaign(), RECAP).items():
        stem = name.replace("-", "_")
        flow = getattr(import_module(f"flows.{stem}"), stem)
        assert set(values) <= set(inspect.signature(flow.fn).parameters), name


def test_the_hash_is_given_as_the_page_shows_it() -> None:
    assert next_parameters(campaign(), RECAP)["approve-campaign"]["recap_hash"] == "01234567"


@pytest.mark.parametrize(
    ("text", "filled_in"),
    [
        pytest.param("-30 % samedi", "-30 % samedi", id="a text can be changed in the form"),
        pytest.param("Appelez le 0 800 123 456", "Appelez le 0 800 123 456", id="the author's own words are no secret"),
    ],
)
def test_the_text_to_revise(text: str, filled_in: str) -> None:
    assert next_parameters(campaign(draft=draft(text=text)), RECAP)["revise-campaign"]["text"] == filled_in


FORM = RunLink("Write them off", "they count as not sent.", "http://ui/run?parameters=%7B%7D", "python -m flows a")
COMMAND = RunLink("Send them again", "twice.", None, "python -m flows resolve-unknown campaign=soldes")


def test_links_are_forms_where_there_is_a_server_and_commands_elsewhere() -> None:
    page = outcome_page("Unknown", "none", [FORM, COMMAND])
    assert "\n- **[Write them off](http://ui/run?parameters=%7B%7D)**: they count as not sent.\n" in page
    assert page.endswith("\n```\n# Send them again: twice.\npython -m flows resolve-unknown campaign=soldes\n```\n")
    assert "## Next" not in outcome_page("Unknown", "none", [])
