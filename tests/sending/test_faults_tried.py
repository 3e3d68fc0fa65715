"""Faults that were tried after the protocol had been mended; the gateway's bill is the judge."""

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from campanile.store.campaigns.campaigns import set_state
from campanile.store.campaigns.pause import resume
from campanile.store.db.clock_check import distrust_ahead
from campanile.store.ledger.reconciliation import confirm_reconciled
from schemas.gateway import Resolution
from tests.sending.books import Bill
from tests.sending.sending_desk import DeskSender, SendingDesk

CLASSES = [pytest.param(resolution, id=resolution.value) for resolution in Resolution]


def send_what_is_due(desk: SendingDesk, sender: DeskSender, name: str) -> None:
    """Do what happens every minute; whatever its time is, the campaign is looked at."""
    with desk.tx() as tx:
        distrust_ahead(tx, 120)
    campaign = desk.find(name)
    if campaign.state == "finished":
        return
    with desk.tx() as tx:
        set_state(tx, campaign.campaign_id, "parked", tx.at, None)
    sender.run(name)


@pytest.mark.parametrize("resolution", CLASSES)
def test_a_folder_that_is_copied_back_over_itself_is_in_doubt(
    desk: SendingDesk, sender: DeskSender, tmp_path: Path
) -> None:
    """``cp -a`` writes over what is there, and the inode of the mark stays what it was."""
    sender.take_time()
    sender.set(settle_wait_seconds=0)
    desk.begin("winter", range(4))
    folder, backup = desk.path.parent, tmp_path / "backup"
    shutil.copytree(folder, backup)
    sender.run("winter")
    subprocess.run(["cp", "-a", f"{backup}/.", folder], check=True)
    run_outcome, _ = sender.run("winter")
    assert run_outcome is not None
    assert "its mark sms.mark is a copy" in str(run_outcome.why)
    found = Bill.of(desk, "winter", desk.bill())
    assert (found.wrong(), found.billed) == ({}, 4)


@pytest.mark.parametrize("is_seen_at_once", [True, False], ids=["looked at in between", "seen at the resume"])
def test_a_key_is_not_used_again_after_a_clock_that_was_ahead(
    desk: SendingDesk, sender: DeskSender, is_seen_at_once: bool
) -> None:
    """Posted by a clock two days ahead, which is then put right: when its time comes the gateway has forgotten the key.

    A look-up that began at that time would not see the message either.
    """
    sender.take_time()
    sender.set(settle_wait_seconds=0, concurrency=1)
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(["accept_then_reset"])
    desk.clock.forward(days=2)
    sender.run("winter")
    assert desk.states("winter") == {"unknown": 2}
    desk.clock.forward(days=-2)
    if is_seen_at_once:
        with desk.tx() as tx:
            assert distrust_ahead(tx, 120) == 1
    else:
        with desk.tx() as tx:
            resume(tx, "winter", "camille", "the clock is right again")
        sender.run("winter")
    desk.forward(days=2)
    for _ in range(4):
        desk.forward(minutes=2)
        send_what_is_due(desk, sender, "winter")
    assert len(sender.seam.posts) == 1
    assert sender.seam.look_ups[0].since <= datetime.fromisoformat(desk.bill()[0]["accepted_at"])
    assert desk.states("winter") == {"accepted": 2}
    assert len(desk.bill()) == 2


@pytest.mark.parametrize("resolution", [Resolution.IDEMPOTENCY_KEY, Resolution.LOOK_UP])
def test_a_copy_that_is_restored_again_while_the_first_restore_is_looked_up(
    desk: SendingDesk, sender: DeskSender, tmp_path: Path
) -> None:
    """Half of the campaign had left in the life that was lost, and half of what was found out is lost again."""
    sender.take_time()
    sender.set(settle_wait_seconds=0, slice_size=1, concurrency=1)
    desk.begin("winter", range(4), per_slice=1)
    parts = [desk.path, desk.path.with_name(f"{desk.path.name}.wal")]
    copies = {part: part.read_bytes() for part in parts if part.exists()}
    sender.seam.before_post = lambda batch: sender.stop.set() if len(sender.seam.posts) == 2 else None
    sender.run("winter")
    assert len(desk.bill()) == 2
    sender.stop.clear()
    for _ in range(2):
        for part in parts:
            part.unlink(missing_ok=True)
        for part, data in copies.items():
            part.write_bytes(data)
        desk.forward(minutes=2)
        sender.run("winter")
    for _ in range(3):
        desk.forward(minutes=2)
        send_what_is_due(desk, sender, "winter")
    assert len(desk.bill()) == 2, "nothing leaves before a person has confirmed"
    desk.read_stops()
    with desk.tx() as tx:
        confirm_reconciled(tx, "dominique", "compared with the bill")
    for _ in range(3):
        desk.forward(minutes=2)
        send_what_is_due(desk, sender, "winter")
    found = Bill.of(desk, "winter", desk.bill())
    assert (found.wrong(), found.billed, found.messages) == ({}, 4, 4)
