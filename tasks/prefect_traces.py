"""What Prefect keeps of people: parameters of runs in clear, and texts on pages."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, FlowRunFilterEndTime
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

from campanile.services.contacts.prefect_database import text_of, write_anew
from campanile.sms.text.formatting import count_text
from tasks.context import run_logger

#: Flows whose parameters may contain numbers of people.
NUMBER_FLOWS = (
    "configure-balance-alert", "erase-person", "explain-number", "prepare-campaign", "record-opt-out",
    "revise-campaign", "send-test", "undo-opt-out",
)  # fmt: skip
_PAGE_ROWS = 200
_SQLITE = "sqlite+aiosqlite:///"


def erase_from_prefect(is_about: Callable[[str], bool]) -> list[str]:
    """Delete the runs and pages that show a person; return what was deleted, in words.

    The runs of all flows are read: a reason that somebody typed may have the number too. The current run stays, without
    its parameters.
    """
    with get_client(sync_client=True) as client:
        runs = [run for run in _runs(client) if is_about(text_of(run.parameters))]
        pages = [page for page in _pages(client) if is_about(text_of(page.data))]
        _delete_runs(client, runs)
        for page in pages:
            with contextlib.suppress(ObjectNotFound):
                client.delete_artifact(page.id)
    _write_database_anew(is_about)
    return [f"{count_text(len(runs), 'run')} deleted", f"{count_text(len(pages), 'page')} deleted"]


def delete_old_runs(days: int) -> int:
    """Delete the runs of flows that take numbers that ended so many days ago; return how many. 0: none."""
    if not days:
        return 0
    before = FlowRunFilterEndTime(before_=datetime.now(UTC) - timedelta(days=days))
    with get_client(sync_client=True) as client:
        flows = FlowFilter(name=FlowFilterName(any_=list(NUMBER_FLOWS)))
        found = list(_runs(client, flow_filter=flows, flow_run_filter=FlowRunFilter(end_time=before)))
        _delete_runs(client, found)
    if found:
        _write_database_anew()
    return len(found)


def _delete_runs(client: SyncPrefectClient, runs: list[FlowRun]) -> None:
    """Delete runs; the current one only loses its parameters."""
    for run in runs:
        with contextlib.suppress(ObjectNotFound):
            if str(run.id) == flow_run.id:
                client.update_flow_run(run.id, parameters=dict.fromkeys(run.parameters, "(erased)"))
            else:
                client.delete_flow_run(run.id)


def _runs(client: SyncPrefectClient, **found_by: Any) -> Iterator[FlowRun]:
    """Yield runs, of all flows unless filters say otherwise; all are read before one is deleted."""
    offset = 0
    while found := client.read_flow_runs(limit=_PAGE_ROWS, offset=offset, **found_by):
        yield from found
        offset += len(found)


def _pages(client: SyncPrefectClient) -> Iterator[Any]:
    offset = 0
    while found := client.read_artifacts(limit=_PAGE_ROWS, offset=offset):
        yield from found
        offset += len(found)


def _write_database_anew(is_about: Callable[[str], bool] | None = None) -> None:
    """Write the local SQLite database of Prefect anew, without the events that show a person.

    Events have copies of pages, because tasks return them, and no API deletes events. In another database they stay
    until Prefect's own retention of events (7 days).
    """
    url = str(PREFECT_API_DATABASE_CONNECTION_URL.value())
    path = Path(url.removeprefix(_SQLITE).partition("?")[0])
    if not url.startswith(_SQLITE) or not path.is_file():
        return
    problem = write_anew(path, is_about)
    if problem:
        run_logger().warning("Prefect's database %s could not be written anew: %s", path.name, problem)
