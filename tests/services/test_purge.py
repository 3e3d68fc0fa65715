"""What purge-old-data deletes of files and copies, and when it leaves the store alone."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from campanile.services.contacts.erase import is_about
from campanile.services.contacts.purge import purge_old_data
from campanile.services.context import Context
from campanile.services.settings import read_settings
from campanile.sms.errors import ConfigurationError
from campanile.store.contacts.erasure import Traces


def old_file(path: Path, days: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mobile\n0612345678\n", encoding="utf-8")
    then = time.time() - timedelta(days=days).total_seconds()
    os.utime(path, (then, then))
    return path


def test_without_settings_nothing_is_deleted(context: Context) -> None:
    kept = old_file(context.settings.data_dir / "archive" / "contacts" / "clients" / "a.csv", 4000)
    assert purge_old_data(context).counts == {}
    assert kept.exists()


def test_old_files_of_campanile_are_deleted_and_other_files_are_not(make_context: Callable[..., Context]) -> None:
    context = make_context(keep_files_days=30)
    data = context.settings.data_dir
    gone = [
        old_file(data / folder / "clients" / "a.csv", 31)
        for folder in ("archive", "refused", "rejects", "exports", "snapshot")
    ]
    kept = [
        old_file(data / "archive" / "clients" / "b.csv", 29),
        old_file(data / "inbox" / "contacts" / "clients" / "c.csv", 400),
        old_file(data / "tariffs" / "sandbox.csv", 400),
    ]
    assert sum(purge_old_data(context).counts.values()) == 5
    assert [path.exists() for path in gone] == [False] * 5
    assert [path.exists() for path in kept] == [True] * 3


def test_the_newest_copy_of_the_store_stays(make_context: Callable[..., Context]) -> None:
    context = make_context(keep_backups_days=30)
    copies = [
        old_file(context.settings.backups / name / "sms.duckdb", 400)
        for name in ("2025-01-01T000000Z", "2025-02-01T000000Z", "2025-03-01T000000Z")
    ]
    assert purge_old_data(context).counts == {"copies of the store": 2}
    assert [path.exists() for path in copies] == [False, False, True]


def test_a_store_in_doubt_is_left_alone(make_context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context(keep_messages_days=31, keep_replies_days=31)
    with context.transaction() as tx:
        tx.begin_reconciliation("a copy was restored")
    (line,) = purge_old_data(context).skipped
    assert "a copy was restored; run reconcile-store" in line


@pytest.mark.parametrize(
    ("text", "is_hers"),
    [
        pytest.param('{"number": "06 12 34 56 78"}', True, id="the number"),
        pytest.param("# \\+336\\*\\*\\*\\*5678 is opted out", True, id="the number, masked and escaped"),
        pytest.param("> Bonjour Zoé\\-Quatremer,  \n> soldes demain", True, id="her text, escaped and broken"),
        pytest.param("> Bonjour Ana, soldes demain", False, id="the text of another person"),
        pytest.param("STOP", False, id="a text that everybody writes"),
    ],
)
def test_a_page_about_a_person_is_known(text: str, is_hers: bool) -> None:
    traces = Traces("+33612345678", ["Bonjour Zoé-Quatremer, soldes demain", "STOP"], [])
    assert is_about(text, traces) is is_hers


@pytest.mark.parametrize("name", ["SMS_KEEP_MESSAGES_DAYS", "SMS_KEEP_REPLIES_DAYS"])
def test_messages_and_replies_are_kept_for_some_weeks(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "7")
    with pytest.raises(ConfigurationError, match=f"{name}='7': it must be 0 .for ever. or 31 and more"):
        read_settings()


def test_a_short_key_of_evidence_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMS_EVIDENCE_KEY", "too short")
    with pytest.raises(ConfigurationError, match="SMS_EVIDENCE_KEY=…: ") as caught:
        read_settings()
    assert "too short" not in str(caught.value).replace("too_short", "")
