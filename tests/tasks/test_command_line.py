"""What is typed after ``python -m flows``: texts to the letter, everything else as YAML with nothing guessed."""

import io
import logging
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sms.errors import SmsError
from tasks.command_line import WrongCommand, known, read_parameters, read_value
from tasks.links import command

ROOT = Path(__file__).parents[2]
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
        pytest.param(["text"], r"'text' is no parameter; write name=value", id="no value"),
        pytest.param(
            ["texte=a"], r"no parameter 'texte'; did you mean text\? There are: campaign, draft, numbers", id="typo"
        ),
        pytest.param(["text=a", "text=b"], "parameter text stands twice", id="twice"),
        pytest.param(["numbers=[1"], r"numbers='\[1' is no YAML", id="a list left open"),
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


def test_every_flow_is_listed() -> None:
    from flows.__main__ import main

    deployed = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert main([]).splitlines()[1:] == sorted(item["name"] for item in deployed)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(["send-tests"], r"no flow 'send-tests'; did you mean send-test\?", id="an unknown flow"),
        pytest.param(["send-test", "campaign=a"], "missing: numbers", id="a parameter too few"),
        pytest.param(
            ["send-test", "campaign=a", "numbers=0612345678"], "numbers: .*list", id="a value of another type"
        ),
    ],
)
def test_what_is_wrong_is_told_before_there_is_a_run(
    caplog: pytest.LogCaptureFixture, words: list[str], line: str
) -> None:
    from flows.__main__ import main

    with pytest.raises(WrongCommand, match=line) as caught:
        main(words)
    assert "\n" not in str(caught.value)
    assert "0612345678" not in caplog.text + str(caught.value)


@pytest.mark.parametrize(
    ("name", "level", "message", "is_printed"),
    [
        pytest.param("prefect.flow_runs", logging.INFO, "Beginning flow run", False, id="how a run goes on"),
        pytest.param("prefect.task_runs", logging.WARNING, "STOPs cannot be read", True, id="a warning of a run"),
        pytest.param("prefect.task_runs", logging.ERROR, "Finished in state Failed", False, id="the state of a run"),
        pytest.param("campanile.store", logging.WARNING, "a visit lasted 2 s", False, id="a busy machine"),
        pytest.param("prefect.client", logging.ERROR, "it broke", True, id="an error of anything else"),
    ],
)
def test_the_terminal_shows_what_the_last_line_does_not_say(
    name: str, level: int, message: str, is_printed: bool
) -> None:
    from prefect.logging.handlers import PrefectConsoleHandler

    from tasks.refusals import _is_for_the_terminal, quiet_console

    root, shown = logging.getLogger(), io.StringIO()
    handler = PrefectConsoleHandler(shown)
    root.addHandler(handler)
    try:
        quiet_console()
        handler.handle(logging.LogRecord(name, level, __file__, 1, message, (), None))
    finally:
        root.removeHandler(handler)
        for other in root.handlers:
            other.removeFilter(_is_for_the_terminal)
    assert (message in shown.getvalue()) is is_printed


def test_a_temporary_server_sends_no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_SERVER_ANALYTICS_ENABLED, get_current_settings, temporary_settings

    import flows.__main__ as command

    sends: list[bool] = []

    def reach_nothing() -> None:
        sends.append(get_current_settings().server.analytics_enabled)
        raise SmsError("no server")

    monkeypatch.setattr(command, "reach_server", reach_nothing)
    with temporary_settings({PREFECT_SERVER_ANALYTICS_ENABLED: True}), pytest.raises(SmsError, match="no server"):
        command.main(["diagnose-setup"])
    assert sends == [False]
