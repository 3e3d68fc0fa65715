"""``python -m flows``: a wrong command is refused before a run is made, and the result is printed."""

import io
import logging
from pathlib import Path

import pytest
import yaml

from campanile.services.cli_args import WrongCommand
from campanile.sms.errors import SmsError

ROOT = Path(__file__).parents[2]


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
def test_a_wrong_value_is_refused_before_there_is_a_run(
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
        pytest.param("campanile.store", logging.WARNING, "a transaction lasted 2 s", False, id="a busy machine"),
        pytest.param("prefect.client", logging.ERROR, "it broke", True, id="an error of anything else"),
    ],
)
def test_the_terminal_shows_what_the_last_line_does_not_say(
    name: str, level: int, message: str, is_printed: bool
) -> None:
    from prefect.logging.handlers import PrefectConsoleHandler

    from flows.__main__ import _is_for_the_terminal, quiet_console

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
