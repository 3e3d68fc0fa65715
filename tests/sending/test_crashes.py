"""A sender dies, is suspended or cannot write: the next one finishes its work, and no message is sent twice."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from schemas.gateway import Resolution
from tests.sending.sending_desk import QUICK, SenderProcess, SendingDesk
from tests.store.conftest import Desk

PEOPLE = range(8)
#: Of a DuckDB file: three headers, then blocks.
FILE_HEADERS_BYTES, BLOCK_BYTES = 3 * 4096, 262_144
KEY, LOOK_UP, NEITHER = Resolution.IDEMPOTENCY_KEY, Resolution.LOOK_UP, Resolution.NEITHER
CLASSES = [pytest.param(resolution, id=resolution.value) for resolution in Resolution]
SETTLING = [pytest.param(resolution, id=resolution.value) for resolution in (KEY, LOOK_UP)]


def finish(desk: SendingDesk, name: str = "winter") -> dict[str, object]:
    return desk.start_sender(name).wait()


def await_state(sender: SenderProcess, letter: str) -> None:
    """Wait until the kernel says that a process is in a state, such as T: stopped."""
    stat = Path(f"/proc/{sender.pid}/stat")
    give_up_at = time.monotonic() + 30
    while stat.read_text().rpartition(")")[2].split()[0] != letter:
        assert time.monotonic() < give_up_at, "it never came to that"
        time.sleep(0.005)


# --- kill -9 at a chosen moment -------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", CLASSES)
def test_dead_between_claim_and_post(desk: SendingDesk, resolution: Resolution) -> None:
    """F02: nothing of it was posted. That is found out, or stays unknown where nothing can be found out."""
    desk.begin("winter", PEOPLE)
    desk.settings |= {"concurrency": 2}
    desk.start_sender("winter", ["die_after_the_claim"]).wait()
    assert desk.bill() == []
    finish(desk)
    unknown = 4 if resolution is NEITHER else 0
    found = desk.assert_in_order("winter")
    assert (found.orphaned, found.billed, found.unknown, found.unknown_billed) == (4, 8 - unknown, unknown, 0)


@pytest.mark.parametrize("resolution", CLASSES)
def test_dead_between_answer_and_record(desk: SendingDesk, resolution: Resolution) -> None:
    """F03: the gateway has it and the store does not know: found out and captured once, or unknown and never resent."""
    desk.begin("winter", PEOPLE)
    desk.settings |= {"concurrency": 1}
    desk.start_sender("winter", ["die_after_the_answer"]).wait()
    assert len(desk.bill()) == 2
    finish(desk)
    found = desk.assert_in_order("winter")
    assert found.billed == 8
    assert found.unknown == found.unknown_billed == (2 if resolution is NEITHER else 0)


def test_dead_between_the_last_record_and_the_end(desk: SendingDesk) -> None:
    """F04: the next run posts nothing, and ends the campaign."""
    desk.begin("winter", PEOPLE)
    desk.start_sender("winter", ["die_after_the_record"]).wait()
    assert len(desk.bill()) == 8
    assert finish(desk)["closed"] == "finished"
    assert desk.assert_in_order("winter").billed == 8


@pytest.mark.parametrize("accident", ["die_at_commit", "die_at_post"])
@pytest.mark.parametrize("resolution", SETTLING)
def test_dead_at_the_nth_step(desk: SendingDesk, resolution: Resolution, accident: str) -> None:
    """F05: sender after sender dies at its first, second, third… commit or request, before it and after it."""
    desk.settings |= {"claim_seconds": 0.5, "gateway_deadline_seconds": 0.2}
    desk.begin("winter", range(40))
    deaths = 0
    while not {"closed", "refused"} & desk.start_sender("winter", [accident, deaths]).wait().keys():
        deaths += 1
    assert deaths >= 8, "they died at every kind of step"
    assert desk.find("winter").state == "finished"
    assert desk.assert_in_order("winter").billed == 40


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_on_sigterm_it_records_what_is_in_flight(desk: SendingDesk, number: int) -> None:
    """F06: SIGTERM, Ctrl-C: nothing more is claimed, what is in flight is recorded, the campaign is due again."""
    desk.settings |= {
        "claim_seconds": 30,
        "gateway_deadline_seconds": 5,
    }  # slow answers of a busy machine are none too late
    desk.begin("winter", range(60))
    desk.sandbox.set_faults(slow=1.0, slow_seconds=0.2)
    sender = desk.start_sender("winter")
    while not desk.bill():
        time.sleep(0.005)
    sender.signal(number)
    assert sender.wait()["closed"] == "parked"
    sent = desk.bill()
    assert 0 < len(sent) < 60
    assert desk.states("winter") == {"accepted": len(sent), "planned": 60 - len(sent)}
    desk.sandbox.set_faults()
    time.sleep(1)
    assert finish(desk)["closed"] == "finished"
    assert desk.assert_in_order("winter").billed == 60


# --- two at once ----------------------------------------------------------------------------------------------------


def test_of_two_senders_one_gets_the_campaign(desk: SendingDesk) -> None:
    """F08."""
    desk.settings |= {"lease_seconds": 5}
    desk.begin("winter", range(40))
    pair = [desk.start_sender("winter", is_patient=False) for _ in range(2)]
    outputs = [sender.wait() for sender in pair]
    assert sorted("closed" in output for output in outputs) == [False, True]
    assert any("is being sent by another run" in output.get("refused", "") for output in outputs)
    assert desk.assert_in_order("winter").billed == 40


def test_a_second_run_does_nothing(desk: SendingDesk) -> None:
    """F09."""
    desk.begin("winter", PEOPLE)
    assert finish(desk)["closed"] == "finished"
    assert finish(desk)["refused"] == "campaign winter is finished: nothing to send"
    assert desk.assert_in_order("winter").billed == 8


@pytest.mark.parametrize("resolution", CLASSES)
def test_a_sleeper_that_wakes_posts_nothing(desk: SendingDesk, resolution: Resolution) -> None:
    """Put to sleep between claim and post; another takes over meanwhile and settles what the sleeper had claimed."""
    desk.begin("winter", PEOPLE)
    sleeper = desk.start_sender("winter", ["sleep_before_the_post"])
    await_state(sleeper, "T")
    finish(desk)
    before = desk.bill()
    time.sleep(QUICK["claim_seconds"])  # until then its claim would still be good
    sleeper.signal(signal.SIGCONT)
    assert "lost" in sleeper.wait()
    assert desk.bill() == before
    unknown = desk.assert_in_order("winter").unknown
    assert unknown == (4 if resolution is NEITHER else 0)


@pytest.mark.parametrize("resolution", [pytest.param(LOOK_UP, id="look_up")])
def test_that_test_bites(desk: SendingDesk, resolution: Resolution) -> None:
    """A sleeper that posts however late it is bills twice."""
    desk.begin("winter", PEOPLE)
    sleeper = desk.start_sender("winter", ["post_whenever"], ["sleep_before_the_post"])
    await_state(sleeper, "T")
    finish(desk)
    sleeper.signal(signal.SIGCONT)
    sleeper.wait()
    assert desk.books("winter").wrong()["duplicates"] > 0


# --- the disk -------------------------------------------------------------------------------------------------------


def test_nothing_is_posted_without_a_claim_on_the_disk(desk: SendingDesk) -> None:
    """A full disk: no file grows any more, so no claim can be committed."""
    desk.begin("winter", PEOPLE)
    assert "File too large" in desk.start_sender("winter", ["fill_the_disk"]).wait(may_fail=True)["failed"]
    assert desk.bill() == []
    finish(desk)
    assert desk.assert_in_order("winter").billed == 8


@pytest.mark.parametrize("resolution", CLASSES)
def test_what_cannot_be_recorded_ends_the_run(desk: SendingDesk, resolution: Resolution) -> None:
    """The disk is full when the answers come: nothing more is posted, and the next run finds out what was."""
    desk.settings |= {"concurrency": 1, "claim_seconds": 3, "gateway_deadline_seconds": 1}
    desk.begin("winter", PEOPLE)
    assert (
        "File too large" in desk.start_sender("winter", ["fill_the_disk_at_the_answer"]).wait(may_fail=True)["failed"]
    )
    assert len(desk.bill()) == 2
    finish(desk)
    assert desk.assert_in_order("winter").billed == 8


def test_a_store_that_cannot_be_written_posts_nothing(desk: SendingDesk) -> None:
    desk.begin("winter", PEOPLE)
    assert "ermission denied" in desk.start_sender("winter", ["lose_the_right_to_write"]).wait(may_fail=True)["failed"]
    assert desk.bill() == []


def test_a_torn_log_of_the_store_is_a_prefix(desk: SendingDesk, tmp_path: Path) -> None:
    """F13: the power fails right after a claim was committed; of its log any part may have reached the disk."""
    desk.begin("winter", PEOPLE)
    with desk.tx(checkpoint_after=True):
        pass
    planned = tmp_path / "planned.duckdb"
    shutil.copy(desk.path, planned)
    desk.start_sender("winter", ["die_at_commit", 3]).wait()
    log = desk.path.with_name(desk.path.name + ".wal")
    whole, torn = log.read_bytes(), tmp_path / "torn.duckdb"
    seen = set()
    for size in sorted({0, len(whole), *random.Random(13).sample(range(len(whole)), 40)}):
        shutil.copy(desk.path, torn)
        torn.with_name("torn.duckdb.wal").write_bytes(whole[:size])
        copy = Desk(torn)
        assert copy.broken() == {}
        seen.add(tuple(sorted(copy.states("winter").items())))
    assert seen == {(("planned", 8),), (("claimed", 8),)}
    os.unlink(log)
    shutil.copy(planned, desk.path)
