"""Restored stores in short: ``make kill-test`` is the long one."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from campanile.services.sending.reconciliation import find_lost_life
from campanile.sms.errors import GatewayAmbiguous
from campanile.store.db.high_water_mark import mark_path, read_mark, write_mark
from campanile.store.ledger.unknowns import resend
from schemas.gateway import Resolution
from tests.sending.books import Bill
from tests.sending.restores import restore_stores

CLASSES = [pytest.param(resolution, id=resolution.value) for resolution in Resolution]


@pytest.mark.parametrize("resolution", CLASSES)
def test_a_store_that_comes_back_sends_nothing_twice(fork_server: Path, resolution: Resolution) -> None:
    """Nothing billed twice, nothing lost, no message after a STOP, the ledger equal to the cent."""
    found = restore_stores(fork_server, resolution, 2, messages=60, seed=3)
    assert found.wrong() == {}, found
    assert found.restores == 2
    assert found.sent_since > 0, "the copies were older than the bill"


@pytest.mark.soak
@pytest.mark.parametrize("resolution", CLASSES)
def test_many_stores_that_come_back(fork_server: Path, resolution: Resolution) -> None:
    assert restore_stores(fork_server, resolution, 50, seed=4).wrong() == {}


LOOK_UP = pytest.mark.parametrize("resolution", [Resolution.LOOK_UP])


def snapshot(desk, folder: Path):
    """Take a snapshot as of a whole machine; what it brings back has the same inodes. Return what does that."""
    files = [desk.path, desk.path.with_name(desk.path.name + ".wal"), mark_path(desk.path)]
    kept = {file: file.read_bytes() for file in files if file.exists()}
    mark = read_mark(desk.path).mark

    def bring_back() -> None:
        for file in files:
            if file in kept:
                file.touch()  # a checkpoint may have removed the log
                with file.open("r+b") as there:
                    there.truncate(0)
                    there.write(kept[file])
            else:
                file.unlink(missing_ok=True)
        write_mark(desk.path, mark, durable=False)  # names the file that there is now, as the inode of then did

    return bring_back


@pytest.mark.parametrize("resolution", [Resolution.LOOK_UP, Resolution.IDEMPOTENCY_KEY])
def test_a_machine_that_comes_back_from_a_snapshot_asks_before_it_sends(
    desk, sender, tmp_path: Path, resolution: Resolution
) -> None:
    """Store and mark agree, and both are old: the gateway has the message that would leave next."""
    sender.take_time()
    desk.begin("winter", range(6))
    assert find_lost_life(desk.context(), "winter", sender.seam) is None
    bring_back = snapshot(desk, tmp_path)
    sender.run("winter")
    bring_back()
    with desk.tx() as tx:
        assert tx.reconciliation is None, "nothing on this machine says so"
    why = find_lost_life(desk.context(), "winter", sender.seam)
    assert why is not None
    assert "gateway sandbox has message" in why
    sender.set(settle_wait_seconds=0)
    sender.run("winter")
    desk.forward(minutes=2)  # until then a request of the lost life may be on its way
    run_outcome, _ = sender.run("winter")
    assert run_outcome.why.endswith("nothing is sent before reconcile-store is confirmed")
    assert desk.states("winter") == {"accepted": 6}
    assert Bill.of(desk, "winter", desk.bill()).wrong() == {}


@LOOK_UP
def test_a_territory_that_was_open_is_asked_for_whatever_waits_before_it(
    desk, sender, tmp_path: Path, resolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two territories were cut first and are closed by now: the life that was lost has sent to the third."""
    monkeypatch.setattr("campanile.services.sending.reconciliation._MAX_PROBED", 3)
    sender.take_time()
    people = {"WF": range(4), "NC": range(4, 8), "FR": range(8, 12)}
    desk.begin("winter", people, per_slice=2, due_at=desk.clock.at.replace(hour=0))
    bring_back = snapshot(desk, tmp_path)
    sender.run("winter")
    assert desk.states("winter") == {"accepted": 4, "planned": 8}
    bring_back()
    why = find_lost_life(desk.context(), "winter", sender.seam)
    assert why is not None
    assert "gateway sandbox has message" in why


@LOOK_UP
def test_what_a_person_sends_again_is_no_sign_of_a_lost_store(desk, sender, resolution) -> None:
    sender.take_time()
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(["accept_then_reset"])
    sender.seam.manifest = replace(sender.seam.manifest, resolution=Resolution.NEITHER)
    sender.run("winter")
    desk.forward(hours=1)
    with desk.tx() as tx:
        resend(tx, "winter", "dominique", "the console shows none")
    sender.seam.manifest = replace(sender.seam.manifest, resolution=Resolution.LOOK_UP)
    assert find_lost_life(desk.context(), "winter", sender.seam) is None


@LOOK_UP
def test_nothing_is_sent_while_the_gateway_cannot_be_asked(desk, sender, monkeypatch, resolution) -> None:
    def broken(batch: object) -> None:
        raise GatewayAmbiguous("the look-up broke")

    desk.begin("winter", range(2))
    sender.open("winter")
    monkeypatch.setattr(sender.seam, "look_up", broken)
    with pytest.raises(GatewayAmbiguous):
        find_lost_life(desk.context(), "winter", sender.seam)


@LOOK_UP
def test_where_only_its_request_finds_a_message_a_person_decides(desk, sender, tmp_path: Path, resolution) -> None:
    sender.take_time()
    sender.seam.manifest = replace(sender.seam.manifest, looks_up_by_request=True)
    desk.begin("winter", range(2))
    kept = tmp_path / "copy"
    shutil.copy(desk.path, kept)
    log = desk.path.with_name(desk.path.name + ".wal")
    kept_log = log.read_bytes()
    sender.run("winter")
    shutil.copy(kept, desk.path)
    log.write_bytes(kept_log)
    desk.forward(seconds=100)
    _, closed = sender.run("winter")
    assert sender.seam.look_ups == []
    assert (desk.states("winter"), closed.due_at) == ({"unknown": 2}, None)
