"""The line of the header, where a person says it: titles that no rule could tell from a header."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from campanile.sms.errors import ContactFileError

Write = Callable[..., Path]
Read = Callable[..., Any]

TITLES = [["Société", "Service", "Date", "Mobile"], ["Exemple", "Ventes", "2026", "tous"]]
ROWS = [*TITLES, ["Téléphone", "Prénom", "Ville", "Note"], ["0612345678", "Zoé", "Lyon", "a"]]


@pytest.fixture(params=["clients.csv", "clients.xlsx"])
def file_of(request: pytest.FixtureRequest, text_file: Write, workbook_file: Write) -> Callable[..., Path]:
    """Write rows as a text and as a workbook."""

    def write(rows: Sequence[Sequence[str]]) -> Path:
        if request.param.endswith("csv"):
            return text_file("".join(";".join(row) + "\n" for row in rows))
        return workbook_file(rows, request.param)

    return write


def test_the_header_is_where_a_person_says(file_of: Callable[..., Path], read_contact_file: Read) -> None:
    found = read_contact_file(file_of(ROWS), header_row=3)
    assert list(found.column_map) == ["Téléphone", "Prénom", "Ville", "Note"]
    assert found.frame["row_number"].tolist() == [4]
    assert found.notes[0].startswith("Left out above the header (line 1 on): Société Service Date Mobile")


def test_blank_lines_count_as_lines(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file("A;B;C\n\n\nTel;Nom;Ville\n0612345678;Zoé;Lyon\n"), header_row=4)
    assert found.frame["row_number"].tolist() == [5]


@pytest.mark.parametrize("header_row", [2, 99])
def test_a_line_that_holds_nothing_is_refused(text_file: Write, header_row: int, read_contact_file: Read) -> None:
    path = text_file("Tel;Nom\n\n0612345678;Zoé\n")
    with pytest.raises(ContactFileError, match=rf"header_row={header_row}: .*the first filled lines are 1, 3"):
        read_contact_file(path, header_row=header_row)


def test_a_row_that_is_no_header_is_refused(text_file: Write, read_contact_file: Read) -> None:
    path = text_file("Tel;Nom\n0612345678;Zoé\n0612345679;Léa\n")
    with pytest.raises(ContactFileError, match="no header"):
        read_contact_file(path, header_row=2)


def test_a_remembered_line_binds_a_file_that_has_it(file_of: Callable[..., Path], read_contact_file: Read) -> None:
    found = read_contact_file(file_of(ROWS), header_row=3, is_header_row_remembered=True)
    assert list(found.column_map) == ["Téléphone", "Prénom", "Ville", "Note"]


def test_a_remembered_line_loses_no_row_of_another_file(file_of: Callable[..., Path], read_contact_file: Read) -> None:
    people = [[f"061234567{number}", "Zoé"] for number in range(4)]
    found = read_contact_file(file_of([["Tel", "Nom"], *people]), header_row=3, is_header_row_remembered=True)
    assert found.row_count == 4
    assert found.notes == (
        "Line 3, remembered for this list as the header, names no number column here: "
        "the header was found by its names.",
    )
