"""Lists by hand: files undone or replaced, exports, legal bases, opt-outs that a colleague received, a draft's file."""

import csv
from typing import Any

import duckdb
import pytest

from campanile.sms.errors import CampaignError, SmsError

FIRST = "Mobile;Prénom;Ville\n0612345678;Zoé;Lyon\n0612345679;Basile;Nantes\n0612345680;Ève;Lille\n"
SECOND = "Mobile;Prénom;Ville\n0612345678;Zoé;Paris\n0612345681;Léa;Brest\n"


def ingest(workspace: Any, text: str, file_name: str = "clients.csv", **options: Any) -> Any:
    from flows.ingest_contacts import ingest_contacts

    return ingest_contacts("clients", workspace.drop(text, file_name), **({"legal_basis": "consent"} | options))[
        "clients"
    ][0]


def undo(import_id: int, **options: Any) -> str:
    from flows.undo_import import undo_import

    return undo_import(import_id, **({"actor": "camille"} | options))


def manage(*given: Any, **options: Any) -> str:
    from flows.manage_list import manage_list

    return manage_list(*given, **({"actor": "camille"} | options))


def prepare(**changes: Any) -> Any:
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    draft = {"name": "soldes", "text": "Bonjour {ville|à vous}", "sender_id": "MABOUTIQUE", "actor": "camille"}
    return prepare_campaign(CampaignDraft(**(draft | {"lists": ["clients"]} | changes)))


def approve(campaign: str, recap_hash: str) -> Any:
    from flows.approve_campaign import approve_campaign
    from flows.check_balance import check_balance

    check_balance("sandbox")
    return approve_campaign(campaign, recap_hash, "dominique")


def people(workspace: Any, list_name: str = "clients") -> dict[str, str]:
    rows = workspace.query(
        "SELECT msisdn, fields ->> 'ville' FROM contact JOIN contact_list USING (list_id) "
        f"WHERE list_name = '{list_name}' AND deleted_at IS NULL"
    )
    return {msisdn[-2:]: town for msisdn, town in rows}


def test_an_undone_file_leaves_the_list_as_the_others_say(workspace: Any) -> None:
    ingest(workspace, FIRST)
    second = ingest(workspace, SECOND, "deux.csv")
    page = undo(second.summary.import_id)
    assert "A preview" in page
    assert people(workspace) == {"78": "Paris", "79": "Nantes", "80": "Lille", "81": "Brest"}
    page = undo(second.summary.import_id, preview=False)
    for words in ("| removed | are in no other file of the list | 1 |", "| ville | 1 |", "Paris → Lyon"):
        assert words in page, words
    assert "0612345681" not in page
    assert people(workspace) == {"78": "Lyon", "79": "Nantes", "80": "Lille"}
    workspace.assert_in_order()


def test_an_undone_file_can_be_dropped_again(workspace: Any) -> None:
    first = ingest(workspace, FIRST)
    undo(first.summary.import_id, preview=False)
    assert people(workspace) == {}
    assert ingest(workspace, FIRST).summary.result_counts["accepted"] == 3


def test_an_import_that_is_not_there_names_those_that_are(workspace: Any) -> None:
    ingest(workspace, FIRST)
    with pytest.raises(CampaignError, match=r"no import 99.*1 \(clients\.csv"):
        undo(99)


def test_an_import_is_undone_once_and_by_a_named_person(workspace: Any) -> None:
    ingest(workspace, FIRST)
    with pytest.raises(CampaignError, match="actor"):
        undo(1, actor="")
    undo(1, preview=False)
    with pytest.raises(CampaignError, match="by camille"):
        undo(1, preview=False)


def test_a_corrected_file_takes_the_place_of_the_first(workspace: Any) -> None:
    first = ingest(workspace, FIRST)
    options = {"mode": "replace", "replaces": first.summary.import_id, "actor": "camille"}
    preview = ingest(workspace, SECOND, "corrige.csv", preview=True, **options)
    assert people(workspace) == {"78": "Lyon", "79": "Nantes", "80": "Lille"}
    done = ingest(workspace, SECOND, "corrige.csv", **options)
    assert preview.summary.replaced == done.summary.replaced
    replaced = done.summary.replaced
    assert (replaced.added, replaced.removed, replaced.changed) == (1, 2, 1)
    assert dict(replaced.changed_columns) == {"ville": 1}
    assert people(workspace) == {"78": "Paris", "81": "Brest"}
    workspace.assert_in_order()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"mode": "replace"}, id="replace without saying what"),
        pytest.param({"replaces": 1}, id="an import to replace, but mode add"),
        pytest.param({"mode": "replace", "replaces": 7}, id="an import that is not there"),
    ],
)
def test_a_replacement_half_said_is_refused_before_anything_is_read(workspace: Any, options: dict[str, Any]) -> None:
    ingest(workspace, FIRST)
    with pytest.raises(SmsError, match="import"):
        ingest(workspace, SECOND, "deux.csv", **options)
    assert people(workspace) == {"78": "Lyon", "79": "Nantes", "80": "Lille"}


def test_a_preview_of_a_file_imports_and_moves_nothing(workspace: Any) -> None:
    from flows.ingest_contacts import ingest_contacts

    inbox = workspace.data_dir / "inbox" / "contacts" / "clients"
    inbox.mkdir(parents=True)
    (inbox / "un.csv").write_text(FIRST)
    (report,) = ingest_contacts(preview=True)["clients"]
    assert report.summary.result_counts["accepted"] == 3
    assert workspace.query("SELECT count(*) FROM import_file") == [(0,)]
    assert (inbox / "un.csv").exists()


def test_a_prepared_recap_that_an_undo_touches_is_stale(workspace: Any) -> None:
    first = ingest(workspace, FIRST)
    recap = prepare()
    page = undo(first.summary.import_id, preview=False)
    assert "| soldes | prepared |" in page
    with pytest.raises(CampaignError, match="prepare again"):
        approve("soldes", recap.recap_hash)


def test_an_approved_recap_that_an_undo_touches_raises_an_alert_by_mail(mailbox: Any) -> None:
    first = ingest(mailbox, FIRST)
    recap = prepare(send_on="2026-11-27", send_time="10:00")
    approve("soldes", recap.recap_hash)
    undo(first.summary.import_id, preview=False)
    assert mailbox.query("SELECT state FROM campaign WHERE name = 'soldes'") == [("approved",)]
    ((message,),) = mailbox.query("SELECT message FROM alert WHERE kind LIKE 'list_changed%'")
    assert "soldes" in message
    assert "import 1 undone" in message
    assert any("import 1 undone" in mail for mail in mailbox.mails)


def test_all_lists_and_one_of_them(workspace: Any) -> None:
    assert "There are no lists yet" in manage()
    ingest(workspace, FIRST, legal_basis="")
    assert "| clients | 3 |" in manage()
    page = manage("clients")
    for words in ("3 contacts", "not declared", "| ville | 3 |", "| mainland France | 3 |", "clients.csv"):
        assert words in page, words


def test_the_columns_said_once_are_remembered_shown_and_changed(workspace: Any) -> None:
    weekly = "Mobile 1;Mobile 2;Nom\n0612345678;{0};Test-{0}\n"
    with pytest.raises(SmsError, match="two number columns"):
        ingest(workspace, weekly.format("0612345679"))
    ingest(workspace, weekly.format("0612345679"), columns={"msisdn": "Mobile 2"})
    ingest(workspace, weekly.format("0612345680"), "next_week.csv")
    assert "| Mobile 2 | msisdn |" in manage("clients")
    assert "| Mobile 1 | msisdn |" in manage("clients", "columns", columns={"msisdn": "Mobile 1"})
    ingest(workspace, weekly.format("0612345681"), "third_week.csv")
    assert workspace.query("SELECT msisdn FROM contact ORDER BY 1") == [
        ("+33612345678",), ("+33612345679",), ("+33612345680",),
    ]  # fmt: skip
    assert "Columns of its files" not in manage("clients", "columns")
    assert workspace.query("SELECT columns FROM contact_list") == [(None,)]


def test_the_header_row_said_once_is_remembered_shown_and_changed(workspace: Any) -> None:
    weekly = "Service;Mobile;Date\nVentes;tous;2026\nTel;Nom;Ville\n{0};Zoé;Lyon\n"
    ingest(workspace, weekly.format("0612345679"), header_row=3)
    ingest(workspace, weekly.format("0612345680"), "next_week.csv")
    assert workspace.query("SELECT row_number, msisdn FROM contact ORDER BY 2") == [
        (4, "+33612345679"), (4, "+33612345680"),
    ]  # fmt: skip
    assert "The header of its files is line 3." in manage("clients")
    assert "The header of its files is line 2." in manage("clients", "header_row", header_row=2)
    assert "The header of its files" not in manage("clients", "header_row")
    with pytest.raises(SmsError, match="header_row=-1"):
        manage("clients", "header_row", header_row=-1)


def test_the_same_bytes_read_in_another_way_are_another_import(workspace: Any) -> None:
    broken = "Tel;Prénom\n0612345679;ZoÃ©\n"
    ingest(workspace, broken)
    ingest(workspace, broken, repair_text=True)
    assert workspace.query("SELECT fields ->> 'first_name' FROM contact") == [("Zoé",)]
    assert workspace.query("SELECT read_options FROM import_file ORDER BY import_id") == [
        (None,),
        ('{"repair_text": true}',),
    ]


def test_the_legal_basis_and_its_wording_are_declared_by_a_named_person(workspace: Any) -> None:
    ingest(workspace, FIRST, legal_basis="")
    with pytest.raises(CampaignError, match="actor"):
        manage("clients", "declare", "consent", "J'accepte de recevoir des SMS", actor="")
    with pytest.raises(CampaignError, match="consent, customer, service"):
        manage("clients", "declare")
    page = manage("clients", "declare", "consent", "J'accepte de recevoir des SMS")
    assert "Legal basis: **consent**" in page
    assert "accepte de recevoir des SMS" in page
    assert workspace.query("SELECT legal_basis, declared_by FROM contact_list") == [("consent", "camille")]


def basis_of(workspace: Any) -> list[tuple[Any, ...]]:
    return workspace.query("SELECT legal_basis, wording, declared_by FROM contact_list")


def test_an_import_declares_the_legal_basis_of_its_list(workspace: Any) -> None:
    ingest(workspace, FIRST, legal_basis="customer", actor="camille")
    assert basis_of(workspace) == [("customer", None, "camille")]


@pytest.mark.prefect
def test_a_legal_basis_without_an_actor_is_declared_by_the_run(workspace: Any) -> None:
    ingest(workspace, FIRST, legal_basis="consent")
    ((basis, _, declared_by),) = basis_of(workspace)
    assert basis == "consent"
    assert declared_by.startswith("run ")
    assert declared_by != "run None"


def test_what_a_list_was_declared_with_outlives_the_next_import(workspace: Any) -> None:
    ingest(workspace, FIRST, legal_basis="")
    manage("clients", "declare", "consent", "J'accepte de recevoir des SMS")
    ingest(workspace, SECOND, "deux.csv", legal_basis="consent", actor="dominique")
    assert basis_of(workspace) == [("consent", "J'accepte de recevoir des SMS", "camille")]


def test_people_of_another_legal_basis_are_refused_before_their_file_is_read(workspace: Any) -> None:
    ingest(workspace, FIRST, legal_basis="consent")
    with pytest.raises(CampaignError, match=r"legal_basis service .*clients has consent.*manage-list"):
        ingest(workspace, SECOND, "deux.csv", legal_basis="service")
    assert workspace.query("SELECT count(*) FROM import_file") == [(1,)]


def test_a_preview_declares_nothing(workspace: Any) -> None:
    ingest(workspace, FIRST, legal_basis="")
    ingest(workspace, SECOND, "deux.csv", legal_basis="consent", preview=True)
    assert basis_of(workspace) == [(None, None, None)]


def test_a_refused_file_declares_nothing(workspace: Any) -> None:
    with pytest.raises(SmsError, match="no number column"):
        ingest(workspace, "Nom\nZoé\n", legal_basis="consent")
    assert basis_of(workspace) == []


def test_a_list_is_exported_for_people_and_for_machines(workspace: Any) -> None:
    ingest(workspace, FIRST + "0612345682;=1+1;Metz\n")
    manage("clients", "export")
    (csv_path, parquet) = sorted((workspace.data_dir / "exports" / "lists").iterdir())
    rows = list(csv.DictReader(csv_path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert [row["msisdn"].lstrip("'") for row in rows] == [f"+336123456{n}" for n in (78, 79, 80, 82)]
    assert (rows[0]["Ville"], rows[0]["source_file"], rows[0]["source_row"]) == ("Lyon", "clients.csv", "2")
    assert rows[3]["Prénom"] == "'=1+1"
    assert duckdb.sql(f"SELECT count(*), min(msisdn) FROM '{parquet}'").fetchall() == [(4, "+33612345678")]


@pytest.mark.parametrize("action", ["empty", "delete"])
def test_a_list_is_emptied_or_deleted_only_without_preview(workspace: Any, action: str) -> None:
    ingest(workspace, FIRST)
    assert "A preview" in manage("clients", action)
    assert len(people(workspace)) == 3
    manage("clients", action, preview=False)
    assert people(workspace) == {}
    assert ("| clients | 0 |" in manage()) == (action == "empty")
    assert ingest(workspace, FIRST).summary.result_counts["accepted"] == 3
    workspace.assert_in_order()


def test_a_list_that_is_not_there_names_those_that_are(workspace: Any) -> None:
    ingest(workspace, FIRST)
    with pytest.raises(CampaignError, match="lists are: clients"):
        manage("clientes", "empty")


def test_an_opt_out_by_telephone_binds_at_once(workspace: Any) -> None:
    from flows.record_opt_out import record_opt_out

    ingest(workspace, FIRST)
    assert record_opt_out("06 12 34 56 78", "phone", "camille", note="ticket 12", said_at="2026-11-20 09:30")
    assert not record_opt_out("+33612345678", "mail", "camille")
    found = workspace.query("SELECT msisdn, source, note, CAST(said_at AS VARCHAR) FROM opt_out")
    assert found == [("+33612345678", "phone", "ticket 12", "2026-11-20 08:30:00+00")]
    assert prepare().message_count == 2
    assert "1 of them opted out" in manage("clients")


def test_an_opt_out_of_no_number_shows_none(workspace: Any) -> None:
    from flows.record_opt_out import record_opt_out

    with pytest.raises(CampaignError, match="cannot be opted out") as refused:
        record_opt_out("06123456789", "phone", "camille")
    assert "06123456789" not in str(refused.value)


@pytest.mark.parametrize("said_at", ["hier", "2027-01-01"])
def test_an_opt_out_was_said_at_a_time_that_has_been(workspace: Any, said_at: str) -> None:
    from flows.record_opt_out import record_opt_out

    with pytest.raises(CampaignError, match="said_at"):
        record_opt_out("0612345678", "phone", "camille", said_at=said_at)
    assert workspace.query("SELECT count(*) FROM opt_out") == [(0,)]


def test_opt_outs_keep_when_and_where_it_was_said(workspace: Any) -> None:
    from flows.import_opt_outs import import_opt_outs

    text = (
        "Numéro;Date de désinscription;Canal\n"
        "0612345678;14/07/2026 10:30;magasin\n0612345679;2026-01-02;\n0612345680;hier;site\n0612345678;;\n"
    )
    (report,) = import_opt_outs(workspace.drop(text, "stops.csv"))
    assert report.summary.result_counts == {"accepted": 3, "updated": 0, "duplicate": 1, "rejected": 0}
    found = workspace.query("SELECT right(msisdn, 2), CAST(said_at AS VARCHAR), channel FROM opt_out ORDER BY msisdn")
    assert found == [
        ("78", "2026-07-14 08:30:00+00", "magasin"),
        ("79", "2026-01-01 23:00:00+00", None),
        ("80", None, "site"),
    ]


def test_opted_out_people_are_imported_counted_and_excluded(workspace: Any) -> None:
    from flows.import_opt_outs import import_opt_outs

    import_opt_outs(workspace.drop("Mobile\n0612345678\n", "stops.csv"))
    report = ingest(workspace, FIRST)
    assert (report.summary.result_counts["accepted"], report.summary.opted_out_count) == (3, 1)
    assert prepare().exclusion_count == 1


def test_a_draft_brings_its_own_file(workspace: Any) -> None:
    folder = workspace.data_dir / "inbox" / "attachments"
    folder.mkdir(parents=True)
    (folder / "invites.csv").write_text("Mobile;Ville\n0612345690;Lyon\n06123;Paris\n0612345678;Nice\n")
    ingest(workspace, FIRST)
    recap = prepare(file="invites.csv", legal_basis="consent")
    assert recap.message_count == 4
    assert people(workspace, "draft-soldes") == {"90": "Lyon", "78": "Nice"}
    assert (folder / "invites.csv").exists()
    (folder / "invites.csv").write_text("Mobile;Ville\n0612345691;Metz\n")
    recap = prepare(file="invites.csv", legal_basis="consent", lists=[])
    assert recap.message_count == 1
    assert people(workspace, "draft-soldes") == {"91": "Metz"}
    assert workspace.query("SELECT text FROM message") == [("Bonjour Metz STOP au 36180",)]
    approve("soldes", recap.recap_hash)
    workspace.assert_in_order()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("../contacts/clients/x.csv", "is not in", id="a way out of the folder"),
        pytest.param("/etc/hostname", "is not in", id="an absolute path"),
        pytest.param("absent.csv", "there are: invites.csv", id="a file that is not there"),
        pytest.param("lien.csv", "is not in", id="a link"),
        pytest.param("invites.csv", "no number column", id="a file that is refused"),
    ],
)
def test_a_drafts_file_stands_in_the_folder_of_attachments(workspace: Any, name: str, words: str) -> None:
    folder = workspace.data_dir / "inbox" / "attachments"
    folder.mkdir(parents=True)
    (folder / "invites.csv").write_text("Nom\nZoé\n")
    (folder / "lien.csv").symlink_to(workspace.drop(FIRST))
    with pytest.raises(SmsError, match=words):
        prepare(file=name, lists=[])


def test_the_lists_of_drafts_belong_to_their_campaigns(workspace: Any) -> None:
    from flows.ingest_contacts import ingest_contacts

    with pytest.raises(CampaignError, match="reserved for the file"):
        ingest_contacts("draft-soldes", workspace.drop(FIRST))


def test_which_partner_sends_rubbish(workspace: Any) -> None:
    ingest(workspace, "Mobile\n06123\n0612345678\n", "partenaire_2026-11.csv")
    ingest(workspace, "Mobile\n061234\n0612345679\n0612345678\n", "partenaire_2026-12.csv")
    found = workspace.query("SELECT source, rejected_share, duplicate_share FROM import_quality ORDER BY import_id")
    assert [(source, round(bad, 2), round(twice, 2)) for source, bad, twice in found] == [
        ("partenaire_#-#.csv", 0.5, 0.0),
        ("partenaire_#-#.csv", 0.33, 0.33),
    ]
    assert workspace.query("SELECT source, file_count, row_count FROM source_quality") == [("partenaire_#-#.csv", 2, 5)]
