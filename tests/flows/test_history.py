"""Provider histories read by the flows: reset by hand, renumbered, without end; each recorded or alerted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from campanile.sms.errors import SmsError
from schemas.gateway import IncomingReply, Page

OPEN_ALERTS = "SELECT kind FROM alert WHERE cleared_at IS NULL ORDER BY kind"


def read_replies() -> None:
    from flows.process_replies import process_replies

    process_replies()


def reset(history: Any = "replies", **changes: str) -> str:
    from flows.reset_cursor import reset_cursor

    given = {"gateway": "sandbox", "actor": "Camille", "reason": "the provider restored a backup"} | changes
    return str(reset_cursor(history=history, **given))


def test_reset_by_hand_all_is_read_again_and_nothing_counts_twice(workspace: Any) -> None:
    workspace.sandbox.reply("+33612345678", "STOP")
    workspace.sandbox.reply("+33612345679", "Bonjour")
    read_replies()
    line = reset()
    assert line.startswith("Camille reset the cursor of the replies of sandbox (it was 2)")
    cursors = "SELECT value FROM gateway_state WHERE name IN ('replies', 'opt_outs') ORDER BY name"
    assert workspace.query(cursors) == [("1",), ("",)]
    read_replies()
    assert workspace.query(cursors) == [("1",), ("2",)]
    assert workspace.query("SELECT count(*) FROM reply") == [(2,)]
    ((value, actor),) = workspace.query("SELECT value, actor FROM operator_setting WHERE name LIKE 'reset_cursor%'")
    assert ("the provider restored a backup" in value, actor) == (True, "Camille")
    for changes, words in (
        ({"actor": " "}, "actor is empty"),
        ({"reason": ""}, "reason is empty"),
        ({"gateway": "x"}, "'x'"),
    ):
        with pytest.raises(SmsError, match=words):
            reset(**changes)


def test_a_list_without_end_is_an_alert_when_it_happens_again(mailbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from campanile.gateways.sandbox.adapter import SandboxGateway

    def endless(_: object, cursor: str) -> Page[IncomingReply]:
        at = int(cursor or 0) + 1
        return Page([IncomingReply(f"r-{at}", "+33612345678", "Oui", datetime.now(UTC))], str(at))

    mailbox.set(history_pages=2)
    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "replies", endless)
        read_replies()
        assert mailbox.mails == []
        read_replies()
        read_replies()
        assert mailbox.query("SELECT value FROM gateway_state WHERE name = 'replies'") == [("6",)]
    (mail,) = mailbox.mails
    assert "the replies of gateway sandbox did not end within 2 pages" in mail.replace("\n", " ")
    read_replies()  # the real sandbox again: it refuses that cursor, and is read from its beginning
    assert mailbox.query(OPEN_ALERTS) == [("numbered anew: replies",)]
    assert "gateway sandbox renumbered its replies: it refuses cursor 6" in mailbox.mails[1].replace("\n", " ")
