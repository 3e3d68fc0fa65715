"""Erased people and old messages in the tables: counts, credit and hashes hold, and nobody is found again."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.recaps import verify_recap
from campanile.store.contacts.erasure import check_settled, erase
from campanile.store.contacts.retention import purge_messages, purge_rejects, purge_replies
from campanile.store.db.compact import compact
from campanile.store.inbound.replies import add_replies
from tests.store.conftest import number_of
from tests.stores import IN_BOTH_MODES

SQL = Path(__file__).parents[2] / "campanile" / "store" / "sql"
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


@IN_BOTH_MODES
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


@IN_BOTH_MODES
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


@IN_BOTH_MODES
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


def test_a_reply_does_not_lead_to_its_message(desk: Any) -> None:
    """The opt-out that stays names its reply."""
    accepted(desk)
    reply(desk, "Oui")
    with desk.tx() as tx:
        tx.execute(f"UPDATE reply SET campaign_id = 1, recipient_id = {NUMBER}")
    erase_person(desk)
    assert desk.sql("SELECT campaign_id, recipient_id FROM reply") == [(1, None)]
    assert desk.broken() == {}


def test_the_id_of_a_gateway_that_gives_none_does_not_lead_to_the_person(desk: Any) -> None:
    """Kannel's id of a message is our reference, a keyed hash of the number."""
    delivered(desk)
    ((ref,),) = desk.sql(f"SELECT client_ref FROM message WHERE number_id = {NUMBER}")
    with desk.tx() as tx:
        tx.execute(
            f"UPDATE message_event SET gateway_message_id = '{ref}' "
            f"WHERE recipient_id = {NUMBER} AND gateway_message_id IS NOT NULL"
        )
        tx.execute(
            f"UPDATE delivery_report SET gateway_message_id = '{ref}', report_id = '{ref}:1' WHERE client_ref = '{ref}'"
        )
    before = desk.states("soldes")
    erase_person(desk)
    assert all(ref not in str(desk.sql(f"FROM {table}")) for table in ("message", "message_event", "delivery_report"))
    assert desk.sql(
        "SELECT count(*) FROM delivery_report AS report JOIN message USING (client_ref) JOIN message_event "
        "ON message_event.gateway_message_id = report.gateway_message_id WHERE message.number_id < 0 "
        "AND report.report_id = message.client_ref || ':1'"
    ) != [(0,)]
    assert (desk.states("soldes"), desk.broken()) == (before, {})


def test_the_histories_of_an_erased_person_are_of_nobody(desk: Any) -> None:
    at = {"at": desk.clock.at}
    with desk.tx() as tx:
        tx.execute(f"INSERT INTO absence VALUES ({NUMBER}, 2, $at, $at), ({number_of(2)}, 1, $at, $at)", at)
        tx.execute(f"INSERT INTO dead_number VALUES ({NUMBER}, '+{NUMBER}', 'absent', $at)", at)
        tx.execute(f"INSERT INTO dead_number_event VALUES (1, {NUMBER}, 'died', 'absent', 'a report', 7, 2, $at)", at)
        tx.execute(
            "INSERT INTO opt_out_entry (entry_id, opt_out_key, source, channel, note, recorded_at, lifted_at, "
            "lifted_by, lift_reason) VALUES "
            f"(1, {NUMBER}, 'phone', 'Zoé Quatremer', 'Zoé', $at, $at, 'camille', 'Zoé Quatremer asked'), "
            f"(2, {NUMBER}, 'phone', 'Zoé Quatremer', 'Zoé', $at, NULL, NULL, NULL)",
            at,
        )
        tx.execute(f"INSERT INTO opt_out_push VALUES ('sandbox', 1, {NUMBER}, $at), ('sandbox', 2, {NUMBER}, $at)", at)
    erase_person(desk)
    assert desk.sql("SELECT number_id FROM absence") == [(number_of(2),)]
    assert desk.sql("SELECT count(*) FROM dead_number") == [(0,)]
    assert desk.sql("SELECT event_no, number_id < 0, event, reason, evidence, import_id FROM dead_number_event") == [
        (1, True, "died", "absent", "(erased)", None)
    ]
    assert desk.sql("SELECT entry_id, opt_out_key > 0, channel, note, lift_reason FROM opt_out_entry ORDER BY 1") == [
        (1, False, None, None, "(erased)"),
        (2, True, None, None, None),
        (3, True, None, None, None),
    ]
    assert desk.sql("SELECT entry_id, opt_out_key > 0 FROM opt_out_push ORDER BY 1") == [(1, False), (2, True)]
    assert desk.broken() == {}


def test_replies_without_an_id_are_erased_together(desk: Any) -> None:
    """Replies of one file may have no id and the same minute."""
    reply(desk, "Oui")
    reply(desk, "Non")
    with desk.tx() as tx:
        tx.execute("UPDATE reply SET gateway_reply_id = ''")
    erase_person(desk)
    assert desk.broken() == {}


def test_erased_replies_without_an_id_do_not_hide_those_of_others(desk: Any) -> None:
    """A file gives minutes and no ids: of an erased reply only the minute is left."""
    store_replies(desk, (PERSON, "Oui"))
    erase_person(desk)
    store_replies(desk, (PERSON, "Oui"), (2, "Oui"), (3, "STOP"))
    assert desk.sql("SELECT sender, text FROM reply ORDER BY reply_id") == [
        ("(erased)", "(erased)"),
        (f"+{number_of(2)}", "Oui"),
        (f"+{number_of(3)}", "STOP"),
    ]
    assert desk.broken() == {}


def store_replies(desk: Any, *replies: tuple[int, str]) -> None:
    """Store replies of one file, without ids, all of the same minute."""
    rows = [["", f"+{number_of(person)}", number_of(person), text, "other", desk.clock.at] for person, text in replies]
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    with desk.tx() as tx:
        add_replies(tx, "sandbox", pd.DataFrame(rows, columns=columns))


# --- every column ------------------------------------------------------------------------------------------------

#: Columns that hold a number, a text or what a person or partner wrote, and that the statements of erasure write or
#: whose rows they delete.
ERASED = """
absence.number_id
contact.fields contact.msisdn contact.number_id
dead_number.msisdn dead_number.number_id
dead_number_event.evidence dead_number_event.number_id
delivery_report.client_ref delivery_report.gateway_message_id delivery_report.report_id
exclusion.msisdn exclusion.number_id exclusion.row_number
import_row.fields import_row.number_id
import_row_reject.raw_line
message.client_ref message.msisdn message.number_id message.recipient_id message.row_number message.text
message_charge.recipient_id
message_event.gateway_message_id message_event.recipient_id
opt_out_entry.channel opt_out_entry.lift_reason opt_out_entry.note opt_out_entry.opt_out_key
opt_out_entry.source_ref
opt_out_push.opt_out_key
campaign.draft recap.details
reply.number_id reply.recipient_id reply.sender reply.text
"""
#: Columns of these types or names that hold nothing about a person, by the reason.
NOTHING_ABOUT_A_PERSON = {
    "a word of ours": """
        alert.channels alert.facts alert.kind alert_try.channel campaign.kind campaign.state campaign.policy
        campaign.if_closed
        campaign_event.event contact.territory contact_list.legal_basis credit_entry.kind
        dead_number_event.event delivery_report.cause delivery_report.charge_unit delivery_report.status
        exclusion.reason import_file.kind import_file.region import_row.fate import_row.territory
        import_row_reject.reason message.encoding message.territory message.window_key message_event.event
        balance_reading.unit departure.window_key slice.state slice.window_key opt_out_entry.source recap.unit
        reply.answer schema_migration.name reply.settled_as reply.verdict scheduled_flow.flow_name
        policy_snapshot.policy prediction.quantity
    """,
    "a hash or a random key of a file, a recap or the store": """
        campaign.approved_hash campaign.recap_hash import_file.sha256 policy_snapshot.sha256 recap.audience_mark
        recap.recap_hash recap_redaction.redacted_hash store_state.store_id lease.owner lease.run_id
    """,
    "the name of a gateway, or its id of a reply": """
        alert.gateway balance_reading.gateway campaign.gateway credit_entry.gateway delivery_report.gateway
        gateway_state.gateway opt_out_push.gateway reply.gateway reply.gateway_reply_id
    """,
    "words of a gateway or of ours, without numbers": """
        alert.message alert_try.error campaign.stale_reason campaign.state_reason dead_number.reason
        dead_number_event.reason delivery_report.reason delivery_report.word gateway_state.name
        gateway_state.value message_event.reason scheduled_flow.error store_state.reconcile_reason
    """,
    "a colleague, and why they did something": """
        alert_try.delivered_to campaign.emergency_reason campaign_event.actor campaign_event.detail
        contact_list.declared_by
        erasure.actor erasure.reason import_file.undone_by import_file.undone_why operator_setting.actor
        operator_setting.name operator_setting.value opt_out_entry.lifted_by reply.settled_by
    """,
    "of a campaign, a list or a file as a whole": """
        campaign.name campaign.sender_id contact_list.columns contact_list.list_name
        contact_list.wording exclusion.origin import_file.column_map import_file.delimiter import_file.encoding
        import_file.file_name import_file.read_options import_file.sheet message.origin message.sender_id
        policy_snapshot.text recap.header
    """,
    "a row of a file: it is emptied, or deleted with its person": """
        contact.row_number dead_number_event.row_number import_row.of_row_number import_row.row_number
        import_row_reject.row_number
    """,
}
_NAMES = ("number_id", "recipient_id", "row_number", "opt_out_key")


def test_each_column_is_erased_or_holds_nothing_about_a_person(desk: Any) -> None:
    """A migration that adds a text, or a number of a person, must say here what an erasure does with it."""
    found = {
        f"{table}.{column}"
        for table, column, kind in desk.sql(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'store' "
            "AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE database_name = 'store')"
        )
        if kind in ("VARCHAR", "JSON", "BLOB") or column.endswith(_NAMES)
    }
    erased = set(ERASED.split())
    harmless = [name for names in NOTHING_ABOUT_A_PERSON.values() for name in names.split()]
    assert sorted(erased & set(harmless)) == []
    assert sorted(harmless) == sorted(set(harmless))
    assert found - erased - set(harmless) == set(), "say in this test what an erasure does with these columns"
    assert (erased | set(harmless)) - found == set(), "these columns are gone"
    statements = (SQL / "erasure.sql").read_text(encoding="utf-8")
    for name in erased:
        table, column = name.split(".")
        writes = re.findall(rf"^UPDATE {table} SET.*?(?=^-- name|\Z)", statements, re.DOTALL | re.MULTILINE)
        is_written = any(re.search(rf"\b{column} =", statement) for statement in writes)
        assert is_written or f"DELETE FROM {table} " in statements, f"no statement of erasure.sql writes {name}"


# --- retention -------------------------------------------------------------------------------------------------


def test_old_messages_do_not_stay_in_the_links_of_replies(desk: Any) -> None:
    finish(desk)
    ((ref,),) = desk.sql(f"SELECT client_ref FROM message WHERE number_id = {NUMBER}")
    reply(desk, "Bonjour", answer=None)
    at = {"at": desk.clock.at}
    with desk.tx() as tx:
        tx.execute(f"UPDATE reply SET campaign_id = 1, recipient_id = {NUMBER}")
        tx.execute(f"INSERT INTO absence VALUES ({NUMBER}, 2, $at, $at)", at)
        tx.execute(
            f"UPDATE message_event SET gateway_message_id = '{ref}' WHERE recipient_id = {NUMBER} "
            "AND event = 'accepted'"
        )
    desk.clock.forward(days=40)
    counts = purge(desk)
    assert (counts["messages"], counts["absences"]) == (4, 1)
    assert desk.sql("SELECT number_id, recipient_id, text FROM reply") == [(NUMBER, None, "Bonjour")], "not decided"
    assert ref not in str(desk.sql("FROM message_event"))
    assert desk.sql("SELECT count(*) FROM absence") == [(0,)]


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
            "INSERT INTO opt_out_entry (entry_id, opt_out_key, source, reply_id, recorded_at) "
            f"VALUES (1, {number_of(2)}, 'reply', {rows['reply_id'][0]}, $at)",
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
