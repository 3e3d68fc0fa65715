"""Check that scheduled flows, the server and workers are alive."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from campanile.services.billing.alerts import alert
from campanile.services.context import Context
from campanile.services.deployments import deployments
from campanile.store.billing.alerts import clear_alert
from campanile.store.db.flow_schedule import (
    LATE_INTERVALS,
    FlowAge,
    Liveness,
)

#: What a flow does, as its line says; the other flows "ended well".
_WORK = {
    "check-balance": "the balance was read",
    "collect-delivery-reports": "delivery reports were read",
    "import-opt-outs": "the folder of opt-outs was read",
    "ingest-contacts": "the folders of contacts were read",
    "purge-old-data": "old data was deleted",
    "process-replies": "replies and STOPs were read",
    "publish-snapshot": "the tables for analysts were written",
    "send-due-campaigns": "due campaigns were started",
}
#: A queue has no worker if it was not polled for this long.
_POLLED = timedelta(seconds=90)
_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


class Watched(NamedTuple):
    """What is known of a flow, server or queue that must be alive; ``is_well`` is None if it is not known yet."""

    subject: str
    is_well: bool | None
    line: str


def watched_flow(age: FlowAge) -> Watched:
    """Return what is known of a scheduled flow by when its last run ended."""
    what, every = _WORK.get(age.flow, f"{age.flow} ended well"), span_text(age.limit / LATE_INTERVALS)
    when = "never" if age.age is None else f"{span_text(age.age)} ago"
    line = f"{what}: {when} ({age.flow}, every {every})"
    if age.error:
        line += f"; its last run failed: {age.error}"
    if age.liveness is Liveness.LATE:
        line += f"; check the runs of {age.flow} and the workers' logs, and start the workers again"
        return Watched(age.flow, False, line)
    return Watched(age.flow, True if age.liveness is Liveness.WELL else None, line)


def span_text(span: timedelta) -> str:
    """Return a span in its largest unit, such as ``3 minutes``; below two of a unit the next smaller one is used."""
    seconds = max(0, round(span.total_seconds()))
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return f"{round(seconds / size)} {unit}"


def alert_about(context: Context, found: Sequence[Watched]) -> None:
    """Raise an alert for each subject that is not alive, once until it is alive again; then clear the alert."""
    gateway = context.settings.gateway
    for subject, is_well, line in found:
        kind = f"not running: {subject}"
        if is_well:
            with context.transaction() as tx:
                clear_alert(tx, kind, gateway)
        elif is_well is False:
            alert(context, kind, gateway, line)


def watched_queue(name: str, polled_at: datetime | None, since: datetime | None, now: datetime) -> Watched:
    """Return what is known at ``now`` of the workers of a queue; ``since``: from when on lateness counts."""
    subject = f"workers of queue {name}"
    when = "never asked for runs" if polled_at is None else f"asked for runs {span_text(now - polled_at)} ago"
    if polled_at is not None and now - polled_at <= _POLLED:
        return Watched(subject, True, when)
    if since is None or now - since <= _POLLED:
        return Watched(subject, None, when)
    start = f"prefect worker start --pool {deployments().pool} --work-queue {name}"
    return Watched(subject, False, f"{when}; start one: {start}, or make up")


def process_variables(name: str) -> set[str]:
    """Return the values of an environment variable in the processes of this machine (none without /proc)."""
    found, start = set(), f"{name}=".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # the process has ended, or it belongs to another user
            variables = environ.read_bytes().split(b"\0")
            found |= {each.removeprefix(start).decode() for each in variables if each.startswith(start)}
    return found
