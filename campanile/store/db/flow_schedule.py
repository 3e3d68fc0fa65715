"""When each scheduled flow last succeeded, by the machine's real clock, and which flows are late."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from campanile.store.db.database import Transaction
from schemas.ledger_rows import ScheduledFlow

#: A flow is late if it has not succeeded for this number of its intervals.
LATE_INTERVALS = 3


class Liveness(Enum):
    """Whether a scheduled flow runs on time."""

    NEVER_RUN = "has not run yet"
    WELL = "is on time"
    WAITED_FOR = "has not run since the others run again"
    LATE = "is late"


class FlowAge(NamedTuple):
    """How long ago a scheduled flow last succeeded (None: never), and the error of its last run."""

    flow: str
    liveness: Liveness
    age: timedelta | None
    limit: timedelta
    error: str | None


def begin_run(tx: Transaction, flow: str, intervals: Mapping[str, timedelta], now: datetime) -> None:
    """Record that a run begins.

    If this flow did not even begin for so long that it is late, the machine was probably off, and the other flows could
    not run either: then the lateness of all flows counts from now on.
    """
    known = _scheduled_flows(tx)
    for name in sorted({flow, *intervals} - set(known)):
        tx.run("schedule.add", flow_name=name, at=now)
    seen_at = [known[flow].started_at or known[flow].watched_since] if flow in known else []
    if not seen_at or now - seen_at[0] > LATE_INTERVALS * intervals[flow]:
        tx.run("schedule.watch_again", at=now)
    tx.run("schedule.start", flow_name=flow, at=now)


def end_run(tx: Transaction, flow: str, now: datetime, error: str | None) -> None:
    """Record how a run ended; ``error`` None: it succeeded."""
    if error is None:
        tx.run("schedule.complete", flow_name=flow, at=now)
    else:
        tx.run("schedule.fail", flow_name=flow, error=error)


def watched_since(tx: Transaction) -> datetime | None:
    """Return from when on lateness counts; None: no flow has run yet."""
    return max((row.watched_since for row in _scheduled_flows(tx).values()), default=None)


def _scheduled_flows(tx: Transaction) -> dict[str, ScheduledFlow]:
    return {row.flow_name: row for row in tx.select(ScheduledFlow, "schedule.list")}


def flow_ages(tx: Transaction, intervals: Mapping[str, timedelta], now: datetime) -> list[FlowAge]:
    """Return how long ago each flow that has an interval last succeeded."""
    known = _scheduled_flows(tx)
    ages = []
    for flow, interval in sorted(intervals.items()):
        limit, row = LATE_INTERVALS * interval, known.get(flow)
        if row is None:
            ages.append(FlowAge(flow, Liveness.NEVER_RUN, None, limit, None))
            continue
        done_at = row.completed_at
        if done_at is not None and now - done_at <= limit:
            liveness = Liveness.WELL
        elif now - max(done_at or row.watched_since, row.watched_since) <= limit:
            liveness = Liveness.WAITED_FOR
        else:
            liveness = Liveness.LATE
        ages.append(FlowAge(flow, liveness, None if done_at is None else now - done_at, limit, row.error))
    return ages
