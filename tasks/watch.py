"""Check that the scheduled flows, the workers and the server are running; also without Prefect.

Each scheduled flow checks the others. ``python -m tasks.watch`` checks once, alerts, and ends with status 1 if
something is not running. It is made for cron or a systemd timer, because Prefect itself may be down. ``make up`` runs
one that stays.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment
from prefect.settings import PREFECT_API_URL

from campanile.file_permissions import keep_private
from campanile.services.billing.alerts import send_waiting_alerts
from campanile.services.clock import real_now
from campanile.services.deployments import deployments
from campanile.services.liveness import Watched, alert_about, watched_flow, watched_queue
from campanile.sms.errors import SmsError
from campanile.sms.text.masking import mask_numbers
from campanile.store.db.flow_schedule import (
    begin_run,
    end_run,
    flow_ages,
    watched_since,
)
from tasks.context import current_context
from tasks.prefect_calls import PrefectAway, call_prefect

_SERVER_SECONDS = 10.0
_WATCHER = "tasks.watch"


@contextmanager
def watched(flow: str, *, is_scheduled: bool = True) -> Iterator[None]:
    """Record the start and the end of a scheduled flow, and check the other flows, even after an error.

    Args:
        flow: its name in ``prefect.yaml``.
        is_scheduled: this run does the work of the schedule, not something else by hand.
    """
    context = current_context()
    if not is_scheduled:
        yield
        return
    with context.transaction() as tx:
        begin_run(tx, flow, deployments().intervals, real_now())
    try:
        yield
    except SmsError as error:
        _end(flow, mask_numbers(str(error)))
        raise
    _end(flow, None)


def _end(flow: str, error: str | None) -> None:
    """Record how a run ended. If a schedule started it, the other flows must run too, so check them."""
    context = current_context()
    try:
        with context.transaction() as tx:
            end_run(tx, flow, real_now(), error)
        if deployment.id is not None:
            alert_about(context, look_after_all())
        send_waiting_alerts(context)
    except SmsError as problem:
        context.log.error("the other flows could not be checked: %s", problem)


def look_after_all() -> list[Watched]:
    """Check every scheduled flow, Prefect's server and its workers; return one result each."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        ages = flow_ages(tx, deployments().intervals, real_now())
        since = watched_since(tx)
    return [*map(watched_flow, ages), *look_after_prefect(since)]


def look_after_prefect(since: datetime | None) -> list[Watched]:
    """Check that the server answers and that each queue has a worker; lateness counts from ``since`` on."""
    if PREFECT_API_URL.value() is None:
        return [Watched("Prefect's server", None, "no server is set (PREFECT_API_URL): flows run by hand only")]
    try:
        polled = call_prefect(_read_queues, _SERVER_SECONDS)
    except PrefectAway as error:
        return [Watched("Prefect's server", False, f"{error}; start it again: nothing runs by itself without it")]
    server = Watched("Prefect's server", True, f"{PREFECT_API_URL.value()} answers")
    if polled is None:
        line = f"there is no work pool {deployments().pool}: flows run by hand only, until prefect deploy --all"
        return [server, Watched("workers", None, line)]
    return [
        server,
        *(watched_queue(name, polled.get(name), since, real_now()) for name in sorted(deployments().queues)),
    ]


def _read_queues() -> dict[str, datetime | None] | None:
    """Return the time of the last poll of each queue of the pool; None: there is no pool."""
    with get_client(sync_client=True) as client:
        try:
            found: list[Any] = client.read_work_queues(work_pool_name=deployments().pool)
        except ObjectNotFound:
            return None
    return {queue.name: queue.last_polled for queue in found}


def watch_once(every: float) -> list[Watched]:
    """Check everything once and alert; return what is not running.

    Args:
        every: seconds between two checks. After a longer pause the machine was off, and lateness counts from now on.
    """
    context = current_context()
    with context.transaction() as tx:
        begin_run(tx, _WATCHER, deployments().intervals | {_WATCHER: timedelta(seconds=every)}, real_now())
    found = look_after_all()
    alert_about(context, found)
    send_waiting_alerts(context)
    return [item for item in found if item.is_well is False]


def main(arguments: list[str]) -> int:
    """Check once, or again and again; return 1 if something is not running."""
    description = "Alert if flows or workers are not running."
    parser = argparse.ArgumentParser(prog="python -m tasks.watch", description=description)
    parser.add_argument("--every", type=float, default=300, metavar="SECONDS", help="between two checks (300)")
    parser.add_argument("--stay", action="store_true", help="check again and again; without it cron or systemd does")
    options = parser.parse_args(arguments)
    look = partial(watch_once, options.every)
    while True:
        try:
            dead = look()
            lines = [f"{item.subject} not running: {item.line}" for item in dead]
        except SmsError as error:
            lines = [f"nothing could be checked: {error}"]
        for line in lines:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - a command
        if not options.stay:
            return 1 if lines else 0
        time.sleep(options.every)


if __name__ == "__main__":
    keep_private()
    sys.exit(main(sys.argv[1:]))
