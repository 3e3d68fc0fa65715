"""Which worker a send run is started on."""

import logging
from typing import Any

import pytest

from tasks import dispatch
from tasks.dispatch import Due, start_runs


@pytest.mark.parametrize(
    ("kind", "queue"),
    [
        pytest.param("marketing", None, id="marketing, on the queue of its deployment"),
        pytest.param("alert", "control", id="an alert, where no long run is before it"),
    ],
)
def test_an_alert_waits_behind_no_marketing(monkeypatch: pytest.MonkeyPatch, kind: str, queue: str | None) -> None:
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(dispatch, "run_deployment", lambda name, **how: started.append(how))
    monkeypatch.setattr(dispatch, "get_run_logger", lambda: logging.getLogger("test"))
    start_runs({"soldes": Due(kind, "1-1-0-5")}, lambda name: pytest.fail("not here"))
    (how,) = started
    assert (how["parameters"], how["work_queue_name"]) == ({"campaign": "soldes"}, queue)
