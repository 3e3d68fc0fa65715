"""diagnose-setup names what it looked at in words, what it found, and what to do."""

import contextlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from campanile.gateways.server_time import seconds_ahead
from campanile.services.clock import real_now
from campanile.services.context import Context
from campanile.services.setup_checks import (
    Advice,
    check_backups,
    check_clock,
    check_disk,
    check_lists,
    check_prices,
    check_runs_server,
)
from campanile.services.system_checks import check_channels
from campanile.sms.errors import ConfigurationError
from campanile.store.contacts.lists import declare_legal_basis, list_made_sure
from campanile.store.db.clock_check import confirm_clock

MakeContext = Callable[..., Context]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def make_context(make_context: MakeContext, tmp_path: Path) -> MakeContext:
    """With a tariff for France, and no gateway that answers."""
    (tmp_path / "sandbox.csv").write_text("country,price,unit\nFR,0.0485,EUR\n", encoding="utf-8")
    ours = {"tariff_dir": tmp_path, "allowed_countries": "FR", "sandbox_url": NOBODY}
    return partial(make_context, **ours)


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """The machine's own, which is compared with that of others."""
    return real_now


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


@pytest.mark.process
@pytest.mark.parametrize(
    ("shift", "words"),
    [
        pytest.param(timedelta(hours=1), "60 minutes behind that of gateway sandbox", id="ours is late"),
        pytest.param(timedelta(minutes=-10), "10 minutes ahead of that of gateway sandbox", id="ours is early"),
    ],
)
def test_a_clock_that_is_not_the_gateways_fails(make_context: MakeContext, shift: timedelta, words: str) -> None:
    with server_that_says(shift) as url, pytest.raises(ConfigurationError, match=words):
        check_clock(make_context(sandbox_url=url), None)


@pytest.mark.process
def test_a_clock_that_is_the_gateways_agrees(make_context: MakeContext) -> None:
    with server_that_says(timedelta()) as url:
        assert "gateway sandbox agrees" in check_clock(make_context(sandbox_url=url), None)


def test_a_gateway_that_does_not_answer_gives_no_time(context: Context) -> None:
    assert "gateway sandbox does not give the time" in check_clock(context, None)
    assert seconds_ahead(NOBODY, lambda: datetime.now(UTC)) is None


def test_a_clock_behind_the_store_fails(context: Context) -> None:
    with context.transaction() as tx:
        confirm_clock(tx, "camille", tx.at + timedelta(hours=2))
    with pytest.raises(ConfigurationError, match="minutes behind the newest time in the store"):
        check_clock(context, None)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "verdict"), [(50_000_000_000, "in order"), (1_000_000_000, "advice"), (100_000_000, "fails")]
)
def test_room_on_the_disk(context: Context, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, 0, free))
    if verdict == "fails":
        with pytest.raises(ConfigurationError, match=r"0\.1 GB free"):
            check_disk(context)
        return
    found = check_disk(context)
    assert isinstance(found, Advice) is (verdict == "advice")
    assert f"{free / 1e9:.1f} GB free" in str(found)


def test_the_age_of_the_newest_copy(context: Context) -> None:
    none = check_backups(context)
    assert isinstance(none, Advice)
    assert "there is no copy of the store" in none.found
    assert "backup-store" in none.to_do

    old, fresh = context.settings.backups / "old", context.settings.backups / "fresh"
    old.mkdir(parents=True)
    nine_days_ago = (datetime.now(UTC) - timedelta(days=9)).timestamp()
    os.utime(old, (nine_days_ago, nine_days_ago))
    found = check_backups(context)
    assert isinstance(found, Advice)
    assert "9 days old" in found.found

    fresh.mkdir()
    assert str(fresh) in str(check_backups(context))
    assert not isinstance(check_backups(context), Advice)


def test_countries_without_a_price(make_context: MakeContext) -> None:
    assert check_prices(make_context()) == "1 territories have a price at sandbox"
    found = check_prices(make_context(allowed_countries="FR BE CH"))
    assert isinstance(found, Advice)
    assert "without a price: BE, CH" in found.found
    assert "sandbox.csv" in found.to_do


def test_lists_without_a_legal_basis(context: Context) -> None:
    assert check_lists(context) == "0 lists, 0 with a legal basis"
    with context.transaction() as tx:
        list_made_sure(tx, "clients", is_sample=False)
        list_made_sure(tx, "salon", is_sample=False)
        declare_legal_basis(tx, "clients", "consent", None, "camille")
    found = check_lists(context)
    assert isinstance(found, Advice)
    assert found.found.startswith("2 lists, 1 with a legal basis; without one: salon, so no marketing is sent to them")
    assert "manage-list" in found.to_do


def test_alerts_without_a_recipient(context: Context) -> None:
    found = check_channels(context)
    assert isinstance(found, Advice)
    assert found.to_do == "set SMS_MAIL_HOST and SMS_MAIL_TO, or SMS_ALERT_NUMBERS"


# --- the server of runs -----------------------------------------------------------------------------------------------


def test_how_runs_start(make_context: MakeContext) -> None:
    assert "no server is set" in str(check_runs_server(make_context(), None))
    assert "new interpreter" in str(check_runs_server(make_context(warm_runs=False), NOBODY))
    missing = check_runs_server(make_context(), NOBODY)
    assert isinstance(missing, Advice)
    assert "python -m scripts.run_server" in missing.to_do


def answer_ready(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"ready\n")


def test_a_server_of_runs_that_answers(make_context: MakeContext) -> None:
    context = make_context()
    with socket.socket(socket.AF_UNIX) as server:
        with contextlib.chdir(context.settings.runs_socket.parent):
            server.bind(context.settings.runs_socket.name)
        server.listen()
        answering = Thread(target=answer_ready, args=[server])
        answering.start()
        assert check_runs_server(context, NOBODY) == "a run starts as a fork of the server of runs"
        answering.join()
