"""One Prefect server for the session; one store, one sandbox and one mailbox for each test."""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aiosmtpd.controller import Controller

MONDAY_8_IN_PARIS = "2026-11-23T08:00:00+01:00"
ROOT = Path(__file__).parents[2]
LOGIN = "campanile:login-of-the-tests-own-server"


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real temporary Prefect server with a database of its own, behind a login as that of ``make up``."""
    os.environ |= {
        "PREFECT_API_AUTH_STRING": LOGIN,
        "PREFECT_SERVER_API_AUTH_STRING": LOGIN,
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    }
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_SERVER_API_AUTH_STRING,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    with mock.patch.object(sys, "path", [str(ROOT / "scripts"), *sys.path]):
        from prefect_template import provide_database

    def folder_with_database() -> str:
        """Make the folder in which Prefect's harness would migrate a database: with a copy of a migrated one."""
        folder = tempfile.mkdtemp()
        provide_database(Path(folder, "prefect-test.db"))
        return folder

    # A flow run with a heartbeat ends a second late: its thread looks once a second whether it may stop.
    with (
        temporary_settings({PREFECT_API_AUTH_STRING: LOGIN, PREFECT_SERVER_API_AUTH_STRING: LOGIN}),
        mock.patch("prefect.testing.utilities.mkdtemp", folder_with_database),
        prefect_test_harness(server_startup_timeout=300),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        # Processes that a test starts talk to this server too, instead of starting their own.
        os.environ["PREFECT_API_URL"] = str(PREFECT_API_URL.value())
        yield
        for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"):
            del os.environ[name]


@dataclass
class House:
    """What a test has of its own: its data folder, its sandbox, its mails, and hands on its settings."""

    data_dir: Path
    sandbox: Any
    monkeypatch: pytest.MonkeyPatch
    mails: list[str] = field(default_factory=list)

    def set(self, **variables: object) -> None:
        """Change settings (``slice_size=10`` is ``SMS_SLICE_SIZE``) as a new process would read them."""
        for name, value in variables.items():
            self.monkeypatch.setenv(f"SMS_{name.upper()}", str(value))
        forget_process()

    def rehearse(self, moment: str) -> None:
        """Move the rehearsed clock."""
        self.set(simulated_now=moment)

    def drop(self, text: str, name: str = "contacts.csv") -> str:
        """Write a contact file and return its path."""
        path = self.data_dir / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the store."""
        from tasks.house import visit_store

        with visit_store(read_only=True) as visit:
            return visit.execute(sql).fetchall()

    def assert_in_order(self) -> None:
        """Every invariant holds, and the sandbox billed what the store calls accepted, once each."""
        from store.invariants import broken_invariants
        from tasks.house import visit_store

        with visit_store(read_only=True) as visit:
            assert broken_invariants(visit) == {}
        billed = [line["client_ref"] for line in self.sandbox.billing()]
        assert len(billed) == len(set(billed)), "billed twice"
        accepted = self.query(
            "SELECT client_ref FROM message_status WHERE state IN ('accepted', 'delivered', 'undelivered')"
        )
        assert {ref for (ref,) in accepted} == set(billed)


def forget_process() -> None:
    """Forget what a process reads once: settings, clock, gateways."""
    from tasks.clock import clock_offset
    from tasks.house import gateway_named
    from tasks.settings import settings

    for cached in (settings, clock_offset, gateway_named):
        cached.cache_clear()


@contextmanager
def built_house(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Build a house on a Monday at 08:00, with nothing in it."""
    from gateways.sandbox.process import SandboxProcess

    monkeypatch.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith("SMS_")]:
        monkeypatch.delenv(name)
    with SandboxProcess.start(folder / "sandbox", balance="1000", delivery_seconds=0.01) as sandbox:
        made = House(folder / "data", sandbox, monkeypatch)
        made.data_dir.mkdir()
        made.set(
            data_dir=made.data_dir,
            sandbox_url=sandbox.base_url,
            sandbox_api_key=sandbox.api_key,
            sandbox_look_up_lag=0.5,  # what a busy sandbox takes to read what has arrived
            simulated_now=MONDAY_8_IN_PARIS,
            settle_seconds=0.05,
            inbox_quiet_seconds=0,
            gateway_deadline_seconds=3,
        )
        yield made
    forget_process()


@pytest.fixture
def house(prefect_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house of the test's own."""
    with built_house(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def shared_house(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for tests that must leave it as they find it."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        built_house(tmp_path_factory.mktemp("house"), monkeypatch) as made,
    ):
        yield made


@pytest.fixture
def mailbox(house: House) -> Iterator[House]:
    """The same house with a real mail server on loopback; ``house.mails`` are the texts it took."""

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
            message = message_from_bytes(envelope.content, policy=policy.default)
            house.mails.append(f"{message['Subject']}\n{message.get_content().strip()}")
            return "250 kept"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    house.set(mail_host="127.0.0.1", mail_port=port, mail_tls="none", mail_to="team@example.org")
    yield house
    controller.stop()
