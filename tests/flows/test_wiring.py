"""Each flow once, as Prefect runs it: its parameters, its tasks, its state, and a page where it has one.

What the flows decide is proved by the other tests without Prefect. ``test_whole_job`` runs the main job.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_pages_of_runs import WITHOUT

pytestmark = pytest.mark.prefect

FLOWS = {path.stem for path in (Path(__file__).parents[2] / "flows").glob("[a-z]*.py")}
#: The flows that the main job runs.
IN_WHOLE_JOB = {
    "approve_campaign",
    "collect_delivery_reports",
    "configure_auto_responder",
    "import_opt_outs",
    "ingest_contacts",
    "prepare_campaign",
    "process_replies",
    "report_campaign",
    "send_due_campaigns",
}
PEOPLE = "mobile\n0612345678\n0612345679\n0612345680\n"
DRAFT = {"name": "soldes", "text": "Bonjour", "sender_id": "36180", "lists": ["clients"], "actor": "camille"}
LATER = {"send_on": "2026-11-24", "send_time": "09:00"}


class Story:
    """Runs flows by name and keeps how each ended."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}

    def run(self, name: str, *args: Any, **parameters: Any) -> Any:
        from flows.__main__ import flow_named

        state = flow_named(name.replace("_", "-"))(*args, **parameters, return_state=True)
        self.states[name] = state
        return state.result()


def test_each_flow_runs_and_ends_completed(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from campanile.gateways.registry import REGISTRY
    from schemas.draft import CampaignDraft

    story = Story()
    run = story.run
    run("ingest_contacts", "clients", workspace.drop(PEOPLE), legal_basis="consent")
    run("manage_list", "clients", actor="camille")
    recap = run("prepare_campaign", CampaignDraft(**(DRAFT | LATER)))
    assert "soldes" in run("send_test", "soldes", ["0612345690"], "camille")
    run("approve_campaign", "soldes", recap.recap_hash, "dominique")
    assert "paused" in run("pause_campaign", "soldes", "camille", "wrong price")
    assert "approved again" in run("resume_campaign", "soldes", "dominique")
    assert run("revise_campaign", "soldes", "lou", text="Bonsoir").version == 2
    assert run("cancel_campaign", "soldes", "changed our mind", "camille") == "cancelled"
    assert run("record_opt_out", "0612345691", "phone", "camille")
    assert "undid 1 opt-out" in run("undo_opt_out", "camille", "the wrong person", "0612345691")
    assert "1 opt-out, 0 in force" in run("export_opt_outs")
    assert run("explain_number", "0612345691").startswith("# +336")
    assert "is erased" in run("erase_person", "0612345691", "camille", "ticket 12")
    run("purge_old_data")
    assert "A preview" in run("undo_import", 1, actor="camille")
    assert "EUR" in run("check_balance")
    line = run("configure_balance_alert", threshold=50.0, actor="camille", channels="sms", people="0612345699")
    assert line.startswith("camille set the alert on the balance of sandbox: below 50.00 EUR")
    assert run("review_replies").startswith("# No doubtful replies")
    assert "reset" in run("reset_cursor", "sandbox", "replies", "camille", "the provider restored a backup")
    assert "opened and checked" in run("backup_store", str(workspace.data_dir / "copy"))
    assert run("reconcile_store").startswith("# The store agrees")
    assert run("report_month", "2026-11").startswith("# Month 2026-11")
    assert "rows of campaigns" in run("publish_snapshot")
    run("diagnose_setup")

    replies = workspace.drop("from;text;received_at\n0612345699;STOP;2026-11-23 07:59\n")
    assert run("process_replies", "", replies) == {"stop": 1}
    run("process_replies")  # read again to their end, so that messages may be sent
    workspace.sandbox.set_faults(script=["reset"])
    workspace.set(sandbox_resolution="neither", settle_wait_seconds=0.1)
    recap = run("prepare_campaign", CampaignDraft(**DRAFT))
    run("approve_campaign", "soldes", recap.recap_hash, "dominique")
    assert workspace.query("SELECT state FROM campaign WHERE name = 'soldes' AND state <> 'cancelled'") == [("parked",)]
    assert "written off" in run("resolve_unknown", "soldes", "write_off", "camille", "seen in the console")
    assert "finished" in run("send_campaign", "soldes")
    assert run("stop_everything", "camille", "fire").startswith("no campaign was being sent or waiting")

    entry = REGISTRY["sandbox"]
    monkeypatch.setitem(REGISTRY, "sandbox", replace(entry, manifest=replace(entry.manifest, has_balance=False)))
    assert "EUR" in run("record_top_up", "sandbox", 100.5, "camille")

    assert {name: state.name for name, state in story.states.items() if not state.is_completed()} == {}
    assert set(story.states) | IN_WHOLE_JOB == FLOWS, "each flow of flows/ is run here or by the main job"
    assert WITHOUT.keys() <= FLOWS
