"""A user's mistake is one line, in the run's state, in its log and in the terminal; a fault keeps its traceback."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

pytestmark = pytest.mark.prefect

ROOT = Path(__file__).parents[2]
DRAFT = {
    "name": "soldes",
    "text": "Bonjour",
    "sender_id": "MABOUTIQUE",
    "lists": ["boutiques"],
    "actor": "camille",
}
LINE = "no list 'boutiques'; lists are: boutique"


def with_a_list(workspace: Any) -> None:
    from flows.ingest_contacts import ingest_contacts

    ingest_contacts("boutique", workspace.drop("mobile\n0612345678\n0612345679\n"), legal_basis="consent")


def run_of_draft() -> Any:
    """Run prepare-campaign for a list that is not there, and return the run as the server has it."""
    from prefect import get_client

    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    state = prepare_campaign(CampaignDraft(**DRAFT), return_state=True)
    with get_client(sync_client=True) as client:
        return client.read_flow_run(state.state_details.flow_run_id)


def log_of(run_id: UUID) -> list[tuple[int, str]]:
    """Return (level, message) of a run's log, its tasks' lines included, once its last line has arrived."""
    from prefect import get_client
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

    while True:
        with get_client(sync_client=True) as client:
            found = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))
        if any(log.task_run_id is None and log.message.startswith("Finished in state") for log in found):
            return [(log.level, log.message) for log in found]
        time.sleep(0.2)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_mistake_is_the_message_of_the_runs_state_and_no_traceback_is_in_its_log(workspace: Any) -> None:
    with_a_list(workspace)
    run = run_of_draft()
    assert (run.state.name, run.state.message) == ("Failed", LINE)
    lines = log_of(run.id)
    assert LINE in [message for level, message in lines if level >= 40]
    assert not [message for _, message in lines if "Traceback" in message or "\n" in message]


def test_a_fault_of_the_program_keeps_its_traceback(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import flows.prepare_campaign as module

    def breaks(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(module, "read_draft", breaks)
    run = run_of_draft()
    assert run.state.name == "Failed"
    assert "ZeroDivisionError: a fault" in run.state.message
    assert any("Traceback" in message for _, message in log_of(run.id))


def test_a_mistake_is_one_line_in_the_terminal(workspace: Any) -> None:
    with_a_list(workspace)
    path = workspace.drop("mobile\n12\n")
    done = command("ingest-contacts", "list_name=Boutique", f"path={path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "Boutique" in done.stderr

    refused = command(
        "ingest-contacts", "list_name=boutique", f"path={workspace.drop('nom;ville', 'sans-numeros.csv')}"
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1, "a file that is refused, too"
    assert "sans-numeros.csv" in refused.stderr


def test_a_server_that_does_not_answer_is_one_line(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    done = command("check-balance")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "Prefect's server http://127.0.0.1:9/api does not answer" in done.stderr


def test_an_import_is_printed_as_its_page(workspace: Any) -> None:
    path = workspace.drop("mobile\n0612345678\n123\n")
    done = command("ingest-contacts", "list_name=boutique", f"path={path}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# Import into boutique\n")
    assert "ImportReport(" not in done.stdout
