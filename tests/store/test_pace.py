"""How fast messages go to a gateway: one bucket for all its campaigns, alerts first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.store.ledger.claim_checks import StopReason
from campanile.store.ledger.rate_limit import ALERT_DEBT_SECONDS, Bucket, put_bucket, slow_down, speed_up, wait_seconds
from tests.store.conftest import bucket_of

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
RATE = 10.0


def slowly(desk, segments_per_second: float = RATE) -> None:
    desk.rules = replace(desk.rules, segments_per_second=segments_per_second)


def bucket(tokens: float = RATE, **changes: Any) -> Bucket:
    return replace(Bucket(tokens, RATE, AT, AT), **changes)


@pytest.mark.parametrize(
    ("found", "marketing", "alert"),
    [
        pytest.param(bucket(10), 0, 0, id="full"),
        pytest.param(bucket(0.5), 0, 0, id="anything left is enough: the slice is taken on credit"),
        pytest.param(bucket(0), 0.1, 0, id="empty"),
        pytest.param(bucket(-99), 10, 0, id="ten seconds in debt"),
        pytest.param(bucket(-299), 30, 0, id="half a minute: an alert may still go"),
        pytest.param(bucket(-309), 31, 1, id="more than that: so must an alert wait"),
        pytest.param(bucket(10, not_before=AT + timedelta(seconds=7)), 7, 7, id="the gateway said when"),
        pytest.param(bucket(-99, not_before=AT + timedelta(seconds=7)), 10, 7, id="whichever is longer"),
    ],
)
def test_who_waits_how_long(found: Bucket, marketing: float, alert: float) -> None:
    assert wait_seconds(found, is_urgent=False) == pytest.approx(marketing)
    assert wait_seconds(found, is_urgent=True) == pytest.approx(alert)


def test_a_throttled_gateway_is_asked_half_as_fast_and_ever_later() -> None:
    found, waits = bucket(), []
    for _ in range(9):
        found = slow_down(found, RATE, None)
        waits.append((found.not_before - AT).total_seconds())
    assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert found.rate == RATE / 64, "it never stops for good"
    for _ in range(20):
        found = speed_up(found, RATE)
    assert (found.rate, found.strikes) == (RATE, 0)


def test_a_gateway_that_throttles_for_days_is_still_asked() -> None:
    """Strikes are kept in the store: a wait that cannot be reckoned would end every sender from then on."""
    found = Bucket(tokens=0, rate=RATE, refilled_at=AT, not_before=AT, strikes=5000)
    assert slow_down(found, RATE, None).not_before == AT + timedelta(seconds=120)


def test_the_gateways_own_word_counts() -> None:
    assert slow_down(bucket(), RATE, 300).not_before == AT + timedelta(minutes=5)
    assert slow_down(bucket(), RATE, 10**9).not_before == AT + timedelta(hours=1)


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 20)), min_size=1, max_size=40), st.booleans())
def test_no_stretch_of_time_takes_more_than_the_rate(transactions: list[tuple[int, float]], is_urgent: bool) -> None:
    """A slice and the burst may come on top, and what alerts may owe."""
    found, at, taken = bucket(), AT, []
    for segments, pause in transactions:
        at += timedelta(seconds=pause)
        tokens = min(RATE, found.tokens + RATE * (at - found.refilled_at).total_seconds())
        found = replace(found, tokens=tokens, refilled_at=at)
        if wait_seconds(found, is_urgent=is_urgent) == 0:
            found = replace(found, tokens=found.tokens - segments)
            taken.append((at, segments))
    debt = ALERT_DEBT_SECONDS * RATE if is_urgent else 0
    for start, (first, _) in enumerate(taken):
        total = 0
        for last, segments in taken[start:]:
            most = RATE + RATE * (last - first).total_seconds() + debt + 1e-6
            assert total <= most, "before this slice, which alone may go over"
            total += segments


def test_all_campaigns_of_a_gateway_share_its_rate(desk) -> None:
    slowly(desk, 2)  # a burst of two, and slices of two
    first = desk.start("winter", range(4))
    second = desk.start("spring", range(10, 14))
    assert len(desk.claimed(first, 2).claims) == 1
    found = desk.claimed(second)
    assert (list(found.claims), found.stop_reason) == ([], StopReason.PACED)
    assert 0 < found.wait_seconds < 1
    desk.clock.forward(seconds=1)
    assert len(desk.claimed(second).claims) == 1
    assert desk.claimed(first).stop_reason is StopReason.PACED


def test_an_alert_passes_marketing_that_has_used_the_rate_up(desk) -> None:
    slowly(desk, 2)
    marketing = desk.start("winter", range(8))
    alert = desk.start("flood", range(10, 16), kind="alert")
    desk.must_claim(marketing)
    assert desk.claimed(marketing).stop_reason is StopReason.PACED
    assert len(desk.claimed(alert, 3).claims) == 3
    desk.clock.forward(seconds=2)
    assert desk.claimed(marketing).stop_reason is StopReason.PACED, "it waits until what the alert took is paid back"
    desk.clock.forward(seconds=3)
    desk.must_claim(marketing)


def test_a_bucket_outlives_its_process_and_a_clock_that_goes_back(desk) -> None:
    with desk.tx() as tx:
        put_bucket(tx, "sandbox", slow_down(bucket_of(tx, "sandbox", RATE), RATE, 5))
    desk.clock.forward(hours=-1)
    with desk.tx() as tx:
        found = bucket_of(tx, "sandbox", RATE)
        assert (found.rate, found.strikes, found.tokens) == (RATE / 2, 1, RATE)
        assert bucket_of(tx, "other", RATE) == Bucket(RATE, RATE, tx.at, tx.at)


def test_a_lower_rate_binds_at_once(desk) -> None:
    with desk.tx() as tx:
        put_bucket(tx, "sandbox", bucket_of(tx, "sandbox", 1000))
        found = bucket_of(tx, "sandbox", 5)
    assert (found.rate, found.tokens) == (5, 5)


def test_a_clock_that_goes_back_causes_no_wait_of_a_day(desk) -> None:
    desk.clock.forward(days=1)
    with desk.tx() as tx:
        put_bucket(tx, "sandbox", slow_down(bucket_of(tx, "sandbox", RATE), RATE, 5))
    desk.clock.forward(days=-1)
    with desk.tx() as tx:
        assert wait_seconds(bucket_of(tx, "sandbox", RATE), is_urgent=True) == 0
