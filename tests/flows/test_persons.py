"""One person: what is explained of them, and that nothing of them is left when they are erased."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from campanile.sms.errors import CampaignError

KEY = "a key of the test that is long enough"
#: People of the list; the first one is the person that the tests are about.
PEOPLE = (
    "mobile;prenom;ville;optin date;optin\n"
    "06 12 34 56 78;Zoé-Quatremer;Saint-Frambault;03/02/2025;oui\n"
    "0612345679;Ana;Lyon;04/02/2025;oui\n"
    "0612345680;Bob;Lyon;05/02/2025;oui\n"
    "06 12 34 56 78 ou rien;Zoé-Quatremer;Saint-Frambault;;oui\n"
)
DRAFT = {
    "name": "soldes",
    "text": "Bonjour {first_name}, soldes demain",
    "sender_id": "36180",
    "lists": ["clients"],
    "actor": "camille",
}


def send(workspace: Any, **changes: Any) -> None:
    """Import the people, and send them a campaign."""
    from flows.approve_campaign import approve_campaign
    from flows.ingest_contacts import ingest_contacts
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    folder = workspace.data_dir / "inbox" / "contacts" / "clients"
    folder.mkdir(parents=True)
    (folder / "clients.csv").write_text(PEOPLE, encoding="utf-8")
    ingest_contacts("clients", legal_basis="consent")
    recap = prepare_campaign(CampaignDraft(**(DRAFT | changes)))
    approve_campaign("soldes", recap.recap_hash, "dominique")


def reply(workspace: Any, text: str) -> None:
    from flows.collect_delivery_reports import collect_delivery_reports
    from flows.process_replies import process_replies

    workspace.sandbox.reply("+33612345678", text)
    process_replies()
    collect_delivery_reports()


def explanations(workspace: Any) -> dict[str, str]:
    folder = workspace.data_dir / "exports" / "persons"
    return {path.suffix: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


# --- explain ---------------------------------------------------------------------------------------------------


def test_a_person_is_explained_from_the_file_to_the_stop(workspace: Any) -> None:
    from flows.explain_number import explain_number

    workspace.set(evidence_key=KEY)
    send(workspace)
    reply(workspace, "STOP merci, Quatremer")
    page = explain_number("+33 6 12 34 56 78")
    for secret in ("612345678", "12 34 56", "Zoé", "Bonjour", "Frambault", "STOP merci"):
        assert secret not in page, "numbers are masked in artifacts, and no text is there"
    assert "336\\*\\*\\*\\*5678" in page
    assert workspace.runs.pages["explain-number"].data == page
    files = explanations(workspace)
    whole = files[".md"]
    for line in (
        "+33612345678",
        "- it is opted out",
        "Brought by row 2 of clients.csv, imported Mon 2026-11-23 08:00 (Europe/Paris), Mon 2026-11-23 07:00 UTC",
        "Legal basis: consent",
        "| consent\\_on | 2025-02-03 |",
        "| first\\_name | Zoé-Quatremer |",
        "rejected: letters",
        "Delivered: delivered to the phone",
        "> Bonjour Zoé-Quatremer, soldes demain",
        "Read as stop",
        "> STOP merci, Quatremer",
        "it applies",
    ):
        assert line in whole, f"{line}\n---\n{whole}"
    evidence = json.loads(files[".json"])["evidence"]
    (message,) = evidence["records"]["messages"]
    assert (message["state"], message["text"]) == ("delivered", "Bonjour Zoé-Quatremer, soldes demain")
    assert [path.stat().st_mode & 0o077 for path in (workspace.data_dir / "exports" / "persons").iterdir()] == [0, 0]


def test_an_explanation_has_how_things_ended(workspace: Any) -> None:
    """The message that a reply is about, the undone opt-out and its push, a dead number, a report that never came."""
    from flows.explain_number import explain_number
    from flows.process_replies import process_replies
    from flows.record_opt_out import record_opt_out
    from flows.undo_opt_out import undo_opt_out
    from tasks.context import current_context

    workspace.set(evidence_key=KEY)
    send(workspace, reply_owner="accueil@example.org")
    reply(workspace, "Combien ça coûte ?")
    record_opt_out("0612345678", "phone", "camille")
    process_replies()
    undo_opt_out("camille", "it was her neighbour", number="0612345678")
    die()
    be_absent()
    explain_number("0612345678")
    (whole,) = [text for suffix, text in explanations(workspace).items() if suffix == ".md"]
    for line in (
        "by sandbox, after the message of campaign soldes, submitted Mon 2026-11-23 08:0",
        "in the file of replies Mon 2026-11-23 08:0",
        "| sandbox, Mon 2026-11-23 08:0",
        "by camille, who undid it: it was her neighbour |",
        "No message is sent to this number since Mon 2026-11-23 08:0",
        "| died | absent | a report of gateway sandbox |",
        "The phone was absent 2 times in a row, first reported Mon 2026-11-23 08:0",
    ):
        assert line in whole, f"{line}\n---\n{whole}"
    assert "No delivery report came" not in whole
    with current_context().transaction() as tx:
        tx.execute("DELETE FROM message_event WHERE event = 'delivered' AND recipient_id = 33612345678")
        tx.execute("UPDATE gateway_state SET changed_at = changed_at + INTERVAL 25 HOUR WHERE name = 'reports'")
    explain_number("0612345678")
    newest = sorted((workspace.data_dir / "exports" / "persons").iterdir())[-2:]
    assert "No delivery report came, and none can come any more" in newest[1].read_text(encoding="utf-8")
    evidence = json.loads(newest[0].read_text(encoding="utf-8"))["evidence"]
    records = evidence["records"]
    assert evidence["without_report"] == [records["messages"][0]["client_ref"]]
    assert records["replies"][0]["message_text"] == "Bonjour Zoé-Quatremer, soldes demain"
    assert records["opt_outs"][0]["lift_reason"] == "it was her neighbour"
    assert records["opt_outs"][0]["pushed_to"] == "sandbox"
    assert records["absences"]["absence_count"] == 2
    assert records["dead_number_events"][0]["event"] == "died"


@pytest.mark.parametrize("number", ["0612345678", "06.12.34.56.78", "0033612345678", "+33 (0)6 12 34 56 78"])
def test_a_number_is_typed_in_any_form(workspace: Any, number: str) -> None:
    from flows.explain_number import explain_number

    assert explain_number(number).startswith("# +336\\*\\*\\*\\*5678\n\n**Nothing is stored about this number.**")
    assert list(explanations(workspace)) == [".md"], "without a key nothing is signed"


def test_what_is_no_number_is_refused_and_not_shown(workspace: Any) -> None:
    from flows.explain_number import explain_number

    with pytest.raises(CampaignError, match=r"^number 01\*+678 cannot be read: not_mobile"):
        explain_number("01 42 68 56 78")


def test_a_campaign_that_a_person_did_not_get_says_why(workspace: Any) -> None:
    from flows.explain_number import explain_number
    from flows.record_opt_out import record_opt_out

    record_opt_out("0612345678", "phone", "camille", note="angry")
    send(workspace)
    assert "left out: asked not to be written to (STOP)" in explain_number("0612345678")
    whole = explanations(workspace)[".md"]
    assert "| by clients: asked not to be written to (STOP) |" in whole.replace("approved", "")
    assert "recorded by camille (angry)" in whole
    explain_number("0612345699")
    absent = sorted((workspace.data_dir / "exports" / "persons").glob("*.md"))[-1].read_text(encoding="utf-8")
    assert "was not among its recipients: not on clients when it was prepared" in absent


def verify(path: Path, key: str = KEY) -> tuple[int, str]:
    import os
    import subprocess
    import sys

    script = Path(__file__).parents[2] / "scripts" / "verify_evidence.py"
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(path)],
        env=os.environ | {"SMS_EVIDENCE_KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


def test_the_script_says_whether_a_file_was_changed(workspace: Any, tmp_path: Path) -> None:
    from flows.explain_number import explain_number

    workspace.set(evidence_key=KEY)
    explain_number("0612345678")
    (path,) = (workspace.data_dir / "exports" / "persons").glob("*.json")
    assert verify(path) == (0, "ok: not changed since it was signed")
    status, line = verify(path, KEY + "x")
    assert (status, line.startswith("its signature does not fit")) == (1, True)
    changed = tmp_path / "changed.json"
    changed.write_bytes(path.read_bytes().replace(b"France", b"Franca").replace(b'"FR"', b'"RE"'))
    assert verify(changed)[0] == 1
    assert len((Path(__file__).parents[2] / "scripts" / "verify_evidence.py").read_text().splitlines()) <= 50


# --- erase -----------------------------------------------------------------------------------------------------

#: Pieces of the person: name, town, text, reply; the forms of the number are searched by patterns.
PIECES = ("Quatremer", "Frambault", "ma voisine")


def count_of_rows(workspace: Any) -> list[tuple[Any, ...]]:
    """Return the counts and sums that must not change, by table."""
    tables = (
        "message",
        "message_event",
        "exclusion",
        "reply",
        "import_row",
        "import_row_reject",
        "credit_entry",
        "recap",
    )
    counts = [workspace.query(f"SELECT '{table}', count(*) FROM {table}")[0] for table in tables]
    return [
        *counts,
        *workspace.query("SELECT state, count(*), sum(price) FROM message_status GROUP BY state ORDER BY 1"),
    ]


def files_with(folder: Path, pieces: tuple[str, ...] = PIECES) -> list[str]:
    """Return the files of a folder with a piece of the person, or with the number: a grep over their bytes."""
    from campanile.sms.numbers.written_forms import bytes_pattern

    pattern = bytes_pattern("+33612345678")
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        names = [piece for piece in pieces if piece.encode() in content or piece.encode("utf-16-le") in content]
        if pattern.search(content):
            names.append("number")
        found += [f"{path.relative_to(folder)}: {', '.join(names)}"] if names else []
    return found


def parquet_with(workspace: Any, pieces: Sequence[str]) -> list[str]:
    """Return the Parquet files, which are compressed, with a row that has one of the pieces."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        return [
            str(path.relative_to(workspace.data_dir))
            for path in sorted(workspace.data_dir.rglob("*.parquet"))
            if any(piece in str(connection.execute(f"FROM read_parquet('{path}')").fetchall()) for piece in pieces)
        ]


def cells_with_number(workspace: Any) -> set[str]:
    """Return the columns of the store that contain the number."""
    columns = workspace.query(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'store' "
        "AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE database_name = 'store')"
    )
    return {
        f"{table}.{column}"
        for table, column in columns
        if workspace.query(f"SELECT count(*) FROM {table} WHERE contains(CAST({column} AS VARCHAR), '612345678')")[0][0]
    }


def settle(workspace: Any) -> None:
    """Put the person into every kind of file and table: send, get replies, report, export, copy, explain."""
    workspace.set(evidence_key=KEY)
    workspace.set_up("a person everywhere", lambda: put_everywhere(workspace))


def drop_replies(workspace: Any) -> None:
    """Drop a file of replies, with one that is handed back."""
    folder = workspace.data_dir / "inbox" / "replies"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "replies.csv").write_text(
        "Sender;Message;Received at\n06 12 34 56 78;Avec ma voisine ?;2026-11-23 08:05\n"
        "06 12 34 56 78;Ou ma voisine;le matin\n0612345679;Combien ?;2026-11-23 08:05\n",
        encoding="utf-8",
    )


def call_back(workspace: Any) -> None:
    """Put callbacks of two gateways into their spools, which nobody has read."""
    from campanile.gateways.callbacks.spool import Callback, SpoolWriter
    from tasks.context import current_context

    context, ((ref,),) = current_context(), workspace.query("SELECT client_ref FROM message WHERE text LIKE '%Zo%'")
    items = [{"from": "+33612345678", "text": "ma voisine Quatremer"}, {"from": "+33612345679", "text": "Oui"}]
    for gateway, kind, content in (
        ("sandbox", "replies", json.dumps({"items": items})),
        ("sandbox", "reports", json.dumps({"items": [{"client_ref": ref, "status": "delivered"}]})),
        ("twilio", "replies", "MessageSid=SM1&From=%2B33612345678&Body=Quatremer+ma+voisine&FromCity=Saint-Frambault"),
    ):
        folder = context.settings.callbacks / gateway
        folder.mkdir(parents=True, exist_ok=True)
        writer = SpoolWriter(folder, kind, 30)
        writer.append([Callback(content, context.now())])
        writer.close()


def be_absent() -> None:
    from tasks.context import current_context

    with current_context().transaction() as tx:
        tx.execute("INSERT INTO absence VALUES (33612345678, 2, $at, $at)", {"at": tx.at})


def die() -> None:
    from tasks.context import current_context

    with current_context().transaction() as tx:
        at = {"at": tx.at}
        tx.execute("INSERT INTO dead_number VALUES (33612345678, '+33612345678', 'absent', $at)", at)
        tx.execute(
            "INSERT INTO dead_number_event VALUES (1, 33612345678, 'died', 'absent', 'a report of gateway sandbox', "
            "NULL, NULL, $at)",
            at,
        )


def put_everywhere(workspace: Any) -> None:
    from flows.backup_store import backup_store
    from flows.configure_auto_responder import configure_auto_responder
    from flows.explain_number import explain_number
    from flows.export_opt_outs import export_opt_outs
    from flows.manage_list import manage_list
    from flows.publish_snapshot import publish_snapshot
    from flows.record_opt_out import record_opt_out
    from flows.report_campaign import report_campaign
    from flows.undo_opt_out import undo_opt_out

    configure_auto_responder(True, "Merci, un conseiller vous rappelle")
    send(workspace, reply_owner="accueil@example.org")
    drop_replies(workspace)
    record_opt_out("0612345678", "phone", "camille", note="Mme Quatremer")
    reply(workspace, "c'est quoi ma voisine Quatremer")
    undo_opt_out("camille", "Mme Quatremer had asked for her address", number="0612345678")
    die()
    reply(workspace, "c'est ma voisine Quatremer qui veut venir")
    reply(workspace, "je ne veux plus vos messages, ma voisine non plus")
    be_absent()
    report_campaign("soldes")
    export_opt_outs()
    publish_snapshot()
    manage_list("clients", "export")
    call_back(workspace)
    backup_store()
    explain_number("0612345678")


def erase(number: str = "06 12 34 56 78") -> str:
    from flows.erase_person import erase_person

    return erase_person(number, "camille", "asked by letter, ticket 12")


@pytest.fixture
def without_prefect(monkeypatch: pytest.MonkeyPatch, workspace: Any) -> Any:
    """Erase from the pages of plain runs what would be erased from Prefect."""

    def erase_pages(is_about: Any) -> list[str]:
        about = [key for key, page in workspace.runs.pages.items() if is_about(page.data)]
        for key in about:
            del workspace.runs.pages[key]
        return [f"{len(about)} pages deleted"]

    monkeypatch.setattr("tasks.persons.erase_from_prefect", erase_pages)
    return workspace


def test_nothing_of_an_erased_person_is_left_but_the_opt_out(without_prefect: Any) -> None:
    from campanile.store.campaigns.campaigns import find_campaign
    from campanile.store.campaigns.recaps import verify_recap
    from campanile.store.contacts.erasure import read_traces
    from campanile.store.db.invariants import broken_invariants
    from tasks.context import current_context

    workspace = without_prefect
    settle(workspace)
    with current_context().transaction(read_only=True) as tx:
        pseudonyms = read_traces(tx, 33612345678, "+33612345678").pseudonyms
    before, pages = count_of_rows(workspace), "".join(page.data for page in workspace.runs.pages.values())
    found = files_with(workspace.data_dir)
    for part in (
        "archive/",
        "rejects/",
        "archive/replies/",
        "rejects/replies/",
        "callbacks/sandbox/replies",
        "callbacks/twilio/replies",
        "exports/soldes/everyone.csv",
        "exports/soldes/repliers.csv",
        "exports/soldes/opted_out.csv",
        "exports/soldes/results.html",
        "exports/replies/soldes.csv",
        "exports/opt_outs/",
        "exports/dead_numbers.csv",
        "exports/lists/",
        "exports/persons/",
        "sms.duckdb",
    ):
        assert any(part in line for line in found), f"the search finds nothing in {part}: {found}"
    assert "Quatremer" in pages
    compressed = set(parquet_with(workspace, pseudonyms))
    assert {"exports/soldes/everyone.parquet", "snapshot/messages.parquet", "snapshot/replies.parquet"} <= compressed
    assert cells_with_number(workspace) >= {
        "reply.recipient_id", "absence.number_id", "dead_number_event.number_id", "opt_out_push.opt_out_key",
    }  # fmt: skip

    page = erase()
    assert "⚠" not in page, page
    pieces = (*PIECES, *pseudonyms)
    left = [line for line in files_with(workspace.data_dir, pieces) if not line.startswith("backups/")]
    assert left == [], "the store has the number as an integer only"
    assert parquet_with(workspace, ["612345678", *pieces]) == []
    assert cells_with_number(workspace) == {"opt_out_entry.opt_out_key"}
    assert [
        key for key, shown in workspace.runs.pages.items() if "Quatremer" in shown.data or "voisine" in shown.data
    ] == []
    assert count_of_rows(workspace) == before
    with current_context().transaction(read_only=True) as tx:
        assert broken_invariants(tx) == {}
        verify_recap(tx, find_campaign(tx, "soldes"))


def test_an_erased_person_stays_opted_out_and_others_stay(without_prefect: Any) -> None:
    from flows.ingest_contacts import ingest_contacts
    from flows.prepare_campaign import prepare_campaign
    from flows.process_replies import process_replies
    from schemas.draft import CampaignDraft

    workspace = without_prefect
    settle(workspace)
    erase()
    assert workspace.query("SELECT msisdn FROM contact ORDER BY 1") == [("+33612345679",), ("+33612345680",)]
    sources = {source for (source,) in workspace.query("SELECT source FROM opt_out_entry WHERE lifted_at IS NULL")}
    assert sources >= {"reply_doubtful", "erasure"}
    texts = [text for (text,) in workspace.query("SELECT text FROM message ORDER BY text")]
    assert [text for text in texts if "Ana" in text or "Bob" in text] == [
        "Bonjour Ana, soldes demain",
        "Bonjour Bob, soldes demain",
    ]
    with_others = (workspace.data_dir / "exports" / "soldes" / "everyone.csv").read_text(encoding="utf-8-sig")
    assert with_others.count("soldes demain") == 2

    workspace.sandbox.reply("+33612345678", "START")
    process_replies()
    (workspace.data_dir / "inbox" / "contacts" / "clients" / "again.csv").write_text(PEOPLE + "\n", encoding="utf-8")
    ingest_contacts("clients")
    recap = prepare_campaign(CampaignDraft(**(DRAFT | {"name": "encore", "repeat": True})))
    assert (recap.message_count, recap.exclusion_count) == (2, 1)
    assert workspace.query("SELECT reason FROM exclusion JOIN campaign USING (campaign_id) WHERE name = 'encore'") == [
        ("opted_out",)
    ]


def test_erased_replies_do_not_come_back_when_they_are_read_again(without_prefect: Any) -> None:
    from flows.process_replies import process_replies
    from flows.reset_cursor import reset_cursor

    workspace = without_prefect
    settle(workspace)
    erase()
    reset_cursor("sandbox", "replies", "camille", "the provider restored a backup")
    drop_replies(workspace)
    before = workspace.query("SELECT count(*) FROM reply")
    process_replies()
    assert workspace.query("SELECT count(*) FROM reply") == before
    assert workspace.query("SELECT DISTINCT sender, text FROM reply ORDER BY 1") == [
        ("(erased)", "(erased)"),
        ("+33612345679", "Combien ?"),
    ]


def test_erased_replies_are_not_handed_over_or_shown(without_prefect: Any) -> None:
    from flows.process_replies import process_replies
    from flows.report_campaign import report_campaign

    workspace = without_prefect
    settle(workspace)
    workspace.sandbox.reply("+33612345678", "Encore ma voisine")
    erase()
    workspace.sandbox.reply("+33612345680", "Merci, à samedi")
    process_replies()
    report_campaign("soldes")
    exports = workspace.data_dir / "exports"
    replies = (exports / "replies" / "soldes.csv").read_text(encoding="utf-8-sig")
    assert ("Merci, à samedi" in replies, "(erased)" in replies) == (True, False)
    page = (exports / "soldes" / "results.html").read_text(encoding="utf-8")
    assert ("Merci, à samedi" in page, "(erased)" in page) == (True, False)


def test_a_person_who_is_erased_twice_is_erased(without_prefect: Any) -> None:
    workspace = without_prefect
    settle(workspace)
    erase()
    assert "⚠" not in erase()
    assert workspace.query("SELECT count(*) FROM opt_out_entry WHERE source = 'erasure'") == [(1,)]


def test_a_waiting_message_of_an_erased_person_is_not_sent(without_prefect: Any) -> None:
    from flows.send_due_campaigns import send_due_campaigns

    workspace = without_prefect
    send(workspace, send_on="2026-11-24", send_time="09:00")
    erase()
    workspace.set_clock("2026-11-24T09:30:00+01:00")
    send_due_campaigns()
    states = dict(workspace.query("SELECT coalesce(reason, state), count(*) FROM message_status GROUP BY 1"))
    assert states == {"accepted": 2, "erased": 1}
    assert sorted(line["to"] for line in workspace.sandbox.billing()) == ["+33612345679", "+33612345680"]
    assert workspace.query("SELECT state FROM campaign WHERE name = 'soldes'") == [("finished",)]


def test_a_prepared_campaign_of_an_erased_person_must_be_prepared_again(without_prefect: Any) -> None:
    from flows.approve_campaign import approve_campaign
    from flows.revise_campaign import revise_campaign

    workspace = without_prefect
    send(workspace, send_on="2026-11-24", numbers=["06 12 34 56 78"])
    revise_campaign("soldes", "lou", text="Bonsoir {first_name}")
    erase()
    (recap_hash,) = workspace.query("SELECT recap_hash FROM campaign")[0]
    with pytest.raises(CampaignError, match="a person of it was erased; prepare again"):
        approve_campaign("soldes", recap_hash, "dominique")
    recap = revise_campaign("soldes", "lou", prepare_again=True)
    assert recap.message_count == 2
    approve_campaign("soldes", recap.recap_hash, "dominique")
    workspace.assert_in_order()


def test_a_person_with_an_unknown_message_is_not_erased(without_prefect: Any) -> None:
    workspace = without_prefect
    workspace.sandbox.set_faults(script=["reset"])
    workspace.set(sandbox_resolution="neither", settle_wait_seconds=0.1)
    send(workspace)
    with pytest.raises(CampaignError, match=r"^this person has a message in flight or unknown in soldes: wait"):
        erase()
    assert len(workspace.query("SELECT 1 FROM contact")) == 3


@pytest.mark.parametrize(
    ("actor", "reason", "line"),
    [
        pytest.param("", "ticket 12", "actor is empty", id="no actor"),
        pytest.param("camille", " ", "reason is empty", id="no reason"),
        pytest.param("camille", "call 06.12.34.56.78", "reason contains the number", id="the number as a reason"),
    ],
)
def test_an_erasure_says_who_and_why(without_prefect: Any, actor: str, reason: str, line: str) -> None:
    from flows.erase_person import erase_person

    with pytest.raises(CampaignError, match=f"^{line}"):
        erase_person("0612345678", actor, reason)


def test_a_copy_of_the_store_does_not_bring_an_erased_person_back(without_prefect: Any) -> None:
    from campanile.services.clock import real_now
    from campanile.store.db.database import transaction
    from campanile.store.db.invariants import broken_invariants

    workspace = without_prefect
    settle(workspace)
    page = erase()
    (copy,) = (workspace.data_dir / "backups").glob("*/sms.duckdb")
    assert f"{copy.parent.name}" in page
    assert files_with(copy.parent) == [], "the opt-out has the number as an integer only"
    with transaction(copy, real_now, read_only=True) as tx:
        assert broken_invariants(tx) == {}
        assert tx.execute("SELECT count(*) FROM contact WHERE msisdn = '+33612345678'").fetchall() == [(0,)]
        assert tx.execute("SELECT count(*) FROM opt_out WHERE msisdn = '+33612345678'").fetchall() == [(1,)]


def test_files_that_people_work_with_are_named_and_stay(without_prefect: Any) -> None:
    workspace = without_prefect
    settle(workspace)
    path = workspace.data_dir / "inbox" / "contacts" / "clients" / "next.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    page = erase()
    assert "⚠" in page
    assert "inbox/contacts/clients/next.csv: remove the row before the file is imported" in page.replace("\\", "")
    assert path.read_text(encoding="utf-8") == PEOPLE
