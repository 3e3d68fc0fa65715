"""STOP at random moments while a sender sends: once it is committed, nothing is claimed for that person."""

import random
import time
from datetime import datetime, timedelta

import pytest

from tests.sending.sending_desk import QUICK, SLACK_SECONDS, SendingDesk


def send_amid_stops(desk: SendingDesk, people: int, stops: int, seed: int) -> tuple[int, int]:
    """Send a campaign while STOPs are committed; return how many of those who said it got it, and how many did not."""
    dice = random.Random(seed)
    desk.begin("winter", range(people))
    desk.sandbox.set_faults(throttle=0.03, reset=0.02, accept_then_reset=0.03, accept_then_500=0.02)
    sender = desk.start_sender("winter")
    committed: dict[str, datetime] = {}
    for person in dice.sample(range(people), stops):
        time.sleep(dice.uniform(0, 0.02))
        desk.opt_out(person)
        committed[f"+{33_639_980_000 + person}"] = desk.clock.at
    assert sender.wait()["closed"] == "finished"
    assert desk.assert_in_order("winter").unknown == 0
    accepted = {line["to"]: datetime.fromisoformat(line["accepted_at"]) for line in desk.bill()}
    # A slice with a STOP in it is never posted again, so nothing is on its way for longer than one claim.
    longest = timedelta(seconds=QUICK["claim_seconds"] + QUICK["gateway_deadline_seconds"] + SLACK_SECONDS)
    late = [number for number, at in committed.items() if number in accepted and accepted[number] > at + longest]
    assert late == []
    got = sum(number in accepted for number in committed)
    return got, stops - got


def test_stop_at_random_moments(desk: SendingDesk) -> None:
    """F60: no message is sent after its STOP; the invariants find no claim after a STOP."""
    got, spared = send_amid_stops(desk, people=300, stops=60, seed=60)
    assert got, "some had it already"
    assert spared, "some said it in time"
    assert desk.broken() == {}


@pytest.mark.soak
def test_stop_at_a_thousand_random_moments(desk: SendingDesk) -> None:
    desk.settings |= {"slice_size": 10}
    got, spared = send_amid_stops(desk, people=3000, stops=1000, seed=1000)
    assert got + spared == 1000
    assert min(got, spared) > 100
    assert desk.broken() == {}
