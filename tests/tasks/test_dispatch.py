"""Which worker a send run is started on."""

from types import SimpleNamespace
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
    monkeypatch.setattr(
        dispatch, "run_deployment", lambda name, **how: started.append(how) or SimpleNamespace(state=None)
    )
    start_runs({"soldes": Due(kind, "1-1-0-5")}, lambda name: pytest.fail("not here"))
    (how,) = started
    assert (how["parameters"], how["work_queue_name"]) == ({"campaign": "soldes"}, queue)


def test_a_run_that_failed_is_started_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect gives the same run back for the same key, also one that has failed."""
    runs = {}

    def run_deployment(name: str, *, idempotency_key: str, **how: Any) -> SimpleNamespace:
        state = SimpleNamespace(is_failed=lambda: len(runs) < 3, is_crashed=lambda: False)
        return runs.setdefault(idempotency_key, SimpleNamespace(state=state))

    monkeypatch.setattr(dispatch, "run_deployment", run_deployment)
    start_runs({"soldes": Due("marketing", "1-1-0-5")}, lambda name: pytest.fail("not here"))
    assert len(runs) == 3
