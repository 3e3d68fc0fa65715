"""The deployments as a team has them: prefect.yaml on a real server, a real worker, runs started from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [
    pytest.mark.prefect,
    # Prefect's client leaves sockets to the garbage collector when it starts runs and reads artifacts from a test.
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
    ],
)
def test_what_runs_by_itself(deployment: str, seconds: int) -> None:
    (found,) = [item for item in CONFIG["deployments"] if item["name"] == deployment]
    assert [(schedule["interval"], schedule["active"]) for schedule in found["schedules"]] == [(seconds, True)]


@pytest.fixture
def worker(house: Any) -> Iterator[Any]:
    """The house with all deployments applied and a worker that runs them."""
    environment = os.environ | {
        "SMS_HOME": str(ROOT),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_CLI_PROMPT": "false",
    }
    prefect = [sys.executable, "-m", "prefect"]
    for command in (
        ["work-pool", "create", "campanile", "--type", "process", "--overwrite"],
        ["--no-prompt", "deploy", "--all"],
    ):
        done = subprocess.run(prefect + command, env=environment, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    for name in ("send-due-campaigns", "process-replies"):  # this test starts what it wants itself
        subprocess.run(
            [*prefect, "deployment", "schedule", "clear", f"{name}/{name}", "--accept-yes"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
    with (house.data_dir / "worker.log").open("w") as log:
        process = subprocess.Popen(
            [*prefect, "worker", "start", "--pool", "campanile"],
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        yield house
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(name: str, **parameters: Any) -> Any:
    """Start a deployment as the UI does, and wait for its end."""
    from prefect.deployments import run_deployment

    return run_deployment(f"{name}/{name}", parameters=parameters, timeout=180, poll_interval=1, as_subflow=False)


def page(key: str) -> str:
    """Return the latest artifact of a key."""
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None, f"no artifact {key}"
    return str(found.data)


def test_files_in_and_a_recap_out_by_a_worker(worker: Any) -> None:
    file = str(ROOT / "data" / "samples" / "salon.xlsx")
    done = run("ingest-contacts", list_name="salon", path=file, legal_basis="consent")
    assert done.state.is_completed(), done.state.message
    assert "150 rows in" in page("import-salon")

    draft = {"name": "invitation", "text": "Bonjour {first_name|cher visiteur}", "sender_id": "36180"}
    done = run("prepare-campaign", draft=draft | {"lists": ["salon"], "author": "camille"})
    assert done.state.is_completed(), done.state.message
    recap = page("recap-invitation")
    assert "130 messages" in recap
    by_territory = json.loads(page("territories-of-invitation"))
    assert sum(row["message_count"] for row in by_territory) == 130

    done = run("prepare-campaign", draft=draft | {"lists": ["salons"], "author": "camille"})
    assert done.state.is_failed()
    assert "no list 'salons'; lists are: salon" in done.state.message

    recap_hash = recap.split("Hash **`")[1][:8]
    done = run("approve-campaign", campaign="invitation", recap_hash=recap_hash, approver="dominique")
    assert done.state.is_completed(), done.state.message
    give_up_at = time.monotonic() + 120
    while worker.query("SELECT state FROM campaign") not in ([("finished",)], [("parked",)]):
        assert time.monotonic() < give_up_at, "approval did not start the sending run"
        time.sleep(0.5)
    worker.assert_in_order()
