"""kill -9 of the sending process, in the middle: the next sender finishes, and every message is billed once."""

import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

pytestmark = pytest.mark.prefect

SEND = "from flows.send_due_campaigns import send_due_campaigns; send_due_campaigns()"
MESSAGES = 200


def _prepared_campaign(workspace: Any) -> str:
    """Prepare and approve a campaign that is due in a moment, so that this process does not send it itself."""
    from flows.approve_campaign import approve_campaign
    from flows.ingest_contacts import ingest_contacts
    from flows.prepare_campaign import prepare_campaign

    numbers = "\n".join(f"+336123{45000 + rank}" for rank in range(MESSAGES))
    ingest_contacts("clients", workspace.drop(f"mobile\n{numbers}\n"), legal_basis="consent")
    from schemas.draft import CampaignDraft

    draft = CampaignDraft(
        name="soldes",
        text="Bonjour",
        sender_id="MABOUTIQUE",
        lists=["clients"],
        actor="camille",
        send_on="2026-11-23",
        send_time="09:00",
    )
    recap = prepare_campaign(draft)
    approve_campaign("soldes", recap.recap_hash, "dominique")
    return recap.recap_hash


def test_a_killed_sender_leaves_every_message_billed_once(workspace: Any) -> None:
    workspace.set(slice_size=10, lease_seconds=1, claim_seconds=0.5, gateway_deadline_seconds=1, settle_seconds=0.05)
    _prepared_campaign(workspace)
    workspace.set_clock("2026-11-23T09:30:00+01:00")
    workspace.query("SELECT 1")  # the new clock is in the store before any other process reads it
    workspace.sandbox.set_faults(throttle=0.03, accept_then_reset=0.05, accept_then_500=0.03)
    dice = random.Random(20261123)
    kills = 0
    while dict(workspace.query("SELECT state, count(*) FROM campaign GROUP BY state")) != {"finished": 1}:
        before = len(workspace.sandbox.billing())
        sender = subprocess.Popen([sys.executable, "-c", SEND], env=os.environ | {"PREFECT_LOGGING_LEVEL": "ERROR"})
        if kills < 2:
            while len(workspace.sandbox.billing()) == before and sender.poll() is None:
                time.sleep(0.005)  # until it really sends
            time.sleep(dice.uniform(0, 0.15))
            if sender.poll() is None:
                os.kill(sender.pid, signal.SIGKILL)
                kills += 1
        sender.wait()
        time.sleep(1.1)  # the dead owner's lease runs out
    assert kills == 2, "the kills fell in the middle"
    assert workspace.query("SELECT state, count(*) FROM message_status GROUP BY state") == [("accepted", MESSAGES)]
    assert len(workspace.sandbox.billing()) == MESSAGES
    workspace.assert_in_order()
