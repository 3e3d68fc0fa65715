"""Prefect's own database after an erasure: runs with the number are gone, and so are pages with the person's texts."""

from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_persons import KEY, files_with, put_everywhere

pytestmark = [
    pytest.mark.prefect,
    # Prefect's client does not close its sockets when a test reads runs: the garbage collector does.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_prefect_keeps_nothing_of_an_erased_person(workspace: Any) -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    from flows.erase_person import erase_person
    from flows.purge_old_data import purge_old_data
    from flows.record_opt_out import record_opt_out

    folder = Path(str(PREFECT_API_DATABASE_CONNECTION_URL.value()).removeprefix("sqlite+aiosqlite:///")).parent
    workspace.set(evidence_key=KEY)
    put_everywhere(workspace)
    record_opt_out("06 12 34 56 78", "phone", "camille")
    record_opt_out("06 12 34 56 70", "phone", "camille")
    assert files_with(folder) != [], "the search finds the person in Prefect's database"

    state = erase_person("06 12 34 56 78", "camille", "ticket 12", return_state=True)
    assert state.is_completed(), state.message
    assert "⚠" not in state.result()
    assert files_with(folder) == []
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(limit=200)
        numbers = [run.parameters["number"] for run in runs if "number" in run.parameters]
    assert sorted(numbers) == ["(erased)", "06 12 34 56 70"], "the run itself, and another person's"
    assert purge_old_data(return_state=True).is_completed()
