"""Pause, resume, stop everything: the next claim sees it, and nothing is lost by it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns import pause as control
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.writer import standing_campaign

WHO, WHY = "camille", "wrong price"


def pause(desk, name: str = "winter") -> dict[str, Any]:
    with desk.tx() as tx:
        return control.pause(tx, name, WHO, WHY)


def resume(desk, name: str = "winter", reason: str = "") -> dict[str, Any]:
    with desk.tx() as tx:
        return control.resume(tx, name, "dominique", reason)


def stop_everything(desk) -> list[str]:
    with desk.tx() as tx:
        return control.stop_everything(tx, WHO, WHY)


def pause_of_run(desk, run_id: str) -> dict[str, Any] | None:
    with desk.tx() as tx:
        return control.pause_of_run(tx, "winter", run_id, "its run was cancelled")


def approved(desk, name: str = "winter", **head: Any) -> None:
    desk.put_balance("100")
    desk.prepare(name, range(4), **head)
    desk.approve(name)


def hold_lease_as(desk, run_id: str) -> None:
    desk.sql(f"UPDATE lease SET run_id = '{run_id}'")


def history(desk, name: str = "winter") -> list[tuple[str, str, str | None]]:
    rows = desk.events(name)
    return [(row.event, row.actor, row.detail) for row in rows if row.event in ("paused", "resumed")]


def due(desk) -> list[str]:
    return [row.name for row in desk.due()]


# --- pause -----------------------------------------------------------------------------------------------------


def test_the_next_claim_sees_it_and_what_is_in_flight_is_recorded(desk) -> None:
    lease = desk.start("winter")
    flying = desk.must_claim(lease)
    paused = pause(desk)
    assert (paused.state, paused.state_reason) == ("paused", "paused by camille: wrong price")
    assert desk.claim(lease) is None
    desk.answer(lease, flying, "accepted")
    assert desk.close(lease).state == "paused"
    assert desk.states("winter") == {"accepted": 2, "planned": 2}
    assert due(desk) == []
    assert history(desk) == [("paused", WHO, WHY)]


def test_before_its_hour(desk) -> None:
    at = desk.clock.at + timedelta(hours=2)
    approved(desk, due_at=at)
    assert pause(desk).due_at == at
    desk.clock.forward(hours=3)
    assert due(desk) == []
    assert desk.open("winter") is None


def test_while_it_is_parked(desk) -> None:
    lease = desk.start("winter")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    assert desk.close(lease, "the gateway is down").state == "parked"
    assert pause(desk).state == "paused"
    desk.clock.forward(hours=1)
    assert due(desk) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param("prepared", "nothing of it is sent before it is approved", id="not approved yet"),
        pytest.param("paused", "resume-campaign continues it, cancel-campaign ends it", id="paused already"),
        pytest.param("finished", "all messages that could be sent are sent", id="finished"),
        pytest.param("cancelled", "nothing of it is sent", id="cancelled"),
    ],
)
def test_what_cannot_be_paused(desk, state: str, words: str) -> None:
    if state == "finished":
        lease = desk.start("winter", range(2))
        desk.answer(lease, desk.must_claim(lease), "accepted")
        desk.close(lease)
    else:
        desk.put_balance("100")
        desk.prepare("winter", range(2))
    if state == "paused":
        desk.approve("winter")
        pause(desk)
    if state == "cancelled":
        desk.cancel("winter")
    with pytest.raises(CampaignError, match=f"^campaign winter is {state}, so it cannot be paused: {words}$"):
        pause(desk)


def test_one_that_was_cancelled_only_settles_what_is_in_flight(desk) -> None:
    lease = desk.start("winter")
    desk.must_claim(lease)
    desk.cancel("winter")
    with pytest.raises(CampaignError, match="was cancelled: nothing more of it is sent"):
        pause(desk)
    assert stop_everything(desk) == []


def test_our_own_campaigns_are_not_paused_by_name(desk) -> None:
    with desk.tx() as tx:
        name = standing_campaign(tx, "notice", "sandbox").name
    with pytest.raises(CampaignError, match="Campanile's own campaign"):
        pause(desk, name)


def test_paused_it_can_be_cancelled(desk) -> None:
    approved(desk)
    pause(desk)
    assert desk.cancel("winter").state == "cancelled"


def test_paused_in_the_middle_its_rest_can_be_cancelled(desk) -> None:
    lease = desk.start("winter")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    pause(desk)
    assert desk.cancel("winter").state == "finished"
    assert desk.states("winter") == {"accepted": 2, "cancelled": 2}


def test_paused_it_can_be_revised(desk) -> None:
    approved(desk)
    pause(desk)
    desk.prepare("winter", range(3), revises=True)
    assert desk.find("winter").state == "prepared"


# --- resume ----------------------------------------------------------------------------------------------------


def test_it_goes_on_where_it_was(desk) -> None:
    lease = desk.start("winter")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    pause(desk)
    desk.close(lease)
    desk.clock.forward(minutes=5)
    resumed = resume(desk, reason="price is right")
    assert (resumed.state, resumed.due_at, resumed.state_reason) == ("parked", desk.clock.at, None)
    assert history(desk) == [("paused", WHO, WHY), ("resumed", "dominique", "price is right")]
    again = desk.open("winter")
    desk.answer(again, desk.must_claim(again), "accepted")
    assert desk.close(again).state == "finished"
    assert desk.states("winter") == {"accepted": 4}


def test_before_its_first_message_its_recap_is_verified_again(desk) -> None:
    at = desk.clock.at + timedelta(hours=2)
    approved(desk, due_at=at)
    pause(desk)
    resumed = resume(desk)
    assert (resumed.state, resumed.due_at) == ("approved", at)
    desk.sql("UPDATE message SET text = 'something else' WHERE recipient_id % 2 = 0")
    desk.clock.forward(hours=2)
    with pytest.raises(CampaignError, match="differs from its recap"):
        desk.open("winter")


def test_paused_at_its_hour_it_is_sent_later_than_its_recap_says_and_never_before(desk) -> None:
    at = desk.clock.at + timedelta(minutes=2)
    approved(desk, due_at=at)
    pause(desk)
    desk.clock.forward(minutes=5)
    assert resume(desk).due_at == desk.clock.at
    desk.sql("UPDATE campaign SET due_at = first_due_at - INTERVAL 1 MINUTE")
    with pytest.raises(CampaignError, match=r"differs from its recap \(due_at\)"):
        desk.open("winter")
    desk.sql("UPDATE campaign SET due_at = first_due_at + INTERVAL 3 MINUTE")
    assert desk.open("winter") is not None


def test_resumed_long_after_its_time_it_needs_no_second_word(desk) -> None:
    desk.rules = replace(desk.rules, wake_up_seconds=3600)
    approved(desk)
    pause(desk)
    desk.clock.forward(hours=2)
    resume(desk)
    assert desk.open("winter") is not None


def test_what_waited_for_a_person_is_due_now(desk) -> None:
    approved(desk)
    pause(desk)
    desk.sql("UPDATE campaign SET due_at = NULL")
    assert resume(desk).due_at == desk.clock.at


@pytest.mark.parametrize("state", ["prepared", "approved"])
def test_only_a_paused_one_is_resumed(desk, state: str) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    if state == "approved":
        desk.approve("winter")
    with pytest.raises(CampaignError, match=f"^campaign winter is {state}; only a paused one can be resumed$"):
        resume(desk)


def test_resumed_while_its_sender_still_finishes_it_waits_for_the_end(desk) -> None:
    lease = desk.start("winter")
    flying = desk.must_claim(lease)
    pause(desk)
    resume(desk)
    assert desk.claim(lease) is None
    assert due(desk) == []
    desk.answer(lease, flying, "accepted")
    desk.close(lease)
    assert due(desk) == ["winter"]


# --- everything ------------------------------------------------------------------------------------------------


def test_everything_stops_but_our_own_messages(desk) -> None:
    lease = desk.start("winter")
    approved(desk, "storm", kind="alert")
    desk.prepare("draft", range(2))
    with desk.tx() as tx:
        standing_campaign(tx, "auto_reply", "sandbox")
    assert stop_everything(desk) == ["winter", "storm"]
    assert desk.claim(lease) is None
    states = dict(desk.sql("SELECT name, state FROM campaign"))
    assert states == {"winter": "paused", "storm": "paused", "draft": "prepared", "auto-reply-sandbox": "sending"}
    assert desk.find("storm").state_reason == "everything stopped by camille: wrong price"
    assert history(desk, "storm") == [("paused", WHO, WHY)]
    assert stop_everything(desk) == []


# --- found by Campanile ----------------------------------------------------------------------------------------


def test_a_problem_that_campanile_finds_pauses_with_its_reason(desk) -> None:
    desk.start("winter")
    with desk.tx() as tx:
        held = control.pause_found(tx, find_campaign(tx, "winter"), "401: wrong key")
    assert (held.state, held.state_reason) == ("paused", "401: wrong key")
    assert history(desk) == [("paused", "campanile", "401: wrong key")]


def test_what_campanile_finds_changes_nothing_of_what_a_person_did(desk) -> None:
    desk.start("winter")
    pause(desk)
    with desk.tx() as tx:
        held = control.pause_found(tx, find_campaign(tx, "winter"), "401: wrong key")
    assert held.state_reason == "paused by camille: wrong price"
    assert len(history(desk)) == 1


def test_system_campaigns_are_never_paused_because_no_person_could_resume_them(desk) -> None:
    with desk.tx() as tx:
        own = standing_campaign(tx, "notice", "sandbox")
        assert control.pause_found(tx, own, "401: wrong key").state == "sending"


# --- a cancelled run -------------------------------------------------------------------------------------------


def test_a_cancelled_run_pauses_its_campaign(desk) -> None:
    desk.start("winter")
    hold_lease_as(desk, "run-1")
    held = pause_of_run(desk, "run-1")
    assert held is not None
    assert (held.state, held.state_reason) == ("paused", "its run was cancelled")
    assert history(desk) == [("paused", "prefect", "its run was cancelled")]
    assert pause_of_run(desk, "run-1") is None, "it is held already"


def test_a_cancelled_run_does_not_pause_the_campaign_of_another_run(desk) -> None:
    lease = desk.start("winter")
    hold_lease_as(desk, "run-2")
    assert pause_of_run(desk, "run-1") is None
    assert desk.find("winter").state == "sending"
    desk.must_claim(lease)


def test_a_run_that_was_cancelled_before_it_began(desk) -> None:
    approved(desk)
    held = pause_of_run(desk, "run-1")
    assert held is not None
    assert held.state == "paused"


def test_once_resumed_the_cancelled_run_counts_no_more(desk) -> None:
    desk.start("winter")
    hold_lease_as(desk, "run-1")
    pause_of_run(desk, "run-1")
    resume(desk)
    desk.clock.forward(seconds=91)
    (row,) = desk.due()
    assert (row.name, row.run_id) == ("winter", None)


def test_a_campaign_that_is_over_stays_so(desk) -> None:
    lease = desk.start("winter", range(2))
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.close(lease)
    assert pause_of_run(desk, "run-1") is None
    assert desk.find("winter").state == "finished"
