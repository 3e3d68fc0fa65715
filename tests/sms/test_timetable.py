"""When the messages of a campaign are sent: examples in local time, and properties that hold for any queue."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.departures import Departure, alert_advice, closed_days, plan_departures
from campanile.sms.schedule.policy import Policy
from campanile.sms.schedule.quiet_hours import key_closing, load_policy, parse_policy

STRICT = load_policy("fr-strict")
KEYS = ["FR", "FR-AM", "RE", "GP", "NC", "PF", "FR+RE", "PT", "US"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rows_of(departures: list[Departure]) -> list[tuple[str, str, str, int]]:
    """Return departures in the local time of Paris in November."""
    return [
        (key, *(str(moment.astimezone(at("2026-11-23T00:00+01:00").tzinfo))[5:16] for moment in span), count)
        for key, *span, count in departures
    ]


@pytest.mark.parametrize(
    ("loads", "starts_at", "rate", "expected"),
    [
        pytest.param(
            [("FR", 3600)], "2026-11-23T08:00+01:00", 1,
            [("FR", "11-23 08:00", "11-23 09:00", 3600)],
            id="one territory, one hour",
        ),
        pytest.param(
            [("FR", 3600), ("FR-AM", 1800)], "2026-11-23T08:00+01:00", 1,
            [("FR", "11-23 08:00", "11-23 09:00", 3600), ("FR-AM", "11-23 09:00", "11-23 09:30", 1800)],
            id="one after the other, in the order of the queue",
        ),
        pytest.param(
            [("FR", 7200)], "2026-11-23T18:59+01:00", 1,
            [("FR", "11-23 18:59", "11-23 19:59", 3600), ("FR", "11-24 08:00", "11-24 09:00", 3600)],
            id="nothing is sent in the last minute before the window closes, the rest waits for the morning",
        ),
        pytest.param(
            [("FR", 10)], "2026-11-21T19:59:30+01:00", 1,
            [("FR", "11-23 08:00", "11-23 08:00", 10)],
            id="within the margin of Saturday's end: Monday",
        ),
        pytest.param(
            [("RE", 3600), ("FR", 7200)], "2026-11-23T04:00+01:00", 1,
            [
                ("RE", "11-23 05:00", "11-23 06:00", 3600),
                ("FR", "11-23 08:00", "11-23 10:00", 7200),
            ],
            id="Réunion in its own morning",
        ),
        pytest.param(
            [("GP", 3600), ("FR", 36000)], "2026-11-23T08:00+01:00", 1,
            [
                ("FR", "11-23 08:00", "11-23 13:00", 18000),
                ("GP", "11-23 13:00", "11-23 14:00", 3600),
                ("FR", "11-23 14:00", "11-23 19:00", 18000),
            ],
            id="a better-ranked territory that opens takes over",
        ),
        pytest.param(
            [("FR", 0), ("RE", 5)], "2026-11-23T10:00+01:00", 1,
            [("RE", "11-23 10:00", "11-23 10:00", 5)],
            id="no message to a territory",
        ),
        pytest.param([], "2026-11-23T10:00+01:00", 1, [], id="no message at all"),
    ],
)  # fmt: skip
def test_when_messages_are_sent(
    loads: list[tuple[str, int]], starts_at: str, rate: float, expected: list[tuple[str, str, str, int]]
) -> None:
    assert rows_of(plan_departures(loads, at(starts_at), rate, STRICT, 60)) == expected


NINE = "2026-11-23T09:00+01:00"


@pytest.mark.parametrize(
    ("loads", "policy", "not_before", "expected"),
    [
        pytest.param(
            [("FR", 60)], STRICT, {"FR": "2026-11-23T10:00+01:00"},
            [("FR", "11-23 10:00", "11-23 10:01", 60)],
            id="open, and waits for its time",
        ),
        pytest.param(
            [("FR", 60)], STRICT, {"FR": "2026-11-23T08:00+01:00"},
            [("FR", "11-23 09:00", "11-23 09:01", 60)],
            id="its time is over: from the start on",
        ),
        pytest.param(
            [("FR", 60)], STRICT, {"FR": "2026-11-28T23:00+01:00"},
            [("FR", "11-30 08:00", "11-30 08:01", 60)],
            id="its time is Saturday night: Monday",
        ),
        pytest.param(
            [("FR", 60), ("RE", 60)], STRICT, {"FR": "2026-11-23T10:00+01:00"},
            [("RE", "11-23 09:00", "11-23 09:01", 60), ("FR", "11-23 10:00", "11-23 10:01", 60)],
            id="another goes before it meanwhile",
        ),
        pytest.param(
            [("FR", 60), ("RE", 7200)], STRICT, {"FR": "2026-11-23T10:00+01:00"},
            [
                ("RE", "11-23 09:00", "11-23 10:00", 3600),
                ("FR", "11-23 10:00", "11-23 10:01", 60),
                ("RE", "11-23 10:01", "11-23 11:01", 3600),
            ],
            id="at its time it takes over from those behind it",
        ),
        pytest.param(
            [("FR", 60), ("JP", 60)], None, {"FR": "2026-11-23T23:00+01:00"},
            [("JP", "11-23 09:00", "11-23 09:01", 60), ("FR", "11-23 23:00", "11-23 23:01", 60)],
            id="an alert waits for its time too, and for nothing else",
        ),
        pytest.param(
            [("FR", 60)], STRICT, {"RE": "2026-12-23T10:00+01:00"},
            [("FR", "11-23 09:00", "11-23 09:01", 60)],
            id="a time for a key without messages",
        ),
    ],
)  # fmt: skip
def test_a_territory_sends_nothing_before_its_time(
    loads: list[tuple[str, int]],
    policy: Policy | None,
    not_before: dict[str, str],
    expected: list[tuple[str, str, str, int]],
) -> None:
    instants = {key: at(moment) for key, moment in not_before.items()}
    assert rows_of(plan_departures(loads, at(NINE), 1, policy, 60, instants)) == expected


def test_alerts_are_sent_at_once_whatever_the_hour_and_the_territory() -> None:
    night = at("2026-11-22T03:00+00:00")
    plan = plan_departures([("FR", 60), ("JP", 30)], night, 1, None, 30)
    assert plan == [
        Departure("FR", night, night + timedelta(seconds=60), 60),
        Departure("JP", night + timedelta(seconds=60), night + timedelta(seconds=90), 30),
    ]


def test_an_alert_passes_on_a_sunday_night_with_advice_only() -> None:
    night = at("2026-11-22T03:00+01:00")
    plan = plan_departures([("FR", 1)], night, 1, None, 30)
    assert (plan[0].starts_at, plan[0].message_count) == (night, 1)
    assert alert_advice(plan) == [
        "1 message is sent between 20:00 and 08:00 on the recipient's clock: mainland France (1).",
        "1 message is sent on a Saturday or a Sunday on the recipient's clock: mainland France (1).",
    ]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        pytest.param({"starts_at": at("2026-11-23")}, ValueError, "no time zone", id="a time without a zone"),
        pytest.param({"not_before": {"FR": at("2026-11-24")}}, ValueError, "no time zone", id="for one key"),
        pytest.param({"messages_per_second": 0}, ValueError, "above 0", id="a gateway that takes nothing"),
        pytest.param({"messages_per_second": float("nan")}, ValueError, "above 0", id="a rate that is none"),
        pytest.param({"loads": [("JP", 1)]}, ConfigurationError, "no hours are known for 'JP'", id="unknown key"),
        pytest.param(
            {"margin_seconds": 12 * 3600}, ConfigurationError, "for more than 43200 seconds within", id="never for long"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_planned(changes: dict, error: type[Exception], words: str) -> None:
    good = {
        "loads": [("FR", 1)], "starts_at": at("2026-11-23T08:00+01:00"), "messages_per_second": 1, "policy": STRICT,
        "margin_seconds": 30,
    }  # fmt: skip
    with pytest.raises(error, match=words):
        plan_departures(**(good | changes))


LOADS = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 3_000_000)), max_size=8)
STARTS = st.floats(0, 730).map(lambda days: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days))
RATES = st.sampled_from([0.5, 1, 3, 7.7, 100, 5000])
MARGINS = st.sampled_from([0, 30, 60.5, 3600])
DELAYS = st.dictionaries(st.sampled_from(KEYS), st.integers(-24, 24 * 9).map(lambda hours: timedelta(hours=hours)))


@given(loads=LOADS, starts_at=STARTS, rate=RATES, margin=MARGINS, alerts=st.booleans(), delays=DELAYS)
def test_any_plan_sends_everything_once_in_turn_and_in_hours(
    loads: list[tuple[str, int]],
    starts_at: datetime,
    rate: float,
    margin: float,
    alerts: bool,
    delays: dict[str, timedelta],
) -> None:
    policy = None if alerts else STRICT
    not_before = {key: starts_at + delay for key, delay in delays.items()}
    plan = plan_departures(loads, starts_at, rate, policy, margin, not_before)

    wanted, planned = Counter[str](), Counter[str]()
    for key, count in loads:
        wanted[key] += count
    for departure in plan:
        planned[departure.window_key] += departure.message_count
    assert +planned == +wanted

    assert all(departure.starts_at >= starts_at for departure in plan)
    assert all(departure.starts_at >= not_before.get(departure.window_key, starts_at) for departure in plan)
    assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(plan)), "two keys at once"
    assert all(
        earlier.window_key != later.window_key or earlier.ends_at < later.starts_at for earlier, later in pairwise(plan)
    ), "two spans that are one"
    for key, begins, ends, count in plan:
        assert begins.utcoffset() == ends.utcoffset() == timedelta(0)
        assert count >= 1
        assert count <= (ends - begins).total_seconds() * rate + len(loads) + 1, "faster than the gateway"
        if policy is not None:
            closes_at = key_closing(begins, key, policy)
            assert closes_at is not None, "closed when it begins"
            assert ends <= closes_at - timedelta(seconds=margin)


TICK = timedelta(minutes=10)
FEW = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 90)), max_size=6, unique_by=lambda load: load[0])
HOURS = st.integers(0, 24 * 730).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))


@given(loads=FEW, starts_at=HOURS, margin=st.sampled_from([TICK * 0, TICK, TICK * 3]), delays=DELAYS)
def test_the_plan_is_what_sending_one_by_one_would_do(
    loads: list[tuple[str, int]], starts_at: datetime, margin: timedelta, delays: dict[str, timedelta]
) -> None:
    not_before = {key: starts_at + delay for key, delay in delays.items()}
    plan = plan_departures(loads, starts_at, 1 / TICK.total_seconds(), STRICT, margin.total_seconds(), not_before)
    planned = [
        (departure.window_key, departure.starts_at + TICK * number)
        for departure in plan
        for number in range(departure.message_count)
    ]
    assert planned == one_by_one(dict(loads), starts_at, margin, not_before)


def one_by_one(
    left: dict[str, int], moment: datetime, margin: timedelta, not_before: dict[str, datetime]
) -> list[tuple[str, datetime]]:
    """Send one message a tick: of the first key in the queue that is due, and open for longer than the margin."""
    sent = []
    while any(left.values()):
        due = [key for key, count in left.items() if count and moment >= not_before.get(key, moment)]
        closings = {key: key_closing(moment, key, STRICT) for key in due}
        key = next((key for key, closes_at in closings.items() if closes_at and moment < closes_at - margin), None)
        if key is not None:
            sent.append((key, moment))
            left[key] -= 1
        moment += TICK
    return sent


@pytest.mark.parametrize(
    ("key", "start", "end", "expected"),
    [
        pytest.param("FR", "2026-11-20T10:00+01:00", "2026-11-20T18:00+01:00", [], id="one open day"),
        pytest.param(
            "FR", "2026-11-21T21:00+01:00", "2026-11-23T09:00+01:00", [(date(2026, 11, 22), "Sunday")], id="a week-end"
        ),
        pytest.param(
            "FR-AM", "2026-12-24T21:00+01:00", "2026-12-28T08:00+01:00",
            [
                (date(2026, 12, 25), "Christmas Day"),
                (date(2026, 12, 26), "Saint Stephen's Day"),
                (date(2026, 12, 27), "Sunday"),
            ],
            id="Christmas in Alsace",
        ),
        pytest.param(
            "FR+RE", "2027-12-19T12:00+01:00", "2027-12-21T08:00+01:00",
            [(date(2027, 12, 19), "Sunday"), (date(2027, 12, 20), "Abolition of Slavery")],
            id="the holiday of one of two territories",
        ),
        pytest.param(
            "PF", "2026-11-23T08:00+01:00", "2026-11-23T20:00+01:00", [(date(2026, 11, 22), "Sunday")],
            id="Monday in Paris is Sunday in Tahiti",
        ),
        pytest.param("JP", "2026-11-21T21:00+01:00", "2026-11-23T09:00+01:00", [], id="a territory that is not known"),
    ],
)  # fmt: skip
def test_the_days_a_plan_has_to_cross(key: str, start: str, end: str, expected: list[tuple[date, str]]) -> None:
    assert closed_days(key, at(start), at(end), STRICT) == expected


def test_a_policy_that_keeps_no_holidays_crosses_none() -> None:
    policy = parse_policy("worldly", STRICT.text.replace("closes_on_holidays = true", "closes_on_holidays = false"))
    assert closed_days("FR", at("2026-12-24T10:00+01:00"), at("2026-12-26T10:00+01:00"), policy) == []


def test_a_custom_is_named_under_a_policy_that_observes_it() -> None:
    observing = parse_policy("observing", STRICT.text.replace("customs = false", "customs = true"))
    day = at("2026-03-12T09:00-04:00"), at("2026-03-12T18:00-04:00")
    assert closed_days("GP", *day, STRICT) == []
    assert closed_days("GP", *day, observing) == [(date(2026, 3, 12), "Mi-Careme")]


def leaves(key: str, start: str, end: str, count: int) -> Departure:
    return Departure(key, at(start).astimezone(UTC), at(end).astimezone(UTC), count)


@pytest.mark.parametrize(
    ("departures", "expected"),
    [
        pytest.param([], [], id="nothing is sent"),
        pytest.param([leaves("FR", "2026-11-23T08:00+01:00", "2026-11-23T20:00+01:00", 9)], [], id="a working day"),
        pytest.param(
            [leaves("FR", "2026-11-23T19:00+01:00", "2026-11-23T21:00+01:00", 7200)],
            ["3 600 messages are sent between 20:00 and 08:00 on the recipient's clock: mainland France (3 600)."],
            id="half of them after 20:00",
        ),
        pytest.param(
            [leaves("FR", "2026-11-23T07:59:59.999+01:00", "2026-11-23T08:01+01:00", 10)],
            ["1 message is sent between 20:00 and 08:00 on the recipient's clock: mainland France (1)."],
            id="a moment before 08:00",
        ),
        pytest.param(
            [
                leaves("FR", "2026-11-23T09:00+01:00", "2026-11-23T09:00+01:00", 5),
                leaves("GP", "2026-11-23T09:00+01:00", "2026-11-23T09:00+01:00", 2),
                leaves("MQ", "2026-11-23T09:00+01:00", "2026-11-23T09:00+01:00", 3),
            ],
            ["5 messages are sent between 20:00 and 08:00 on the recipient's clock: Martinique (3), Guadeloupe (2)."],
            id="morning in Paris, night in the Antilles",
        ),
        pytest.param(
            [leaves("FR", "2026-11-21T12:00+01:00", "2026-11-21T12:00+01:00", 1)],
            ["1 message is sent on a Saturday or a Sunday on the recipient's clock: mainland France (1)."],
            id="Saturday at noon",
        ),
        pytest.param(
            [leaves("FR", "2026-11-22T23:00+01:00", "2026-11-23T01:00+01:00", 2)],
            [
                "2 messages are sent between 20:00 and 08:00 on the recipient's clock: mainland France (2).",
                "1 message is sent on a Saturday or a Sunday on the recipient's clock: mainland France (1).",
            ],
            id="from Sunday night into Monday",
        ),
        pytest.param(
            [leaves("FR+NC", "2026-11-23T12:00+01:00", "2026-11-23T12:00+01:00", 1)],
            [
                "1 message is sent between 20:00 and 08:00 on the recipient's clock: "
                "mainland France and New Caledonia (1).",
            ],
            id="night at one of two territories",
        ),
        pytest.param(
            [leaves("JP", "2026-11-23T12:00+01:00", "2026-11-23T12:00+01:00", 4)],
            ["4 messages are sent to a territory whose clock is not known: JP (4)."],
            id="no clock",
        ),
    ],
)
def test_advice_on_alerts(departures: list[Departure], expected: list[str]) -> None:
    assert alert_advice(departures) == expected
