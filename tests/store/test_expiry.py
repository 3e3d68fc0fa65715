"""What could not leave in time expires and is reported; it is never sent late by surprise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from campanile.sms.schedule.expiry import EXPIRY_REASONS, ExpiryRules, expiry_reason, last_moment
from campanile.store.ledger.claim_checks import StopReason

NINE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Paris
CLOSING = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
NEXT_OPENING = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


def hour(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.mark.parametrize(
    ("expiry_rules", "leaves_at", "reason"),
    [
        pytest.param(ExpiryRules(), NINE + hour(999), None, id="it waits as long as it takes"),
        pytest.param(ExpiryRules(offer_ends_at=NINE + hour(2)), NINE + hour(1), None, id="before the offer ends"),
        pytest.param(ExpiryRules(offer_ends_at=NINE + hour(2)), NINE + hour(2), "offer_ended", id="at its very end"),
        pytest.param(ExpiryRules(max_lateness=hour(2)), NINE + hour(1.9), None, id="late, and not too late"),
        pytest.param(ExpiryRules(max_lateness=hour(2)), NINE + hour(2), "too_late", id="too late"),
        pytest.param(ExpiryRules(drops_if_closed=True), NINE, None, id="its territory is open at its time"),
        pytest.param(
            ExpiryRules(drops_if_closed=True), NINE + hour(1), "closed", id="its territory is closed at its time"
        ),
        pytest.param(
            ExpiryRules(NINE + hour(1), hour(1), drops_if_closed=True),
            NINE + hour(5),
            "offer_ended",
            id="one reason only",
        ),
    ],
)
def test_why_a_message_expires(expiry_rules: ExpiryRules, leaves_at: datetime, reason: str | None) -> None:
    assert expiry_reason(NINE, NINE, leaves_at, expiry_rules) == reason


def test_the_last_moment_is_the_first_of_both_ends() -> None:
    assert last_moment(NINE, ExpiryRules(NINE + hour(3), hour(2))) == NINE + hour(2)
    assert last_moment(NINE, ExpiryRules(NINE + hour(1), hour(2))) == NINE + hour(1)
    assert last_moment(NINE, ExpiryRules(drops_if_closed=True)) is None


def expired(desk) -> list[tuple[str, int]]:
    return desk.sql(
        "SELECT reason, count(*) FROM message_status WHERE state = 'expired' GROUP BY reason ORDER BY count(*)"
    )


def test_after_the_end_of_the_offer_nothing_is_claimed(desk) -> None:
    lease = desk.start("winter", range(4), offer_ends_at=NINE + hour(1), header={"offer_ends_at": iso(NINE + hour(1))})
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "accepted")
    desk.clock.at = NINE + hour(1)
    desk.read_stops()
    assert desk.claimed(lease).stop_reason is StopReason.NOTHING_LEFT
    assert desk.states("winter") == {"accepted": 2, "expired": 2}
    assert expired(desk) == [(EXPIRY_REASONS["offer_ended"], 2)]
    assert desk.slices("winter") == {1: "settled", 2: "expired"}
    assert desk.close(lease).state == "finished"


def iso(at: datetime) -> str:
    return at.isoformat()


def test_a_claim_may_not_be_posted_past_the_end_and_says_so_to_the_gateway(desk) -> None:
    ends_at = NINE + timedelta(seconds=12)
    lease = desk.start("winter", range(2), offer_ends_at=ends_at, header={"offer_ends_at": iso(ends_at)})
    claim = desk.must_claim(lease)
    assert claim.post_before == ends_at
    assert {message.valid_until for message in claim.messages} == {ends_at}


def test_what_was_refused_expires_with_the_rest(desk) -> None:
    ends_at = NINE + hour(1)
    lease = desk.start("winter", range(4), offer_ends_at=ends_at, header={"offer_ends_at": iso(ends_at)})
    desk.answer(lease, desk.must_claim(lease), "not_accepted")
    desk.clock.at = ends_at
    desk.read_stops()
    desk.claimed(lease)
    assert desk.states("winter") == {"expired": 4}


def test_an_unknown_slice_is_not_posted_again_past_the_end(desk) -> None:
    ends_at = NINE + hour(1)
    lease = desk.start("winter", range(2), offer_ends_at=ends_at, header={"offer_ends_at": iso(ends_at)})
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.clock.at = ends_at
    desk.read_stops()
    assert desk.claim_again(lease, claim.slice_no) is None
    desk.clock.at = ends_at - timedelta(minutes=1)
    desk.read_stops()
    assert desk.claim_again(lease, claim.slice_no) is not None


def test_what_the_night_would_make_too_late_expires_when_the_run_ends(desk) -> None:
    """The next opening is known, so the campaign does not wait in vain, and the team reads it tonight."""
    lease = desk.start("winter", range(4), max_lateness_hours=12.0, header={"max_lateness_hours": 12.0})
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.clock.at = CLOSING - timedelta(minutes=2)
    desk.read_stops()
    assert desk.claimed(lease).stop_reason is StopReason.NOTHING_LEFT
    assert expired(desk) == [(EXPIRY_REASONS["too_late"], 2)]
    assert desk.close(lease).state == "finished"


def test_a_patient_campaign_waits_for_the_night_to_end(desk) -> None:
    lease = desk.start("winter", range(2), max_lateness_hours=24.0, header={"max_lateness_hours": 24.0})
    desk.clock.at = CLOSING
    desk.read_stops()
    assert desk.claim(lease) is None
    found = desk.close(lease)
    assert (found.state, found.due_at) == ("parked", NEXT_OPENING)
    assert desk.states("winter") == {"planned": 2}


def test_a_draft_that_drops_waits_for_no_opening(desk) -> None:
    """The evening of Nouméa is the morning of Paris: people in quiet hours get nothing, and this is reported."""
    people = {"FR": [0, 1], "NC": [2, 3, 4]}
    lease = desk.start("winter", people, if_closed="drop", header={"if_closed": "drop"})
    assert [message.msisdn[-1] for message in desk.must_claim(lease).messages] == ["0", "1"]
    assert expired(desk) == [(EXPIRY_REASONS["closed"], 3)]
    assert desk.states("winter") == {"claimed": 2, "expired": 3}


def test_a_draft_that_drops_lets_what_closes_meanwhile_expire(desk) -> None:
    lease = desk.start("winter", range(4), if_closed="drop", header={"if_closed": "drop"})
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.clock.at = CLOSING - timedelta(minutes=2)  # less than the margin before closing
    desk.read_stops()
    assert desk.claim(lease) is None
    assert desk.states("winter") == {"accepted": 2, "expired": 2}


def test_each_territory_has_its_hour_and_its_lateness_of_its_own(desk) -> None:
    hours = {"FR": NINE, "GP": NINE + hour(5)}
    people = {"FR": [0, 1], "GP": [2, 3]}
    header = {"max_lateness_hours": 2.0, "place_due_at": {key: iso(at) for key, at in hours.items()}}
    lease = desk.start("winter", people, max_lateness_hours=2.0, header=header, not_before=hours)
    desk.clock.at = NINE + hour(2)
    desk.read_stops()
    assert desk.claimed(lease).stop_reason is StopReason.NOTHING_LEFT, (
        "two hours late in Paris, three early in Pointe-à-Pitre"
    )
    assert desk.states("winter") == {"expired": 2, "planned": 2}
    found = desk.close(lease)
    assert (found.state, found.due_at) == ("parked", hours["GP"])
    desk.clock.at = hours["GP"]
    desk.read_stops()
    lease = desk.open("winter")
    assert [message.msisdn[-1] for message in desk.must_claim(lease).messages] == ["2", "3"]


@pytest.mark.parametrize(
    ("minutes", "opens"),
    [pytest.param(60, True, id="an hour late"), pytest.param(61, False, id="a minute more")],
)
def test_too_late_at_wake_up_waits_for_a_person(desk, minutes: int, opens: bool) -> None:
    """A machine that slept over its hour, or a restored backup: nothing is sent before a person confirms."""
    desk.rules = replace(desk.rules, wake_up_seconds=3600)
    desk.prepare("winter", range(2), due_at=NINE)
    desk.put_balance("100")
    desk.approve("winter")
    desk.clock.at = NINE + timedelta(minutes=minutes)
    desk.read_stops()
    lease = desk.open("winter")
    assert (lease is not None) == opens
    found = desk.find("winter")
    assert found.state == ("sending" if opens else "paused")
    if not opens:
        assert found.state_reason.startswith("no run has worked on campaign winter since 2026-11-24 09:00 UTC, 61 min")


def test_a_sender_that_slept_claims_nothing_when_it_wakes(desk) -> None:
    desk.rules = replace(desk.rules, wake_up_seconds=3600)
    lease = desk.start("winter")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.clock.forward(minutes=63)  # the lease held for a minute and a half of them
    desk.read_stops()
    desk.refuse(lease, StopReason.WOKE_UP, "no run has worked on campaign winter")
    found = desk.close(lease, "nobody looked after it", needs_person=True)
    assert (found.state, found.state_reason) == ("paused", "nobody looked after it")


def test_an_orphan_of_yesterday_is_no_orphan_to_take_up(desk) -> None:
    desk.rules = replace(desk.rules, wake_up_seconds=3600)
    desk.start("winter")
    desk.clock.forward(hours=24)
    assert desk.open("winter", "second sender") is None
    assert desk.find("winter").state == "paused"


def test_those_that_close_first_go_first(desk) -> None:
    """Whatever the order they were queued in: on another day the territories close in another order."""
    people = {"FR": [0, 1], "RE": [2, 3]}
    lease = desk.start("winter", people)  # at ten in Paris: Réunion closes at 17:00 there
    desk.sql("UPDATE slice SET slice_no = slice_no + 10 WHERE window_key = 'RE'")
    desk.sql("UPDATE slice SET cut_as = slice_no")
    desk.sql("UPDATE message SET slice_no = slice_no + 10 WHERE window_key = 'RE'")
    assert [message.msisdn[-1] for message in desk.must_claim(lease).messages] == ["2", "3"]
