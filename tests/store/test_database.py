"""Transactions: one at a time, complete or not at all, wherever a process dies."""

import fcntl
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from campanile.sms.errors import StoreBusy, StoreError
from campanile.store.billing.operator_settings import get_setting, put_setting
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.recaps import verify_recap
from campanile.store.db import statement_runner as scratch_tables
from campanile.store.db.database import transaction
from campanile.store.db.instance import thread_instance
from schemas.campaign_rows import Campaign

StartWorker = Callable[..., Any]
DEATHS = ("anywhere", "anywhere", "after commit", "anywhere", "before commit")


def put(path: Path, now: Callable[[], datetime], name: str = "colour", value: object = "blue") -> None:
    with transaction(path, now) as tx:
        put_setting(tx, name, value, "camille")


# --- several processes -----------------------------------------------------------------------------------------


def test_what_processes_write_at_once_is_there_once(desk, start_worker: StartWorker) -> None:
    writers = [start_worker("write", desk.path, f"writer{number}", 10) for number in range(3)]
    assert [writer.receive() for writer in writers] == ["ready"] * 3
    for writer in writers:
        writer.send("go")
    sent = [writer.receive() for writer in writers for _ in range(10)]
    found = [name for (name,) in desk.sql("SELECT name FROM operator_setting WHERE name <> 'store_key'")]
    assert sorted(found) == sorted(sent)
    assert len(set(found)) == 30


@pytest.mark.parametrize("kill_count", [25, pytest.param(400, marks=pytest.mark.soak)])
def test_killed_writers_lose_nothing_they_acknowledged(desk, start_worker: StartWorker, kill_count: int) -> None:
    latest = left_log_count = 0
    for number in range(kill_count):
        where = DEATHS[number % len(DEATHS)]
        worker = start_worker("prepare", desk.path, where)
        if where == "anywhere":
            time.sleep(random.uniform(0, 0.3))
            latest = max([latest, *worker.kill()])
        else:
            latest = max([latest, *worker.receive_all()])
        left_log_count += Path(f"{desk.path}.wal").exists()
        if number % 3 or number == kill_count - 1:  # else the next child comes to what the dead one left
            latest = check_what_the_dead_left(desk, latest, is_reader=number % 3 == 1)
    died_after_commit = kill_count // len(DEATHS)  # each of these acknowledged a version, however busy the machine was
    assert latest >= died_after_commit
    assert left_log_count >= died_after_commit


def check_what_the_dead_left(desk, acknowledged: int, is_reader: bool) -> int:
    """Open at once, because no process holds a lock; find complete transactions only; return the version."""
    with desk.tx(read_only=is_reader, wait_seconds=0) as tx:
        if acknowledged == 0 and tx.find(Campaign, "campaign.find", name="again") is None:
            return 0
        campaign = find_campaign(tx, "again")
        version = campaign.version
        assert version >= acknowledged
        verify_recap(tx, campaign)
        texts = tx.execute("SELECT DISTINCT text FROM message").fetchall()
        assert texts == [(f"version {version}",)]
        assert tx.value("opt_out.count") == version
    assert desk.broken() == {}
    with pytest.raises(duckdb.ConstraintException), desk.tx() as tx:  # the key still guards
        tx.execute("INSERT INTO message SELECT * FROM message LIMIT 1")
    return int(version)


def test_lock_of_another_process_is_waited_for(desk, start_worker: StartWorker) -> None:
    holder = start_worker("hold", desk.path, "writer")
    holder.receive()
    written = threading.Thread(target=put, args=(desk.path, desk.clock))
    written.start()
    holder.send("go")
    assert holder.receive() == "free"
    written.join()
    assert desk.value("setting.get", name="colour") == '"blue"'


@pytest.mark.parametrize("mode", ["writer", "reader"])
def test_busy_store_names_the_process(desk, start_worker: StartWorker, mode: str) -> None:
    put(desk.path, desk.clock)
    holder = start_worker("hold", desk.path, mode)
    holder.receive()
    line = rf"^store sms\.duckdb is held by process {holder.pid}; try again when it is done\. If it hangs, `kill -9"
    with pytest.raises(StoreBusy, match=line), desk.tx(wait_seconds=0.05):
        pass
    holder.kill()
    put(desk.path, desk.clock)


def test_readers_read_together(desk, start_worker: StartWorker) -> None:
    start_worker("hold", desk.path, "reader").receive()
    with desk.tx(read_only=True, wait_seconds=0) as tx:
        assert get_setting(tx, "colour") is None


def test_foreign_program_is_named(desk, start_worker: StartWorker) -> None:
    foreigner = start_worker("hold", desk.path, "foreign")
    foreigner.receive()
    with pytest.raises(StoreBusy) as caught, desk.tx(wait_seconds=0.1):
        pass
    assert str(caught.value).startswith(f"store sms.duckdb is held by process {foreigner.pid} (python")
    assert "not Campanile" in str(caught.value)
    assert "\n" not in str(caught.value)
    foreigner.kill()
    put(desk.path, desk.clock)


# --- one transaction -------------------------------------------------------------------------------------------------


def test_exception_leaves_nothing(desk) -> None:
    with suppress(ZeroDivisionError), desk.tx() as tx:
        put_setting(tx, "colour", "blue", "camille")
        raise ZeroDivisionError
    assert desk.value("setting.get", name="colour") is None


def test_caught_error_is_not_committed(desk) -> None:

    def catch_an_error() -> None:
        with desk.tx() as tx:
            put_setting(tx, "colour", "blue", "camille")
            with pytest.raises(duckdb.ConstraintException):
                tx.execute("INSERT INTO lease SELECT 1, 1, 'x', now(), NULL FROM range(2)")

    with pytest.raises(StoreError, match="nothing of it is committed"):
        catch_an_error()
    assert desk.value("setting.get", name="colour") is None


LATE = "SELECT CAST(CASE WHEN i = 99999 THEN 'no number' ELSE '1' END AS INTEGER) AS one FROM range(100000) r(i)"


@pytest.mark.parametrize("method", ["run", "values", "value", "frame"])
def test_error_that_comes_while_rows_are_fetched_is_not_committed(desk, monkeypatch, method: str) -> None:
    monkeypatch.setattr(scratch_tables, "STATEMENTS", {**scratch_tables.STATEMENTS, "test.late": LATE})

    def catch_a_late_error() -> None:
        with desk.tx() as tx:
            put_setting(tx, "colour", "blue", "camille")
            with pytest.raises(duckdb.ConversionException):
                getattr(tx, method)("test.late")

    with pytest.raises(StoreError, match="nothing of it is committed"):
        catch_a_late_error()
    assert desk.value("setting.get", name="colour") is None


def test_store_is_usable_after_the_clock_failed(desk) -> None:
    def no_clock() -> datetime:
        raise OSError("no clock")

    with pytest.raises(OSError, match="no clock"), transaction(desk.path, no_clock):
        pass
    put(desk.path, desk.clock)


def test_reader_cannot_write(desk) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="read-only"), desk.tx(read_only=True) as tx:
        put_setting(tx, "colour", "blue", "camille")
    put(desk.path, desk.clock)


def test_clock_is_read_once_the_lock_is_held(desk) -> None:
    is_free = threading.Event()
    was_free: list[bool] = []

    def recording_clock() -> datetime:
        was_free.append(is_free.is_set())
        return desk.clock()

    with open(f"{desk.path}.lock", "a") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        waiting = threading.Thread(target=put, args=(desk.path, recording_clock))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        is_free.set()
    waiting.join()
    assert was_free == [True]


def test_threads_have_their_own_instance(desk) -> None:
    instances: set[int] = set()
    kept = []

    def work(who: int) -> None:
        kept.append(thread_instance())
        instances.add(id(kept[-1]))
        for number in range(10):
            put(desk.path, desk.clock, f"{who}-{number}")

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(instances) == 4
    assert desk.sql("SELECT count(DISTINCT name) FROM operator_setting WHERE name <> 'store_key'") == [(40,)]


@pytest.mark.parametrize("name", ["l'été d'Ana.duckdb", 'a "b"; $1.duckdb', "новый.duckdb"])
def test_any_path_will_do(tmp_path: Path, desk, name: str) -> None:
    path = tmp_path / "a new folder" / name
    with transaction(path, desk.clock) as tx:
        tx.execute("CREATE TABLE here (x INTEGER)")
    assert path.is_file()
    with transaction(path, desk.clock, read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM here").fetchall() == [(0,)]


def test_file_that_is_no_store_is_one_line(tmp_path: Path, desk) -> None:
    path = tmp_path / "photo.duckdb"
    path.write_bytes(random.Random(1).randbytes(20_000))
    with (
        pytest.raises(StoreError, match=r"^store photo\.duckdb cannot be opened: [^\n]*$"),
        transaction(path, desk.clock),
    ):
        pass


def test_row_refuses_two(desk, monkeypatch) -> None:
    put(desk.path, desk.clock, "colour")
    monkeypatch.setattr(scratch_tables, "STATEMENTS", {"setting.all": "SELECT * FROM operator_setting"})
    with pytest.raises(StoreError, match=r"^statement setting\.all gave 2 rows; one"), desk.tx() as tx:
        tx.value("setting.all")


def test_staged_rows_go_when_the_block_ends(desk) -> None:
    with desk.tx() as tx:
        with tx.staged("campaign.wake", staged_rows=pd.DataFrame({"campaign_id": [1, 2]})):
            assert tx.execute("SELECT sum(campaign_id) FROM staged_rows").fetchall() == [(3,)]
        with pytest.raises(duckdb.CatalogException):
            tx.execute("SELECT * FROM staged_rows")
        tx._is_broken = False  # seen, and of no consequence
        assert tx.run_staged("dead_number.add", pd.DataFrame(), at=tx.at) == 0


def test_staged_file_is_read_where_it_lies(desk, tmp_path: Path) -> None:
    path = tmp_path / "it's rows.parquet"
    duckdb.sql("SELECT unnest(['1', '2']) AS campaign_id").write_parquet(str(path))
    with desk.tx() as tx, tx.staged("campaign.wake", staged_rows=path):
        assert tx.execute("SELECT sum(campaign_id) FROM staged_rows").fetchall() == [(3,)]


@pytest.mark.parametrize(
    "rows",
    [
        pd.DataFrame(columns=["reply_id", "answer"]),
        pd.DataFrame({"answer": [None, None], "reply_id": [None, None]}),
        pd.DataFrame({"reply_id": [1.0, None], "answer": pd.Series([None, None], dtype="float64")}),
    ],
    ids=["no rows", "no values", "floats"],
)
def test_staged_columns_have_the_types_of_their_frame(desk, rows: pd.DataFrame) -> None:
    with desk.tx() as tx, tx.staged("reply.set_answers", staged_rows=rows):
        found = {name: str(kind) for name, kind, *_ in tx.execute("DESCRIBE staged_rows").fetchall()}
        assert found == {"reply_id": "BIGINT", "answer": "VARCHAR"}


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ({"reply_id": [1]}, "missing: answer; additional: none"),
        ({"reply_id": [1], "answer": ["no"], "zeal": [1], "age": [1]}, "missing: none; additional: age, zeal"),
        ({"id": [1], "answer": ["no"]}, "missing: reply_id; additional: id"),
    ],
)
def test_other_columns_than_those_of_the_frame_are_refused(desk, rows: dict, what: str) -> None:
    refused = pytest.raises(StoreError, match=rf"^staged_rows of statement reply\.set_answers: columns {what}$")
    with refused, desk.tx() as tx:
        tx.run_staged("reply.set_answers", pd.DataFrame(rows), at=tx.at)


def test_a_table_that_the_statement_does_not_read_is_refused(desk) -> None:
    refused = pytest.raises(StoreError, match=r"^statement reply\.set_answers names no frame for staged_stops$")
    with refused, desk.tx() as tx, tx.staged("reply.set_answers", staged_stops=pd.DataFrame({"reply_id": [1]})):
        pass


@pytest.mark.parametrize("sql", ["SELECT CAST('no number' AS BIGINT)", "SELECT x FROM staged_rows"])
def test_error_inside_staged_rows_is_the_one_that_is_raised(desk, sql: str) -> None:
    refused = pytest.raises((duckdb.ConversionException, duckdb.BinderException), match=r"no number|\bx\b")
    with refused, desk.tx() as tx, tx.staged("campaign.wake", staged_rows=pd.DataFrame({"campaign_id": [1]})):
        tx.execute(sql).fetchall()
    put(desk.path, desk.clock)


def test_rehearsal_keeps_nothing_and_holds_nothing(desk) -> None:
    with desk.tx() as tx:
        put_setting(tx, "colour", "blue", "camille")
        tx.dry_run()
        put_setting(tx, "colour", "green", "camille")
        assert get_setting(tx, "colour") == "green"
    assert desk.value("setting.get", name="colour") is None
    put(desk.path, desk.clock)
    assert desk.value("setting.get", name="colour") == '"blue"'


def test_nothing_tries_the_network(desk) -> None:
    with pytest.raises(duckdb.Error), desk.tx() as tx:
        tx.execute("SELECT * FROM read_csv('https://example.invalid/a.csv')")
    settings = "SELECT value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions'"
    assert desk.sql(settings) == [("false",), ("false",)]


def test_lock_file_is_not_inherited(desk) -> None:
    with desk.tx():
        held = [fd for fd in os.listdir("/proc/self/fd") if _points_to(fd, f"{desk.path}.lock")]
        assert held
        assert not any(os.get_inheritable(int(fd)) for fd in held)


def _points_to(fd: str, path: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}") == path
    except OSError:
        return False
