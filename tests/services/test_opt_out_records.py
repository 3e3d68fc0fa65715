"""Undo an opt-out that was recorded by mistake, and export all with their proof."""

import csv
import stat
from collections.abc import Iterator
from datetime import timedelta

import pytest

from campanile.services.contacts.lists import record_told_opt_out
from campanile.services.contacts.opt_out_records import export_opt_outs, undo_opt_out
from campanile.services.context import Context
from campanile.sms.errors import CampaignError
from campanile.store.contacts.opt_outs import add_opt_outs
from campanile.store.db.invariants import broken_invariants
from schemas.gateway import ProviderOptOut
from tests.services.test_inbound import Desk, number
from tests.store.conftest import Clock, opt_out_rows
from tests.stores import IN_BOTH_MODES


@pytest.fixture
def desk(context: Context, clock: Clock) -> Iterator[Desk]:
    yield Desk(context, clock)
    with context.transaction(read_only=True) as tx:
        assert broken_invariants(tx) == {}


def by_hand(desk: Desk, person: int = 1) -> None:
    record_told_opt_out(desk.context, number(person), "phone", "camille", "rang at noon", None)


def undo(desk: Desk, reason: str = "I took the wrong line", person: int = 1, entry_id: int = 0) -> str:
    return undo_opt_out(desk.context, "" if entry_id else number(person), entry_id, "lou", reason)


def history(desk: Desk) -> list[tuple]:
    return desk.sql("SELECT source, lifted_by, lift_reason, lifted_at IS NOT NULL FROM opt_out_entry ORDER BY entry_id")


@IN_BOTH_MODES
def test_a_mistake_by_hand_is_undone_and_the_history_keeps_both(desk: Desk) -> None:
    by_hand(desk)
    line = undo(desk)
    assert "lou undid 1 opt-out of" in line
    assert number(1) not in line
    assert history(desk) == [("phone", "lou", "I took the wrong line", True)]
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)]
    by_hand(desk)
    assert desk.sql("SELECT count(*) FROM opt_out") == [(1,)], "it can be recorded again"


@IN_BOTH_MODES
@pytest.mark.parametrize(
    ("text", "begins"),
    [
        pytest.param("STOP", "own STOP:", id="a clear STOP"),
        pytest.param("Mauvais numéro", "fresh consent:", id="a wrong number"),
    ],
)
def test_the_word_of_the_person_ends_only_by_a_reason_that_says_it(desk: Desk, text: str, begins: str) -> None:
    desk.reply(text)
    by_hand(desk)
    with pytest.raises(CampaignError, match=f"nothing is undone: give a reason that begins with '{begins}'"):
        undo(desk)
    assert [lifted for *_, lifted in history(desk)] == [False, False], "all or none"
    assert "stays opted out by another opt-out (" in undo(desk, entry_id=2)
    assert "may be written to again" in undo(desk, f"{begins.upper()} she rang and asked for it back")


@IN_BOTH_MODES
def test_the_list_of_a_provider_is_its_own_word(desk: Desk) -> None:
    desk.read("opt_outs", [ProviderOptOut(number(1), desk.clock.at)])
    with pytest.raises(CampaignError, match="removed at the provider:"):
        undo(desk)
    undo(desk, "removed at the provider: ticket 12")
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)]


def test_a_doubtful_reply_and_a_file_are_undone_with_any_reason(desk: Desk) -> None:
    with desk.context.transaction() as tx:
        rows = opt_out_rows([1]).assign(number_id=int(number(1)))
        add_opt_outs(tx, rows, "file", "import 1, row 2")
        add_opt_outs(tx, rows, "reply_doubtful", "reply 1")
    assert "undid 2 opt-outs" in undo(desk, "a quiz, and the wrong file")


@IN_BOTH_MODES
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(("", 0, "lou", "x"), "give the number of the person, or the entry_id", id="neither"),
        pytest.param((number(1), 1, "lou", "x"), "and not both", id="both"),
        pytest.param(("12", 0, "lou", "x"), "cannot be read", id="no number"),
        pytest.param((number(5), 0, "lou", "x"), "has no opt-out in force: nothing to undo", id="not opted out"),
        pytest.param(("", 9, "lou", "x"), "opt-out 9 is not in force", id="no such entry"),
        pytest.param((number(1), 0, " ", "x"), "name", id="nobody"),
        pytest.param((number(1), 0, "lou", " "), "reason", id="no reason"),
    ],
)
def test_what_cannot_be_undone(desk: Desk, arguments: tuple[str, int, str, str], line: str) -> None:
    with pytest.raises(CampaignError, match=line):
        undo_opt_out(desk.context, *arguments)


def test_the_export_has_the_proof_of_each_opt_out(desk: Desk) -> None:
    desk.reply("STOP =1+1", received_at=desk.clock.at - timedelta(minutes=9))
    desk.clock.forward(minutes=1)
    desk.reply("START")
    by_hand(desk, 2)
    undo(desk, person=2)
    by_hand(desk, 3)
    path, line = export_opt_outs(desk.context)
    assert line.startswith("3 opt-outs, 1 in force")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    stop, phone, kept = rows
    assert (stop["number"], stop["source"], stop["text"]) == (f"'{number(1)}", "reply", "STOP =1+1")
    assert (stop["gateway"], stop["gateway_reply_id"], stop["lifted_by"]) == ("sandbox", "r1", "the person")
    assert stop["lifting_text"] == "START", "a START is in the history"
    assert (phone["source"], phone["lifted_by"], phone["lift_reason"]) == ("phone", "lou", "I took the wrong line")
    assert (phone["note"], kept["lifted_at"], kept["is_in_force"]) == ("rang at noon", "", "True")
