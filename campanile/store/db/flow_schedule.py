"""When each scheduled flow last did its work, by the machine's own clock, and which of them are late."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from campanile.store.db.database import Transaction
from schemas.ledger_rows import ScheduledFlow

#: A flow is late when it has not ended well for so many of its intervals.
LATE_INTERVALS = 3


class Liveness(Enum):
    """What is known of a scheduled flow."""

    NEVER_RUN = "has not run yet"
    WELL = "is on time"
    WAITED_FOR = "has not run since the others run again"
    LATE = "is late"


class FlowAge(NamedTuple):
    """How long ago a scheduled flow last ended well (None: never), and the error of its last run."""

    flow: str
    liveness: Liveness
    age: timedelta | None
    limit: timedelta
    error: str | None


def begin_run(tx: Transaction, flow: str, intervals: Mapping[str, timedelta], now: datetime) -> None:
    """Record that a run begins.

    A process that was away itself cannot blame the others for it: when this flow did not even begin for as long as
    makes it late, the machine was off, and the lateness of all counts from now on.
    """
    known = _scheduled_flows(tx)
    for name in sorted({flow, *intervals} - set(known)):
        tx.run("schedule.add", flow_name=name, at=now)
    seen_at = [known[flow].started_at or known[flow].watched_since] if flow in known else []
    if not seen_at or now - seen_at[0] > LATE_INTERVALS * intervals[flow]:
        tx.run("schedule.watch_again", at=now)
    tx.run("schedule.start", flow_name=flow, at=now)


def end_run(tx: Transaction, flow: str, now: datetime, error: str | None) -> None:
    """Record how a run ended; only one that ended well has done its work."""
    if error is None:
        tx.run("schedule.complete", flow_name=flow, at=now)
    else:
        tx.run("schedule.fail", flow_name=flow, error=error)


def watched_since(tx: Transaction) -> datetime | None:
    """Return since when lateness counts, None before the first run."""
    return max((row.watched_since for row in _scheduled_flows(tx).values()), default=None)


def _scheduled_flows(tx: Transaction) -> dict[str, ScheduledFlow]:
    return {row.flow_name: row for row in tx.select(ScheduledFlow, "schedule.list")}


def flow_ages(tx: Transaction, intervals: Mapping[str, timedelta], now: datetime) -> list[FlowAge]:
    """Return how long ago each flow that has an interval last ended well."""
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
