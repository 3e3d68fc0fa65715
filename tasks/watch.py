"""Are the scheduled flows, the workers and the server alive: looked after by each scheduled flow, and without Prefect.

``python -m tasks.watch`` looks once, alerts, and ends with status 1 when something is not running: for cron or a
systemd timer, where Prefect itself may be gone. ``make up`` keeps one that stays.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment
from prefect.settings import PREFECT_API_URL

from sms.errors import SmsError
from sms.masking import mask_numbers
from store.operators import clear_alert
from store.schedule import LATE_INTERVALS, FlowAge, Liveness, begin_run, end_run, flow_ages, watched_since
from tasks.alerts import alert, run_logger, send_waiting_alerts
from tasks.clock import real_now
from tasks.deployments import deployments
from tasks.house import visit_store
from tasks.prefect_calls import PrefectAway, call_prefect
from tasks.settings import settings

#: A queue that no worker has polled for so long has none.
_POLLED = timedelta(seconds=90)
_SERVER_SECONDS = 10.0
_WATCHER = "tasks.watch"
#: What a flow does, as its line says it; the others "ended well".
_WORK = {
    "check-balance": "the balance was read",
    "collect-delivery-reports": "delivery reports were read",
    "import-opt-outs": "the folder of opt-outs was read",
    "ingest-contacts": "the folders of contacts were read",
    "process-replies": "replies and STOPs were read",
    "send-due-campaigns": "due campaigns were started",
}
_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


class Watched(NamedTuple):
    """What is known of one thing that must be alive; ``is_well`` is None where it cannot be said yet."""

    subject: str
    is_well: bool | None
    line: str


@contextmanager
def watched(flow: str, *, is_scheduled: bool = True) -> Iterator[None]:
    """Record that a scheduled flow did its work, and look after the others, whatever became of this one.

    Args:
        flow: its name in ``prefect.yaml``.
        is_scheduled: this run does what its schedule asks for, and not something else by hand.
    """
    if not is_scheduled:
        yield
        return
    with visit_store() as visit:
        begin_run(visit, flow, deployments().intervals, real_now())
    try:
        yield
    except SmsError as error:
        _end(flow, mask_numbers(str(error)))
        raise
    _end(flow, None)


def _end(flow: str, error: str | None) -> None:
    """Record how a run ended; look after the others where a schedule started it, for then they must run too."""
    try:
        with visit_store() as visit:
            end_run(visit, flow, real_now(), error)
        if deployment.id is not None:
            alert_about(look_after_all())
        send_waiting_alerts()
    except SmsError as problem:
        run_logger().error("the other flows could not be looked after: %s", problem)


def look_after_all() -> list[Watched]:
    """Return what is known of every scheduled flow, of Prefect's server and of its workers."""
    with visit_store(read_only=True) as visit:
        ages = flow_ages(visit, deployments().intervals, real_now())
        since = watched_since(visit)
    return [*map(_watched_flow, ages), *look_after_prefect(since)]


def look_after_prefect(since: datetime | None) -> list[Watched]:
    """Return whether the server answers, and whether each queue has a worker; lateness counts ``since`` then."""
    if PREFECT_API_URL.value() is None:
        return [Watched("Prefect's server", None, "none is named (PREFECT_API_URL): flows run by hand only")]
    try:
        polled = call_prefect(_read_queues, _SERVER_SECONDS)
    except PrefectAway as error:
        return [Watched("Prefect's server", False, f"{error}; start it again: nothing runs by itself without it")]
    server = Watched("Prefect's server", True, f"{PREFECT_API_URL.value()} answers")
    if polled is None:
        line = f"there is no work pool {deployments().pool}: flows run by hand only, until prefect deploy --all"
        return [server, Watched("workers", None, line)]
    return [server, *(_watched_queue(name, polled.get(name), since) for name in sorted(deployments().queues))]


def alert_about(found: list[Watched]) -> None:
    """Raise an alert for each thing that is not alive, once until it is again, and clear the others'."""
    gateway = settings().gateway
    for subject, is_well, line in found:
        kind = f"not running: {subject}"
        if is_well:
            with visit_store() as visit:
                clear_alert(visit, kind, gateway)
        elif is_well is False:
            alert(kind, gateway, line)


def _watched_flow(age: FlowAge) -> Watched:
    what, every = _WORK.get(age.flow, f"{age.flow} ended well"), span_text(age.limit / LATE_INTERVALS)
    when = "never" if age.age is None else f"{span_text(age.age)} ago"
    line = f"{what}: {when} ({age.flow}, every {every})"
    if age.error:
        line += f"; its last run failed: {age.error}"
    if age.liveness is Liveness.LATE:
        line += f"; look at the runs of {age.flow} and at the workers' logs, and start the workers again"
        return Watched(age.flow, False, line)
    return Watched(age.flow, True if age.liveness is Liveness.WELL else None, line)


def _watched_queue(name: str, polled_at: datetime | None, since: datetime | None) -> Watched:
    subject, now = f"workers of queue {name}", real_now()
    when = "never asked for runs" if polled_at is None else f"asked for runs {span_text(now - polled_at)} ago"
    if polled_at is not None and now - polled_at <= _POLLED:
        return Watched(subject, True, when)
    if since is None or now - since <= _POLLED:
        return Watched(subject, None, when)
    start = f"prefect worker start --pool {deployments().pool} --work-queue {name}"
    return Watched(subject, False, f"{when}; start one: {start}, or make up")


def _read_queues() -> dict[str, datetime | None] | None:
    """Return when each queue of the pool was last polled, or None without a pool."""
    with get_client(sync_client=True) as client:
        try:
            found: list[Any] = client.read_work_queues(work_pool_name=deployments().pool)
        except ObjectNotFound:
            return None
    return {queue.name: queue.last_polled for queue in found}


def span_text(span: timedelta) -> str:
    """Return a span in its largest unit, such as ``3 minutes``; below two of a unit the next smaller one is used."""
    seconds = max(0, round(span.total_seconds()))
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return f"{round(seconds / size)} {unit}"


def watch_once(every: float) -> list[Watched]:
    """Look after everything once and alert; return what is not running.

    Args:
        every: seconds between two looks: after a longer pause the machine was off, and lateness counts from now on.
    """
    with visit_store() as visit:
        begin_run(visit, _WATCHER, deployments().intervals | {_WATCHER: timedelta(seconds=every)}, real_now())
    found = look_after_all()
    alert_about(found)
    send_waiting_alerts()
    return [item for item in found if item.is_well is False]


def main(arguments: list[str]) -> int:
    """Look once, or again and again; return 1 when something is not running."""
    parser = argparse.ArgumentParser(prog="python -m tasks.watch", description="Alert when flows or workers are dead.")
    parser.add_argument("--every", type=float, default=300, metavar="SECONDS", help="between two looks (300)")
    parser.add_argument("--stay", action="store_true", help="look again and again; without it cron or systemd does")
    options = parser.parse_args(arguments)
    look = partial(watch_once, options.every)
    while True:
        try:
            dead = look()
            lines = [f"{item.subject} not running: {item.line}" for item in dead]
        except SmsError as error:
            lines = [f"nothing could be looked after: {error}"]
        for line in lines:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - a command
        if not options.stay:
            return 1 if lines else 0
        time.sleep(options.every)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
