"""A store that is older than what was sent: found by its mark, and nothing is claimed before the gateway was asked."""

import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.db.high_water_mark import Mark, mark_path, read_mark, write_mark
from campanile.store.inbound.histories import move_cursor
from campanile.store.ledger.claim_checks import StopReason
from campanile.store.ledger.claims import claim_again
from campanile.store.ledger.lease import LeaseLost
from campanile.store.ledger.reconciliation import confirm_reconciled, doubt_everything
from schemas.gateway import DeliveryReport, Outcome, SubmitOutcome
from schemas.ledger_rows import StoreState

PRICE = Decimal("0.05")


def part(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def copy_store(desk: Any, *, with_log: bool = True, with_mark: bool = False) -> Callable[[], None]:
    """Copy a store that no process has open; return what restores the copy."""
    kept = desk.path.parent / "copy"
    kept.mkdir()
    files = [desk.path] + [part(desk.path, ".wal")] * with_log + [mark_path(desk.path)] * with_mark
    for file in files:
        if file.exists():
            shutil.copy(file, kept)

    def restore() -> None:
        part(desk.path, ".wal").unlink(missing_ok=True)
        if with_mark:
            mark_path(desk.path).unlink()
        for file in kept.iterdir():
            shutil.copy(file, desk.path.parent)

    return restore


def reconciliation(desk: Any) -> Any:
    with desk.tx() as tx:
        return tx.reconciliation


def confirm(desk: Any) -> None:
    desk.read_stops()
    with desk.tx() as tx:
        confirm_reconciled(tx, "dominique", "compared with the provider's console")


def lose_the_log(desk: Any) -> None:
    part(desk.path, ".wal").unlink()


def lose_the_mark(desk: Any) -> None:
    mark_path(desk.path).unlink()


def spoil_the_mark(desk: Any) -> None:
    mark_path(desk.path).write_bytes(b"campanile-mark 1 what 7 7 00000000")


def take_the_mark_of_another(desk: Any) -> None:
    write_mark(desk.path, Mark("f" * 32, 1), durable=True)


def copy_the_mark(desk: Any) -> None:
    """Restore it from a copy; the file system may give it the number of the file that was removed."""
    copied = mark_path(desk.path).read_bytes()
    mark_path(desk.path).unlink()
    mark_path(desk.path).write_bytes(copied)


@pytest.mark.parametrize(
    ("accident", "line"),
    [
        (lose_the_log, r"it holds commit \d+ of 2026-11-24 09:00 UTC, and commit \d+ was made: a copy was restored"),
        (lose_the_mark, "its mark sms.mark is missing"),
        (spoil_the_mark, "its mark sms.mark cannot be read"),
        (take_the_mark_of_another, "its mark belongs to another store"),
        (copy_the_mark, "its mark sms.mark is a copy, so store and mark were restored or moved together"),
    ],
)
def test_a_store_that_its_mark_contradicts_claims_nothing(desk, accident, line: str) -> None:
    lease = desk.start("winter", range(4))
    with desk.tx(checkpoint_after=True):
        pass
    desk.opt_out(900)
    accident(desk)
    found = reconciliation(desk)
    assert found.reason.startswith("store sms.duckdb may be older than what was sent: ")
    assert re.search(line, found.reason), found.reason
    assert (found.missing_since, found.since) == (desk.clock.at, desk.clock.at)
    with pytest.raises(LeaseLost, match="unknown until the gateway was asked"):
        desk.claim(lease)


def test_a_store_ahead_of_its_mark_is_well(desk) -> None:
    """A process that dies between its commit and the mark leaves that."""
    desk.opt_out(1)
    behind = read_mark(desk.path).mark
    desk.opt_out(2)
    write_mark(desk.path, behind, durable=True)
    desk.opt_out(3)
    assert reconciliation(desk) is None
    assert read_mark(desk.path).mark.sequence > behind.sequence + 1


def test_the_first_commit_of_a_store_makes_its_mark(desk) -> None:
    assert not mark_path(desk.path).exists()
    desk.opt_out(1)
    with desk.tx(read_only=True) as tx:
        state = tx.get(StoreState, "store_state.get")
    assert read_mark(desk.path).mark == (state.store_id, state.sequence) == (state.store_id, 1)


def test_a_transaction_that_is_rolled_back_leaves_the_mark_as_it_was(desk) -> None:
    desk.opt_out(1)
    before = read_mark(desk.path)
    with pytest.raises(CampaignError):
        roll_back(desk)
    with desk.tx() as tx:
        tx.run("store_state.confirm")
        tx.dry_run()
    assert read_mark(desk.path) == before
    assert reconciliation(desk) is None


def roll_back(desk: Any) -> None:
    with desk.tx() as tx:
        tx.run("store_state.confirm")
        find_campaign(tx, "missing")


def test_a_new_store_in_an_old_folder_takes_the_mark_over(desk) -> None:
    """Without a campaign nothing can be sent twice."""
    take_the_mark_of_another(desk)
    assert reconciliation(desk) is None
    assert read_mark(desk.path).mark.store_id != "f" * 32


@pytest.mark.parametrize("with_mark", [False, True], ids=["store alone", "store and mark"])
def test_what_waited_in_the_copy_is_unknown_until_it_is_looked_up(desk, with_mark: bool) -> None:
    lease = desk.start("winter", range(4), per_slice=2)
    restore = copy_store(desk, with_mark=with_mark)
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.clock.forward(seconds=100)
    restore()
    lease = desk.open("winter", "second sender")
    assert desk.states("winter") == {"unknown": 4}
    assert {row.ask_after - desk.clock.at for row in desk.unknown("winter")} == {timedelta(seconds=55)}
    desk.refuse(lease, StopReason.RECONCILING, "nothing is sent before reconcile-store is confirmed")

    refs = list(desk.export("winter")["client_ref"])
    with desk.session(lease) as session:
        first, second = session.unknown_slices()
        assert claim_again(session, first.slice_no) is None, "another sender may have posted it under another key"
    desk.record(lease, first.slice_no, outcomes_of(refs[:2], "accepted"))
    desk.record(lease, second.slice_no, outcomes_of(refs[2:], "not_accepted"))
    assert desk.states("winter") == {"accepted": 2, "planned": 2}
    desk.refuse(lease, StopReason.RECONCILING)

    confirm(desk)
    claim = desk.must_claim(lease)
    assert sorted(message.client_ref for message in claim.messages) == sorted(refs[2:])
    desk.answer(lease, claim, "accepted")
    assert desk.credit() == {"reserve": 4 * PRICE + 2 * PRICE, "capture": 4 * PRICE, "release": 2 * PRICE}


def test_what_another_sender_may_have_posted_is_never_posted_under_our_key(desk) -> None:
    """Also after a person has confirmed the store: it may have been posted under other keys."""
    lease = desk.start("winter", range(4), per_slice=2)
    restore = copy_store(desk)
    desk.answer(lease, desk.must_claim(lease), "accepted")
    restore()
    lease = desk.open("winter", "second sender")
    confirm(desk)
    with desk.session(lease) as session:
        assert [claim_again(session, row.slice_no) for row in session.unknown_slices()] == [None, None]


def test_a_sender_of_the_lost_store_writes_nothing_any_more(desk) -> None:
    lease = desk.start("winter", range(4), per_slice=2)
    restore = copy_store(desk)
    claim = desk.must_claim(lease)
    restore()
    with pytest.raises(LeaseLost):
        desk.answer(lease, claim, "accepted")
    assert desk.open("winter", "second sender") is not None
    with pytest.raises(LeaseLost):
        desk.answer(lease, claim, "accepted")
    assert desk.states("winter") == {"unknown": 4}


def test_what_was_in_flight_when_it_was_copied_is_looked_up_too(desk) -> None:
    lease = desk.start("winter", range(4), per_slice=2)
    desk.must_claim(lease)
    restore = copy_store(desk)
    desk.opt_out(900)
    restore()
    desk.clock.forward(seconds=100)
    lease = desk.open("winter", "second sender")
    assert desk.states("winter") == {"unknown": 4}
    with desk.session(lease) as session:
        assert [claim_again(session, row.slice_no) for row in session.unknown_slices()] == [None, None]


def test_an_opt_out_of_the_copy_still_wins_when_nothing_was_sent(desk) -> None:
    lease = desk.start("winter", range(2), per_slice=2)
    desk.opt_out(0)
    restore = copy_store(desk)
    desk.opt_out(900)
    restore()
    desk.clock.forward(seconds=100)
    lease = desk.open("winter", "second sender")
    refs = list(desk.export("winter")["client_ref"])
    with desk.session(lease) as session:
        slice_no = session.unknown_slices()[0].slice_no
    desk.record(lease, slice_no, outcomes_of(refs, "not_accepted"))
    confirm(desk)
    assert [message.client_ref for message in desk.must_claim(lease).messages] == refs[1:]


def test_it_is_confirmed_only_when_stops_were_read_again(desk) -> None:
    desk.start("winter", range(2))
    lose_the_mark(desk)
    with desk.tx() as tx, pytest.raises(CampaignError, match="run reconcile-store without a name first"):
        confirm_reconciled(tx, "dominique", "looked")
    desk.clock.forward(seconds=100)
    desk.open("winter")
    with desk.tx() as tx:
        move_cursor(tx, "sandbox", "replies", "7")
    with desk.tx() as tx, pytest.raises(CampaignError, match="were not read yet: opt_outs of sandbox;"):
        confirm_reconciled(tx, "dominique", "looked")
    confirm(desk)
    assert reconciliation(desk) is None
    with desk.tx() as tx, pytest.raises(CampaignError, match="there is nothing to confirm"):
        confirm_reconciled(tx, "dominique", "looked")
    who = desk.sql("SELECT actor FROM operator_setting WHERE name = 'reconciled'")
    assert who == [("dominique",)]


def test_a_copy_that_is_restored_once_more_is_found_once_more(desk) -> None:
    desk.start("winter", range(2))
    restore = copy_store(desk)
    for _ in range(2):
        desk.opt_out(900)
        restore()
        assert reconciliation(desk) is not None
        with desk.tx() as tx:
            assert doubt_everything(tx, desk.rules) == 2
        confirm(desk)
    assert reconciliation(desk) is None


def test_restored_twice_before_it_is_confirmed_all_is_missing_since_the_older_copy(desk) -> None:
    desk.start("winter", range(2))
    restore = copy_store(desk)
    copied_at = desk.clock.at
    desk.clock.forward(hours=1)
    desk.opt_out(900)
    restore()
    desk.clock.forward(hours=1)
    assert reconciliation(desk).missing_since == copied_at
    lose_the_mark(desk)
    desk.clock.forward(hours=1)
    assert (reconciliation(desk).missing_since, reconciliation(desk).since) == (copied_at, desk.clock.at)


def test_a_campaign_prepared_before_is_unknown_when_it_is_approved_after(desk) -> None:
    """The life that was lost may have approved and sent it."""
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    refs = sorted(desk.sql("SELECT client_ref FROM message"))
    lose_the_mark(desk)
    desk.clock.forward(seconds=100)
    with desk.tx() as tx:
        doubt_everything(tx, desk.rules)
    confirm(desk)
    desk.prepare("winter", range(2), text="Soldes STOP 36111")
    assert sorted(desk.sql("SELECT client_ref FROM message")) == refs, "found under its references, also when rewritten"
    desk.approve("winter")
    assert desk.states("winter") == {"unknown": 2}
    desk.clock.forward(seconds=100)
    desk.prepare("spring", range(2))
    desk.approve("spring")
    assert desk.states("spring") == {"planned": 2}


def test_a_campaign_made_after_never_has_the_references_of_one_that_was_lost(desk) -> None:
    restore = copy_store_of_one_campaign(desk)
    desk.prepare("lost", range(2))
    lost = set(desk.sql("SELECT client_ref FROM message WHERE campaign_id = 2"))
    restore()
    desk.clock.forward(seconds=100)
    desk.prepare("new", range(2))
    assert set(desk.sql("SELECT client_ref FROM message WHERE campaign_id = 2")).isdisjoint(lost)


def copy_store_of_one_campaign(desk: Any) -> Callable[[], None]:
    desk.prepare("before", range(2))
    return copy_store(desk)


def test_a_report_on_what_was_never_sent_says_that_the_store_is_old(desk) -> None:
    """Also where store and mark came back together, as with the snapshot of a whole machine."""
    lease = desk.start("winter", range(4), per_slice=2)
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "accepted")
    desk.report(claim.messages[0])
    with desk.tx() as tx:
        assert tx.reconciliation is None
    waiting = str(desk.export("winter")["client_ref"][3])
    report = DeliveryReport("r9", f"gw-{waiting}", waiting, "delivered", None, False, desk.clock.at)
    assert desk.report_all([report]) == {}
    assert f"gateway sandbox reports on message gw-{waiting}, which waits here" in reconciliation(desk).reason


def outcomes_of(refs: list[str], outcome: str) -> list[SubmitOutcome]:
    found = Outcome(outcome)
    return [SubmitOutcome(ref, found, f"gw-{ref}" if outcome == "accepted" else None) for ref in refs]
