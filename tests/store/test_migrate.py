"""Bringing a store up to date: once, whole, and never backwards."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from campanile.sms.errors import StoreTooNew
from campanile.store.contacts.opt_outs import doubtful_replies
from campanile.store.contacts.undo import undo_import
from campanile.store.db import migrate as module
from campanile.store.db.migrate import migrate, migrations

#: A list of two people that the first version made from three rows, and an opt-out from another file.
FIRST_VERSION = """
INSERT INTO contact_list VALUES (1, 'clients', false, '2026-11-01');
INSERT INTO import_file
SELECT i, kind, list_id, 'old.csv', 'digest', 1, NULL, NULL, NULL, '{}', 'FR', false, rows, accepted, updated, 0, 0, '2026-11-01'
FROM (VALUES (1, 'contacts', 1, 3, 2, 1), (2, 'opt_outs', NULL, 1, 1, 0)) AS old(i, kind, list_id, rows, accepted, updated);
INSERT INTO contact VALUES
    (1, 33639980001, '+33639980001', 'FR', '{"town":"Lille"}', 1, 1, '2026-11-01'),
    (1, 33639980002, '+33639980002', 'FR', '{}', 1, 2, '2026-11-01');
INSERT INTO opt_out VALUES (33639980002, '+33639980002', 'file', 'import 2', '2026-11-01');
"""  # noqa: E501
BAD = "CREATE TABLE half_done (x INTEGER); INSERT INTO half_done VALUES ('no number');"


def test_versions_count_up_from_one() -> None:
    assert [version for version, _, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_migrating_again_changes_nothing(desk) -> None:
    before = desk.sql("SELECT * FROM operator_setting"), desk.sql("SELECT * FROM schema_migration")
    desk.clock.forward(days=1)
    assert migrate(desk.path, desk.clock) == migrations()[-1][0]
    assert (desk.sql("SELECT * FROM operator_setting"), desk.sql("SELECT * FROM schema_migration")) == before


def test_a_new_store_has_another_key(desk, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    migrate(other, desk.clock)
    key = "SELECT value FROM operator_setting WHERE name = 'store_key'"
    with duckdb.connect(str(other)) as connection:
        assert connection.execute(key).fetchall() != desk.sql(key)


def test_newer_store_is_refused_and_left_alone(desk) -> None:
    desk.sql("INSERT INTO schema_migration VALUES (99, 'from the future', now())")
    before = desk.path.read_bytes()
    line = rf"has version 99, this Campanile supports up to {migrations()[-1][0]}: install the newer one$"
    with pytest.raises(StoreTooNew, match=line):
        migrate(desk.path, desk.clock)
    assert desk.path.read_bytes() == before


def test_failed_migration_leaves_nothing_of_itself(desk, monkeypatch) -> None:
    newest = migrations()[-1][0]
    both = [*migrations(), (newest + 1, "bad", BAD)]
    monkeypatch.setattr(module, "migrations", lambda: both)
    with pytest.raises(duckdb.ConversionException):
        migrate(desk.path, desk.clock)
    assert desk.sql("SELECT max(version) FROM schema_migration") == [(newest,)]
    assert desk.sql("SELECT table_name FROM duckdb_tables() WHERE table_name = 'half_done'") == []

    both[-1] = (newest + 1, "good", BAD.replace("'no number'", "1"))
    assert migrate(desk.path, desk.clock) == newest + 1
    assert desk.sql("SELECT version, name FROM schema_migration ORDER BY version")[-1] == (newest + 1, "good")


def test_rival_that_is_faster_is_noticed(tmp_path: Path, desk, monkeypatch) -> None:
    path, known, calls = tmp_path / "new.duckdb", migrations(), []

    def meet_a_rival() -> list[tuple[int, str, str]]:
        calls.append("asked")
        if len(calls) == 2:  # the version was read; now another process migrates
            migrate(path, desk.clock)
        return known

    monkeypatch.setattr(module, "migrations", meet_a_rival)
    assert migrate(path, desk.clock) == known[-1][0]
    assert len(calls) == 4


def test_replies_and_opt_outs_before_their_history(tmp_path: Path, make_desk: Callable[..., Any], monkeypatch) -> None:
    path, all_of_them = tmp_path / "old.duckdb", migrations()
    monkeypatch.setattr(module, "migrations", lambda: [one for one in all_of_them if one[0] < 9])
    desk = make_desk(path)
    migrate(path, desk.clock)
    desk.sql("""
INSERT INTO opt_out (number_id, msisdn, source, source_ref, recorded_at) VALUES
    (33639980001, '+33639980001', 'reply', 'reply 1', '2026-11-01'),
    (33639980002, '+33639980002', 'reply_review', 'reply 2', '2026-11-02'),
    (33639980003, '+33639980003', 'file', 'import 1, row 1', '2026-11-03');
INSERT INTO reply
SELECT id, 'sandbox', 'r' || id, '+', 33639980000 + person, '…', verdict, NULL, answer, received, recorded
FROM (VALUES
    (1, 1, 'stop', 'stop', DATE '2026-10-31', DATE '2026-11-01'),
    (2, 2, 'review', 'review', DATE '2026-11-30', DATE '2026-11-02'),
    (3, 2, 'stop', 'stop', DATE '2026-11-03', DATE '2026-11-04'),
    (4, 4, 'reply', NULL, DATE '2026-11-04', DATE '2026-11-04')
) AS old(id, person, verdict, answer, received, recorded)""")
    monkeypatch.undo()
    migrate(path, desk.clock)
    assert desk.broken() == {}
    assert desk.sql("SELECT opt_out_key % 10, source FROM opt_out ORDER BY opt_out_key") == [
        (1, "reply"), (2, "reply_doubtful"), (3, "file"),
    ]  # fmt: skip
    assert desk.sql("SELECT opt_out_key % 10, source, reply_id FROM opt_out_entry ORDER BY entry_id") == [
        (1, "reply", 1), (2, "reply_doubtful", 2), (3, "file", None), (2, "reply", 3),
    ]  # fmt: skip
    assert desk.sql("SELECT verdict, CAST(CAST(counts_at AS DATE) AS VARCHAR) FROM reply ORDER BY reply_id") == [
        ("stop", "2026-10-31"), ("stop_doubtful", "2026-11-02"), ("stop", "2026-11-03"), ("other", "2026-11-04"),
    ]  # fmt: skip
    with desk.tx(read_only=True) as tx:
        assert [row.reply_id for row in doubtful_replies(tx, 10)] == [2]


def test_files_of_the_first_version_can_be_undone(tmp_path: Path, make_desk: Callable[..., Any], monkeypatch) -> None:
    path, all_of_them = tmp_path / "old.duckdb", migrations()
    monkeypatch.setattr(module, "migrations", lambda: all_of_them[:1])
    desk = make_desk(path)
    migrate(path, desk.clock)
    desk.sql(FIRST_VERSION)
    monkeypatch.undo()
    migrate(path, desk.clock)
    assert desk.broken() == {}
    desk.take_in("clients", (1, {"town": "Lyon"}), (3, {}))
    with desk.tx() as tx:
        assert undo_import(tx, 1, "camille").removed == 1
    assert desk.people("clients") == {1: {"town": "Lyon"}, 3: {}}
    assert desk.broken() == {}


def test_two_processes_migrate_at_once(tmp_path: Path, start_worker: Callable[..., Any]) -> None:
    path = tmp_path / "new" / "sms.duckdb"
    workers = [start_worker("migrate", path) for _ in range(2)]
    assert [worker.receive() for worker in workers] == ["ready"] * 2
    for worker in workers:
        worker.send("go")
    assert [worker.receive() for worker in workers] == [migrations()[-1][0]] * 2
    with duckdb.connect(str(path)) as connection:
        applied = connection.execute("SELECT version FROM schema_migration ORDER BY version").fetchall()
        keys = connection.execute("SELECT count(*) FROM operator_setting WHERE name = 'store_key'").fetchall()
    assert applied == [(version,) for version, _, _ in migrations()]
    assert keys == [(1,)]


def test_secondary_keys_are_nowhere() -> None:
    """Primary keys only: an index beside them was once corrupted by a killed writer."""
    text = "\n".join(re.sub(r"--[^\n]*", "", sql) for _, _, sql in migrations()).upper()
    assert [
        word for word in ("UNIQUE", "CREATE INDEX", "FOREIGN KEY", "REFERENCES", "CREATE SEQUENCE") if word in text
    ] == []
