"""A migrated database of Prefect is made once and copied, and never replaces an existing one."""

import sqlite3
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
#: Stand-in for Prefect's migrations: makes a table, and counts its calls.
MIGRATES = """
import os, pathlib, sqlite3
home = pathlib.Path(os.environ["PREFECT_HOME"])
connection = sqlite3.connect(home / "prefect.db")
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE flow (name TEXT)")
with open(home.parent / "calls", "a") as calls:
    calls.write("x")
os._exit(0)  # the write-ahead log remains
"""


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> Any:
    from scripts import prefect_template

    monkeypatch.setattr(prefect_template, "UPGRADE", (sys.executable, "-c", MIGRATES))
    return prefect_template


def tables(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    try:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    finally:
        connection.close()


def test_it_is_made_once_and_only_its_owner_reads_it(template: Any, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    homes = [tmp_path / f"home-{number}" / "prefect.db" for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda home: template.provide_database(home, cache), homes)) == [True] * 3
    assert (cache / "calls").read_text() == "x"
    assert [tables(home) for home in homes] == [["flow"]] * 3
    for path in (template.template_path(cache), *homes):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in homes[0].parent.iterdir()) == ["prefect.db"]


def test_a_database_that_is_there_stays(template: Any, tmp_path: Path) -> None:
    database = tmp_path / "prefect.db"
    database.write_bytes(b"ours")
    assert template.provide_database(database, tmp_path / "cache") is False
    assert database.read_bytes() == b"ours"


def test_another_version_of_prefect_has_another_template(
    template: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template.provide_database(tmp_path / "first.db", tmp_path)
    monkeypatch.setattr(template, "version", lambda _: "3.99.0")
    template.provide_database(tmp_path / "second.db", tmp_path)
    assert (tmp_path / "calls").read_text() == "xx"
    assert [path.name for path in tmp_path.glob("prefect-*.db")] == ["prefect-3.99.0.db"]


def test_a_migration_that_fails_is_one_line_and_leaves_nothing(
    template: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template, "UPGRADE", (sys.executable, "-c", "raise SystemExit('no room on the disk')"))
    with pytest.raises(template.NoTemplate, match=r"cannot be made \(status 1\): no room on the disk$"):
        template.provide_database(tmp_path / "home" / "prefect.db", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["prefect.lock"]
