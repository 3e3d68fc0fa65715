"""A desk with a sandbox over HTTP for each test; the sandboxes, one a class of gateways, are shared by a module."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateways.sandbox.process import SandboxProcess
from schemas.gateway import Resolution
from store.migrate import migrate
from tests.sending.sending_desk import DeskSender, RunningClock, SendingDesk, opened_nursery, start_sandbox

collect_ignore = ["senders.py"]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Path]:
    """Return the socket where senders are to be had."""
    with opened_nursery() as path:
        yield path


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "sms.duckdb"
    migrate(path, RunningClock())
    return path


@pytest.fixture(scope="module")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Resolution], SandboxProcess]]:
    """Return a function that gives the sandbox of a class, started when it is first asked for."""
    started: dict[Resolution, SandboxProcess] = {}

    def of_class(resolution: Resolution) -> SandboxProcess:
        if resolution not in started:
            started[resolution] = start_sandbox(tmp_path_factory.mktemp("sandbox"), resolution)
        return started[resolution]

    yield of_class
    for sandbox in started.values():
        sandbox.stop()


@pytest.fixture
def resolution() -> Resolution:
    """Return the class of the gateway; a test that is run for several gives its own."""
    return Resolution.IDEMPOTENCY_KEY


@pytest.fixture
def desk(
    sandboxes: Callable[[Resolution], SandboxProcess],
    resolution: Resolution,
    nursery: Path,
    empty_store: Path,
    tmp_path: Path,
) -> Iterator[SendingDesk]:
    """Return a desk on a Tuesday at 10:00; whatever the test did there, the invariants hold at its end."""
    sandbox = sandboxes(resolution)
    sandbox.set_faults(retry_after_seconds=0.01, slow_seconds=0.6)
    sandbox.set_balance(1000)
    path = tmp_path / "data" / "sms.duckdb"
    path.parent.mkdir()
    path.write_bytes(empty_store.read_bytes())
    desk = SendingDesk(path, sandbox, nursery)
    with desk.visit() as visit:
        # References of its own: the sandbox remembers those of the tests before.
        visit.run("setting.put", name="store_key", value=secrets.token_hex(), changed_by="test", at=visit.at)
    yield desk
    assert desk.broken() == {}


@pytest.fixture
def sender(desk: SendingDesk, monkeypatch: pytest.MonkeyPatch) -> DeskSender:
    """Return a sender in this process."""
    return DeskSender(desk, monkeypatch)
