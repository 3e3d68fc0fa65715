"""A campaign by hand: files in, prepared, approved and sent from the forms of the UI, as `make up` gives it."""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from campanile.file_permissions import open_to_others

pytestmark = pytest.mark.browser

#: Twelve mobile numbers beside the examples of the French numbering plan, one of them twice, and a landline.
MOBILES = [f"06123456{last:02}" for last in range(70, 82)]
CONTACTS = "prénom;mobile\n" + "\n".join(f"Client {number[-2:]};{number}" for number in [*MOBILES, MOBILES[0]])
OPTED_OUT = "+33612345671"
#: What an address, a form, Markdown or a shell could trip over.
TEXT = """Bonjour {first_name|cher client}, <b>-20 %</b> | l'été "à 100%25" & + #1 \\o/ ce samedi."""


def test_a_campaign_is_prepared_approved_and_sent_by_hand(installation: Any, person: Any, tmp_path: Path) -> None:
    file = tmp_path / "clients.csv"
    file.write_text(f"{CONTACTS}\nLigne fixe;0123456789\n", encoding="utf-8")
    assert person.run("ingest-contacts", list_name="clients", path=str(file), legal_basis="consent") == "Completed"
    page = person.read("import-clients", "Import into clients")
    assert results_of(page) == {"accepted": "12", "updated": "0", "duplicate": "1", "rejected": "1"}

    person.open_form("prepare-campaign")
    person.press_submit()
    person.page.get_by_text("'name' is a required property").wait_for()
    person.fill("Name", "soldes")
    person.fill("Text", TEXT)
    person.fill("Sender", "MABOUTIQUE")
    person.fill("Lists", ["clients"])
    person.fill("Your name", "Camille")
    person.submit()
    assert person.wait_for_end() == "Completed"
    recap = person.read("recap-soldes", "Recap of soldes, version 1")
    assert "12 contacts = 12 messages + 0 excluded." in recap
    assert TEXT in recap, "what a user wrote is shown as it was written"
    assert TEXT.replace("{first_name|cher client}", "Client 70") in recap, "and as it will be read"
    assert "+336****5670" in recap
    assert not re.search(r"6123456\d\d", recap), "no number in the clear"
    (recap_hash,) = re.findall(r"Hash ([0-9a-f]{8})\b", recap)
    filled_in = {
        "Approve": {"campaign": "soldes", "recap_hash": recap_hash, "Your name": ""},
        "Send a test": {"campaign": "soldes"},
        "Revise": {"campaign": "soldes", "text": TEXT, "Your name": "", "sender_id": ""},
        "Cancel": {"campaign": "soldes", "reason": ""},
    }
    for link, values in filled_in.items():
        with person.following(link) as form:
            assert form.filled_in().items() >= values.items(), link

    with person.following("Revise") as form:
        form.fill("text", TEXT.replace("samedi", "dimanche"))
        form.fill("Your name", "Camille")
        form.submit()
        assert form.wait_for_end() == "Completed"
    recap = person.read("recap-soldes", "Recap of soldes, version 2")
    assert "People since version 1: 12 get another text." in recap

    installation.ask_sandbox("POST", "/sandbox/replies", {"from": OPTED_OUT, "text": "STOP"})
    with person.following("Approve") as form:
        form.fill("Your name", "Dominique")
        form.submit()
        assert form.wait_for_end() == "Completed"
    assert person.follow("send soldes") == "Completed"
    progress = person.read("progress-soldes", "soldes: finished, ")
    assert "accepted by the gateway" in progress
    assert "stopped by an opt-out" in progress

    assert installation.stop() == 0, installation.output
    assert installation.output.rstrip().endswith("all stopped")
    assert installation.remaining_processes() == []
    assert open_to_others(installation.home) == [], "no other account reads the store, the logs or Prefect's database"
    accepted = read_store(
        installation.home, "SELECT client_ref, msisdn FROM message_status WHERE gateway_message_id IS NOT NULL"
    )
    bills = [json.loads(line) for line in (installation.home / "sandbox" / "billing.jsonl").read_text().splitlines()]
    assert Counter((bill["client_ref"], bill["to"]) for bill in bills) == Counter(accepted)
    wanted = {f"+33{number[1:]}" for number in MOBILES} - {OPTED_OUT}
    assert sorted(bill["to"] for bill in bills) == sorted(wanted), "each once, and no person who said STOP"


def results_of(page: str) -> dict[str, str]:
    """Return how many rows of a file had each result, from the page of its import."""
    rows = [line.split("\t") for line in page.splitlines()]
    return {
        result: count for result, _, count, _ in (cells for cells in rows if len(cells) == 4 and cells[3].endswith("%"))
    }


def read_store(home: Path, query: str) -> list[tuple[Any, ...]]:
    from campanile.store.db.database import transaction

    with transaction(home / "sms.duckdb", lambda: datetime.now(UTC), read_only=True) as tx:
        return tx.execute(query).fetchall()
