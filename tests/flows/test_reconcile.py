"""Backup and restore of a store through the flows: copy, alert, page, confirmation."""

import shutil
from typing import Any

import pytest

from campanile.sms.errors import CampaignError
from tests.flows.test_operators import answer, approve, prepare, read_replies


def test_a_store_that_came_back_is_looked_up_confirmed_and_goes_on(mailbox: Any) -> None:
    from flows.backup_store import backup_store
    from flows.reconcile_store import reconcile_store
    from flows.send_due_campaigns import send_due_campaigns

    workspace = mailbox
    answer(True)
    recap_hash = prepare(workspace, "soldes")
    line = backup_store(str(workspace.data_dir / "copy"))
    assert "the copy was opened and checked" in line
    approve(workspace, recap_hash)
    assert len(workspace.sandbox.billing()) == 3
    workspace.sandbox.reply("+33612345678", "STOP")
    workspace.sandbox.reply("+33612345679", "Merci")
    read_replies()
    assert len(workspace.sandbox.billing()) == 4, "three messages and one answer"

    for file in workspace.data_dir.glob("sms.duckdb*"):
        file.unlink()
    for file in (workspace.data_dir / "copy").iterdir():
        shutil.copy(file, workspace.data_dir)
    workspace.set()
    send_due_campaigns()
    send_due_campaigns()
    assert [mail for mail in workspace.mails if "Nothing is sent until a person has run reconcile-store" in mail] != []
    assert len(workspace.mails) == 1, "alerted once"

    page = reconcile_store()
    assert "# The store may be older than what was sent" in page
    assert "| soldes | prepared | 3 | 0 |" in page
    with pytest.raises(CampaignError, match="reason is empty"):
        reconcile_store("dominique")
    read_replies()
    assert workspace.query("SELECT answer FROM reply WHERE verdict = 'other'") == [("in_doubt",)]
    assert reconcile_store("dominique", "compared with the console") == (
        "dominique confirmed the store: messages are claimed again"
    )
    approve(workspace, recap_hash)
    read_replies()
    assert workspace.query("SELECT DISTINCT state FROM message_status") == [("accepted",)]
    assert len(workspace.sandbox.billing()) == 4, "no person gets a message twice"
    assert reconcile_store().startswith("# The store agrees with its mark")
