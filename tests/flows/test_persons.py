"""One person: what is explained of them, and that nothing of them is left when they are erased."""

import json
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
