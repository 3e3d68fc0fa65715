"""XLSX, XLS and ODS: one sheet, its cells as the text a person typed."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from campanile.files.parsing.workbook import cell_text
from campanile.sms.errors import ContactFileError

Write = Callable[..., Path]
Read = Callable[..., Any]
ROWS = [["Téléphone", "Prénom", "Code postal"], [33612345678, "Zoë", 67000], ["0612345679", "Noël; fils", "01000"]]


@pytest.mark.parametrize("name", ["clients.xlsx", "clients.xls", "clients.ods"])
def test_each_make_gives_the_same_rows(workbook_file: Write, name: str, read_contact_file: Read) -> None:
    found = read_contact_file(workbook_file(ROWS, name))
    assert (found.encoding, found.delimiter, found.sheet) == (None, None, "Feuil1")
    assert found.column_map == {"Téléphone": "msisdn", "Prénom": "first_name", "Code postal": "postcode"}
    assert found.frame.drop(columns="structure_reason").to_numpy().tolist() == [
        [2, "33612345678;Zoë;67000", "33612345678", "Zoë", "67000"],
        [3, '0612345679;"Noël; fils";01000', "0612345679", "Noël; fils", "01000"],
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(33612345678.0, "33612345678", id="number kept as a float"),
        pytest.param(612345678.0, "612345678", id="no zero is invented"),
        pytest.param(1.5, "1.5", id="fraction"),
        pytest.param(1e21, "1000000000000000000000", id="no exponent"),
        pytest.param(True, "TRUE", id="truth"),
        pytest.param(datetime.datetime(2026, 1, 5), "2026-01-05", id="date"),  # noqa: DTZ001
        pytest.param(datetime.datetime(2026, 1, 5, 8, 30), "2026-01-05 08:30:00", id="date and time"),  # noqa: DTZ001
        pytest.param(datetime.date(2026, 1, 5), "2026-01-05", id="date alone"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_cell_as_text(value: object, text: str) -> None:
    assert cell_text(value) == text  # type: ignore[arg-type]


def test_rows_are_numbered_as_in_the_sheet(workbook_file: Write, read_contact_file: Read) -> None:
    path = workbook_file([[], [], [None, "Tel", "Nom"], [None, 612345678, "A"], [], [None, 612345679, "B"]])
    found = read_contact_file(path)
    assert found.frame["row_number"].tolist() == [4, 6]
    assert found.frame["raw_number"].tolist() == ["612345678", "612345679"]
    assert list(found.column_map) == ["Tel", "Nom"]


def test_a_note_beside_the_table_is_a_column_of_its_own(workbook_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(workbook_file([["Tel", "Nom"], ["06", "A"], ["07", "B", "rappeler"]]))
    assert found.frame["column_3"].tolist() == ["", "rappeler"]
    assert found.frame["structure_reason"].isna().all()


def test_a_broken_cell_has_its_reason(workbook_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(workbook_file([["Tel", "Nom"], ["06", "x" * 32_000], ["07", "B\nC"], ["08", "A\x7fB"]]))
    assert found.frame["structure_reason"].tolist() == [None, None, "control_characters"]
    assert found.frame["last_name"].tolist()[1] == "B\nC"


def test_the_sheet_that_was_named(tmp_path: Path, read_contact_file: Read) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Clients").append(["Tel"])
    book["Clients"].append([612345678])
    book.save(tmp_path / "deux.xlsx")
    assert read_contact_file(tmp_path / "deux.xlsx", sheet="Clients").sheet == "Clients"
    with pytest.raises(ContactFileError, match="no sheet named 'Salon'; sheets of the file: 'Sheet', 'Clients'"):
        read_contact_file(tmp_path / "deux.xlsx", sheet="Salon")
    with pytest.raises(ContactFileError, match="only blank lines"):
        read_contact_file(tmp_path / "deux.xlsx")


@pytest.mark.parametrize("name", ["clients.xlsx", "clients.xls", "clients.ods"])
@pytest.mark.parametrize(
    "content", [b"Tel;Nom\n06;A\n", b"<html>", b"PK\x03\x04" + b"\0" * 50, b"\xd0\xcf\x11\xe0" * 200]
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, name: str, content: bytes, read_contact_file: Read) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ContactFileError, match=r"clients\.\w+: it cannot be read as a workbook .*save it"):
        read_contact_file(tmp_path / name)


def test_an_encoding_of_a_workbook_is_refused(workbook_file: Write, read_contact_file: Read) -> None:
    with pytest.raises(ContactFileError, match="for text"):
        read_contact_file(workbook_file(ROWS), encoding="utf-8")
