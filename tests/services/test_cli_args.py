"""What is typed after ``python -m flows``: texts to the letter, everything else as YAML with nothing guessed."""

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.pages.run_links import command
from campanile.services.cli_args import WrongCommand, known, read_parameters, read_value

SCHEMA = {
    "properties": {
        "campaign": {"type": "string"},
        "text": {"type": "string"},
        "numbers": {"type": "array"},
        "draft": {"type": "object"},
        "preview": {"type": "boolean"},
        "until": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    },
    "required": ["campaign"],
}


def read(*words: str) -> dict[str, Any]:
    return read_parameters(["campaign=soldes", *words], SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour {first_name|cher client}: -20 % # dès demain",
        "12345678",
        "00000012",
        "null",
        "yes",
        "- tiret",
        "a=b=c",
        '"Bonjour" dit-il',
        "'tis the season",
        "[1, 2",
        "",
    ],
)
def test_a_text_is_what_was_typed(text: str) -> None:
    assert read(f"text={text}")["text"] == text


@pytest.mark.parametrize(
    ("word", "value"),
    [
        pytest.param('text="quoted: text"', "quoted: text", id="a text in YAML's own quotes"),
        pytest.param("numbers=[0612345670, +33 6 12 34 56 71]", ["0612345670", "+33 6 12 34 56 71"], id="never octal"),
        pytest.param("draft={name: soldes, lists: [a, b]}", {"name": "soldes", "lists": ["a", "b"]}, id="a mapping"),
        pytest.param("preview=false", "false", id="a switch, for the flow to read"),
        pytest.param("until=2026-11-23T08:00", "2026-11-23T08:00", id="a moment, for the flow to read"),
    ],
)
def test_a_value_keeps_its_signs(word: str, value: Any) -> None:
    assert read(word)[word.partition("=")[0]] == value


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(["text"], r"'text' is not a parameter; write name=value", id="no value"),
        pytest.param(
            ["texte=a"], r"no parameter 'texte'; did you mean text\? There are: campaign, draft, numbers", id="typo"
        ),
        pytest.param(["text=a", "text=b"], "parameter text is given twice; give it once", id="twice"),
        pytest.param(["numbers=[1"], r"numbers='\[1' is not YAML", id="a list left open"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], line: str) -> None:
    with pytest.raises(WrongCommand, match=line) as caught:
        read(*words)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(WrongCommand, match="these parameters are missing: campaign"):
        read_parameters([], SCHEMA)


def test_a_word_far_from_all_gets_no_guess() -> None:
    with pytest.raises(WrongCommand, match=r"^no flow 'zzz'; There are: approve, cancel$"):
        known("zzz", ["cancel", "approve"], "flow")


@given(st.text(st.characters(exclude_categories=["C"])))
def test_a_link_without_a_server_is_read_back(text: str) -> None:
    words = shlex.split(command("revise-campaign", {"campaign": "soldes", "text": text, "numbers": ["0612345670"]}))
    assert read_parameters(words[4:], SCHEMA) == {"campaign": "soldes", "text": text, "numbers": ["0612345670"]}


@given(st.text())
def test_any_text_is_a_text(text: str) -> None:
    assert isinstance(read_value(text, is_text=True, name="text"), str)
