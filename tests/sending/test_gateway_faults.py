"""The gateway fails in every way it can: each message arrives once, or it is known why not."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from campanile.store.billing.balance import captured
from campanile.store.campaigns.pause import resume
from campanile.store.ledger.unknowns import resend
from schemas.gateway import Batch, DeliveryReport, Outcome, Resolution, SubmitOutcome
from tests.sending.sending_desk import DeskSender, SendingDesk
from tests.store.conftest import bucket_of

PEOPLE = range(8)
KEY, LOOK_UP, NEITHER = Resolution.IDEMPOTENCY_KEY, Resolution.LOOK_UP, Resolution.NEITHER
CLASSES = [pytest.param(resolution, id=resolution.value) for resolution in Resolution]
NOBODY = "http://127.0.0.1:1"


def resumed(desk: SendingDesk, name: str = "winter") -> None:
    with desk.tx() as tx:
        resume(tx, name, "dominique", "mended")


def nothing_is_reserved(desk: SendingDesk) -> bool:
    credit = desk.credit()
    return credit.get("reserve", 0) == credit.get("capture", 0) + credit.get("release", 0)


@pytest.mark.parametrize(
    ("fault", "is_accepted"),
    [
        pytest.param("slow", True, id="F15 accepted, and no answer in time"),
        pytest.param("accept_then_reset", True, id="F16 accepted, then a reset"),
        pytest.param("truncated", True, id="F16 accepted, and half of the answer"),
        pytest.param("accept_then_500", True, id="F17 accepted, then a 500"),
        pytest.param("reset", False, id="reset, and not accepted"),
    ],
)
@pytest.mark.parametrize("resolution", CLASSES)
def test_an_unreadable_answer_is_unknown(
    desk: SendingDesk, sender: DeskSender, resolution: Resolution, fault: str, is_accepted: bool
) -> None:
    desk.settings |= {"slice_size": 4}
    desk.begin("winter", PEOPLE, per_slice=4)
    desk.sandbox.set_faults([fault], slow_seconds=0.6, retry_after_seconds=0.01)
    _, closed = sender.run("winter")
    found = desk.assert_in_order("winter")
    if resolution is NEITHER:
        assert (closed.state, closed.due_at) == ("parked", None)
        assert (found.unknown, found.unknown_billed) == (4, 4 * is_accepted)
        assert found.billed == 4 + 4 * is_accepted, "it was not sent again"
    else:
        assert closed.state == "finished"
        assert found.billed == 8


@pytest.mark.parametrize("resolution", [NEITHER])
def test_a_report_that_comes_after_a_person_decided_resend(
    desk: SendingDesk, sender: DeskSender, resolution: Resolution
) -> None:
    desk.begin("winter", range(4))
    desk.sandbox.set_faults(["accept_then_reset"], retry_after_seconds=0.01)
    sender.set(concurrency=1)
    sender.run("winter")
    desk.forward(minutes=1)
    with desk.tx() as tx:
        assert resend(tx, "winter", "camille", "the console shows none") == 2
    desk.report_all(all_reports(desk))
    desk.read_stops()
    _, closed = sender.run("winter")
    assert closed.state == "finished"
    assert desk.assert_in_order("winter").billed == 4, "none was sent twice"
    assert desk.states("winter") == {"delivered": 4}


def all_reports(desk: SendingDesk) -> list[DeliveryReport]:
    gateway, reports, cursor = desk.sandbox.gateway(5.0), [], ""
    while (page := gateway.delivery_reports(cursor)).items:
        reports += page.items
        cursor = page.cursor
    return reports


@pytest.mark.parametrize("fault", ["throttle", "unavailable"])
@pytest.mark.parametrize("resolution", CLASSES)
def test_refused_before_it_is_accepted(
    desk: SendingDesk, sender: DeskSender, resolution: Resolution, fault: str
) -> None:
    desk.begin("winter", PEOPLE)
    desk.sandbox.set_faults([fault] * 3, retry_after_seconds=0.01)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 8


def test_gateway_down_for_hours(desk: SendingDesk, sender: DeskSender) -> None:
    """F18: it cannot be reached. The campaign is parked and tried again, nothing is burnt, and in the end all leave."""
    there = sender.seam._gateway
    desk.begin("winter", PEOPLE)
    sender.set(refusals_before_parking=3)
    sender.seam._gateway = type(there)(NOBODY, "key", 0.3)
    for _ in range(4):
        run_outcome, closed = sender.run("winter")
        assert "could not be reached" in str(run_outcome)
        assert closed.state == "parked"
        assert desk.states("winter") == {"planned": 8}
        assert nothing_is_reserved(desk)
        assert closed.due_at > desk.clock.at
        desk.forward(hours=1)
    sender.seam._gateway = there
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 8


def test_a_storm_of_429(desk: SendingDesk, sender: DeskSender) -> None:
    """F19: the rate falls, no attempt is counted against a message, and when it is over all have left."""
    rates = []

    def note_rate(_: Batch) -> None:
        with desk.tx() as tx:
            rates.append(bucket_of(tx, "sandbox", 5000).rate)

    sender.set(concurrency=1)
    sender.seam.before_post = note_rate
    desk.begin("winter", PEOPLE)
    desk.sandbox.set_faults(["throttle"] * 12, retry_after_seconds=0.01)
    assert sender.run("winter")[1].state == "finished"
    assert rates[0] == 5000
    assert min(rates) == 5000 / 64
    assert rates[-1] > min(rates), "it goes faster again"
    assert desk.assert_in_order("winter").billed == 8


def test_a_503_across_the_end_of_the_window(desk: SendingDesk, sender: DeskSender) -> None:
    """F20: asked to wait beyond the closing, it waits for the next opening: nothing is sent at night."""
    desk.forward(hours=9, minutes=30)  # 19:30
    desk.begin("winter", PEOPLE)
    desk.sandbox.set_faults(["unavailable"] * 4, retry_after_seconds=3600)
    _, closed = sender.run("winter")
    assert closed.state == "parked"
    desk.sandbox.set_faults(retry_after_seconds=1)
    while closed.state == "parked":
        desk.forward(seconds=(closed.due_at - desk.clock.at).total_seconds() + 0.1)
        desk.read_stops()
        _, closed = sender.run("winter")
    assert closed.state == "finished"
    assert {line["accepted_at"][:16] for line in desk.bill()} == {"2026-11-25T07:00"}
    assert desk.assert_in_order("winter").billed == 8


def test_the_key_is_taken_away_in_the_middle(desk: SendingDesk, sender: DeskSender) -> None:
    """F21: 401: paused at once, nothing is lost, and it continues when a person has corrected it."""
    there = sender.seam._gateway

    def take_the_key(outcomes: Sequence[SubmitOutcome]) -> Sequence[SubmitOutcome]:
        sender.seam._gateway = type(there)(desk.sandbox.base_url, "a wrong key", 0.3)
        return outcomes

    sender.set(concurrency=1)
    sender.seam.after_post = take_the_key
    desk.begin("winter", PEOPLE)
    run_outcome, closed = sender.run("winter")
    assert run_outcome is not None
    assert run_outcome.needs_person
    assert closed.state == "paused"
    assert "401" in closed.state_reason
    assert desk.states("winter") == {"accepted": 2, "planned": 6}
    assert nothing_is_reserved(desk)
    sender.seam._gateway, sender.seam.after_post = there, lambda outcomes: outcomes
    resumed(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 8


def test_several_unreadable_answers_in_a_row(desk: SendingDesk, sender: DeskSender) -> None:
    sender.set(strange_answers_before_pause=3, concurrency=1)
    desk.begin("winter", PEOPLE)
    desk.sandbox.set_faults(["truncated"] * 3)
    _, closed = sender.run("winter")
    assert closed.state == "paused"
    assert "3 answers in a row could not be read" in closed.state_reason
    assert len(desk.bill()) <= 6
    resumed(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 8


def test_answers_that_say_nothing_of_their_messages_are_named_so(desk: SendingDesk, sender: DeskSender) -> None:
    def forget_them(outcomes: Sequence[SubmitOutcome]) -> Sequence[SubmitOutcome]:
        return [SubmitOutcome(item.client_ref, Outcome.UNKNOWN) for item in outcomes]

    sender.set(strange_answers_before_pause=2, concurrency=1)
    sender.seam.after_post = forget_them
    desk.begin("winter", PEOPLE)
    _, closed = sender.run("winter")
    assert closed.state == "paused"
    why = "2 answers in a row could not be read: the last one has no outcome for its 2 messages"
    assert closed.state_reason == why


@pytest.mark.parametrize("resolution", CLASSES)
def test_an_answer_in_another_order_and_with_one_missing(
    desk: SendingDesk, sender: DeskSender, resolution: Resolution
) -> None:
    """F23: each message has its own outcome, and the one that is not spoken of is unknown."""
    damaged = []

    def damage(outcomes: Sequence[SubmitOutcome]) -> Sequence[SubmitOutcome]:
        damaged.append(outcomes)
        return list(reversed(outcomes))[1:] if len(damaged) == 1 else outcomes

    sender.seam.after_post = damage
    sender.set(slice_size=4)
    desk.begin("winter", range(4), per_slice=4)
    sender.run("winter")
    found = desk.assert_in_order("winter")
    assert found.billed == 4
    assert found.unknown == found.unknown_billed == (1 if resolution is NEITHER else 0)
    kept = desk.sql("SELECT client_ref, gateway_message_id FROM message_status WHERE state = 'accepted'")
    billed = {line["client_ref"]: line["message_id"] for line in desk.bill()}
    assert all(billed[ref] == message_id for ref, message_id in kept)


def test_a_key_that_may_be_forgotten_is_not_posted_again(desk: SendingDesk, sender: DeskSender) -> None:
    """F25: from half of the key's life on it is looked up instead."""
    sender.seam.manifest = replace(sender.seam.manifest, key_life_seconds=0.5)
    sender.set(concurrency=1, settle_seconds=0.3)
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(["accept_then_reset"])
    assert sender.run("winter")[1].state == "finished"
    assert (len(sender.seam.posts), len(sender.seam.look_ups)) == (1, 1)
    assert desk.assert_in_order("winter").billed == 2


def test_a_key_that_lives_is_posted_again(desk: SendingDesk, sender: DeskSender) -> None:
    sender.set(concurrency=1)
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(["accept_then_reset"])
    assert sender.run("winter")[1].state == "finished"
    assert [batch.request_key for batch in sender.seam.posts] == [sender.seam.posts[0].request_key] * 2
    assert sender.seam.look_ups == []


def test_a_refusal_of_the_second_post_says_nothing_of_the_first(desk: SendingDesk, sender: DeskSender) -> None:
    """Accepted and reset; asked again, the gateway is throttling. That proves nothing: it stays unknown."""
    sender.set(concurrency=1)
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(["accept_then_reset", "throttle"], retry_after_seconds=0.01)
    assert sender.run("winter")[1].state == "finished"
    assert len({batch.request_key for batch in sender.seam.posts}) == 1
    assert desk.assert_in_order("winter").billed == 2


@pytest.mark.parametrize("resolution", [pytest.param(LOOK_UP, id="look_up")])
def test_absence_counts_when_it_is_seen_twice(desk: SendingDesk, sender: DeskSender, resolution: Resolution) -> None:
    """The gateway's look-up lags behind: what it did not see at first was accepted all the same."""
    there, first = sender.seam.look_up, []

    def lagging(batch: Batch) -> Sequence[SubmitOutcome]:
        first.append(batch)
        absent = [SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED) for message in batch.messages]
        return absent if len(first) == 1 else there(batch)

    sender.seam.look_up = lagging  # type: ignore[method-assign]
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(["accept_then_reset"])
    assert sender.run("winter")[1].state == "finished"
    assert len(first) == 2
    assert desk.assert_in_order("winter").billed == 2


def test_a_post_that_comes_too_late_is_not_sent(desk: SendingDesk, sender: DeskSender) -> None:
    """The connection takes long: at ``post_before`` the post is given up, and the slice is claimed again."""
    sender.set(claim_seconds=0.15, concurrency=1)
    slept = []

    def sleep_once(_: Batch) -> None:
        if not slept:
            slept.append(time.sleep(0.3))

    sender.seam.before_post = sleep_once
    desk.begin("winter", range(2))
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 2
    assert len(sender.seam.posts) >= 2


def test_every_message_is_captured_at_its_price(desk: SendingDesk, sender: DeskSender) -> None:
    before = desk.sandbox.balance()
    desk.begin("winter", PEOPLE)
    sender.run("winter")
    with desk.tx(read_only=True) as tx:
        assert before - desk.sandbox.balance() == captured(tx, "sandbox")
