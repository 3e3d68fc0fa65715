"""Forecast of the messages that will not be sent in time: territory, reason, count; no message is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.schedule.expiry import ExpiryRules
from campanile.sms.schedule.forecast import Expiring, Load, Timing, forecast_departures
from campanile.sms.schedule.policy import load_policy
from campanile.sms.schedule.quiet_hours import is_key_open

STRICT = load_policy("fr-strict")
#: A Monday; 09:00 in Paris, 12:00 in La Réunion, 04:00 in Guadeloupe.
NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TIMING = Timing(at=NINE, due_at=None, policy=STRICT, margin_seconds=60, expiry_rules=ExpiryRules())


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def messages(**counts: int) -> list[Load]:
    return [Load(key, count, count) for key, count in counts.items()]


@pytest.mark.parametrize(
    ("loads", "changes", "gone", "expiring"),
    [
        pytest.param(
            messages(FR=7200),
            {"expiry_rules": ExpiryRules(offer_ends_at=NINE + hours(1))},
            {"FR": 3600},
            [Expiring("FR", "offer_ended", 3600)],
            id="the offer ends in the midst of them",
        ),
        pytest.param(
            messages(FR=3600),
            {"expiry_rules": ExpiryRules(offer_ends_at=NINE + hours(1))},
            {"FR": 3600},
            [],
            id="the last is sent just before the offer ends",
        ),
        pytest.param(
            messages(FR=60, GP=60),
            {"expiry_rules": ExpiryRules(offer_ends_at=NINE + hours(3))},
            {"FR": 60},
            [Expiring("GP", "offer_ended", 60)],
            id="a territory that opens after the offer",
        ),
        pytest.param(
            messages(FR=60, GP=60),
            {"expiry_rules": ExpiryRules(max_lateness=hours(4))},
            {"FR": 60},
            [Expiring("GP", "too_late", 60)],
            id="a territory that opens when its max_lateness ends",
        ),
        pytest.param(
            messages(FR=60, GP=60),
            {"expiry_rules": ExpiryRules(max_lateness=hours(4.01))},
            {"FR": 60, "GP": 36},
            [Expiring("GP", "too_late", 24)],
            id="a territory that opens within its max_lateness",
        ),
        pytest.param(
            messages(FR=60, GP=60),
            {"expiry_rules": ExpiryRules(drops_if_closed=True)},
            {"FR": 60},
            [Expiring("GP", "closed", 60)],
            id="a territory that is closed at its time",
        ),
        pytest.param(
            messages(FR=12 * 3600),
            {"expiry_rules": ExpiryRules(drops_if_closed=True)},
            {"FR": 11 * 3600 - 60},
            [Expiring("FR", "closed", 3660)],
            id="a territory that closes in the midst of them, a margin before",
        ),
        pytest.param(
            messages(FR=1),
            {"at": SUNDAY, "due_at": NINE, "expiry_rules": ExpiryRules(drops_if_closed=True)},
            {"FR": 1},
            [],
            id="closed now, open at its time",
        ),
        pytest.param(
            messages(FR=2, RE=2),
            {"policy": None, "at": SUNDAY, "expiry_rules": ExpiryRules(drops_if_closed=True)},
            {"FR": 2, "RE": 2},
            [],
            id="an alert meets no closed hours",
        ),
        pytest.param(
            messages(RE=60, FR=60),
            {
                "at": SUNDAY,
                "due_at": NINE - hours(3),
                "not_before": {"RE": NINE - hours(3), "FR": NINE},
                "expiry_rules": ExpiryRules(max_lateness=hours(1)),
            },
            {"RE": 60, "FR": 60},
            [],
            id="lateness counts from the hour of each territory",
        ),
        pytest.param(
            messages(RE=7200, FR=3600),
            {"expiry_rules": ExpiryRules(max_lateness=hours(2), offer_ends_at=NINE + hours(1))},
            {"RE": 3600},
            [Expiring("RE", "offer_ended", 3600), Expiring("FR", "offer_ended", 3600)],
            id="the first messages are sent, those behind expire",
        ),
        pytest.param(
            messages(GP=3600, FR=3600),
            {"expiry_rules": ExpiryRules(drops_if_closed=True)},
            {"FR": 3600},
            [Expiring("GP", "closed", 3600)],
            id="expiring messages do not delay those behind them",
        ),
        pytest.param(
            [Load("FR", 7200, 14400)],
            {"expiry_rules": ExpiryRules(offer_ends_at=NINE + hours(1))},
            {"FR": 1800},
            [Expiring("FR", "offer_ended", 5400)],
            id="two segments each take twice as long",
        ),
        pytest.param(
            messages(FR=7200),
            {"at": NINE, "due_at": NINE - hours(1), "expiry_rules": ExpiryRules(max_lateness=hours(2))},
            {"FR": 3600},
            [Expiring("FR", "too_late", 3600)],
            id="lateness counts from the time, though that has passed",
        ),
        pytest.param([], {"expiry_rules": ExpiryRules(offer_ends_at=NINE)}, {}, [], id="no message"),
    ],
)  # fmt: skip
def test_messages_that_will_not_be_sent(loads: list[Load], changes: dict[str, Any], gone: Any, expiring: Any) -> None:
    found = forecast_departures(loads, 1, replace(TIMING, **changes))
    counts = dict.fromkeys((leaving.window_key for leaving in found.departures), 0)
    for leaving in found.departures:
        counts[leaving.window_key] += leaving.message_count
    assert (counts, found.expiring) == (gone, expiring)


MOMENTS = st.integers(0, 14 * 24 * 60).map(lambda count: SUNDAY + timedelta(minutes=count))
EXPIRY_RULES = st.builds(
    ExpiryRules,
    st.none() | MOMENTS,
    st.none() | st.integers(1, 100).map(lambda count: timedelta(minutes=30 * count)),
    st.booleans(),
)
TIMINGS = st.builds(
    Timing,
    at=MOMENTS,
    due_at=st.none() | MOMENTS,
    policy=st.sampled_from([STRICT, None]),
    margin_seconds=st.sampled_from([0.0, 60.0, 3600.0]),
    expiry_rules=EXPIRY_RULES,
    not_before=st.dictionaries(st.sampled_from(["FR", "RE", "GP", "FR+RE"]), MOMENTS, max_size=3),
)
LOADS = st.dictionaries(st.sampled_from(["FR", "RE", "GP", "NC", "FR+RE"]), st.integers(1, 100_000), max_size=4).map(
    lambda counts: [Load(key, count, count) for key, count in counts.items()]
)


@given(loads=LOADS, timing=TIMINGS, rate=st.sampled_from([0.77, 10, 333.37]))
def test_each_message_is_sent_in_time_or_expires(loads: list[Load], timing: Timing, rate: float) -> None:
    found = forecast_departures(loads, rate, timing)
    for load in loads:
        own = [leaving for leaving in found.departures if leaving.window_key == load.window_key]
        lost = [row for row in found.expiring if row.window_key == load.window_key]
        assert sum(row.message_count for row in [*own, *lost]) == load.message_count
        end = timing.ends_at(load.window_key)
        assert all(row.reason == (end and end[1]) and row.message_count > 0 for row in lost)
        assert all(end is None or leaving.ends_at <= end[0] for leaving in own)
        assert all(leaving.starts_at >= timing.begins_at(load.window_key) for leaving in own)
        assert timing.policy is None or all(is_key_open(leaving.starts_at, load.window_key, STRICT) for leaving in own)


@given(loads=LOADS, timing=TIMINGS)
def test_who_waits_for_ever_loses_nothing(loads: list[Load], timing: Timing) -> None:
    found = forecast_departures(loads, 10, replace(timing, expiry_rules=ExpiryRules()))
    assert found.expiring == []
    assert sum(leaving.message_count for leaving in found.departures) == sum(load.message_count for load in loads)
