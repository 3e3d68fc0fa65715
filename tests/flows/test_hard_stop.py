"""Runs that a hard stop left open in Prefect are settled before the workers start; our own lock keeps runs apart."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

pytestmark = [
    pytest.mark.prefect,
    # Prefect's client does not close its sockets when a test reads runs: the garbage collector does.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
PEOPLE = "mobile\n0612345670\n0612345671\n"


@contextmanager
def at_work(flow: str) -> Iterator[threading.Event]:
    """Run a flow elsewhere until the event is set."""
    from campanile.services.run_lock import hold
    from tasks.context import current_context

    held, over = threading.Event(), threading.Event()

    def work() -> None:
        with hold(current_context(), flow):
            held.set()
            over.wait(120)

    thread = threading.Thread(target=work)
    thread.start()
    assert held.wait(60)
    try:
        yield over
    finally:
        over.set()
        thread.join()


def flow_of(name: str) -> Any:
    from importlib import import_module

    stem = name.replace("-", "_")
    return getattr(import_module(f"flows.{stem}"), stem)


def test_no_deployment_has_a_concurrency_limit_of_prefect() -> None:
    assert [item["name"] for item in CONFIG["deployments"] if "concurrency_limit" in item] == []


def test_what_is_cleaned_up_is_the_pool_of_the_deployments() -> None:
    from tasks.clean_up import POOL

    assert {item["work_pool"]["name"] for item in CONFIG["deployments"]} == {POOL}


@pytest.mark.parametrize(
    "name",
    [
        "process-replies",
        "collect-delivery-reports",
        "check-balance",
        "purge-old-data",
        "publish-snapshot",
        pytest.param("ingest-contacts", id="ingest-contacts that looks into the drop folders"),
        pytest.param("import-opt-outs", id="import-opt-outs that looks into the drop folder"),
    ],
)
def test_a_run_that_finds_another_at_work_ends_at_once(shared_workspace: Any, name: str) -> None:
    with at_work(name):
        state = flow_of(name)(return_state=True)
        assert flow_of(name)().startswith(f"skipped: {name} is running in process {os.getpid()} since ")
    assert state.is_completed()
    assert state.name == "Skipped"
    assert state.message.startswith(f"{name} is running in process {os.getpid()} since ")
    assert flow_of(name)(return_state=True).name == "Completed"


def test_a_run_that_was_given_a_file_waits_for_its_turn(workspace: Any) -> None:
    with at_work("ingest-contacts") as over:
        threading.Timer(1, over.set).start()
        flow_of("ingest-contacts")("clients", workspace.drop(PEOPLE), legal_basis="consent")
    assert workspace.query("SELECT count(*) FROM contact") == [(2,)]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        pytest.param("ingest-contacts", {"list_name": "clients", "path": "people.csv"}, id="contacts"),
        pytest.param("import-opt-outs", {"path": "people.csv"}, id="opt-outs"),
        pytest.param("undo-import", {"import_id": 1}, id="undo"),
    ],
)
def test_it_waits_no_longer_than_a_file_may_take(workspace: Any, name: str, parameters: dict[str, Any]) -> None:
    from campanile.services.run_lock import StillRunning

    workspace.set(parser_seconds=0.3)
    with (
        at_work(name),
        pytest.raises(StillRunning, match=f"^{name} is running in process {os.getpid()} since .*; waited"),
    ):
        flow_of(name)(**parameters)


class Server:
    """The session's server with a pool, queues and deployments of an older version, each with a limit."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.deployments: dict[str, UUID] = {}
        self.runs: list[UUID] = []

    def deploy(self, name: str, queue: str = "default", **options: Any) -> None:
        """Register a deployment under the name of its flow."""
        self.deployments[name] = self.client.create_deployment(
            self.client.create_flow_from_name(name),
            name,
            work_pool_name="campanile",
            work_queue_name=queue,
            entrypoint=f"flows/{name.replace('-', '_')}.py:{name.replace('-', '_')}",
            **options,
        )

    def run(self, name: str, *states: Any) -> UUID:
        """Make a run and lead it through states."""
        run = self.client.create_flow_run_from_deployment(self.deployments[name])
        for state in states:
            self.client.set_flow_run_state(run.id, state)
        self.runs.append(UUID(str(run.id)))
        return self.runs[-1]

    def plan_since(self, name: str, hours: int) -> None:
        """Plan the runs of a deployment's schedule from so long ago until in as long."""
        now, span, count = datetime.now(UTC), timedelta(hours=hours), 2 * hours
        self.client.request(
            "POST",
            f"/deployments/{self.deployments[name]}/schedule",
            json={"start_time": str(now - span), "end_time": str(now + span), "min_runs": count, "max_runs": count},
        ).raise_for_status()

    def state(self, run: UUID) -> tuple[str, str]:
        state = self.client.read_flow_run(run).state
        return state.type.value, state.name

    def due(self, name: str) -> list[Any]:
        """Return a deployment's runs that are due and not taken, oldest first."""
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId

        of_it = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[self.deployments[name]]))
        runs = [run for run in self.client.read_flow_runs(flow_run_filter=of_it) if run.state.is_scheduled()]
        found = [run for run in runs if run.expected_start_time <= datetime.now(UTC)]
        return sorted(found, key=lambda run: run.expected_start_time)


@pytest.fixture
def server(workspace: Any) -> Iterator[Server]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="campanile", type="process"), overwrite=True)
        made = Server(client)
        try:
            yield made
        finally:
            for run in made.runs:  # some cannot be ended, and diagnose-setup of a later test would report them
                client.delete_flow_run(run)
            for deployment in made.deployments.values():
                client.delete_deployment(deployment)


def clean_up(*arguments: str) -> None:
    """Run what `make up` runs before its workers."""
    from tasks.clean_up import main

    main(arguments)


def test_orphans_end_and_their_slots_are_free(server: Server) -> None:
    from prefect.states import Cancelling, Pending, Running

    limit = {"concurrency_limit": 1}
    stages = {
        "process-replies": [Pending()],
        "send-due-campaigns": [Pending(), Pending(name="Submitting")],
        "check-balance": [Pending(), Running()],
        "send-campaign": [Pending(), Running(), Cancelling()],
    }
    for name in stages:
        server.deploy(name, **limit)
    orphans = {name: server.run(name, *states) for name, states in stages.items()}
    alive = subprocess.Popen(["sleep", "120"], env=os.environ | {"PREFECT__FLOW_RUN_ID": str(orphans["check-balance"])})
    try:
        from campanile.sms.errors import SmsError
        from tasks.clean_up import leftovers_line

        with pytest.raises(SmsError, match=r"^3 runs without a process \(process-replies: 1, .* 4 concurrency limits"):
            leftovers_line(0)
        assert server.state(server.run("process-replies", Pending())) == ("SCHEDULED", "AwaitingConcurrencySlot")

        clean_up()
        assert {name: server.state(run) for name, run in orphans.items()} == {
            "process-replies": ("CRASHED", "Crashed"),
            "send-due-campaigns": ("CRASHED", "Crashed"),
            "check-balance": ("RUNNING", "Running"),
            "send-campaign": ("CANCELLED", "Cancelled"),
        }
        assert leftovers_line(0) == "no orphaned run, no concurrency limit on a deployment"
        for name in stages:
            assert server.state(server.run(name, Pending())) == ("PENDING", "Pending")
    finally:
        alive.kill()
        alive.wait()


def hourly(**parameters: Any) -> list[Any]:
    """A schedule of which no run becomes due during a test."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import IntervalSchedule

    half_past = datetime.now(UTC) - timedelta(minutes=30)
    schedule = IntervalSchedule(interval=timedelta(hours=1), anchor_date=half_past)
    return [DeploymentScheduleCreate(schedule=schedule, active=True, parameters=parameters)]


def test_of_the_missed_runs_of_a_schedule_the_last_one_starts(server: Server) -> None:
    for name, queue in (("process-replies", "default"), ("check-balance", "default"), ("approve-campaign", "control")):
        server.deploy(name, queue, schedules=hourly())
        server.plan_since(name, 10)
    by_hand = server.run("process-replies")
    last = {name: server.due(name)[-1].id for name in ("check-balance", "approve-campaign")}
    assert len(server.due("process-replies")) == 11

    clean_up("--queue", "control")
    assert [run.id for run in server.due("approve-campaign")] == [last["approve-campaign"]]
    assert len(server.due("check-balance")) == 10

    clean_up()
    assert [run.id for run in server.due("check-balance")] == [last["check-balance"]]
    assert by_hand in [run.id for run in server.due("process-replies")]
    assert len(server.due("process-replies")) == 2


@pytest.mark.parametrize("name", ["process-replies", "send-due-campaigns"])
def test_a_scheduled_run_takes_over_those_that_are_due_too(server: Server, name: str) -> None:
    from prefect.flow_engine import run_flow

    server.deploy(name, schedules=hourly())
    server.plan_since(name, 10)
    by_hand = server.run(name)
    first = next(run for run in server.due(name) if run.auto_scheduled)
    run_flow(flow_of(name), flow_run=first)
    assert server.state(first.id) == ("COMPLETED", "Completed")
    assert [run.id for run in server.due(name)] == [by_hand]


def test_runs_of_another_schedule_have_other_work(server: Server) -> None:
    from prefect.flow_engine import run_flow

    name = "process-replies"
    server.deploy(name, schedules=[*hourly(gateway="sandbox"), *hourly(gateway="kannel")])
    server.plan_since(name, 10)
    clean_up()
    ours, others = sorted(server.due(name), key=lambda run: run.parameters["gateway"] != "sandbox")
    assert others.parameters == {"gateway": "kannel"}
    run_flow(flow_of(name), flow_run=ours, parameters=ours.parameters)
    assert [run.id for run in server.due(name)] == [others.id]


def test_a_send_run_that_was_lost_before_it_began_is_started_again_by_the_next_look(
    server: Server, workspace: Any
) -> None:
    from prefect.states import Pending

    from flows.approve_campaign import approve_campaign
    from flows.prepare_campaign import prepare_campaign
    from flows.send_due_campaigns import send_due_campaigns
    from schemas.draft import CampaignDraft

    flow_of("ingest-contacts")("clients", workspace.drop(PEOPLE), legal_basis="consent")
    server.deploy("send-campaign")
    draft = CampaignDraft(name="soldes", text="Bonjour", sender_id="36180", lists=["clients"], actor="camille")
    approve_campaign("soldes", prepare_campaign(draft).recap_hash, "dominique")
    (lost,) = server.due("send-campaign")
    server.client.set_flow_run_state(lost.id, Pending())
    send_due_campaigns()
    assert server.due("send-campaign") == []

    clean_up()
    assert server.state(lost.id) == ("CRASHED", "Crashed")
    send_due_campaigns()
    assert len(server.due("send-campaign")) == 1


def test_without_the_address_of_a_server_nothing_is_cleaned_up(prefect_server: None) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from campanile.sms.errors import ConfigurationError

    with (
        temporary_settings({PREFECT_API_URL: None}),
        pytest.raises(ConfigurationError, match=r"^PREFECT_API_URL is not set"),
    ):
        clean_up()
