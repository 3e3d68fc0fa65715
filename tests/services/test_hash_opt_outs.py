"""SMS_SUPPRESSION=hmac: when Campanile starts, the command that switches a store, and what it can do no more."""

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campanile.hash_opt_outs import main
from campanile.services.contacts.erase import erase_person
from campanile.services.contacts.explain import read_person
from campanile.services.contacts.hash_opt_outs import switch_to_hashes
from campanile.services.contacts.lists import record_told_opt_out
from campanile.services.contacts.opt_out_records import export_opt_outs, undo_opt_out
from campanile.services.contacts.purge import purge_old_data
from campanile.services.context import Context
from campanile.services.inbound.push_opt_outs import push_opt_outs
from campanile.services.sending.reconciliation import copy_store
from campanile.services.settings import Settings, read_settings
from campanile.services.store_startup import start_store
from campanile.sms.errors import ConfigurationError, SmsError, StoreError
from campanile.store.contacts.opt_out_switch import is_hashed
from campanile.store.db.database import transaction
from campanile.store.db.invariants import broken_invariants
from tests.services.test_inbound import Desk, number
from tests.store.conftest import Clock
from tests.stores import OPT_OUT_KEY, SUPPRESSION_SETTINGS

HASHED = SUPPRESSION_SETTINGS["hmac"]
in_hmac = pytest.mark.parametrize("suppression", ["hmac"], indirect=True)


@pytest.fixture
def desk(context: Context, clock: Clock) -> Iterator[Desk]:
    desk = Desk(context, clock)
    yield desk
    with desk.context.transaction(read_only=True) as tx:
        assert broken_invariants(tx) == {}


def told(desk: Desk, person: int = 1, note: str | None = None) -> None:
    record_told_opt_out(desk.context, number(person), "phone", "camille", note, None)


def settings_of(context: Context, **changes: object) -> Settings:
    known = {"data_dir": context.settings.data_dir, "store_path": context.settings.store_file}
    return Settings(_env_file=None, _env_prefix="SMS_OF_A_TEST_", **known | changes)  # type: ignore[arg-type]


# --- the start ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        pytest.param({"SMS_SUPPRESSION": "hmac"}, "SMS_SUPPRESSION_KEY is not set: give 32", id="no key"),
        pytest.param(
            {"SMS_SUPPRESSION": "hmac", "SMS_SUPPRESSION_KEY": "x" * 31},
            "SMS_SUPPRESSION_KEY=…: .* at least 32",
            id="a short key, which is not shown",
        ),
        pytest.param({"SMS_SUPPRESSION": "sha256"}, "SMS_SUPPRESSION='sha256': .*'plain' or 'hmac'", id="no such mode"),
    ],
)
def test_wrong_settings_are_refused(
    variables: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=line) as refusal:
        read_settings()
    assert "\n" not in str(refusal.value)
    assert "x" * 31 not in str(refusal.value)


def test_a_store_without_opt_outs_begins_with_hashes(desk: Desk) -> None:
    start_store(settings_of(desk.context, **HASHED))
    with transaction(desk.context.settings.store_file, desk.clock, opt_out_key=OPT_OUT_KEY) as tx:
        assert is_hashed(tx)
        assert broken_invariants(tx) == {}
    desk.context = Context(settings_of(desk.context, **HASHED), now=desk.clock)
    told(desk)


def test_a_store_in_clear_is_not_started_with_a_key(desk: Desk) -> None:
    told(desk)
    with pytest.raises(ConfigurationError, match=r"run python -m campanile\.hash_opt_outs with your name, or unset"):
        start_store(settings_of(desk.context, **HASHED))
    assert desk.sql("SELECT count(*) FROM opt_out WHERE msisdn IS NOT NULL") == [(1,)]


@in_hmac
@pytest.mark.parametrize(
    "settings", [{}, HASHED | {"suppression_key": "another key, which also has 32 bytes"}], ids=["no key", "another"]
)
def test_a_store_of_hashes_is_not_started_without_its_key(desk: Desk, settings: dict[str, object]) -> None:
    with pytest.raises(StoreError, match=r"KEY is missing or not its key: .*; nothing is sent$") as refusal:
        start_store(settings_of(desk.context, **settings))
    assert "\n" not in str(refusal.value)
    start_store(settings_of(desk.context, **HASHED))


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_switch_names_what_still_has_numbers_and_takes_the_copies_along(desk: Desk) -> None:
    told(desk, 1)
    told(desk, 2)
    copy_store(desk.context)
    export_opt_outs(desk.context)
    found = switch_to_hashes(settings_of(desk.context, **HASHED), "camille")
    assert found.opt_out_count == 2
    (copy,) = found.copies
    (line,) = found.remaining
    assert line.endswith(".csv: an export from before; delete it")
    for path in (desk.context.settings.store_file, copy / "sms.duckdb"):
        with transaction(path, desk.clock, read_only=True, opt_out_key=OPT_OUT_KEY) as tx:
            assert is_hashed(tx)
            assert tx.execute("SELECT count(*), count(msisdn) FROM opt_out").fetchall() == [(2, 0)]
    assert switch_to_hashes(settings_of(desk.context, **HASHED), "camille").opt_out_count is None, "it may run again"
    with pytest.raises(StoreError, match="nothing is sent"):
        desk.sql("SELECT opt_out_key(1)")
    desk.context = Context(settings_of(desk.context, **HASHED), now=desk.clock)
    assert desk.sql("SELECT actor, value FROM operator_setting WHERE name = 'suppression'") == [
        ("camille", '{"mode": "hmac"}')
    ]


def test_the_switch_needs_the_settings_and_a_name(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="set SMS_SUPPRESSION=hmac and SMS_SUPPRESSION_KEY first"):
        switch_to_hashes(settings_of(desk.context), "camille")
    with pytest.raises(SmsError, match="name"):
        switch_to_hashes(settings_of(desk.context, **HASHED), " ")
    with pytest.raises(ConfigurationError, match="does not exist: a new one keeps hashes from its first start"):
        switch_to_hashes(settings_of(desk.context, **HASHED, store_path=Path("nothing.duckdb")), "camille")


# --- what is different ----------------------------------------------------------------------------------------------


@in_hmac
def test_the_export_has_no_numbers_and_says_so(desk: Desk) -> None:
    told(desk, note=f"rang from {number(1)}, angry")
    path, line = export_opt_outs(desk.context)
    assert line.endswith("without numbers, because opt-outs are kept as keyed hashes")
    (row,) = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";")
    assert (row["number"], row["source"], row["is_in_force"]) == ("", "phone", "True")
    assert row["note"] == f"rang from +{'*' * (len(number(1)) - 1)}, angry"


@in_hmac
def test_nothing_is_pushed_to_the_provider_and_the_log_says_so(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    told(desk)
    caplog.set_level("INFO")
    assert push_opt_outs(desk.context, "sandbox") == 0
    assert "opt-outs are kept as keyed hashes, so none is added to its own list" in caplog.text


@in_hmac
def test_an_opt_out_is_undone_by_its_number_and_by_its_entry(desk: Desk) -> None:
    told(desk, 1)
    told(desk, 2)
    assert "lou undid 1 opt-out of" in undo_opt_out(desk.context, number(1), 0, "lou", f"{number(1)} is a shop")
    assert undo_opt_out(desk.context, "", 2, "lou", "a mistake").startswith("lou undid 1 opt-out: the person may be")
    reasons = desk.sql("SELECT lift_reason FROM opt_out_entry ORDER BY entry_id")
    assert reasons == [(f"+{'*' * (len(number(1)) - 1)} is a shop",), ("a mistake",)]


@in_hmac
def test_a_person_is_explained_and_erased_after_their_number_was_purged(
    desk: Desk, make_context: Callable[..., Context]
) -> None:
    desk.reply("STOP")
    desk.answer()
    desk.clock.forward(days=40)
    desk.context = make_context(keep_replies_days=31)
    assert purge_old_data(desk.context).counts == {"numbers of opt-outs in replies": 1}
    assert purge_old_data(desk.context).counts == {}, "once"
    assert desk.sql("SELECT sender, number_id < 0, text FROM reply") == [("(hidden)", True, "STOP")]
    found = read_person(desk.context, number(1))
    assert found.barred_by == ["unknown", "opted_out"]
    assert [row.text for row in found.records.replies] == ["STOP"]
    assert read_person(desk.context, number(2)).records.replies == []

    erase_person(desk.context, number(1), "camille", "ticket 12", [])
    found = read_person(desk.context, number(1))
    assert [(row.source, row.source_ref) for row in found.records.opt_outs] == [
        ("reply", "reply 1"), ("erasure", None)
    ]  # fmt: skip
    assert found.records.replies == []
    assert desk.sql("SELECT sender, text FROM reply") == [("(erased)", "(erased)")]


def test_a_start_after_the_purge_of_the_stop_still_lifts_it(desk: Desk, make_context: Callable[..., Context]) -> None:
    desk.reply("STOP")
    desk.answer()
    switch_to_hashes(settings_of(desk.context, **HASHED), "camille")
    desk.context = Context(settings_of(desk.context, **HASHED, keep_replies_days=31), now=desk.clock)
    desk.context.__dict__["clock_offset"] = timedelta()
    desk.clock.forward(days=40)
    purge_old_data(desk.context)
    desk.reply("START")
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)]


def test_the_command_says_what_it_did(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told(desk)
    export, _ = export_opt_outs(desk.context)
    monkeypatch.chdir(desk.context.settings.data_dir)
    monkeypatch.setenv("SMS_DATA_DIR", str(desk.context.settings.data_dir))
    for name, value in HASHED.items():
        monkeypatch.setenv(f"SMS_{name.upper()}", str(value))
    first, rest = main(["Camille"]).splitlines()
    assert first.startswith(
        "the store keeps keyed hashes from now on: 1 opt-out without a number. Keep SMS_SUPPRESSION_KEY"
    )
    assert rest == f"still has numbers: {export}: an export from before; delete it"
    assert main(["Camille"]).startswith("the store keeps hashes already; its file is written anew")
    desk.context = Context(settings_of(desk.context, **HASHED), now=desk.clock)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "campanile.hash_opt_outs"]
    environment = {"PATH": "/usr/bin", "PYTHONPATH": str(root), "SMS_DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "give your name: python -m campanile.hash_opt_outs <your name>\n")
