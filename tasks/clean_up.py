"""``python -m tasks.clean_up``: clean up Prefect's runs after a stop; run it before the workers start.

Prefect never ends a run whose process and worker are gone, and a worker that was away starts every run that was missed.
This command gives orphaned runs a final state. It deletes missed runs, except the last one of each deployment. It also
deletes the concurrency limits of deployments, because they keep the slots of killed runs.
"""

import argparse
import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
    WorkQueueFilter,
    WorkQueueFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound, PrefectException, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Crashed

from campanile.file_permissions import keep_private
from campanile.services.liveness import process_variables
from campanile.sms.errors import ConfigurationError, SmsError
from campanile.sms.text.formatting import count_text

POOL = "campanile"
_POOL_FILTER = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
_ACTIVE = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_PAGE_ROWS = 200
_SERVER_ERROR = 500
#: The variable of a process that a worker starts for a run.
_RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"
_LIMIT_PREFIX = "deployment:"


def clean_up(client: SyncPrefectClient, queues: Sequence[str] = ()) -> list[str]:
    """Clean up the pool, or some of its queues; return one line per kind of leftover.

    The workers of those queues must not run yet. Runs that still have a process are not touched.
    """
    found = find_orphans(client, queues)
    orphans = [run for run in found if _end_orphan(client, run)]
    limits = find_limits(client)  # after the runs: their end gives back the slots that the server remembers
    for name in limits:
        with contextlib.suppress(ObjectNotFound):
            client.delete_global_concurrency_limit_by_name(name)
    missed = _missed(client, queues)
    latest = {_work_of(run): run.id for run in missed}
    dropped = [run for run in missed if latest[_work_of(run)] != run.id]
    _delete(client, dropped)
    stuck_count = len(found) - len(orphans)
    stuck = f"; {count_text(stuck_count, 'run')} could not be ended: restart Prefect's server" if stuck_count else ""
    return [
        f"{count_text(len(orphans), 'orphaned run')} ended{_of_which(client, orphans)}{stuck}",
        f"{count_text(len(limits), 'concurrency limit')} of deployments deleted",
        f"{count_text(len(dropped), 'missed run')} deleted{_of_which(client, dropped)}",
    ]


def find_orphans(client: SyncPrefectClient, queues: Sequence[str] = (), min_seconds: float = 0) -> list[FlowRun]:
    """Return the runs of the pool with an active state and without a process on this machine.

    Args:
        client: a client of the server.
        queues: only these queues; empty: the whole pool.
        min_seconds: skip runs whose state is more recent.
    """
    changed_before = datetime.now(UTC) - timedelta(seconds=min_seconds)
    found = list(_read_runs(client, FlowRunFilter(state=_in_state(*_ACTIVE)), queues))
    alive = process_variables(_RUN_VARIABLE)
    return [
        run
        for run in found
        if run.state is not None and run.state.timestamp <= changed_before and str(run.id) not in alive
    ]


def find_limits(client: SyncPrefectClient) -> list[str]:
    """Return the names of the concurrency limits that Prefect keeps for deployments of the pool."""
    deployments = client.read_deployments(work_pool_filter=_POOL_FILTER, limit=_PAGE_ROWS)
    limits = [found.global_concurrency_limit for found in deployments]
    return [limit.name for limit in limits if limit is not None and limit.name.startswith(_LIMIT_PREFIX)]


def drop_missed_of_this_run() -> None:
    """Delete the due runs with the same deployment and parameters as this scheduled run: it does their work.

    A worker that was full for an hour then starts one run of a deployment instead of sixty.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.deployment_id is None or not run.auto_scheduled:
        return
    with get_client(sync_client=True) as client:
        missed = _missed(client, deployment=FlowRunFilterDeploymentId(any_=[run.deployment_id]))
        _delete(client, [other for other in missed if _work_of(other) == _work_of(run)])


def leftovers_line(min_seconds: float = 300) -> str:
    """Return one line if Prefect keeps nothing of killed runs.

    Raises:
        SmsError: Prefect keeps orphaned runs, or concurrency limits on deployments.
    """
    if PREFECT_API_URL.value() is None:
        return "no server is set (PREFECT_API_URL)"
    try:
        with get_client(sync_client=True) as client:
            orphans, limits = find_orphans(client, min_seconds=min_seconds), find_limits(client)
            names = _of_which(client, orphans)
    except (httpx.HTTPError, PrefectException, ValueError) as error:
        raise SmsError(f"the runs of Prefect's server cannot be read ({type(error).__name__})") from error
    if orphans or limits:
        raise SmsError(
            f"{count_text(len(orphans), 'run')} without a process{names}, "
            f"{count_text(len(limits), 'concurrency limit')} on deployments: stop the workers, run "
            "python -m tasks.clean_up, start them again"
        )
    return "no orphaned run, no concurrency limit on a deployment"


def _end_orphan(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Crash a run, or finish its cancellation: the campaign of a cancelled send run is then paused, not continued.

    Return False if the server cannot: it still remembers a slot of a limit that was deleted. Such a run does not
    prevent other runs.
    """
    is_cancelling = run.state is not None and run.state.is_cancelling()
    words = "its process was gone when the workers started"
    final: State[Any] = Cancelled(message=words) if is_cancelling else Crashed(message=words)
    try:
        client.set_flow_run_state(run.id, final, force=True)
    except ObjectNotFound:
        return True
    except PrefectHTTPStatusError as error:
        if error.response.status_code < _SERVER_ERROR:
            raise
        return False
    return True


def _missed(
    client: SyncPrefectClient, queues: Sequence[str] = (), deployment: FlowRunFilterDeploymentId | None = None
) -> list[FlowRun]:
    """Return the scheduled runs that are due and that no worker has taken, oldest first."""
    due = FlowRunFilter(
        state=_in_state(StateType.SCHEDULED),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
        deployment_id=deployment,
    )
    return [run for run in _read_runs(client, due, queues) if run.auto_scheduled]


def _work_of(run: FlowRun) -> tuple[object, str]:
    """Return a key that is equal for two scheduled runs that do the same work."""
    return run.deployment_id, json.dumps(run.parameters, sort_keys=True, default=str)


def _delete(client: SyncPrefectClient, runs: Sequence[FlowRun]) -> None:
    for run in runs:
        with contextlib.suppress(ObjectNotFound):
            client.delete_flow_run(run.id)


def _in_state(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


def _read_runs(client: SyncPrefectClient, found_by: FlowRunFilter, queues: Sequence[str]) -> Iterator[FlowRun]:
    offset = 0
    while page := client.read_flow_runs(
        flow_run_filter=found_by,
        work_pool_filter=_POOL_FILTER,
        work_queue_filter=WorkQueueFilter(name=WorkQueueFilterName(any_=list(queues))) if queues else None,
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_PAGE_ROWS,
        offset=offset,
    ):
        yield from page
        offset += len(page)


def _of_which(client: SyncPrefectClient, runs: Sequence[FlowRun]) -> str:
    """Return the number of runs per deployment, in brackets."""
    if not runs:
        return ""
    counts = Counter(run.deployment_id for run in runs)
    names = {
        deployment.id: deployment.name
        for deployment in client.read_deployments(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[key for key in counts if key]))
        )
    }
    words = [f"{names.get(key, 'no deployment') if key else 'no deployment'}: {count}" for key, count in counts.items()]
    return f" ({', '.join(sorted(words))})"


def main(arguments: Sequence[str]) -> str:
    """Clean up on the server in ``PREFECT_API_URL``; return what was found.

    Raises:
        ConfigurationError: ``PREFECT_API_URL`` is not set.
    """
    parser = argparse.ArgumentParser(prog="python -m tasks.clean_up", description="Clean up runs after a stop.")
    parser.add_argument(
        "--queue", action="append", default=[], metavar="NAME", help="only this work queue (may be repeated)"
    )
    options = parser.parse_args(arguments)
    if PREFECT_API_URL.value() is None:
        raise ConfigurationError(
            "PREFECT_API_URL is not set: give the address of the server, http://127.0.0.1:4200/api"
        )
    with get_client(sync_client=True) as client:
        return "\n".join(clean_up(client, options.queue))


if __name__ == "__main__":
    keep_private()
    try:
        sys.stdout.write(main(sys.argv[1:]) + "\n")
    except SmsError as refusal:
        sys.exit(str(refusal))
