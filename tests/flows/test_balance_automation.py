"""The automation on ``balance.low`` on a real Prefect server: made once, kept as the team changed it, and it fires."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from campanile.sms.rules.balance_alert import AlertLevel, Burn, Need
from schemas.balance_facts import BalanceFacts
from tests.flows.test_deployments import forget_deployments

pytestmark = pytest.mark.prefect

ROOT = Path(__file__).parents[2]
FACTS = BalanceFacts(
    gateway="sandbox",
    level=AlertLevel.LOW,
    balance=Decimal(90),
    unit="EUR",
    threshold=Decimal(100),
    threshold_unit="EUR",
    message_price=Decimal("0.045"),
    read_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    burn=Burn(Decimal(0), Decimal(70)),
    not_covered=[Need("noel", None, 4, Decimal(70))],
    top_up="https://example.org/top-up",
)


@pytest.fixture
def chat() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server of the team that takes notifications: its address, and what it got."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    server.server_close()


def deployed() -> str:
    """Run the step of ``make up`` that registers the deployments at the server; return what it printed.

    Pool and deployments are deleted again: other tests would miss their workers, and their runs would wait for one.
    """
    from prefect.client.orchestration import get_client

    from scripts.register import POOL

    port = str(urlsplit(os.environ["PREFECT_API_URL"]).port)
    environment = os.environ | {"SMS_HOME": str(ROOT)}
    command = [sys.executable, str(ROOT / "scripts" / "register.py"), port]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    forget_deployments()
    with get_client(sync_client=True) as client:
        client.delete_work_pool(POOL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_deployment_step_makes_it_once_and_a_notification_of_the_team_hangs_on_it(
    prefect_server: None, chat: tuple[str, list[dict[str, Any]]]
) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.client.orchestration import get_client
    from prefect.events.actions import SendNotification
    from prefect.events.schemas.automations import AutomationCore

    from tasks.automations import BALANCE_AUTOMATION, create_automations
    from tasks.events import announce_low_balance

    url, got = chat
    assert f"automation {BALANCE_AUTOMATION!r} is created" in deployed()
    block = CustomWebhookNotificationBlock(
        name="chat", url=url, json_data={"subject": "{{subject}}", "text": "{{body}}"}
    )
    block_id = block.save("team-chat", overwrite=True)
    with get_client(sync_client=True) as client:
        (made,) = client.read_automations_by_name(BALANCE_AUTOMATION)
        notify = SendNotification(
            type="send-notification",
            block_document_id=block_id,
            subject="{{ event.resource.name }}",
            body="{{ event.payload.message }}",
        )
        changed = AutomationCore(name=made.name, description=made.description, trigger=made.trigger, actions=[notify])
        client.update_automation(made.id, changed)
    assert create_automations() == f"automation {BALANCE_AUTOMATION!r} is there"

    give_up_at = time.monotonic() + 120
    while not got:  # the server loads a new automation in the background
        assert time.monotonic() < give_up_at, "the automation did not fire"
        announce_low_balance(FACTS)
        time.sleep(1)
    assert got[0] == {
        "subject": "Balance of sandbox",
        "text": "balance of sandbox is 90.00 EUR, below 100.00 EUR. It lasts 1.3 days at 70.00 EUR a day. Approved and "
        "not covered: 4 messages of 1 campaign, 70.00 EUR. Top up: https://example.org/top-up",
    }
    with get_client(sync_client=True) as client:
        (kept,) = client.read_automations_by_name(BALANCE_AUTOMATION)
        client.delete_automation(kept.id)
    assert [action.type for action in kept.actions] == ["send-notification"], "what the team changed stays"
