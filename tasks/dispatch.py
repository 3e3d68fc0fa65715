"""Start the runs of campaigns that are due. The store is the schedule; Prefect only checks it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterIdempotencyKey,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from campanile.sms.errors import SmsError
from campanile.sms.states import CampaignKind, CampaignState
from campanile.store.ledger.run_lifecycle import due_campaigns
from schemas.ledger_rows import DueCampaign
from tasks.context import current_context
from tasks.control import pause_after_cancel
from tasks.sending import publish_progress

_DEPLOYMENT = "send-campaign/send-campaign"
#: Alerts go to a worker of their own, so that long marketing runs never delay them.
_QUEUES: dict[str, str] = {CampaignKind.ALERT: "control"}
#: A run that was lost (its worker died before it took the lease) is started again after this time.
_RESTART_SECONDS = 300
_MAX_ATTEMPTS = 5
_CANCELLED = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED, StateType.CANCELLING]))


class Due(NamedTuple):
    """A campaign to start a run for: its kind, and the mark of the attempt."""

    kind: str
    mark: str


@task
def find_due(campaign: str | None = None) -> dict[str, Due]:
    """Return, by name, the campaigns that are due, parked until now, or orphaned.

    A campaign whose run was cancelled is paused instead. A run that Prefect does not know any more counts as not
    cancelled.

    Args:
        campaign: check only this one.
    """
    context = current_context()
    with context.transaction(read_only=True) as tx:
        due = [row for row in due_campaigns(tx) if campaign in (None, row.name)]
    held = {name for name, run in _cancelled_runs(due).items() if pause_after_cancel(name, run)}
    for name in sorted(held):
        context.log.warning("%s is paused and not started again: its run was cancelled", name)
        publish_progress(name, return_state=True)  # a page that fails must not stop the loop
    return {row.name: Due(row.kind, _mark(row)) for row in due if row.name not in held}


def start_runs(due: Mapping[str, Due], run_here: Callable[[str], object]) -> None:
    """Start one send run per campaign; if the deployment is not registered, run it here and now.

    Raises:
        SmsError: runs in this process failed; the other campaigns were run all the same.
    """
    failures = []
    for campaign, found in due.items():
        try:
            _start_run(campaign, found, run_here)
        except SmsError as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise SmsError("; ".join(str(error) for error in failures))


def _start_run(campaign: str, due: Due, run_here: Callable[[str], object]) -> None:
    """Start an attempt at most once in ``_RESTART_SECONDS``, however often this is called; again if that run failed."""
    context = current_context()
    key = _run_keys(due.mark)[0]
    for attempt in range(_MAX_ATTEMPTS):
        try:
            run: Any = run_deployment(
                _DEPLOYMENT,
                parameters={"campaign": campaign},
                timeout=0,
                as_subflow=False,
                flow_run_name=f"send {campaign}",
                idempotency_key=f"{key}-{attempt}" if attempt else key,
                work_queue_name=_QUEUES.get(due.kind),
            )
        except ObjectNotFound:
            run_here(campaign)
            return
        if run.state is None or not (run.state.is_failed() or run.state.is_crashed()):
            context.log.info("%s is due: its run is started", campaign)
            return


def _cancelled_runs(due: Sequence[DueCampaign]) -> dict[str, FlowRun]:
    """Return, by campaign, the cancelled run: the last one that held its lease, or one that was about to start."""
    by_id = {row.run_id: row.name for row in due if row.run_id and row.state != CampaignState.APPROVED}
    by_key = {key: row.name for row in due for key in _run_keys(_mark(row))}
    if not due:
        return {}
    with get_client(sync_client=True) as client:
        begun = FlowRunFilter(id=FlowRunFilterId(any_=list(by_id)), state=_CANCELLED)
        waiting = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=list(by_key)), state=_CANCELLED)
        found = {by_id[str(run.id)]: run for run in client.read_flow_runs(flow_run_filter=begun)} if by_id else {}
        return found | {by_key[str(run.idempotency_key)]: run for run in client.read_flow_runs(flow_run_filter=waiting)}


def _mark(row: DueCampaign) -> str:
    """Return the mark of an attempt at a campaign; each change of the campaign gives another one."""
    moved_at = int(row.updated_at.timestamp() * 1000)
    return f"{row.campaign_id}-{row.version}-{row.fence}-{moved_at}"


def _run_keys(mark: str) -> tuple[str, str]:
    """Return the idempotency keys of a run: the current one, and the one before."""
    period = int(datetime.now(UTC).timestamp()) // _RESTART_SECONDS
    return f"send-{mark}-{period}", f"send-{mark}-{period - 1}"
