"""The main job on the samples, through Prefect, the store and a real gateway server: every figure is checked."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.prefect

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))
LISTS = {"magasin": "clients_magasin.csv", "newsletter": "newsletter.csv", "salon": "salon.xlsx"}


def test_the_samples_from_files_to_results(workspace: Any) -> None:
    from flows.approve_campaign import approve_campaign
    from flows.collect_delivery_reports import collect_delivery_reports
    from flows.configure_auto_responder import configure_auto_responder
    from flows.import_opt_outs import import_opt_outs
    from flows.ingest_contacts import ingest_contacts
    from flows.prepare_campaign import prepare_campaign
    from flows.process_replies import process_replies
    from flows.report_campaign import report_campaign
    from flows.send_due_campaigns import send_due_campaigns

    workspace.set(slice_size=100)
    workspace.sandbox.set_faults(throttle=0.05, unavailable=0.05, accept_then_reset=0.1, accept_then_500=0.05)

    # Contacts in: each row has the result that the samples' description gives.
    for list_name, name in LISTS.items():
        (report,) = ingest_contacts(list_name, str(SAMPLES / name), legal_basis="consent")[list_name]
        summary = report.summary
        assert dict(summary.result_counts) == EXPECTED["files"][name]["fates"]
        assert dict(summary.reject_reasons) == EXPECTED["files"][name]["rejected_by_reason"]
        assert summary.row_count == sum(summary.result_counts.values())
        (rejects,) = (workspace.data_dir / "rejects" / list_name).iterdir()
        assert rejects.read_text(encoding="utf-8-sig").count("\n") >= summary.result_counts["rejected"]
    (report,) = import_opt_outs(str(SAMPLES / "opt_outs.csv"))
    assert dict(report.summary.result_counts) == EXPECTED["files"]["opt_outs.csv"]["fates"]

    # The recap: audience = messages + exclusions, by territory and encoding as counted by hand.
    recap = prepare_campaign(path=str(SAMPLES / "campaign.yaml"))
    assert recap.message_count == EXPECTED["campaign"]["recipients"]
    assert recap.audience_count == recap.message_count + recap.exclusion_count
    assert recap.audience_count == sum(EXPECTED["files"][name]["distinct_numbers"] for name in LISTS.values())
    by_territory = workspace.query("SELECT territory, count(*) FROM message GROUP BY territory")
    assert dict(by_territory) == EXPECTED["campaign"]["by_territory"]
    by_encoding = workspace.query("SELECT encoding, count(*) FROM message GROUP BY encoding")
    assert dict(by_encoding) == EXPECTED["campaign"]["by_encoding"]

    # After the approval it is sent automatically: legal messages are accepted once, the others wait for their morning.
    configure_auto_responder(True, "Merci, un conseiller vous rappelle. MABOUTIQUE")
    approve_campaign("soldes-hiver", recap.recap_hash[:8], "dominique")
    states = dict(workspace.query("SELECT state, count(*) FROM message_status GROUP BY state"))
    in_the_night = ("GP", "MQ", "GF", "PM", "PF")
    sleeping = sum(EXPECTED["campaign"]["by_territory"][territory] for territory in in_the_night)
    assert states == {"accepted": recap.message_count - sleeping, "planned": sleeping}
    workspace.assert_in_order()

    # Replies: a STOP is honoured, before and after the message; each other reply gets one answer.
    billed = [line["to"] for line in workspace.sandbox.billing()]
    ((waiting,),) = workspace.query("SELECT min(msisdn) FROM message_status WHERE state = 'planned'")
    for sender in (billed[0], waiting):
        workspace.sandbox.reply(sender, "Stop. Merci")
    answered = billed[1:4]
    for sender in answered:
        workspace.sandbox.reply(sender, "à quelle heure ouvrez-vous ?")
    assert process_replies() == {"planned": 3, "stop": 2}
    assert process_replies() == {}, "reading again sends no second answer"
    collect_delivery_reports()
    for opening in ("12:05", "13:05", "19:05"):  # it is 8 in the morning in Cayenne, Pointe-à-Pitre, Papeete
        workspace.set_clock(f"2026-11-23T{opening}:00+01:00")
        assert send_due_campaigns() == ["soldes-hiver"]
    collect_delivery_reports()
    workspace.assert_in_order()
    bill = workspace.sandbox.billing()
    assert [line["to"] for line in bill].count(billed[0]) == 1, "nothing after a STOP"
    assert waiting not in [line["to"] for line in bill], "a STOP before the message is sent stops it"
    assert sorted(line["to"] for line in bill if line["text"].startswith("Merci,")) == sorted(answered)

    page = report_campaign("soldes-hiver")
    assert "State: finished" in page
    assert not [msisdn for msisdn in billed if msisdn in page], "numbers are masked"
    exported = (workspace.data_dir / "exports" / "soldes-hiver" / "everyone.csv").read_text(encoding="utf-8-sig")
    assert exported.count("soldes") == 0
    rows = list(csv.reader(io.StringIO(exported), delimiter=";"))  # cells of the files may hold line breaks
    assert len(rows) == recap.audience_count + 1, "each contact of the recap, and the header"
