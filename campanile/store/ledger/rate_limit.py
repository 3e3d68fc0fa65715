"""The rate limit of a gateway: one token bucket of segments, shared by all senders.

A claim takes its segments, also below zero; the next claim waits until the bucket is above zero again. Alerts wait only
below a larger debt, so they go before marketing. When the gateway throttles, the rate is halved and no claim is made
before the time that it gives; each accepted slice raises the rate again.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from campanile.store.db.database import Transaction
from campanile.store.ledger.events import put_state
from schemas.inbound_rows import GatewayState

ALERT_DEBT_SECONDS = 30.0
"""How long the debt of an alert may take to refill."""
_BURST_SECONDS = 1.0
_RECOVERY = 0.05
_SLOWEST = 1 / 64
_LONGEST_WAIT_SECONDS = 120.0
_MAX_DOUBLINGS = 10
_LONGEST_NAMED_SECONDS = 3600.0
PACE = "pace"
"""The name of the bucket in the state of a gateway."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """``tokens`` are segments; ``rate`` segments a second; ``strikes``: throttled answers since the last good one."""

    tokens: float
    rate: float
    refilled_at: datetime
    not_before: datetime
    strikes: int = 0


def read_bucket(state: GatewayState | None, top_rate: float, at: datetime) -> Bucket:
    """Return the bucket in the state ``pace`` of a gateway, refilled up to now.

    It is full if there is no state, or if the clock went back.
    """
    full = top_rate * _BURST_SECONDS
    if state is None:
        return Bucket(full, top_rate, at, at)
    kept = json.loads(state.value)
    times = {name: datetime.fromisoformat(kept[name]) for name in ("refilled_at", "not_before")}
    bucket = Bucket(**(kept | times))
    rate = min(bucket.rate, top_rate)
    if bucket.refilled_at > at:
        return Bucket(full, rate, at, at, bucket.strikes)
    tokens = min(full, bucket.tokens + rate * max(0.0, (at - bucket.refilled_at).total_seconds()))
    return replace(bucket, tokens=tokens, rate=rate, refilled_at=at)


def put_bucket(tx: Transaction, gateway: str, bucket: Bucket) -> None:
    """Write a bucket."""
    times = {"refilled_at": bucket.refilled_at.isoformat(), "not_before": bucket.not_before.isoformat()}
    put_state(tx, gateway, PACE, json.dumps(asdict(bucket) | times))


def wait_seconds(bucket: Bucket, *, is_urgent: bool) -> float:
    """Return the seconds until the next claim; 0: now.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 23, tzinfo=UTC)
    >>> owing = Bucket(tokens=-200, rate=10, refilled_at=at, not_before=at)
    >>> wait_seconds(owing, is_urgent=False), wait_seconds(owing, is_urgent=True)
    (20.1, 0.0)
    """
    floor = -ALERT_DEBT_SECONDS * bucket.rate if is_urgent else 0.0
    owed = 0.0 if bucket.tokens > floor else (floor - bucket.tokens + 1) / bucket.rate
    return max(owed, (bucket.not_before - bucket.refilled_at).total_seconds(), 0.0)


def slow_down(bucket: Bucket, top_rate: float, retry_after: float | None) -> Bucket:
    """Return the bucket after a throttled answer: half the rate, and a wait, which doubles if the answer gives none."""
    waits = (
        retry_after
        if retry_after is not None
        else min(2.0 ** min(bucket.strikes, _MAX_DOUBLINGS), _LONGEST_WAIT_SECONDS)
    )
    not_before = bucket.refilled_at + timedelta(seconds=min(waits, _LONGEST_NAMED_SECONDS))
    return replace(
        bucket,
        rate=max(bucket.rate / 2, top_rate * _SLOWEST),
        not_before=max(bucket.not_before, not_before),
        strikes=bucket.strikes + 1,
    )


def speed_up(bucket: Bucket, top_rate: float) -> Bucket:
    """Return the bucket after an accepted slice: the rate rises by a twentieth of the top rate."""
    return replace(bucket, rate=min(top_rate, bucket.rate + top_rate * _RECOVERY), strikes=0)
