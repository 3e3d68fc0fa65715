"""A flow, worker or server that is dead: alerted once, cleared when it runs again, named by diagnose-setup."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import tasks.watch
from campanile.sms.errors import SmsError


@pytest.fixture
def clock(request: pytest.FixtureRequest, mailbox: Any) -> Iterator[Any]:
    """The machine's own clock, moved by hand; the server has queues that are polled unless a test says otherwise."""

    class Clock:
        at = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
        queues: dict[str, datetime | None] | None = None

        def __call__(self) -> datetime:
            return self.at

        def forward(self, **time: float) -> None:
            self.at += timedelta(**time)

    from prefect.settings import PREFECT_API_URL, temporary_settings

    made = Clock()
    mailbox.monkeypatch.setattr(tasks.watch, "real_now", made)
    mailbox.monkeypatch.setattr(
        tasks.watch, "_read_queues", lambda: made.queues or {"default": made.at, "control": made.at}
    )
    mailbox.monkeypatch.setattr(tasks.watch, "deployment", type("Scheduled", (), {"id": "by its schedule"}))
    is_on_server = request.node.get_closest_marker("prefect") is not None
    with temporary_settings({} if is_on_server else {PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield made


def subjects(workspace: Any) -> list[str]:
    return [mail.splitlines()[0].removeprefix("Campanile: not running: ") for mail in workspace.mails]


def run(flow: str, error: str | None = None) -> None:
    """Stand in for a run of a flow."""
    with tasks.watch.watched(flow):
        if error:
            raise SmsError(error)


ALL = sorted(tasks.watch.deployments().intervals)


@pytest.mark.parametrize("dead", ["process-replies", "collect-delivery-reports", "send-due-campaigns"])
def test_what_is_not_done_for_three_intervals_is_mailed_once_by_a_flow_that_lives(
    mailbox: Any, clock: Any, dead: str
) -> None:
    intervals = tasks.watch.deployments().intervals
    others, half = [flow for flow in ALL if flow != dead], intervals[dead] / 2
    for step in range(8):
        for flow in others:
            if intervals[flow] < half or not step * half % intervals[flow]:
                run(flow)
        clock.forward(seconds=half.total_seconds())
    for flow in others:
        run(flow)
    assert subjects(mailbox) == [f"{dead} on sandbox"]
    assert f"({dead}, every " in mailbox.mails[0].replace("\n", " ")
    run(dead)
    assert mailbox.query("SELECT 1 FROM alert WHERE cleared_at IS NULL") == []


def test_a_flow_whose_runs_all_fail_is_not_running_and_the_alert_says_why(mailbox: Any, clock: Any) -> None:
    for _ in range(5):
        for flow in ALL:
            if flow != "process-replies":
                run(flow)
        with pytest.raises(SmsError):
            run("process-replies", "no connection to the gateway")
        clock.forward(minutes=1)
    (mail,) = mailbox.mails
    assert "its last run failed: no connection to the gateway" in mail.replace("\n", " ")


def test_a_queue_without_a_worker_is_mailed_once(mailbox: Any, clock: Any) -> None:
    for _ in range(5):
        clock.queues = {"default": clock.at, "control": None}
        for flow in ALL:
            run(flow)
        clock.forward(minutes=1)
    (mail,) = mailbox.mails
    assert mail.startswith("Campanile: not running: workers of queue control on sandbox\n")
    assert "prefect worker start --pool campanile --work-queue control" in mail.replace("\n", " ")


def test_when_all_are_dead_the_watcher_without_prefect_alerts(mailbox: Any, clock: Any, capsys: Any) -> None:
    for flow in ALL:
        run(flow)
    mailbox.monkeypatch.setattr(tasks.watch, "deployment", type("ByHand", (), {"id": None}))
    for _ in range(3):
        assert tasks.watch.main(["--every", "120"]) in (0, 1)
        clock.forward(minutes=2)
    assert set(subjects(mailbox)) == {"process-replies on sandbox", "send-due-campaigns on sandbox"}
    assert len(mailbox.mails) == 2
    assert "process-replies not running: replies and STOPs were read: " in capsys.readouterr().err


def test_a_server_that_is_gone_is_alerted_without_it(mailbox: Any, clock: Any) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from tasks.prefect_calls import PrefectAway

    def refuse() -> None:
        raise PrefectAway("Connection refused")

    mailbox.monkeypatch.setattr(tasks.watch, "_read_queues", refuse)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert tasks.watch.main([]) == 1
        assert tasks.watch.main([]) == 1
    assert subjects(mailbox) == ["Prefect's server on sandbox"]


@pytest.mark.prefect
def test_diagnose_setup_names_each_with_its_age_and_what_to_do(mailbox: Any, clock: Any) -> None:
    from tasks.diagnostics import run_checks

    for flow in ALL:
        run(flow)
    for _ in range(5):
        clock.forward(minutes=2)
        run("send-due-campaigns")
    rows = {check.name: (check.verdict == "in order", check.found) for check in run_checks.fn()}
    assert [name for name in ALL if name in rows] == ALL
    holds, found = rows["process-replies"]
    assert not holds
    assert "replies and STOPs were read: 10 minutes ago" in found
    assert "start the workers again" in found
    assert rows["send-due-campaigns"][0]
    assert rows["workers of queue control"][0]
    assert rows["Prefect's server"][0]


def test_a_run_by_hand_alerts_about_nothing(mailbox: Any, clock: Any) -> None:
    mailbox.monkeypatch.setattr(tasks.watch, "deployment", type("ByHand", (), {"id": None}))
    for _ in range(5):
        run("send-due-campaigns")
        clock.forward(minutes=2)
    assert mailbox.mails == []
