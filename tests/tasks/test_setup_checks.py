"""diagnose-setup names what it looked at in words, what it found, and what to do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

import tasks.diagnose
from gateways.server_time import seconds_ahead
from sms.errors import ConfigurationError
from store.clock import confirm_clock
from store.lists import declare_legal_basis, list_made_sure
from tasks.clock import clock_offset
from tasks.diagnose import Check, checks_page
from tasks.house import visit_store
from tasks.settings import settings
from tasks.setup_checks import Advice, check_backups, check_clock, check_disk, check_lists, check_prices


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with an empty store and a tariff for France, and no gateway that answers."""
    (tmp_path / "sandbox.csv").write_text("country,price,unit\nFR,0.0485,EUR\n", encoding="utf-8")
    for name, value in {
        "DATA_DIR": tmp_path,
        "TARIFF_DIR": tmp_path,
        "ALLOWED_COUNTRIES": "FR",
        "SANDBOX_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(f"SMS_{name}", str(value))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    for cached in (settings, clock_offset):
        cached.cache_clear()
    with visit_store():
        pass
    yield tmp_path
    for cached in (settings, clock_offset):
        cached.cache_clear()


@contextmanager
def server_that_says(shift: timedelta) -> Iterator[str]:
    """Run a server whose clock is shifted, and give its address."""

    class Shifted(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(401)
            self.send_header("Date", format_datetime(datetime.now(UTC) + shift, usegmt=True))
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Shifted) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def set_gateway(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_SANDBOX_URL", url)
    settings.cache_clear()


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        pytest.param(timedelta(hours=1), "60 minutes behind that of gateway sandbox", id="ours is late"),
        pytest.param(timedelta(minutes=-10), "10 minutes ahead of that of gateway sandbox", id="ours is early"),
    ],
)
def test_a_clock_that_is_not_the_gateways_fails(
    home: Path, monkeypatch: pytest.MonkeyPatch, shift: timedelta, words: str
) -> None:
    with server_that_says(shift) as url:
        set_gateway(url, monkeypatch)
        with pytest.raises(ConfigurationError, match=words):
            check_clock()


def test_a_clock_that_is_the_gateways_agrees(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_says(timedelta()) as url:
        set_gateway(url, monkeypatch)
        assert "gateway sandbox agrees" in check_clock()


def test_a_gateway_that_does_not_answer_cannot_tell_the_time(home: Path) -> None:
    assert "gateway sandbox cannot tell" in check_clock()
    assert seconds_ahead("http://127.0.0.1:9", lambda: datetime.now(UTC)) is None


def test_a_clock_behind_the_store_fails(home: Path) -> None:
    with visit_store() as visit:
        confirm_clock(visit, "camille", visit.at + timedelta(hours=2))
    with pytest.raises(ConfigurationError, match="minutes behind the newest time in the store"):
        check_clock()


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "verdict"), [(50_000_000_000, "in order"), (1_000_000_000, "advice"), (100_000_000, "fails")]
)
def test_room_on_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, 0, free))
    if verdict == "fails":
        with pytest.raises(ConfigurationError, match=r"0\.1 GB free"):
            check_disk()
        return
    found = check_disk()
    assert isinstance(found, Advice) is (verdict == "advice")
    assert f"{free / 1e9:.1f} GB free" in str(found)


def test_the_age_of_the_newest_copy(home: Path) -> None:
    none = check_backups()
    assert isinstance(none, Advice)
    assert "there is no copy of the store" in none.found
    assert "backup-store" in none.to_do

    old, fresh = home / "backups" / "old", home / "backups" / "fresh"
    old.mkdir(parents=True)
    nine_days_ago = (datetime.now(UTC) - timedelta(days=9)).timestamp()
    os.utime(old, (nine_days_ago, nine_days_ago))
    found = check_backups()
    assert isinstance(found, Advice)
    assert "9 days old" in found.found

    fresh.mkdir()
    assert str(fresh) in str(check_backups())
    assert not isinstance(check_backups(), Advice)


def test_countries_without_a_price(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_prices() == "1 territories have a price at sandbox"
    monkeypatch.setenv("SMS_ALLOWED_COUNTRIES", "FR BE CH")
    settings.cache_clear()
    found = check_prices()
    assert isinstance(found, Advice)
    assert "without a price: BE, CH" in found.found
    assert "sandbox.csv" in found.to_do


def test_lists_without_a_legal_basis(home: Path) -> None:
    assert check_lists() == "0 lists, 0 with a legal basis"
    with visit_store() as visit:
        list_made_sure(visit, "clients", is_sample=False)
        list_made_sure(visit, "salon", is_sample=False)
        declare_legal_basis(visit, "clients", "consent", None, "camille")
    found = check_lists()
    assert isinstance(found, Advice)
    assert found.found.startswith("2 lists, 1 with a legal basis; without one: salon, so no marketing goes to them")
    assert "manage-list" in found.to_do


def test_alerts_that_nobody_gets(home: Path) -> None:
    found = tasks.diagnose._channels()
    assert isinstance(found, Advice)
    assert found.to_do == "set SMS_MAIL_HOST and SMS_MAIL_TO, or SMS_ALERT_NUMBERS"


def test_the_page_names_what_to_do_first() -> None:
    page = checks_page(
        [
            Check("Versions of the programs", "in order", "python 3.11"),
            Check("Copies of the store", "advice", "there is none", "run backup-store"),
            Check("Gateway", "fails", "no answer", "start it"),
        ]
    )
    assert page.splitlines()[2:] == [
        "**3 things were looked at; to do: 2.**",
        "",
        "## To do",
        "",
        "- ✗ **Gateway**: no answer",
        "    - To do: start it",
        "- ⚠ **Copies of the store**: there is none",
        "    - To do: run backup-store",
        "",
        "## In order",
        "",
        "- ✓ **Versions of the programs**: python 3.11",
    ]
