"""A store that is copied and comes back, through its flows: copy, alert, page, a person's word."""

import shutil
from typing import Any

import pytest

from campanile.sms.errors import CampaignError
from tests.flows.test_operators import answer, approve, prepare, read_replies


def test_a_store_that_came_back_is_looked_up_confirmed_and_goes_on(mailbox: Any) -> None:
    from flows.backup_store import backup_store
    from flows.reconcile_store import reconcile_store
    from flows.send_due_campaigns import send_due_campaigns

    house = mailbox
    answer(True)
    recap_hash = prepare(house, "soldes")
    line = backup_store(str(house.data_dir / "copy"))
    assert "the copy was opened and is whole" in line
    approve(house, recap_hash)
    assert len(house.sandbox.billing()) == 3
    house.sandbox.reply("+33612345678", "STOP")
    house.sandbox.reply("+33612345679", "Merci")
    read_replies()
    assert len(house.sandbox.billing()) == 4, "three messages and one answer"

    for file in house.data_dir.glob("sms.duckdb*"):
        file.unlink()
    for file in (house.data_dir / "copy").iterdir():
        shutil.copy(file, house.data_dir)
    house.set()
    send_due_campaigns()
    send_due_campaigns()
    assert [mail for mail in house.mails if "Nothing is sent until a person has run reconcile-store" in mail] != []
    assert len(house.mails) == 1, "told once"

    page = reconcile_store()
    assert "# The store may be older than what was sent" in page
    assert "| soldes | prepared | 3 | 0 |" in page
    with pytest.raises(CampaignError, match="reason is empty"):
        reconcile_store("dominique")
    read_replies()
    assert house.query("SELECT answer FROM reply WHERE verdict = 'other'") == [("in_doubt",)]
    assert reconcile_store("dominique", "compared with the console") == (
        "dominique confirmed the store: messages are claimed again"
    )
    approve(house, recap_hash)
    read_replies()
    assert house.query("SELECT DISTINCT state FROM message_status") == [("accepted",)]
    assert len(house.sandbox.billing()) == 4, "nobody gets anything twice"
    assert reconcile_store().startswith("# The store agrees with its mark")
