"""Prefect's server stops during a send: sending does not wait for it, and nothing is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.prefect

ROOT = Path(__file__).parents[2]
PEOPLE = "mobile\n" + "\n".join(f"06123456{number:02d}" for number in range(100)) + "\n"
PEOPLE += "\n".join(f"06123457{number:02d}" for number in range(100)) + "\n"
#: With so many retries Prefect's own client waits for a server for 17 minutes and more, so that this limit is generous.
RETRIES, SOON_SECONDS = "9", 180


class Wire:
    """A proxy to a server; its connections can be frozen (as by SIGSTOP) or cut (as by SIGKILL)."""

    def __init__(self, host: str, port: int) -> None:
        self._server, self._is_frozen, self._sockets = (host, port), threading.Event(), list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._is_frozen.set()

    def cut(self) -> None:
        self._listener.close()
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            if self._is_frozen.is_set():
                continue
            server = socket.create_connection(self._server)
            self._sockets.append(server)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self._is_frozen.is_set():
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def wire(prefect_server: None) -> Iterator[Wire]:
    """A proxy between one process and the tests' server."""
    found = urlsplit(os.environ["PREFECT_API_URL"])
    assert found.hostname
    assert found.port
    made = Wire(found.hostname, found.port)
    yield made
    made.cut()


def wait_until(holds: Callable[[], bool], seconds: float, why: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, why
        time.sleep(0.1)


def test_a_send_goes_on_without_prefect_and_ends_on_sigterm(workspace: Any, wire: Wire) -> None:
    from flows.approve_campaign import approve_campaign
    from flows.ingest_contacts import ingest_contacts
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    workspace.set(slice_size=1, segments_per_second=2, progress_seconds=0.5)
    ingest_contacts("clients", workspace.drop(PEOPLE), legal_basis="consent")
    draft = CampaignDraft(
        name="soldes", text="soldes: bonjour", sender_id="36180", lists=["clients"], actor="camille",
        send_on="2026-11-23", send_time="08:30",
    )  # fmt: skip
    approve_campaign("soldes", prepare_campaign(draft).recap_hash, "dominique")
    workspace.set_clock("2026-11-23T08:31:00+01:00")
    environment = os.environ | {
        "PREFECT_API_URL": f"http://127.0.0.1:{wire.port}/api",
        "PREFECT_CLIENT_MAX_RETRIES": RETRIES,
    }

    def billed() -> int:
        return len(workspace.sandbox.billing())

    with (workspace.data_dir / "send.log").open("w+") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "flows", "send-campaign", "campaign=soldes"],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_until(lambda: billed() >= 4, 240, "it does not begin")
            for lose in (wire.freeze, wire.cut):
                lose()
                before = billed()
                wait_until(lambda before=before: billed() >= before + 20, SOON_SECONDS, f"{lose.__name__}: it waits")
            assert run.poll() is None, "it ended by itself"
            run.send_signal(signal.SIGTERM)
            run.wait(SOON_SECONDS)
        finally:
            run.kill()
            run.wait()
    assert workspace.query("SELECT state, state_reason FROM campaign") == [("parked", "its run got a signal to end")]
    assert set(dict(workspace.query("SELECT state, count(*) FROM message_status GROUP BY state"))) == {
        "accepted",
        "planned",
    }
    workspace.assert_in_order()
