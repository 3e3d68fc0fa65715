"""Exports of other products: their own headers, invented rows, and the column that the numbers are read from."""

from pathlib import Path
from typing import NamedTuple

import pytest

from campanile.files.parsing.column_mapping import is_number_name
from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.sms.errors import ContactFileError

MOBILE, OTHER, LANDLINE = "+33612345678", "0612345679", "01 23 45 67 89"


class Export(NamedTuple):
    """The header and one row of a product's export, the column of the number, and the reasons of rejected rows."""

    header: str
    row: str
    number: str
    consent: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


EXPORTS = {
    "Google Contacts": Export(
        "First Name,Last Name,Labels,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value",
        f"Zoé,Test,* myContacts,zoe@example.org,Mobile,{MOBILE}",
        "Phone 1 - Value",
    ),
    "Google Contacts, two numbers in a cell": Export(
        "First Name,Last Name,Phone 1 - Label,Phone 1 - Value",
        f"Zoé,Test,Mobile,{MOBILE} ::: {OTHER}",
        "Phone 1 - Value",
        reasons=("two_numbers",),
    ),
    "Outlook": Export(
        "First Name,Last Name,Home Phone,Mobile Phone,Primary Phone,Business Phone",
        f"Zoé,Test,{LANDLINE},{MOBILE},{LANDLINE},",
        "Mobile Phone",
    ),
    "Brevo": Export(
        "CONTACT ID,EMAIL,LASTNAME,FIRSTNAME,SMS,WHATSAPP,OPT_IN",
        f"7,zoe@example.org,Test,Zoé,{MOBILE[1:]},,true",
        "SMS",
        ("OPT_IN",),
    ),
    "Mailchimp": Export(
        "Email Address,First Name,Last Name,Address,Phone Number,SMS Phone Number",
        f"zoe@example.org,Zoé,Test,,,{MOBILE}",
        "SMS Phone Number",
    ),
    "Klaviyo": Export(
        "Email,First Name,Last Name,Phone Number,SMS Marketing Consent",
        f"zoe@example.org,Zoé,Test,{MOBILE},SUBSCRIBED",
        "Phone Number",
        ("SMS Marketing Consent",),
    ),
    "Shopify": Export(
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Phone,Phone,"
        "Accepts SMS Marketing,Total Spent",
        f"7,Zoé,Test,zoe@example.org,no,{LANDLINE},{MOBILE},yes,12.50",
        "Phone",
        ("Accepts SMS Marketing",),
    ),
    "WooCommerce": Export(
        "Order Number,Billing First Name,Billing Last Name,Billing Phone,Shipping Phone",
        f"7,Zoé,Test,{MOBILE},{OTHER}",
        "Billing Phone",
    ),
    "PrestaShop": Export(
        "ID;First name;Last name;Phone;Mobile phone;Opt-in",
        f"7;Zoé;Test;{LANDLINE};{OTHER};1",
        "Mobile phone",
        ("Opt-in",),
    ),
    "HubSpot": Export(
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Lead Status",
        f"7,Zoé,Test,zoe@example.org,{LANDLINE},{MOBILE},NEW",
        "Mobile Phone Number",
    ),
    "Salesforce": Export(
        "Contact ID,First Name,Last Name,Phone,Mobile,Home Phone,Other Phone",
        f"7,Zoé,Test,{LANDLINE},{MOBILE},,",
        "Mobile",
    ),
    "Odoo": Export("Name,Phone,Mobile,Email,City", f"Zoé Test,{LANDLINE},{MOBILE},,Fos", "Mobile"),
    "Zoho": Export("Contact Id,First Name,Last Name,Phone,Mobile", f"7,Zoé,Test,{LANDLINE},{MOBILE}", "Mobile"),
    "Pipedrive": Export(
        "Person - Name,Person - Phone - Work,Person - Phone - Mobile", f"Zoé Test,,{MOBILE}", "Person - Phone - Mobile"
    ),
    "Pipedrive, one number": Export("Person - Name,Person - Phone", f"Zoé Test,{MOBILE}", "Person - Phone"),
    "RapidPro": Export("Contact UUID,Name,URN:Tel,Language", f"7,Zoé,{MOBILE},fra", "URN:Tel"),
    "Dolibarr": Export("Nom;Prénom;Tél pro.;Tél portable;Email", f"Test;Zoé;{LANDLINE};{OTHER};", "Tél portable"),
    "a French till": Export("nom_client;tel_client;points", f"Test;{OTHER};12", "tel_client"),
    "a Portuguese shop": Export("Nome;Telefone;Cidade", f"Zoé;{MOBILE};Lisboa", "Telefone"),
    "a Brazilian shop": Export("Nome;Telefone;Celular", f"Zoé;{LANDLINE};{MOBILE}", "Celular"),
    "a column of landlines and one of mobiles": Export("nom;tel 1;tel 2", f"Test;{LANDLINE};{OTHER}", "tel 2"),
    "a title, a date, and a header": Export(
        "Export clients;;\nle;26/11/2026;\n\nnom;portable;ville;cp", f"Test;{OTHER};Fos;13270", "portable"
    ),
    "a title of one cell": Export("Liste des clients du magasin, 2026\nnom;portable", f"Test;{OTHER}", "portable"),
}


def stage(folder: Path, text: str, name: str = "export.csv", **options: object) -> StagedFile:
    path = folder / name
    path.write_text(text, "utf-8")
    (folder / "staging").mkdir()
    return stage_contact_file(StagingRequest(path, folder / "staging", "FR", None, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("export", EXPORTS.values(), ids=list(EXPORTS))
def test_an_export_is_read_without_being_asked_which_column_is_the_number(tmp_path: Path, export: Export) -> None:
    staged = stage(tmp_path, f"{export.header}\n{export.row}\n")
    fields = {field: name for name, field in staged.column_map.items()}
    assert fields["msisdn"] == export.number
    assert tuple(staged.reject_reasons) == export.reasons
    assert (staged.row_count, tuple(count.column for count in staged.consent)) == (1, export.consent)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Odoo", "The number is read from 'Mobile', not from 'Phone': its name says mobile."),
        (
            "Mailchimp",
            "The number is read from 'SMS Phone Number', not from 'Phone Number': the others hold no numbers.",
        ),
        ("a column of landlines and one of mobiles", "its cells are mobile numbers, the others' are not."),
        ("a title, a date, and a header", "Left out above the header (line 1 on): Export clients; le "),
    ],
)
def test_a_choice_is_shown(tmp_path: Path, name: str, words: str) -> None:
    (note,) = stage(tmp_path, f"{EXPORTS[name].header}\n{EXPORTS[name].row}\n").notes
    assert words in note


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(f"mobile 1;mobile 2\n{MOBILE};{OTHER}\n", "two number columns or more", id="two of mobiles"),
        pytest.param("nom;SMS\nTest;oui\n", "no number column", id="SMS that says who agreed"),
        pytest.param(
            f"nom;type\nTest;portable\nTest;{OTHER}\n", "no number column", id="a row with a name of a number"
        ),
    ],
)
def test_what_names_and_cells_do_not_decide_is_asked(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ContactFileError, match=problem):
        stage(tmp_path, text)


def test_a_header_is_found_under_a_title_by_the_column_that_was_said(tmp_path: Path) -> None:
    staged = stage(tmp_path, f"Export\nnom;ref;ville\nTest;{OTHER};Fos\n", columns={"msisdn": "ref"})
    assert (staged.row_count, staged.reject_reasons, staged.column_map["ref"]) == (1, {}, "msisdn")


def test_remembered_columns_do_not_bind_a_file_without_them(tmp_path: Path) -> None:
    text, columns = f"nom;portable\nTest;{OTHER}\n", {"msisdn": "Tel 2"}
    staged = stage(tmp_path, text, columns=columns, is_remembered=True)
    assert staged.column_map["portable"] == "msisdn"
    assert "remembered for this list" in staged.notes[0]
    (tmp_path / "again").mkdir()
    with pytest.raises(ContactFileError, match="asks for 'Tel 2'"):
        stage(tmp_path / "again", text, columns=columns)


@pytest.mark.parametrize("name", ["Phone 1 - Label", "Home Phone", "Phone - Work", "WHATSAPP", "Fax", "contact", "no"])
def test_a_neighbour_of_a_number_column_is_none(name: str) -> None:
    assert not is_number_name(name)
