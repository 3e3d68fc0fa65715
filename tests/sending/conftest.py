"""A desk with a sandbox over HTTP for each test; the sandboxes, one a class of gateways, are shared by a module."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from campanile.gateways.sandbox.testing import SandboxProcess
from schemas.gateway import Resolution
from tests.fork_server import opened_fork_server
from tests.sending.sending_desk import SENDERS, DeskSender, SendingDesk, start_sandbox
from tests.stores import copy_store, forget_copy


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Path]:
    """Return the socket of the server that forks senders."""
    with opened_fork_server(SENDERS) as path:
        yield path


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
    fork_server: Path,
    empty_store: Path,
    tmp_path: Path,
) -> Iterator[SendingDesk]:
    """Return a desk on a Tuesday at 10:00; whatever the test did there, the invariants hold at its end."""
    sandbox = sandboxes(resolution)
    sandbox.set_faults(retry_after_seconds=0.01, slow_seconds=0.6)
    sandbox.set_balance(1000)
    desk = SendingDesk(copy_store(empty_store, tmp_path / "data" / "sms.duckdb"), sandbox, fork_server)
    with desk.tx() as tx:
        # References of its own: the sandbox remembers those of the tests before.
        tx.run("setting.put", name="store_key", value=secrets.token_hex(), actor="test", at=tx.at)
    yield desk
    assert desk.broken() == {}
    forget_copy(desk.path)


@pytest.fixture
def sender(desk: SendingDesk) -> DeskSender:
    """Return a sender in this process."""
    return DeskSender(desk)
