"""What only goes wrong together: a slice of several requests, a machine that sleeps, an adapter that breaks."""

import threading
import time
from dataclasses import replace

import pandas as pd
import pytest

from campanile.sms.errors import GatewayAmbiguous, GatewayDenied, GatewayThrottled
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.campaigns.campaigns import set_state
from campanile.store.campaigns.writer import add_messages, standing_campaign
from campanile.store.inbound.auto_responder import put_auto_responder
from campanile.store.inbound.replies import add_replies, set_answers
from schemas.gateway import Outcome, Resolution, SubmitOutcome
from tests.sending.sending_desk import PRICE
from tests.store.conftest import message_rows

#: Of a claim that a busy machine has time for.
CLAIM_SECONDS = 2.0
LOOK_UP = pytest.mark.parametrize("resolution", [Resolution.LOOK_UP])


def promise(sender, **changes) -> None:
    """Make the gateway promise something else."""
    sender.seam.manifest = replace(sender.seam.manifest, **changes)


def test_what_waits_in_another_slice_is_not_posted_again_under_the_old_key(desk, sender) -> None:
    """Of two requests of a slice one was refused and one is unknown: only the second is looked up."""
    promise(sender, batch_size=2)
    sender.set(slice_size=4, concurrency=1)
    desk.begin("winter", range(4), per_slice=4)
    desk.sandbox.set_faults(["throttle", "accept_then_reset"], retry_after_seconds=0.01)
    sender.run("winter")
    desk.assert_in_order("winter")


def test_what_was_too_late_for_its_claim_is_not_posted_again_under_the_old_key(desk, sender) -> None:
    """The first of two requests gets no answer, and takes so long that the claim is over before the second."""
    promise(sender, batch_size=2)
    sender.set(slice_size=4, concurrency=1, claim_seconds=CLAIM_SECONDS)
    desk.begin("winter", range(4), per_slice=4)
    desk.sandbox.set_faults(["slow"], slow_seconds=0.6)
    submit, ended = sender.seam.submit, []

    def end_late_once(batch, not_after):
        try:
            return submit(batch, not_after)
        finally:
            if not ended:
                ended.append(time.sleep(CLAIM_SECONDS))

    sender.seam.submit = end_late_once
    sender.run("winter")
    late = desk.sql("SELECT count(*) FROM message_event WHERE reason = 'the time to post it had passed'")
    assert late == [(2,)]
    desk.assert_in_order("winter")


@LOOK_UP
def test_the_absence_of_one_says_nothing_of_another(desk, sender, resolution) -> None:
    """The look-up of the second breaks at first; its first absence, which a slow history explains, proves nothing."""
    promise(sender, batch_size=1)
    sender.set(slice_size=2, concurrency=1)
    desk.begin("winter", range(2), per_slice=2)
    desk.sandbox.set_faults(["reset", "accept_then_reset"])
    there, asked = sender.seam.look_up, []

    def look_up(batch):
        ref = batch.messages[0].client_ref
        asked.append(ref)
        if ref != asked[0] and asked.count(ref) == 1:
            raise GatewayAmbiguous("the look-up broke")
        if ref != asked[0] and asked.count(ref) == 2:
            return [SubmitOutcome(ref, Outcome.NOT_ACCEPTED)]
        return there(batch)

    sender.seam.look_up = look_up
    sender.run("winter")
    desk.assert_in_order("winter")


@LOOK_UP
def test_look_ups_that_do_not_know_yet_are_no_strange_answers(desk, sender, resolution) -> None:
    sender.set(concurrency=1, strange_answers_before_pause=3)
    desk.begin("winter", range(4))
    desk.sandbox.set_faults(["accept_then_reset"])
    there, asked = sender.seam.look_up, []

    def look_up(batch):
        asked.append(batch)
        waits = [SubmitOutcome(item.client_ref, Outcome.UNKNOWN, reason="it may wait") for item in batch.messages]
        return waits if len(asked) < 5 else there(batch)

    sender.seam.look_up = look_up
    _, closed = sender.run("winter")
    assert closed.state == "finished", closed.state_reason


def test_a_machine_that_sleeps_with_requests_open_sends_nothing_more(desk, sender) -> None:
    sender.set(wake_up_minutes=60, concurrency=2, lease_seconds=5, claim_seconds=5)
    desk.begin("winter", range(12))
    posted: list[int] = []

    def sleep(batch) -> None:
        posted.append(1)
        if len(posted) == 1:
            time.sleep(0.05)
            desk.forward(hours=2)
        elif len(posted) == 2:
            time.sleep(0.6)

    sender.seam.before_post = sleep
    _, closed = sender.run("winter", intervals=1e6)
    assert closed.state == "paused", desk.states("winter")


def test_a_wall_clock_that_jumps_into_the_night_sends_nothing_there(desk, sender) -> None:
    """A virtual machine that was paused: no clock of its own saw the time go by, but the wall's did."""
    promise(sender, batch_size=1)
    sender.set(slice_size=4, concurrency=1, claim_seconds=10, lease_seconds=5)
    desk.begin("winter", range(4), per_slice=4)
    posted: list[int] = []

    def jump(batch) -> None:
        posted.append(1)
        if len(posted) == 1:
            desk.forward(hours=12)

    sender.seam.before_post = jump
    sender.run("winter")
    assert len(desk.bill()) == 1, "the one that was on its way"


def test_a_refusal_for_a_person_is_not_forgotten_for_what_comes_after(desk, sender) -> None:
    sender.set(concurrency=2, slice_size=2, claim_seconds=5, lease_seconds=5)
    desk.begin("winter", range(40))
    lock, posted = threading.Lock(), []

    def refuse(batch) -> None:
        with lock:
            posted.append(1)
            is_first = len(posted) % 2 == 1
        if is_first:
            raise GatewayDenied("402 no credit")
        time.sleep(0.002)
        raise GatewayThrottled("429", 0.0)

    sender.seam.before_post = refuse
    _, closed = sender.run("winter")
    assert closed.state == "paused"
    assert len(posted) <= 4


def test_a_store_that_was_held_longer_than_a_claim_lives_is_no_gateway_that_is_down(desk, sender, monkeypatch) -> None:
    from campanile.services.sending.sender import Sender

    sender.set(refusals_before_parking=3, slice_size=2, concurrency=1, claim_seconds=0.4)
    promise(sender, batch_size=1)
    desk.begin("winter", range(8), per_slice=4)
    tx, held = Sender._record_and_claim, []

    def hold() -> None:
        with desk.tx():
            time.sleep(1.2)

    def transact_late(self, most):
        if not held:
            held.append(threading.Thread(target=hold))
            held[0].start()
            time.sleep(0.2)
        return tx(self, most)

    monkeypatch.setattr(Sender, "_record_and_claim", transact_late)
    run_outcome, closed = sender.run("winter")
    held[0].join()
    assert closed.state == "finished", run_outcome


def test_an_adapter_that_breaks_leaves_no_number_in_the_log(desk, sender, caplog) -> None:
    sender.set(concurrency=1)
    desk.begin("winter", range(2))
    broken: list[int] = []

    def break_once(batch) -> None:
        if not broken:
            broken.append(1)
            raise ValueError(f"cannot read {batch.messages[0].msisdn}")

    sender.seam.before_post = break_once
    sender.run("winter")
    assert "the adapter of sandbox failed" in caplog.text
    assert "3363998" not in caplog.text


def test_an_answer_refused_after_the_switch_is_not_sent_later(desk, sender) -> None:
    """It was in flight when the auto-responder was switched off; the gateway throttles it."""
    sender.set(concurrency=1)
    plan_answer(desk)

    def switch_off(_) -> None:
        with desk.tx() as tx:
            put_auto_responder(tx, AutoResponder(False, ""), "camille")

    sender.seam.before_post = switch_off
    desk.sandbox.set_faults(["throttle"], retry_after_seconds=0.01)
    _, closed = sender.run("auto-reply-sandbox")
    assert (len(sender.seam.posts), desk.bill()) == (1, [])
    assert desk.states("auto-reply-sandbox") == {"cancelled": 1}
    assert closed.due_at is None


def plan_answer(desk) -> None:
    desk.put_balance(str(desk.sandbox.balance()))
    desk.read_stops()
    reply = ["r1", "+33639980001", 33639980001, "Bonjour ?", "other", desk.clock.at]
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    with desk.tx() as tx:
        put_auto_responder(tx, AutoResponder(True, "Merci"), "camille")
        (reply_id,) = add_replies(tx, "sandbox", pd.DataFrame([reply], columns=columns))["reply_id"]
        campaign_id = standing_campaign(tx, "auto_reply", "sandbox").campaign_id
        answer = message_rows([1], "Merci", PRICE).assign(recipient_id=reply_id, slice_no=1)
        add_messages(tx, campaign_id, answer, first_slice_no=1)
        set_answers(tx, {reply_id: "planned"})
        set_state(tx, campaign_id, "sending", tx.at, None)
