"""What a cell shows: a value under its number format, as a person reads it."""

import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.files.parsing.locales import LOCALES, locale_of_region
from campanile.files.parsing.number_formats import general_number, shown_value

Write = Callable[..., Path]
Read = Callable[..., Any]

EVENING = datetime.datetime(2026, 12, 24, 14, 30)  # noqa: DTZ001 - a sheet knows no time zone
ACCOUNTING = '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-'


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        pytest.param(0.2, "0%", "20%", id="per cent"),
        pytest.param(0.2, "0 %", "20 %", id="per cent behind a space"),
        pytest.param(0.125, "0.0%", "12,5%", id="per cent with a decimal"),
        pytest.param(1234.5, '#,##0.00 "€"', "1 234,50 €", id="an amount"),
        pytest.param(-1234567.891, "#,##0.00\\ [$€-40C];[Red]-#,##0.00\\ [$€-40C]", "-1 234 567,89 €", id="negative"),
        pytest.param(5, ACCOUNTING, "5,00 €", id="accounting"),
        pytest.param(0, ACCOUNTING, "- €", id="accounting, zero"),
        pytest.param(-3.2, ACCOUNTING, "-3,20 €", id="accounting, negative"),
        pytest.param(1000, "00000", "01000", id="a postcode"),
        pytest.param(12345678901234, "### ### ### #####", "123 456 789 01234", id="digits in groups"),
        pytest.param(1.005, "0.00", "1,01", id="rounded as written"),
        pytest.param(1234567, '#,##0,"k"', "1 235k", id="in thousands"),
        pytest.param(150, '[>=100]0" grand";0" petit"', "150 grand", id="a condition that holds"),
        pytest.param(15, '[>=100]0" grand";0" petit"', "15 petit", id="a condition that does not"),
        pytest.param(0, "0;-0;;@", "", id="a hidden zero"),
        pytest.param("Léa", '"Mme "@', "Mme Léa", id="a word before a text"),
        pytest.param(EVENING, "dd/mm/yyyy hh:mm", "24/12/2026 14:30", id="a moment"),
        pytest.param(EVENING, "[$-40C]dddd d mmmm yyyy", "jeudi 24 décembre 2026", id="a day in words"),
        pytest.param(EVENING, "[$-409]mmmm d, yyyy", "December 24, 2026", id="a day in another language"),
        pytest.param(EVENING, "[$-F800]dddd\\,\\ mmmm\\ dd", "jeudi 24 décembre 2026", id="the system's long date"),
        pytest.param(EVENING, "h:mm AM/PM", "2:30 PM", id="half a day"),
        pytest.param(EVENING.date(), "mmm-yy", "déc-26", id="a month"),
        pytest.param(EVENING.time(), 'h"h"mm', "14h30", id="a time"),
        pytest.param(datetime.timedelta(hours=30), "[h]:mm", "30:00", id="a duration"),
        pytest.param(46380.5, "dd/mm/yyyy", "24/12/2026", id="a date that is stored as a number"),
        pytest.param(1.5, "# ?/?", None, id="a fraction is not known"),
        pytest.param(1.5, "0.00E+00", None, id="nor an exponent"),
        pytest.param(EVENING, "[$-411]ggge", None, id="nor an era"),
        pytest.param(EVENING, "0.00", None, id="nor a date under a plain number's format"),
    ],
)
def test_what_a_french_sheet_shows(value: Any, code: str, shown: str | None) -> None:
    assert shown_value(value, code, LOCALES["fr"]) == shown


@pytest.mark.parametrize(
    ("region", "shown"),
    [("FR", "1 234,50"), ("DE", "1.234,50"), ("GB", "1,234.50"), ("CH", "1’234.50"), ("RE", "1 234,50")],
)
def test_signs_are_those_of_the_country(region: str, shown: str) -> None:
    assert shown_value(1234.5, "#,##0.00", locale_of_region(region)) == shown


@given(st.integers(-(10**12), 10**12), st.sampled_from(["0", "#,##0", '0" €"', "#,##0.00", "0 %"]))
def test_no_digit_is_lost_or_added(number: int, code: str) -> None:
    shown = shown_value(number, code, LOCALES["fr"])
    assert shown
    digits = "".join(filter(str.isdigit, shown.partition(",")[0]))
    assert int(digits) == abs(number) * (100 if "%" in code else 1)
    assert shown.startswith("-") == (number < 0)


def test_a_number_without_a_format() -> None:
    assert general_number(0.1 + 0.2, LOCALES["fr"]) == "0,3"
    assert general_number(33612345678.0, LOCALES["fr"]) == "33612345678"


HEADER = ["Téléphone", "Remise", "Rendez-vous", "Montant", "Code postal", "Dernier achat", "Part"]
CELLS = [
    (612345678, '0#" "##" "##" "##" "##'),
    (0.2, "0 %"),
    (EVENING, "dd/mm/yyyy hh:mm"),
    (1234.5, '#,##0.00 "€"'),
    (1000, "00000"),
    (EVENING, "mmm-yy"),
    (1.5, "# ?/?"),
]


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    sheet.append(HEADER)
    for column, (value, code) in enumerate(CELLS, start=1):
        cell = sheet.cell(2, column, value)  # type: ignore[arg-type]
        cell.number_format = code
    book.save(tmp_path / "clients.xlsx")
    return tmp_path / "clients.xlsx"


def test_a_message_says_what_the_cell_shows(workbook: Path, read_contact_file: Read) -> None:
    found = read_contact_file(workbook)
    row = found.frame.iloc[0]
    assert (row["remise"], row["rendez_vous"], row["montant"]) == ("20 %", "24/12/2026 14:30", "1 234,50 €")
    assert row["postcode"] == "01000"


def test_a_number_to_write_to_keeps_its_digits(workbook: Path, read_contact_file: Read) -> None:
    assert read_contact_file(workbook).frame.iloc[0]["raw_number"] == "612345678"


def test_a_date_used_as_a_date_stays_whole(workbook: Path, read_contact_file: Read) -> None:
    assert read_contact_file(workbook).frame.iloc[0]["last_active_at"].startswith("2026-12-24")


def test_a_format_that_is_not_known_is_named_and_not_guessed(workbook: Path, read_contact_file: Read) -> None:
    found = read_contact_file(workbook)
    assert found.frame.iloc[0]["part"] == ""
    (note,) = [note for note in found.notes if "Part" in note]
    assert note.startswith("Not read: 1 cells of 'Part' have a number format that is not known here (# ?/?)")


def test_a_short_date_is_the_country_s_own(tmp_path: Path, read_contact_file: Read) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    for row in (["Tel", "Rendez-vous"], [612345678, EVENING]):
        sheet.append(row)
    sheet["B2"].number_format = "mm-dd-yy"  # how openpyxl writes format 14
    book.save(tmp_path / "clients.xlsx")
    assert read_contact_file(tmp_path / "clients.xlsx").frame.iloc[0]["rendez_vous"] == "24/12/2026"


def test_the_formats_of_an_old_workbook(workbook_file: Write, read_contact_file: Read) -> None:
    rows = [["Tel", "Remise", "Rendez-vous"], [612345678, 0.2, 46380.5]]
    codes = {(1, 1): "0 %", (1, 2): "dd/mm/yyyy"}
    row = read_contact_file(workbook_file(rows, "clients.xls", codes=codes)).frame.iloc[0]
    assert (row["raw_number"], row["remise"], row["rendez_vous"]) == ("612345678", "20 %", "24/12/2026")


ODS_CELL = (
    '<table:table-cell office:value-type="{kind}" office:{attribute}="{value}"><office:annotation><text:p>note</text:p>'
    "</office:annotation><text:p>{shown}</text:p></table:table-cell>"
)


def test_an_open_document_says_what_it_shows(tmp_path: Path, read_contact_file: Read) -> None:
    cells = [
        ODS_CELL.format(kind="float", attribute="value", value=612345678, shown="6,12E+08"),
        ODS_CELL.format(kind="percentage", attribute="value", value=0.2, shown="20\u00a0%"),
        ODS_CELL.format(kind="currency", attribute="value", value=1234.5, shown="1\u202f234,50 €"),
        ODS_CELL.format(kind="date", attribute="date-value", value="2026-12-24", shown="jeudi 24<text:s/>décembre"),
    ]
    names = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
        for name in ("Tel", "Remise", "Montant", "Rendez-vous")
    )
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{space}:office:1.0" xmlns:table="{space}:table:1.0" '
        f'xmlns:text="{space}:text:1.0"><office:body><office:spreadsheet><table:table table:name="clients">'
        f"<table:table-row>{names}</table:table-row><table:table-row>{''.join(cells)}</table:table-row>"
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(tmp_path / "clients.ods", "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("content.xml", content)
        book.writestr("META-INF/manifest.xml", "<manifest/>")
    row = read_contact_file(tmp_path / "clients.ods").frame.iloc[0]
    assert row["raw_number"] == "612345678"
    assert (row["remise"], row["montant"], row["rendez_vous"]) == ("20 %", "1 234,50 €", "jeudi 24 décembre")
