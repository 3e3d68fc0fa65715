"""Hours while it is being sent: windows that close, the order of territories, offers that end, machines that sleep."""

from datetime import timedelta
from typing import Any

import pytest

from campanile.store.campaigns.pause import resume
from schemas.gateway import Batch
from tests.sending.sending_desk import DeskSender, SendingDesk

PEOPLE = range(8)


def forward_at_post(desk: SendingDesk, sender: DeskSender, number: int, **time: float) -> None:
    """Let time pass while the n-th request is on its way."""

    def before_post(_: Batch) -> None:
        if len(sender.seam.posts) == number:
            desk.forward(**time)

    sender.take_time()
    sender.set(concurrency=1)
    sender.seam.before_post = before_post


def wait_until_due(desk: SendingDesk, closed: dict[str, Any]) -> None:
    desk.forward(seconds=(closed.due_at - desk.clock.at).total_seconds() + 0.1)
    desk.read_stops()


def test_the_window_closes_in_the_middle(desk: SendingDesk, sender: DeskSender) -> None:
    """F56: claims stop a margin before 20:00, what is in flight is recorded, the rest leaves at 08:00."""
    desk.forward(hours=9, minutes=50)  # 19:50
    forward_at_post(desk, sender, 2, minutes=8, seconds=30)
    desk.begin("winter", PEOPLE)
    _, closed = sender.run("winter")
    assert (closed.state, f"{closed.due_at:%d %H:%M}") == ("parked", "25 07:00")
    assert desk.states("winter") == {"accepted": 4, "planned": 4}
    wait_until_due(desk, closed)
    assert sender.run("winter")[1].state == "finished"
    assert [line["accepted_at"][11:13] for line in desk.bill()] == ["18"] * 4 + ["07"] * 4
    desk.assert_in_order("winter")


def test_the_territory_that_closes_first_goes_first(desk: SendingDesk, sender: DeskSender) -> None:
    """F55: at 10:00 in Paris it is 13:00 in La Réunion, where the day ends three hours earlier."""
    sender.take_time()  # a slice that is late at the gateway goes to the end of the queue
    sender.set(concurrency=1)
    desk.begin("winter", {"FR": range(4), "RE": range(4, 8)})
    assert sender.run("winter")[1].state == "finished"
    assert [int(line["to"][-1]) for line in desk.bill()] == [4, 5, 6, 7, 0, 1, 2, 3]


def test_a_territory_waits_for_its_own_hour(desk: SendingDesk, sender: DeskSender) -> None:
    later = desk.clock.at + timedelta(hours=2)
    people = {"FR": range(4), "RE": range(4, 8)}
    desk.begin("winter", people, not_before={"RE": later}, header={"place_due_at": {"RE": later.isoformat()}})
    _, closed = sender.run("winter")
    assert (closed.state, closed.due_at) == ("parked", later)
    assert desk.states("winter") == {"accepted": 4, "planned": 4}
    wait_until_due(desk, closed)
    assert sender.run("winter")[1].state == "finished"
    desk.assert_in_order("winter")


def test_what_the_offer_outlived_is_not_sent(desk: SendingDesk, sender: DeskSender) -> None:
    """It expires and is reported; the gateway gets the time until which sent messages may be delivered."""
    ends_at = desk.clock.at + timedelta(hours=1)
    forward_at_post(desk, sender, 2, hours=1)
    desk.begin("winter", PEOPLE, offer_ends_at=ends_at)
    assert sender.run("winter")[1].state == "finished"
    assert {line["valid_until"] for line in desk.bill()} == {ends_at.isoformat()}
    states = desk.states("winter")
    assert states.pop("accepted") == len(desk.bill()) == 2
    assert set(states) == {"expired", "rejected"}, "one slice was on its way when the offer ended"
    desk.assert_in_order("winter")


def test_what_is_too_late_is_not_sent(desk: SendingDesk, sender: DeskSender) -> None:
    forward_at_post(desk, sender, 2, hours=3)
    desk.begin("winter", PEOPLE, max_lateness_hours=2.0)
    assert sender.run("winter")[1].state == "finished"
    states = desk.states("winter")
    assert states["expired"] >= 4
    assert states["accepted"] == len(desk.bill())
    assert desk.sql("SELECT DISTINCT reason FROM message_status WHERE state = 'expired'") == [
        ("its time had passed by more than the draft allows",)
    ]
    desk.assert_in_order("winter")


def test_a_draft_that_does_not_wait_for_the_next_opening(desk: SendingDesk, sender: DeskSender) -> None:
    desk.forward(hours=9, minutes=50)
    forward_at_post(desk, sender, 2, minutes=9)
    desk.begin("winter", PEOPLE, if_closed="drop")
    assert sender.run("winter")[1].state == "finished"
    assert desk.states("winter") == {"accepted": 4, "expired": 4}
    desk.assert_in_order("winter")


def test_a_machine_that_slept_before_the_first_message(desk: SendingDesk, sender: DeskSender) -> None:
    """Due at ten, and woken at noon: nothing leaves without a person."""
    sender.set(wake_up_minutes=60)
    desk.begin("winter", PEOPLE)
    desk.forward(hours=2)
    desk.read_stops()
    opened = sender.open("winter")
    assert (opened.lease, opened.is_held, desk.find("winter").state) == (None, True, "paused")
    assert desk.bill() == []
    _resume(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 8


def test_a_machine_that_slept_in_the_middle(desk: SendingDesk, sender: DeskSender) -> None:
    """What was in flight is recorded, the rest waits for a person."""
    sender.set(wake_up_minutes=60)
    forward_at_post(desk, sender, 2, hours=2)
    desk.begin("winter", PEOPLE)
    run_outcome, closed = sender.run("winter")
    assert run_outcome is not None
    assert run_outcome.needs_person
    assert closed.state == "paused"
    assert "no run has worked on campaign winter" in closed.state_reason
    assert desk.states("winter") == {"accepted": 4, "planned": 4}
    _resume(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 8


@pytest.mark.parametrize(
    ("minutes", "leaves"), [pytest.param(597, True, id="19:57"), pytest.param(598.1, False, id="19:58:06")]
)
def test_the_margin_before_closing(desk: SendingDesk, sender: DeskSender, minutes: float, leaves: bool) -> None:
    """F56: two minutes before closing nothing is claimed any more."""
    desk.forward(minutes=minutes)
    desk.begin("winter", range(2))
    sender.run("winter")
    assert len(desk.bill()) == 2 * leaves


def _resume(desk: SendingDesk) -> None:
    with desk.tx() as tx:
        resume(tx, "winter", "dominique", "read again")
