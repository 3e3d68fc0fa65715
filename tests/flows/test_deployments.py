"""The deployments as a team has them: prefect.yaml on a real server, a real worker, runs started from outside."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from campanile.sms.text.formatting import grouped
from scripts.household import children_of
from scripts.pool_template import pool_template
from tasks.context import current_context

pytestmark = [
    pytest.mark.prefect,
    # Prefect's client does not close the sockets of a test that starts runs and reads artifacts.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))


def test_every_flow_has_a_deployment_of_its_name() -> None:
    deployed = {item["name"]: item["entrypoint"] for item in CONFIG["deployments"]}
    flows = {path.stem for path in (ROOT / "flows").glob("[!_]*.py")}
    assert deployed == {stem.replace("_", "-"): f"flows/{stem}.py:{stem}" for stem in flows}


@pytest.mark.parametrize(
    ("deployment", "seconds"),
    [
        pytest.param("send-due-campaigns", 60, id="due campaigns every minute"),
        pytest.param("process-replies", 60, id="replies every minute"),
        pytest.param("collect-delivery-reports", 300, id="reports every five minutes"),
        pytest.param("ingest-contacts", 300, id="the drop folders every five minutes"),
        pytest.param("import-opt-outs", 300, id="dropped opt-outs every five minutes"),
        pytest.param("check-balance", 3600, id="the balance hourly"),
        pytest.param("purge-old-data", 86400, id="old data every night"),
        pytest.param("publish-snapshot", 3600, id="the tables for analysts hourly"),
    ],
)
def test_what_runs_by_itself(deployment: str, seconds: int) -> None:
    (found,) = [item for item in CONFIG["deployments"] if item["name"] == deployment]
    assert [(schedule["interval"], schedule["active"]) for schedule in found["schedules"]] == [(seconds, True)]


@pytest.mark.parametrize(
    "deployment",
    [
        "approve-campaign",
        "pause-campaign",
        "resume-campaign",
        "stop-everything",
        "cancel-campaign",
        "resolve-unknown",
        "review-replies",
        "undo-opt-out",
        "process-replies",
        "send-due-campaigns",
        "configure-auto-responder",
        "configure-balance-alert",
        "check-balance",
    ],
)
def test_what_stops_decides_or_runs_each_minute_is_not_behind_the_senders(deployment: str) -> None:
    queues = {item["name"]: item["work_pool"]["work_queue_name"] for item in CONFIG["deployments"]}
    assert queues[deployment] == "control"
    assert queues["send-campaign"] == "default"


def test_every_queue_has_a_worker() -> None:
    source = ast.parse((ROOT / "scripts" / "up.py").read_text(encoding="utf-8"))
    (served,) = [
        ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WORKERS"
    ]
    queues = {item["work_pool"]["work_queue_name"] for item in CONFIG["deployments"]}
    assert {queue for queue, _ in served.values()} == queues


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"command": "touch /tmp/owned"}, id="a command"),
        pytest.param({"env": {"PATH": "/tmp"}}, id="an environment"),
        pytest.param({"env.PATH": "/tmp"}, id="an environment, with a dot"),
        pytest.param({"working_dir": "/tmp"}, id="a folder"),
    ],
)
def test_the_server_refuses_a_run_that_brings(workspace: Any, given: dict[str, Any]) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import PrefectHTTPStatusError

    from flows.check_balance import check_balance

    template = pool_template(current_context().settings)
    with get_client(sync_client=True) as client:
        client.create_work_pool(
            WorkPoolCreate(name="locked", type="process", base_job_template=template), overwrite=True
        )
        flow_id = client.create_flow(check_balance)
        with pytest.raises(PrefectHTTPStatusError, match="Additional properties are not allowed"):
            client.create_deployment(flow_id, "with-variables", work_pool_name="locked", job_variables=given)
        deployment_id = client.create_deployment(flow_id, "locked", work_pool_name="locked")
        try:
            with pytest.raises(PrefectHTTPStatusError, match="Additional properties are not allowed"):
                client.create_flow_run_from_deployment(deployment_id, job_variables=given)
        finally:
            client.delete_deployment(deployment_id)


@pytest.fixture
def worker(workspace: Any) -> Iterator[Any]:
    """The workspace with all deployments applied and workers that run them; they send slowly."""
    workspace.set(slice_size=2, concurrency=1, segments_per_second=4)
    with served(workspace) as run_server:
        workspace.run_server = run_server
        yield workspace


@contextmanager
def served(workspace: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Apply all deployments, and start the server of runs and a worker a queue, with room for one run each."""
    template = workspace.data_dir / "work-pool.json"
    template.write_text(json.dumps(pool_template(current_context().settings)), encoding="utf-8")
    environment = os.environ | {
        "SMS_HOME": str(ROOT),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_CLI_PROMPT": "false",
    }
    prefect = [sys.executable, "-m", "prefect"]
    worker = [*prefect, "worker", "start", "--pool", "campanile"]
    for command in (
        ["work-pool", "create", "campanile", "--type", "process", "--base-job-template", str(template), "--overwrite"],
        ["--no-prompt", "deploy", "--all"],
    ):
        done = subprocess.run(prefect + command, env=environment, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    for name in ("send-due-campaigns", "process-replies"):  # a test starts what it wants itself
        subprocess.run(
            [*prefect, "deployment", "schedule", "clear", f"{name}/{name}", "--accept-yes"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
    with (workspace.data_dir / "worker.log").open("w") as log:
        started = [
            subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for command in (
                [sys.executable, "-m", "scripts.run_server"],
                *([*worker, "--work-queue", queue, "--limit", "1"] for queue in ("default", "control")),
            )
        ]
        try:
            yield started[0]
        finally:
            for process in started:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            forget_deployments()


def forget_deployments() -> None:
    """Delete all deployments, because runs of other tests would wait for a worker of them."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)


def run(deployment: str, /, **parameters: Any) -> Any:
    """Start a deployment as the UI does, and wait for its end."""
    from prefect.deployments import run_deployment

    return run_deployment(
        f"{deployment}/{deployment}", parameters=parameters, timeout=180, poll_interval=1, as_subflow=False
    )


def page(key: str) -> str:
    """Return the latest artifact of a key."""
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None, f"no artifact {key}"
    return str(found.data)


def wait_until(is_so: Callable[[], bool], complaint: str) -> None:
    give_up_at = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < give_up_at, complaint
        time.sleep(0.5)


def test_workers_do_all_of_it_and_a_sender_is_paused_at_once_by_a_flow_and_by_cancel_in_the_ui(worker: Any) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
    from prefect.states import Cancelling

    def state() -> tuple[str, str]:
        ((state, reason),) = worker.query("SELECT state, state_reason FROM campaign")
        return state, reason

    def accepted() -> int:
        ((accepted,),) = worker.query("SELECT count(*) FROM message_event WHERE event = 'accepted'")
        return int(accepted)

    people = "mobile\n" + "\n".join(f"06123{number:05}" for number in range(45000, 47000)) + "\n"
    done = run("ingest-contacts", list_name="clients", path=worker.drop(people), legal_basis="consent")
    assert done.state.is_completed(), done.state.message
    assert f"{grouped(2000)} rows in" in page("import-clients")

    draft = {"name": "soldes", "text": "Bonjour", "sender_id": "36180", "lists": ["clients"], "actor": "camille"}
    done = run("prepare-campaign", draft=draft)
    assert done.state.is_completed(), done.state.message
    recap = page("recap-soldes")
    assert f"{grouped(2000)} messages" in recap
    assert sum(row["message_count"] for row in json.loads(page("territories-of-soldes"))) == 2000

    recap_hash = recap.split("Hash **`")[1][:8]
    done = run("approve-campaign", campaign="soldes", recap_hash=recap_hash, actor="dominique")
    assert done.state.is_completed(), done.state.message
    wait_until(lambda: accepted() > 0, "approval did not start the sending run")
    assert children_of(worker.run_server.pid), "the run is not a fork of the server of runs"

    done = run("pause-campaign", campaign="soldes", actor="camille", reason="wrong price")
    assert done.state.is_completed(), done.state.message
    assert state() == ("paused", "paused by camille: wrong price")
    assert accepted() < 1900, "it was over before it could be paused"
    late = (
        "SELECT count(*) FROM message_event, campaign_event WHERE message_event.event = 'claimed' "
        "AND campaign_event.event = 'paused' AND message_event.recorded_at > campaign_event.recorded_at"
    )
    assert worker.query(late) == [(0,)]

    before = accepted()
    done = run("resume-campaign", campaign="soldes", actor="camille")
    assert done.state.is_completed(), done.state.message
    wait_until(lambda: accepted() > before + 2, "it did not go on")
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=["send soldes"]))
        (running,) = [found for found in client.read_flow_runs(flow_run_filter=named) if found.state.is_running()]
        client.set_flow_run_state(running.id, Cancelling())
        wait_until(lambda: client.read_flow_run(running.id).state.is_cancelled(), "the run was not cancelled")
    assert state() == ("paused", "its run send soldes was cancelled in Prefect")
