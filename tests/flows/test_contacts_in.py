"""Contacts in, through the flow: any file that a partner sends, and every reason a row is refused for."""

import gzip
import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from campanile.files.rejects import REJECT_WORDS

TABLE = "Téléphone;Prénom;Ville\n06 12 34 56 78;Zoé;Orléans\n+33 6 12 34 56 79;Anaïs;Besançon\n"
PEOPLE = [("+33612345678", "Zoé", "Orléans"), ("+33612345679", "Anaïs", "Besançon")]


def ingest(*args: Any, **options: Any) -> Any:
    from flows.ingest_contacts import ingest_contacts

    return ingest_contacts(*args, **options)


def workbook(rows: list[list[object]], sheets: tuple[str, ...] = ("Feuil1",)) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


ROWS: list[list[object]] = [line.split(";") for line in TABLE.splitlines()]
READABLE = {
    "semicolons": ("a.csv", TABLE.encode()),
    "commas": ("a.csv", TABLE.replace(";", ",").encode()),
    "tabs": ("a.tsv", TABLE.replace(";", "\t").encode()),
    "pipes": ("a.txt", TABLE.replace(";", "|").encode()),
    "sep-line": ("a.csv", f"sep=|\n{TABLE.replace(';', '|')}".encode()),
    "utf-8-with-bom": ("a.csv", TABLE.encode("utf-8-sig")),
    "utf-16-with-bom": ("a.csv", TABLE.encode("utf-16")),
    "utf-16-le": ("a.csv", TABLE.encode("utf-16-le")),
    "utf-16-be": ("a.csv", TABLE.encode("utf-16-be")),
    "cp1252": ("a.csv", TABLE.encode("cp1252")),
    "latin-9": ("a.csv", TABLE.encode("iso8859-15")),
    "cp850": ("a.csv", TABLE.encode("cp850")),
    "macroman": ("a.csv", TABLE.encode("mac_roman")),
    "crlf": ("a.csv", TABLE.replace("\n", "\r\n").encode()),
    "cr": ("a.csv", TABLE.replace("\n", "\r").encode()),
    "quoted": ("a.csv", TABLE.replace("Zoé", '"Zoé"').replace("Orléans", '"Orléans"').encode()),
    "packed": ("a.csv.gz", gzip.compress(TABLE.encode("cp1252"))),
    "workbook": ("a.xlsx", workbook(ROWS)),
}
REFUSED = {
    "two-number-columns": ("a.csv", b"Mobile;Portable;Nom\n0612345678;0612345679;Prune\n", r"'Mobile', 'Portable'"),
    "same-header-twice": ("a.csv", b"Mobile;Nom;Nom\n0612345678;Prune;Basile\n", r"twice: 'Nom'"),
    "no-number-column": ("a.csv", b"Nom;Ville\nPrune;Lyon\n", r"no number column; .*'Nom', 'Ville'"),
    "column-without-numbers": (
        "a.csv",
        b"Mobile;Nom\n" + b"oui;Prune\n" * 30,
        r"'Mobile' is named like a number column",
    ),
    "archive": ("a.zip", b"PK\x03\x04", r"\.zip"),
    "damaged-gzip": ("a.csv.gz", gzip.compress(TABLE.encode())[:-9], r"a\.csv\.gz: it is damaged"),
    "two-encodings": ("a.csv", TABLE.encode() * 3 + TABLE.encode("cp1252"), r"encoding="),
    "nothing": ("a.csv", b"", r"empty"),
    "damaged-workbook": ("a.xlsx", b"PK\x03\x04 and no more", r"workbook"),
}


@pytest.fixture(scope="module")
def fed(shared_workspace: Any) -> Any:
    """A workspace whose drop folders held one file each, readable or not, and one night's run over all of them."""
    from campanile.sms.errors import ContactFileError

    inbox = shared_workspace.data_dir / "inbox" / "contacts"
    for name, (file_name, content, *_) in (READABLE | REFUSED).items():
        (inbox / name).mkdir(parents=True)
        (inbox / name / file_name).write_bytes(content)
    with pytest.raises(ContactFileError) as refused:
        ingest()
    shared_workspace.refusals = str(refused.value)
    return shared_workspace


def people_of(workspace: Any, list_name: str) -> list[tuple[Any, ...]]:
    return workspace.query(
        "SELECT msisdn, fields ->> 'first_name', fields ->> 'ville' FROM contact JOIN contact_list USING (list_id) "
        f"WHERE list_name = '{list_name}' ORDER BY msisdn"
    )


@pytest.mark.parametrize("name", READABLE)
def test_what_partners_send_is_read_to_the_letter(fed: Any, name: str) -> None:
    assert people_of(fed, name) == PEOPLE
    (archived,) = (fed.data_dir / "archive" / "contacts" / name).iterdir()
    assert archived.read_bytes() == READABLE[name][1]
    assert not list((fed.data_dir / "inbox" / "contacts" / name).iterdir())


@pytest.mark.parametrize("name", REFUSED)
def test_a_strange_file_is_refused_alone(fed: Any, name: str) -> None:
    assert people_of(fed, name) == []
    (refused,) = (fed.data_dir / "refused" / "contacts" / name).iterdir()
    assert refused.read_bytes() == REFUSED[name][1]
    page = artifact(f"import-{name}")
    assert "Refused" in page


@pytest.mark.parametrize("name", REFUSED)
def test_one_line_says_why_a_file_is_refused(fed: Any, name: str) -> None:
    assert re.search(REFUSED[name][2], fed.refusals)
    assert "\n" not in fed.refusals


def test_the_night_left_the_store_in_order(fed: Any) -> None:
    fed.assert_in_order()


#: A reason, and the cell, or the whole line, that is refused for it.
BAD_ROWS: list[tuple[str, str]] = [
    ("empty_number", ";Prune"),
    ("not_a_number", "---;Prune"),
    ("letters", "06 12 34 56 7O;Prune"),
    ("two_numbers", "0612345678 / 0612345679;Prune"),
    ("too_short", "06123456;Prune"),
    ("too_long", "06123456789;Prune"),
    ("invalid_number", "0712345678;Prune"),
    ("not_mobile", "0123456789;Prune"),
    ("premium", "0899123456;Prune"),
    ("short_code", "36180;Prune"),
    ("country_not_allowed", "+14155552671;Prune"),
    ("excel_damage", "6,12E+08;Prune"),
    ("wrong_column_count", "0612345678;Prune;Lyon;69001"),
    ("bad_quote", '"0612345678;Prune'),
    ("field_too_long", f"0612345678;{'x' * 40_000}"),
    ("control_characters", "0612345678;Pru\x07ne"),
    ("repeated_header", "Mobile;Prénom"),
]


def test_every_reason_of_the_table_has_a_row_here() -> None:
    of_workbooks = {"hidden_row"}
    assert {reason for reason, _ in BAD_ROWS} == set(REJECT_WORDS) - of_workbooks


@pytest.fixture(scope="module")
def refused_rows(shared_workspace: Any) -> Any:
    """A list that took one file with a row for each reason, and good rows around them."""
    lines = ["Mobile;Prénom", "0612345680;Prune"]
    for _, line in BAD_ROWS:
        lines += [line, f"06123456{81 + len(lines) // 2};Basile"]
    ingest("raisons", shared_workspace.drop("\n".join(lines) + "\n", "raisons.csv"))
    return shared_workspace


@pytest.mark.parametrize(("position", "reason"), [(n, reason) for n, (reason, _) in enumerate(BAD_ROWS)], ids=str)
def test_each_bad_row_has_its_reason(refused_rows: Any, position: int, reason: str) -> None:
    found = refused_rows.query(
        "SELECT reason FROM import_row_reject JOIN import_file USING (import_id) "
        f"WHERE file_name = 'raisons.csv' AND row_number = {3 + 2 * position}"
    )
    assert found == [(reason,)]


def test_the_good_rows_around_them_are_taken(refused_rows: Any) -> None:
    counts = "accepted_count, updated_count, duplicate_count, rejected_count, row_count"
    (found,) = refused_rows.query(f"SELECT {counts} FROM import_file WHERE file_name = 'raisons.csv'")
    assert found == (len(BAD_ROWS) + 1, 0, 0, len(BAD_ROWS), 2 * len(BAD_ROWS) + 1)


def test_the_page_of_an_import_says_how_it_was_read_and_what_became_of_it(refused_rows: Any) -> None:
    page = artifact("import-raisons")
    for words in (
        "Text in utf-8, cells separated by semicolon",
        "| Mobile | msisdn |",
        "first\\_name",
        "accepted",
        "row 5",
    ):
        assert words in page, words
    for reason, _ in BAD_ROWS:
        assert reason.replace("_", "\\_") in page
    assert "0612345678" not in page
    assert "061234567" not in page.replace(" ", "")


def test_corrected_rejects_dropped_again_just_work(workspace: Any) -> None:
    ingest("clients", workspace.drop("Mobile;Prénom\n06123456;Prune\n0612345679;Basile\n"))
    (rejects,) = (workspace.data_dir / "rejects" / "clients").iterdir()
    fixed = rejects.read_text(encoding="utf-8-sig").replace("06123456;", "0612345678;")
    (report,) = ingest("clients", workspace.drop(fixed, "corriges.csv"))["clients"]
    assert report.summary.result_counts["accepted"] == 1
    assert [row[:2] for row in people_of(workspace, "clients")] == [
        ("+33612345678", "Prune"),
        ("+33612345679", "Basile"),
    ]


def test_no_cell_of_a_rejects_file_starts_a_formula(workspace: Any) -> None:
    ingest("clients", workspace.drop('Mobile;Note\n06123456;=HYPERLINK("http://example.org")\n0612345679;ok\n'))
    (rejects,) = (workspace.data_dir / "rejects" / "clients").iterdir()
    assert "'=HYPERLINK" in rejects.read_text(encoding="utf-8-sig")


def test_a_copy_in_another_encoding_says_how_much_is_known(workspace: Any) -> None:
    rows = "".join(f"06123456{n};Zoé\n" for n in range(10, 99))
    ingest("clients", workspace.drop(f"Mobile;Prénom\n{rows}"))
    new = f"Mobile;Prénom\n{rows}0612345702;Anaïs\n0612345703;Léa\n0612345704;Ève\n"
    (workspace.data_dir / "copie.csv").write_bytes(new.encode("cp1252"))
    (report,) = ingest("clients", str(workspace.data_dir / "copie.csv"))["clients"]
    assert report.summary.result_counts == {"accepted": 3, "updated": 0, "duplicate": 89, "rejected": 0}
    assert "97 % of its numbers were already known" in artifact("import-clients")


def test_the_same_bytes_again_say_when_they_came_first(workspace: Any) -> None:
    path = workspace.drop(TABLE)
    ingest("clients", path)
    (again,) = ingest("clients", path)["clients"]
    assert "clients.csv" not in str(again.summary.same_as)
    assert "contacts.csv on 2026-11-23" in str(again.summary.same_as)
    assert "the same file was imported as contacts.csv on Mon 2026-11-23" in artifact("import-clients")


def test_duplicates_say_of_which_file_and_row(workspace: Any) -> None:
    ingest("clients", workspace.drop("Mobile\n0612345678\n", "un.csv"))
    ingest("clients", workspace.drop("Mobile\n0612345679\n06 12 34 56 78\n0033612345679\n", "deux.csv"))
    found = workspace.query(
        "SELECT import_row.row_number, fate, import_file.file_name, of_row_number FROM import_row "
        "JOIN import_file ON import_file.import_id = of_import_id ORDER BY import_row.row_number"
    )
    assert found == [(3, "duplicate", "un.csv", 2), (4, "duplicate", "deux.csv", 2)]
    assert "row 3 is row 2 of un.csv" in artifact("import-clients")


def test_text_stays_text(workspace: Any) -> None:
    ingest("clients", workspace.drop("Mobile;Code;Note;Vide\n0612345678;00123;NA;\n0612345679;1e5;None; \n"))
    assert workspace.query("SELECT fields FROM contact ORDER BY msisdn") == [
        ('{"code":"00123","note":"NA"}',),
        ('{"code":"1e5","note":"None"}',),
    ]


def test_an_empty_cell_never_erases(workspace: Any) -> None:
    ingest("clients", workspace.drop("Mobile;Prénom;Ville\n0612345678;Zoé;Lyon\n"))
    ingest("clients", workspace.drop("Mobile;Prénom;Ville\n0612345678;;Paris\n", "deux.csv"))
    assert people_of(workspace, "clients") == [("+33612345678", "Zoé", "Paris")]


def test_a_single_column_without_header(workspace: Any) -> None:
    (report,) = ingest("clients", workspace.drop("0612345678\n06 12 34 56 79\n"))["clients"]
    assert report.summary.result_counts["accepted"] == 2


def test_a_sheet_by_its_name(workspace: Any) -> None:
    path = workspace.data_dir / "deux.xlsx"
    path.write_bytes(workbook(ROWS, ("Accueil", "Clients")))
    (report,) = ingest("clients", str(path), sheet="Clients")["clients"]
    assert (report.staged.sheet, report.summary.result_counts["accepted"]) == ("Clients", 2)


def test_columns_given_by_hand_override_the_names(workspace: Any) -> None:
    path = workspace.drop("Tel 1;Tel 2;Petit nom\n0145678901;0612345678;Zoé\n")
    ingest("clients", path, columns={"msisdn": "Tel 2", "first_name": "Petit nom"})
    assert people_of(workspace, "clients") == [("+33612345678", "Zoé", None)]


def test_a_parser_that_takes_too_much_is_the_reason_of_its_file_alone(workspace: Any) -> None:
    from campanile.sms.errors import ContactFileError

    inbox = workspace.data_dir / "inbox" / "contacts" / "clients"
    inbox.mkdir(parents=True)
    (inbox / "bombe.csv").write_bytes(b"Mobile;" + b"x;" * 200_000 + b"\n0612345678\n")
    (inbox / "long.csv").write_bytes(b'Mobile;Note\n0612345678;"' + b"x" * 1_000_000 + b'"\n0612345679;ok\n')
    (inbox / "tout-va-bien.csv").write_text(TABLE)
    with pytest.raises(ContactFileError, match=r"bombe\.csv"):
        ingest()
    assert [row[0] for row in people_of(workspace, "clients")] == ["+33612345678", "+33612345679"]
    assert not list(inbox.iterdir())


def test_a_file_that_grows_while_it_is_read_is_read_again(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import campanile.services.contacts.file_import

    inbox = workspace.data_dir / "inbox" / "contacts" / "clients"
    inbox.mkdir(parents=True)
    path = inbox / "croissant.csv"
    path.write_text(TABLE)
    store = campanile.services.contacts.file_import._store_rows

    def and_somebody_writes(*given: Any) -> Any:
        path.write_text(f"{TABLE}0612345680;Ève;Lyon\n")
        return store(*given)

    monkeypatch.setattr(campanile.services.contacts.file_import, "_store_rows", and_somebody_writes)
    ingest()
    monkeypatch.setattr(campanile.services.contacts.file_import, "_store_rows", store)
    assert path.exists()
    ingest()
    assert len(people_of(workspace, "clients")) == 3
    assert not path.exists()


@pytest.mark.parametrize("name", ["a.csv.part", ".hidden.csv", "~$a.xlsx", "a.tmp"])
def test_what_is_not_finished_is_left_alone(workspace: Any, name: str) -> None:
    inbox = workspace.data_dir / "inbox" / "contacts" / "clients"
    inbox.mkdir(parents=True)
    (inbox / name).write_text(TABLE)
    (inbox / "link.csv").symlink_to(Path(workspace.drop(TABLE)))
    assert ingest() == {}
    assert sorted(path.name for path in inbox.iterdir()) == sorted([name, "link.csv"])


def artifact(key: str) -> str:
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None, key
    return str(found.data)
