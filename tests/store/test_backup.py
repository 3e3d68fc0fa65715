"""A copy of a store that is in use, and what a transaction that hangs does to the others."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from campanile.sms.errors import StoreBusy, StoreError
from campanile.store.db.backup import back_up
from campanile.store.db.database import transaction
from campanile.store.db.watchdog import EXIT_STATUS
from schemas.ledger_rows import StoreState


def test_a_copy_holds_what_stands_in_the_log(desk, tmp_path: Path) -> None:
    desk.prepare("winter", range(3))
    assert desk.path.with_name("sms.duckdb.wal").exists()
    copy = back_up(desk.path, tmp_path / "copy", desk.clock)
    assert sorted(file.name for file in copy.folder.iterdir()) == ["sms.duckdb", "sms.duckdb.wal"]
    with transaction(copy.folder / "sms.duckdb", desk.clock, read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM message").fetchall() == [(3,)]
        assert tx.get(StoreState, "store_state.get").sequence == copy.sequence
    assert copy.committed_at == desk.clock.at


def test_a_copy_that_is_not_whole_is_refused_and_removed(desk, tmp_path: Path) -> None:
    desk.prepare("winter", range(3))
    desk.sql("UPDATE recap SET message_count = 4, audience_count = 4")
    with pytest.raises(StoreError, match=r"is damaged: invariant\.recap_counts_the_messages"):
        back_up(desk.path, tmp_path / "copies" / "copy", desk.clock)
    assert list((tmp_path / "copies").iterdir()) == []
    desk.sql("UPDATE recap SET message_count = 3, audience_count = 3")


def test_a_folder_that_is_there_is_never_written_over(desk, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(StoreError, match="exists already; give another one"):
        back_up(desk.path, tmp_path / "copy", desk.clock)
    with pytest.raises(StoreError, match="there is nothing to back up"):
        back_up(tmp_path / "nothing.duckdb", tmp_path / "other", desk.clock)


HANGS = """
    import sys, time
    from datetime import UTC, datetime
    from pathlib import Path
    from campanile.store.db.database import transaction
    with transaction(Path(sys.argv[1]), lambda: datetime.now(UTC), limit_seconds=float(sys.argv[2])):
        print("open", flush=True)
        time.sleep(600)
"""


def hang(path: Path, limit_seconds: float) -> subprocess.Popen[str]:
    """Start a process that opens a transaction and never ends it."""
    command = [sys.executable, "-c", textwrap.dedent(HANGS), str(path), str(limit_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_a_transaction_that_hangs_ends_its_process_and_frees_the_store(desk) -> None:
    with hang(desk.path, limit_seconds=0.2) as process:
        _, errors = process.communicate()
    assert process.returncode == EXIT_STATUS
    assert "lasted longer than 0 s (SMS_STORE_LIMIT_SECONDS)" in errors
    assert desk.opt_out(1) == 1


def test_the_line_about_a_frozen_process_says_what_to_do(desk) -> None:
    with hang(desk.path, limit_seconds=600) as process:
        os.kill(process.pid, signal.SIGSTOP)
        while " T " not in Path(f"/proc/{process.pid}/stat").read_text():
            time.sleep(0.01)
        with pytest.raises(StoreBusy) as busy, desk.tx(wait_seconds=0.0):
            pass
        process.kill()
    assert f"process {process.pid}, which is stopped: `kill -CONT {process.pid}` continues it" in str(busy.value)
    assert f"`kill -9 {process.pid}` ends it" in str(busy.value)


def test_a_frozen_process_that_wakes_after_its_limit_ends(desk) -> None:
    with hang(desk.path, limit_seconds=0.5) as process:
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.6)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate()
    assert process.returncode == EXIT_STATUS
