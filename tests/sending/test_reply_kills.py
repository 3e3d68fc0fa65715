"""Replies that arrive several times and in any order, while their reader is killed: one effect each.

``make prove`` has ten thousand replies and two hundred kills.
"""

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.inbound.auto_responder import put_auto_responder
from tests.fork_server import ROOT, ForkedProcess, opened_fork_server
from tests.sending.sending_desk import SendingDesk

NAME = "auto-reply-sandbox"
LONGEST_LIFE_SECONDS = 0.6
#: Texts with their verdicts; the share of each.
SAID = {"STOP": 0.1, "START": 0.04, "AIDE": 0.06, "Mauvais numéro": 0.02, "Bonjour, c'est ouvert ?": 0.78}
REFUSALS = ("STOP", "Mauvais numéro")


@dataclass(frozen=True)
class Said:
    """A reply: its id, sender and text, and how many seconds ago it was received."""

    key: str
    sender: str
    text: str
    seconds_ago: float


@pytest.fixture(scope="module")
def repliers() -> Iterator[Path]:
    """Return the socket of the server that forks readers of replies."""
    with opened_fork_server("tests.sending.repliers") as path:
        yield path


def draw_replies(dice: random.Random, count: int) -> list[Said]:
    people = [f"+{33_612_350_000 + person}" for person in range(count // 4)]
    texts = dice.choices(list(SAID), list(SAID.values()), k=count)
    return [Said(f"r{key}", dice.choice(people), text, dice.uniform(60, 7200)) for key, text in enumerate(texts)]


def write_deliveries(desk: SendingDesk, dice: random.Random, replies: list[Said], page_size: int) -> Path:
    """Write each reply one to five times, in random order, in pages."""
    items = [
        [reply.key, reply.sender, reply.text, (desk.clock.at - timedelta(seconds=reply.seconds_ago)).isoformat()]
        for reply in replies
    ]
    delivered = [item for item in items for _ in range(dice.randint(1, 5))]
    dice.shuffle(delivered)
    pages = [delivered[start : start + page_size] for start in range(0, len(delivered), page_size)]
    path = desk.path.parent / "deliveries.json"
    path.write_text(json.dumps(pages))
    return path


def read_with_kills(desk: SendingDesk, server: Path, dice: random.Random, deliveries: Path, kills: int) -> int:
    """Start one reader after another, and kill each at a random moment; return how many were killed."""
    job = {
        "store": str(desk.path),
        "settings": desk.settings | {"tariff_dir": str(ROOT / "data" / "tariffs"), "editor_identity": "Mairie"},
        "shift_seconds": desk.clock.shift.total_seconds(),
        "deliveries": str(deliveries),
    }
    killed, give_up_at = 0, time.monotonic() + 3600
    while time.monotonic() < give_up_at:
        reader = ForkedProcess(server, job)
        assert reader.receive() == {"began": True}
        is_last = killed >= kills
        said = reader.poll(None if is_last else dice.uniform(0, LONGEST_LIFE_SECONDS))
        if said is None and not is_last:
            reader.signal(signal.SIGKILL)
            reader.receive_all()
            killed += 1
            continue
        assert said == {"done": True}, said
        reader.receive_all()
        return killed
    raise AssertionError("the replies did not come to an end")


def assert_one_effect_each(desk: SendingDesk, replies: list[Said]) -> None:
    rows = desk.sql("SELECT gateway_reply_id, answer, reply_id FROM reply")
    assert Counter(key for key, _, _ in rows) == Counter(reply.key for reply in replies), "each is kept once"
    assert all(answer is not None for _, answer, _ in rows), "each is decided"
    entries = desk.sql("SELECT reply.gateway_reply_id FROM opt_out_entry JOIN reply USING (reply_id)")
    refusals = [reply.key for reply in replies if reply.text in REFUSALS]
    assert sorted(key for (key,) in entries) == sorted(refusals), "each refusal is one opt-out"
    by_sender: dict[str, set[str]] = {}
    for reply in replies:
        by_sender.setdefault(reply.sender, set()).add(reply.text)
    opted_out = {msisdn for (msisdn,) in desk.sql("SELECT msisdn FROM opt_out")}
    for sender, texts in by_sender.items():
        if not texts & set(REFUSALS):
            assert sender not in opted_out
        elif "START" not in texts:
            assert sender in opted_out
    # Every planned answer was accepted once, or suppressed by an opt-out that came after it was planned.
    planned = {reply_id for _, answer, reply_id in rows if answer == "planned"}
    states = dict(desk.sql("SELECT recipient_id, state FROM message_status"))
    assert states.keys() == planned, "no answer without a message, and no message without an answer"
    assert Counter(states.values()).keys() <= {"accepted", "delivered", "suppressed"}, Counter(states.values())
    bill = desk.assert_in_order(NAME)
    assert (bill.duplicates, bill.lost, bill.unknown) == (0, 0, 0)
    silent = {sender for sender, texts in by_sender.items() if not texts & set(REFUSALS)}
    billed = Counter(line["to"] for line in desk.bill())
    wanted = Counter(reply.sender for reply in replies if reply.sender in silent)
    assert {sender: billed[sender] for sender in silent} == wanted, "who never refused gets an answer for each reply"


def run(desk: SendingDesk, server: Path, count: int, kills: int, page_size: int, seed: int) -> int:
    dice = random.Random(seed)
    desk.settings |= {"slice_size": 20, "segments_per_second": 100_000, "lease_seconds": 0.3}
    desk.settings |= {"gateway_deadline_seconds": 1, "claim_seconds": 3}  # how long a killed post keeps its messages
    desk.put_balance("1000000")
    desk.sandbox.set_balance(100_000)
    with desk.tx() as tx:
        put_auto_responder(tx, AutoResponder(True, "Merci", daily_cap=10**9, person_cap=10**9), "camille")
    replies = draw_replies(dice, count)
    deliveries = write_deliveries(desk, dice, replies, page_size)
    killed = read_with_kills(desk, server, dice, deliveries, kills)
    assert_one_effect_each(desk, replies)
    return killed


def test_replies_that_come_several_times_have_one_effect_each_whatever_kills_their_reader(
    desk: SendingDesk, repliers: Path
) -> None:
    assert run(desk, repliers, count=200, kills=5, page_size=80, seed=15) == 5


@pytest.mark.soak
def test_ten_thousand_replies_and_two_hundred_kills(desk: SendingDesk, repliers: Path) -> None:
    assert run(desk, repliers, count=10_000, kills=200, page_size=100, seed=200) == 200
