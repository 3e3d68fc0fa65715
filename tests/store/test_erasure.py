"""Erased people and old messages in the tables: counts, credit and hashes hold, and nobody is found again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.recaps import verify_recap
from campanile.store.contacts.erasure import check_settled, erase
from campanile.store.contacts.retention import purge_messages, purge_rejects, purge_replies
from campanile.store.db.compact import compact
from tests.store.conftest import number_of

PERSON = 1
NUMBER = number_of(PERSON)


def erase_person(desk: Any, person: int = PERSON) -> dict[str, int]:
    number = number_of(person)
    with desk.tx() as tx:
        check_settled(tx, number)
        return erase(tx, number, f"+{number}", "camille", "ticket 12")


def verify(desk: Any, name: str = "soldes") -> None:
    with desk.tx(read_only=True) as tx:
        verify_recap(tx, find_campaign(tx, name))


def accept(desk: Any, lease: Any) -> Any:
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "accepted")
    return claim


def wait(desk: Any) -> None:
    desk.start("soldes")


def accepted(desk: Any) -> None:
    accept(desk, desk.start("soldes"))


def delivered(desk: Any) -> None:
    claim = accept(desk, desk.start("soldes"))
    desk.report(claim.messages[1])


def rejected(desk: Any) -> None:
    lease = desk.start("soldes")
    desk.answer(lease, desk.must_claim(lease), "rejected")


def suppressed(desk: Any) -> None:
    lease = desk.start("soldes")
    desk.opt_out(PERSON)
    accept(desk, lease)


def cancelled(desk: Any) -> None:
    desk.start("soldes")
    desk.cancel("soldes")


@pytest.mark.parametrize("reach", [wait, accepted, delivered, rejected, suppressed, cancelled])
def test_what_remains_of_an_erased_person_adds_up(desk: Any, reach: Callable[[Any], None]) -> None:
    reach(desk)
    before = desk.states("soldes"), desk.credit()
    counts = erase_person(desk)
    assert counts["message"] == 1
    assert (desk.states("soldes"), desk.credit()) == before
    assert desk.broken() == {}
    verify(desk)
    assert desk.sql(f"SELECT count(*) FROM message WHERE contains(CAST(message AS VARCHAR), '{NUMBER}')") == [(0,)]
    assert desk.sql(f"SELECT count(*) FROM message_event WHERE recipient_id = {NUMBER}") == [(0,)]


def test_the_rest_of_a_recap_is_still_verified(desk: Any) -> None:
    accepted(desk)
    erase_person(desk)
    verify(desk)
    with desk.tx() as tx:
        tx.execute(f"UPDATE message SET text = 'other' WHERE number_id = {number_of(0)}")
    with pytest.raises(CampaignError, match="differs from its recap"):
        verify(desk)
    with desk.tx() as tx:
        tx.execute(f"UPDATE message SET text = 'Soldes demain STOP 36111' WHERE number_id = {number_of(0)}")
    verify(desk)


def test_an_erasure_does_not_repair_a_recap_that_was_changed(desk: Any) -> None:
    accepted(desk)
    with desk.tx() as tx:
        tx.execute(f"UPDATE message SET text = 'other' WHERE number_id = {number_of(0)}")
    erase_person(desk)
    with pytest.raises(CampaignError, match="differs from its recap"):
        verify(desk)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param({}, id="marketing"),
        pytest.param({"kind": "alert"}, id="alert"),
        pytest.param({"kind": "alert", "requested_service": True}, id="an alert that opt-outs do not stop"),
    ],
)
def test_an_erased_person_is_not_claimed(desk: Any, head: dict[str, Any]) -> None:
    lease = desk.start("soldes", header=head, **head)
    erase_person(desk)
    claimed = [message for _ in range(2) for message in accept(desk, lease).messages]
    assert len(claimed) == 3
    assert all(message.msisdn.startswith("+") for message in claimed)
    assert desk.states("soldes") == {"accepted": 3, "suppressed": 1}
    assert desk.sql("SELECT reason FROM message_event WHERE event = 'suppressed'") == [("erased",)]


@pytest.mark.parametrize("outcome", [None, "unknown"], ids=["in flight", "unknown"])
def test_a_person_with_an_open_message_is_refused(desk: Any, outcome: str | None) -> None:
    lease = desk.start("soldes")
    claim = desk.must_claim(lease)
    if outcome:
        desk.answer(lease, claim, outcome)
    with pytest.raises(CampaignError, match="in flight or unknown in soldes"):
        erase_person(desk)


def test_files_messages_and_replies_do_not_lead_to_each_other(desk: Any) -> None:
    """A partner has the file, and an opt-out names its reply: neither may lead to the messages."""
    desk.fill_list("clients", {PERSON: {"name": "Zoé"}, 2: {"name": "Ana"}})
    accepted(desk)
    reply(desk, "Merci")
    erase_person(desk)
    ids = [
        desk.sql(f"SELECT number_id FROM {table} WHERE number_id < 0")[0]
        for table in ("import_row", "message", "reply")
    ]
    assert len(set(ids)) == 3
    assert desk.people("clients") == {2: {"name": "Ana"}}
    assert desk.sql("SELECT source, recorded_at FROM opt_out_entry") == [
        ("erasure", desk.clock.at.replace(hour=0, minute=0))
    ]


def test_deleted_rows_are_gone_from_the_bytes_of_the_store(desk: Any) -> None:
    desk.fill_list(
        "clients", {PERSON: {"name": "Zoé Quatremer"}, **{other: {"name": f"Ana {other}"} for other in range(2, 9)}}
    )
    with desk.tx(checkpoint_after=True) as tx:
        tx.execute("SELECT 1")
    content = desk.path.read_bytes()
    assert b"Quatremer" in content
    erase_person(desk)
    before = desk.sql("SELECT * FROM contact ORDER BY number_id"), desk.sql("SELECT * FROM store_state")
    compact(desk.path)
    files = {path.name: path.read_bytes() for path in desk.path.parent.iterdir() if path.is_file()}
    assert [name for name, content in files.items() if b"Quatremer" in content] == []
    assert (desk.sql("SELECT * FROM contact ORDER BY number_id"), desk.sql("SELECT * FROM store_state")) == before
    desk.fill_list("clients", {3: {"name": "Lou"}})  # the mark still fits, and the store is written as before
    with desk.tx() as tx:
        assert tx.reconciliation is None


def reply(desk: Any, text: str, person: int = PERSON, verdict: str = "other", answer: str | None = "off") -> None:
    """Store a reply of a person, and the decision on its answer."""
    reply_id = desk.next_number()
    with desk.tx() as tx:
        tx.execute(
            "INSERT INTO reply (reply_id, gateway, gateway_reply_id, sender, number_id, text, verdict, answer, "
            "received_at, counts_at, recorded_at) VALUES ($id, 'sandbox', $key, $sender, $number, $text, $verdict, "
            "$answer, $at, $at, $at)",
            {
                "id": reply_id,
                "key": f"r{reply_id}",
                "sender": f"+{number_of(person)}",
                "number": number_of(person),
                "text": text,
                "verdict": verdict,
                "answer": answer,
                "at": desk.clock.at,
            },
        )


# --- retention -------------------------------------------------------------------------------------------------


def purge(desk: Any, days: int = 31) -> dict[str, int]:
    with desk.tx() as tx:
        before = tx.at - timedelta(days=days)
        return {
            **purge_messages(tx, before),
            "replies": purge_replies(tx, before),
            "rejects": purge_rejects(tx, before),
        }


def finish(desk: Any, name: str = "soldes") -> None:
    lease = desk.start(name)
    accept(desk, lease)
    accept(desk, lease)
    desk.close(lease)


def test_old_messages_are_emptied_and_add_up(desk: Any) -> None:
    finish(desk)
    before = desk.states("soldes"), desk.credit()
    assert purge(desk)["messages"] == 0, "younger than the limit"
    desk.clock.forward(days=40)
    assert purge(desk)["messages"] == 4
    assert (desk.states("soldes"), desk.credit()) == before
    assert desk.sql("SELECT DISTINCT msisdn, text FROM message") == [("(erased)", "(erased)")]
    assert len(desk.sql("SELECT DISTINCT number_id FROM message WHERE number_id < 0")) == 4
    verify(desk)
    assert purge(desk)["messages"] == 0, "once"


@pytest.mark.parametrize("outcome", ["planned", "unknown"])
def test_what_a_campaign_still_needs_is_kept(desk: Any, outcome: str) -> None:
    lease = desk.start("soldes")
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown" if outcome == "unknown" else "accepted")
    desk.clock.forward(days=400)
    assert purge(desk)["messages"] == 0


def test_old_replies_are_emptied_but_the_proof_of_an_opt_out(desk: Any) -> None:
    reply(desk, "Merci")
    reply(desk, "Bonjour", answer=None)
    reply(desk, "STOP", person=2, verdict="stop")
    with desk.tx() as tx:
        rows = pd.DataFrame([{"number_id": number_of(2), "msisdn": f"+{number_of(2)}", "reply_id": 3}])
        tx.execute(
            "INSERT INTO opt_out_entry (entry_id, number_id, msisdn, source, reply_id, recorded_at) "
            f"VALUES (1, {number_of(2)}, '+{number_of(2)}', 'reply', {rows['reply_id'][0]}, $at)",
            {"at": desk.clock.at},
        )
    desk.clock.forward(days=40)
    assert purge(desk)["replies"] == 1
    assert sorted(text for (text,) in desk.sql("SELECT text FROM reply")) == ["(erased)", "Bonjour", "STOP"]


def test_old_rejected_lines_are_emptied_and_counted(desk: Any) -> None:
    desk.take_in("clients", (1, {}), "letters")
    assert purge(desk)["rejects"] == 0
    desk.clock.forward(days=40)
    assert purge(desk)["rejects"] == 1
    assert desk.sql("SELECT raw_line, reason FROM import_row_reject") == [("(erased)", "letters")]
