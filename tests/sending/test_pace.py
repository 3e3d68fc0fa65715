"""One rate for everybody who sends to a gateway: never beyond it, and alerts before marketing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.store.ledger.rate_limit import PACE, Bucket, put_bucket, slow_down, speed_up, wait_seconds
from schemas.inbound_rows import GatewayState
from tests.sending.sending_desk import DeskSender, SendingDesk
from tests.store.conftest import bucket_of

RATE = 10.0
LARGEST = 50
AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


class OneState:
    """The part of a transaction that a bucket needs: a time, and one state of a gateway."""

    def __init__(self) -> None:
        self.at = AT
        self._kept: GatewayState | None = None

    def find(self, *_: object, **__: object) -> GatewayState | None:
        return self._kept

    def run(self, *_: object, value: str | None = None, **__: object) -> int:
        self._kept = None if value is None else GatewayState(PACE, value, self.at)
        return 1


@given(st.lists(st.tuples(st.floats(0, 8), st.integers(1, LARGEST)), min_size=2, max_size=40))
def test_no_stretch_of_time_sees_more_than_the_rate(steps: list[tuple[float, int]]) -> None:
    """In any stretch: a full bucket, what flows in meanwhile, and one slice that may go into debt."""
    tx, taken = OneState(), []
    for seconds, segments in steps:
        tx.at += timedelta(seconds=seconds)
        bucket = bucket_of(tx, "sandbox", RATE)  # type: ignore[arg-type]
        if wait_seconds(bucket, is_urgent=False) == 0:
            put_bucket(tx, "sandbox", replace(bucket, tokens=bucket.tokens - segments))  # type: ignore[arg-type]
            taken.append((tx.at, segments))
    for first, last in combinations(range(len(taken)), 2):
        seconds = (taken[last][0] - taken[first][0]).total_seconds()
        segments = sum(count for _, count in taken[first : last + 1])
        assert segments <= RATE + RATE * seconds + LARGEST + 1e-6


@given(st.floats(-400, 10), st.booleans())
def test_after_the_wait_it_may_go(tokens: float, is_urgent: bool) -> None:
    bucket = Bucket(tokens, RATE, AT, AT)
    waited = replace(bucket, tokens=tokens + RATE * wait_seconds(bucket, is_urgent=is_urgent))
    assert wait_seconds(waited, is_urgent=is_urgent) == pytest.approx(0, abs=1e-6)


@given(st.lists(st.booleans(), max_size=60))
def test_the_rate_stays_within_its_bounds(answers: list[bool]) -> None:
    bucket = Bucket(RATE, RATE, AT, AT)
    for is_throttled in answers:
        bucket = slow_down(bucket, RATE, None) if is_throttled else speed_up(bucket, RATE)
        assert RATE / 64 <= bucket.rate <= RATE


def test_an_alert_is_sent_while_marketing_waits(desk: SendingDesk, sender: DeskSender) -> None:
    """Marketing has used the rate up for a long time; an alert does not wait for it."""
    sender.take_time()
    sender.set(segments_per_second=1, slice_size=20, settle_wait_seconds=5, concurrency=1)
    desk.begin("winter", range(40), per_slice=20)
    _, closed = sender.run("winter")
    assert closed.state == "parked"
    assert desk.states("winter") == {"accepted": 20, "planned": 20}
    desk.begin("flood", range(4), kind="alert", per_slice=4)
    assert sender.run("flood")[1].state == "finished"
    assert desk.states("winter") == {"accepted": 20, "planned": 20}
    assert desk.assert_in_order("flood").difference == Decimal(0)


def test_the_rate_is_kept_over_many_slices(desk: SendingDesk, sender: DeskSender) -> None:
    """Forty segments at twenty a second, with a full bucket at the beginning, take a second at least."""
    sender.set(segments_per_second=20)
    desk.begin("winter", range(40))
    assert sender.run("winter")[1].state == "finished"
    times = [datetime.fromisoformat(line["accepted_at"]) for line in desk.bill()]
    assert (max(times) - min(times)).total_seconds() > 0.6
