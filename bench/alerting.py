"""How long an emergency alert takes from its approval to its first acceptance, while a long campaign is being sent.

As a team has it: `scripts/up.py` with its server and workers, both campaigns approved through their deployments. Takes
some minutes, so it runs only when it is named.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO, TypeVar
from unittest import mock

import requests

from bench.preparing import DRAFT, ROOT, build_store
from bench.sending import BALANCE, TUESDAY_MORNING, rehearse, sending_house
from campanile.services.campaigns.prepare import make_recap
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.ledger.run_lifecycle import count_messages
from schemas.draft import CampaignDraft
from schemas.recap_rows import Recap
from tasks.context import current_context

ALERT = CampaignDraft(
    name="bench-alert",
    kind="alert",
    text="Gas leak in rue Haute: leave the building now and wait outside.",
    sender_id="BELLESAISON",
    numbers=[f"+336123456{number:02}" for number in range(50)],
    emergency_reason="a gas leak",
    actor="camille",
)
START_SECONDS = 300
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class AlertDelay:
    """Seconds to the alert's first acceptance, since its approval was asked for and since it was in the store."""

    message_count: int
    waiting_count: int
    """Of the long campaign, when the alert had been accepted."""
    since_asked: float
    since_approved: float


def alert_delay(size: int) -> AlertDelay:
    """Approve an alert while a campaign of about so many messages is being sent, and wait for its first acceptance."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        build_store(home, size)
        rehearse(home)
        with sending_house(home):
            marketing, alert = make_recap(current_context(), DRAFT), make_recap(current_context(), ALERT)
            with everything_up(home) as environment, (home / "sandbox" / "billing.jsonl").open() as bill:
                _approve(DRAFT.name, marketing, environment)
                _wait_for("campaign on its way", lambda: len(bill.readlines()) > 0)
                asked = time.monotonic()
                _approve(ALERT.name, alert, environment)
                accepted_at = _wait_for("alert accepted", lambda: _accepted_at(bill))
                since_asked = time.monotonic() - asked
                return _measured(marketing, since_asked, accepted_at)


def _measured(marketing: Recap, since_asked: float, accepted_at: datetime) -> AlertDelay:
    with current_context().transaction() as tx:
        alert_id = find_campaign(tx, ALERT.name).campaign_id
        sql = "SELECT recorded_at FROM campaign_event WHERE campaign_id = $campaign_id AND event = 'approved'"
        ((approved_at,),) = tx.execute(sql, {"campaign_id": alert_id}).fetchall()
        states: dict[str, int] = {row.state: row.message_count for row in count_messages(tx, marketing.campaign_id)}
    waiting = int(states.get("planned", 0))
    if not waiting:
        raise SystemExit(f"alert: the campaign of {marketing.message_count} messages was over first; take a longer one")
    since_approved = (accepted_at - approved_at).total_seconds()
    return AlertDelay(marketing.message_count, waiting, since_asked, since_approved)


@contextlib.contextmanager
def everything_up(home: Path) -> Iterator[dict[str, str]]:
    """Start all that `make up` starts, on free ports; give the environment of whoever talks to it."""
    port, sandbox_port = _free_port(), _free_port()
    options = {
        "home": home,
        "port": port,
        "sandbox-port": sandbox_port,
        "callbacks-port": _free_port(),
        "simulated-now": TUESDAY_MORNING,
    }
    command = [sys.executable, "scripts/up.py", *(f"--{name}={value}" for name, value in options.items())]
    variables = {name: value for name, value in os.environ.items() if name != "SMS_SEGMENTS_PER_SECOND"}
    with (
        mock.patch.dict(os.environ, {"SMS_SANDBOX_URL": f"http://127.0.0.1:{sandbox_port}"}),
        (home / "up.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log, start_new_session=True) as up,
    ):
        try:
            _wait_for("make up", lambda: "Campanile is up" in (home / "up.log").read_text() or up.poll() is not None)
            _fill_up(sandbox_port, (home / "sandbox-key").read_text(encoding="utf-8").strip())
            api = {
                "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
                "PREFECT_API_AUTH_STRING": (home / "prefect-login").read_text(encoding="utf-8").strip(),
                "PREFECT_HOME": str(home / "prefect-client"),
            }
            yield {**variables, **api}
        finally:
            up.send_signal(signal.SIGINT)
            up.wait()


def _approve(name: str, recap: Recap, environment: dict[str, str]) -> None:
    """Ask for the approval of a campaign as its form does."""
    parameters = {"campaign": name, "recap_hash": recap.recap_hash, "actor": "dominique"}
    command = [
        sys.executable, "-m", "prefect", "deployment", "run", "approve-campaign/approve-campaign",
        "--params", json.dumps(parameters),
    ]  # fmt: skip
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def _fill_up(port: int, key: str) -> None:
    url, headers = f"http://127.0.0.1:{port}/sandbox/balance", {"Authorization": f"Bearer {key}"}
    requests.put(url, json={"amount": str(BALANCE)}, headers=headers, timeout=10).raise_for_status()


def _accepted_at(bill: TextIO) -> datetime | None:
    """Return when the first message of the alert was accepted, by what was added to the sandbox's bill."""
    lines = (json.loads(line) for line in bill if '"Gas leak' in line)
    return next((datetime.fromisoformat(line["accepted_at"]) for line in lines), None)


def _wait_for(what: str, look: Callable[[], Found | None]) -> Found:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at:
        if found := look():
            return found
        time.sleep(0.2)
    raise SystemExit(f"alert: no {what} within {START_SECONDS} s")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
