"""Prefect's own database after an erasure: runs with the number are gone, and so are pages with the person's texts."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_persons import KEY, files_with, put_everywhere

pytestmark = [
    pytest.mark.prefect,
    # Prefect's client does not close its sockets when a test reads runs: the garbage collector does.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def rows_with(folder: Path, piece: str = "Quatremer") -> list[str]:
    """Return the columns of Prefect's database that show a piece of the person."""
    with contextlib.closing(sqlite3.connect(next(folder.glob("*.db")))) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = [(table, row[1]) for table in tables for row in database.execute(f'PRAGMA table_info("{table}")')]
        return [
            f"{table}.{column}"
            for table, column in columns
            if database.execute(f'SELECT 1 FROM "{table}" WHERE "{column}" LIKE ?', [f"%{piece}%"]).fetchone()
        ]


def test_prefect_keeps_nothing_of_an_erased_person(workspace: Any) -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    from flows.erase_person import erase_person
    from flows.pause_campaign import pause_campaign
    from flows.purge_old_data import purge_old_data
    from flows.record_opt_out import record_opt_out

    folder = Path(str(PREFECT_API_DATABASE_CONNECTION_URL.value()).removeprefix("sqlite+aiosqlite:///")).parent
    workspace.set(evidence_key=KEY)
    put_everywhere(workspace)
    record_opt_out("06 12 34 56 78", "phone", "camille")
    record_opt_out("06 12 34 56 70", "phone", "camille")
    pause_campaign("soldes", actor="camille", reason="call 06 12 34 56 78 first", return_state=True)
    assert files_with(folder) != [], "the search finds the person in Prefect's database"

    state = erase_person("06 12 34 56 78", "camille", "ticket 12", return_state=True)
    assert state.is_completed(), state.message
    assert "⚠" not in state.result()
    assert files_with(folder, ()) == [], "the number is in no byte of the database"
    # Prefect may write an event some seconds after its run; docs/privacy.md says so.
    assert set(rows_with(folder)) <= {"events.payload"}
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(limit=200)
        numbers = [run.parameters["number"] for run in runs if "number" in run.parameters]
    assert sorted(numbers) == ["(erased)", "06 12 34 56 70"], "the run itself, and another person's"
    assert purge_old_data(return_state=True).is_completed()
