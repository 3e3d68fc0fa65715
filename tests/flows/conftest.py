"""One Prefect server for the session; one store, one sandbox and one mailbox for each test."""

import atexit
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aiosmtpd.controller import Controller

from campanile.gateways.sandbox.testing import SandboxProcess
from campanile.services.clock import real_now
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import transaction
from campanile.store.db.high_water_mark import Mark, read_mark, write_mark
from tasks.context import current_context
from tests.plain_runs import PlainRuns, plain_runs
from tests.sandbox_thread import SandboxThread
from tests.stores import broken_ledger

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

    from scripts.prefect_template import provide_database

    def folder_with_database() -> str:
        """Make the folder for Prefect's test harness, with a copy of a migrated database in it."""
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
class Workspace:
    """The data folder, sandbox, mails and settings of one test."""

    data_dir: Path
    sandbox: Any
    monkeypatch: pytest.MonkeyPatch
    mails: list[str] = field(default_factory=list)
    runs: PlainRuns = field(default_factory=PlainRuns)
    """What Prefect would have recorded, when the test runs without it."""

    def set(self, **variables: object) -> None:
        """Change settings (``slice_size=10`` is ``SMS_SLICE_SIZE``) as a new process would read them."""
        for name, value in variables.items():
            self.monkeypatch.setenv(f"SMS_{name.upper()}", str(value))
        forget_process()

    def set_clock(self, moment: str) -> None:
        """Set the simulated clock."""
        self.set(simulated_now=moment)

    def set_up(self, name: str, build: Callable[[], object]) -> None:
        """Run ``build`` on a new workspace; from the second time on, copy the result of the first time.

        What is in the data folder, the sandbox, the mailbox and on the pages is copied; settings are not.

        Args:
            name: the same for all workspaces that are built in the same way.
            build: fills the empty workspace, with the current settings.
        """
        if name not in TEMPLATES:
            build()
            TEMPLATES[name] = Template.of(self)
        else:
            TEMPLATES[name].copy_to(self)

    def drop(self, text: str, name: str = "contacts.csv") -> str:
        """Write a contact file and return its path."""
        path = self.data_dir / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the store."""

        with current_context().transaction(read_only=True) as tx:
            return tx.execute(sql).fetchall()

    def assert_in_order(self) -> None:
        """Check that every invariant holds and that the sandbox billed each accepted message once."""
        from campanile.store.db.invariants import broken_invariants

        with current_context().transaction(read_only=True) as tx:
            assert broken_invariants(tx) == {}
        billed = [line["client_ref"] for line in self.sandbox.billing()]
        assert len(billed) == len(set(billed)), "billed twice"
        accepted = self.query(
            "SELECT client_ref FROM message_status WHERE state IN ('accepted', 'delivered', 'undelivered')"
        )
        assert {ref for (ref,) in accepted} == set(billed)


@dataclass
class Template:
    """A filled workspace to copy from."""

    folder: Path
    mark: Mark
    ended_at: datetime
    """The simulated moment at which it was ready: the clock of a copy goes on from there."""
    mails: list[str]
    runs: PlainRuns

    @classmethod
    def of(cls, workspace: Workspace) -> "Template":
        """Return a copy of a workspace."""
        context = current_context()
        ended_at = context.now()
        mark = read_mark(context.settings.store_file).mark
        assert mark is not None
        folder = Path(tempfile.mkdtemp(prefix="workspace-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        shutil.copytree(workspace.data_dir, folder / "data")
        shutil.copytree(workspace.sandbox.state_dir, folder / "sandbox")
        return cls(folder, mark, ended_at, list(workspace.mails), workspace.runs.copy())

    def copy_to(self, workspace: Workspace) -> None:
        """Fill a workspace with this copy, as a new process would find it."""
        workspace.sandbox.stop()
        for source, target in (("data", workspace.data_dir), ("sandbox", workspace.sandbox.state_dir)):
            shutil.rmtree(target)
            shutil.copytree(self.folder / source, target)
        workspace.sandbox.restart()
        workspace.mails[:] = self.mails
        workspace.runs.become(self.runs)
        forget_process()
        settings = current_context().settings
        write_mark(settings.store_file, self.mark, durable=True)
        clock = {
            "simulated_now": settings.simulated_now.isoformat(),
            "offset_seconds": (self.ended_at - real_now()).total_seconds(),
        }
        with transaction(settings.store_file, real_now) as tx:
            put_setting(tx, "rehearsal", clock, "SMS_SIMULATED_NOW")


TEMPLATES: dict[str, Template] = {}


def forget_process() -> None:
    """Forget what a process reads only once: settings, clock, gateways."""
    current_context.cache_clear()


@contextmanager
def new_workspace(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sandboxes: type[SandboxProcess]
) -> Iterator[Workspace]:
    """Build an empty workspace on a Monday at 08:00."""
    monkeypatch.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith("SMS_")]:
        monkeypatch.delenv(name)
    with sandboxes.start(folder / "sandbox", balance="1000", delivery_seconds=0.01) as sandbox:
        made = Workspace(folder / "data", sandbox, monkeypatch)
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
            balance_difference_limit=1_000_000,  # tests take credit away without a message
        )
        yield made
    forget_process()


@contextmanager
def workspace_for(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Build a workspace: with the real Prefect server for tests that are marked ``prefect``, else without one."""
    if request.node.get_closest_marker("prefect") is not None:
        request.getfixturevalue("prefect_server")
        with new_workspace(folder, monkeypatch, SandboxProcess) as made:
            yield made
        return
    with plain_runs() as runs, new_workspace(folder, monkeypatch, SandboxThread) as made:
        made.runs = runs
        made.set_up("nothing in it", lambda: current_context().now())
        yield made


@pytest.fixture
def workspace(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace for one test; the invariants of its ledger hold at its end."""
    with workspace_for(request, tmp_path, monkeypatch) as made:
        yield made
        store = made.data_dir / "sms.duckdb"
        assert not store.exists() or broken_ledger(store) == {}


@pytest.fixture(scope="module")
def shared_workspace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One workspace for all tests of a module; they must not change it."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        workspace_for(request, tmp_path_factory.mktemp("workspace"), monkeypatch) as made,
    ):
        yield made


@pytest.fixture
def mailbox(workspace: Workspace) -> Iterator[Workspace]:
    """The same workspace with a real mail server on loopback; ``workspace.mails`` are the mails that it received."""

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
            message = message_from_bytes(envelope.content, policy=policy.default)
            text: Any = message.get_body(("plain",))
            workspace.mails.append(f"{message['Subject']}\n{text.get_content().strip()}")
            return "250 kept"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    workspace.set(mail_host="127.0.0.1", mail_port=port, mail_tls="none", mail_to="team@example.org")
    yield workspace
    controller.stop()
