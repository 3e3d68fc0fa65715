"""Start the runs of campaigns that are due. The store is the schedule; Prefect only looks."""

from collections.abc import Callable
from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from sms.errors import SmsError
from store.sending import due_campaigns
from tasks.house import visit_store

_DEPLOYMENT = "send-campaign/send-campaign"
#: A run that was started and lost (its worker died before it took the lease) is started anew after so long.
_RESTART_SECONDS = 300


@task
def find_due(campaign: str | None = None) -> dict[str, str]:
    """Return the campaigns that are due, parked until now, or orphaned; each with a mark of the attempt.

    Args:
        campaign: look at this one only.
    """
    with visit_store(read_only=True) as visit:
        due = due_campaigns(visit)
    return {
        row["name"]: f"{row['campaign_id']}-{row['version']}-{row['fence']}"
        for row in due
        if campaign in (None, row["name"])
    }


def start_runs(due: dict[str, str], run_here: Callable[[str], object]) -> None:
    """Start a send run of its own for each campaign; where the deployment is not registered, run it here and now.

    Raises:
        SmsError: runs that were made here failed; the others were made all the same.
    """
    failures = []
    for campaign, attempt in due.items():
        try:
            _start_run(campaign, attempt, run_here)
        except SmsError as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise SmsError("; ".join(str(error) for error in failures))


def _start_run(campaign: str, attempt: str, run_here: Callable[[str], object]) -> None:
    """The same attempt is started once a few minutes, however often somebody looks."""
    period = int(datetime.now(UTC).timestamp()) // _RESTART_SECONDS
    try:
        run_deployment(
            _DEPLOYMENT,
            parameters={"campaign": campaign},
            timeout=0,
            as_subflow=False,
            flow_run_name=f"send {campaign}",
            idempotency_key=f"send-{attempt}-{period}",
        )
    except ObjectNotFound:
        run_here(campaign)
    else:
        get_run_logger().info("%s is due: its run is started", campaign)
