"""A header that comes again, and a second table below the first: no row of it becomes a person by mistake."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from campanile.sms.errors import ContactFileError

Write = Callable[..., Path]
Read = Callable[..., Any]

PERSON = ["0612345678", "Zoé", "Lyon"]
OTHER = ["0612345679", "Léa", "Paris"]
HEADER = ["Téléphone", "Prénom", "Ville"]


@pytest.fixture(params=["clients.csv", "clients.xlsx"])
def file_of(request: pytest.FixtureRequest, text_file: Write, workbook_file: Write) -> Callable[..., Path]:
    """Write rows as a text and as a workbook."""

    def write(rows: Sequence[Sequence[str]]) -> Path:
        if request.param.endswith("csv"):
            return text_file("".join(";".join(row) + "\n" for row in rows))
        return workbook_file(rows, request.param)

    return write


@pytest.mark.parametrize(
    "between",
    [
        pytest.param([HEADER], id="without a blank line"),
        pytest.param([[], HEADER], id="behind a blank line"),
        pytest.param([["TÉLÉPHONE", "prénom", "Ville "]], id="in other letters"),
        pytest.param([HEADER, HEADER], id="twice"),
    ],
)
def test_a_header_again_is_a_row_of_its_own_reason(
    file_of: Callable[..., Path], between: Sequence[Sequence[str]], read_contact_file: Read
) -> None:
    found = read_contact_file(file_of([HEADER, PERSON, *between, OTHER]))
    repeated = sum(map(bool, between))
    assert found.reject_reasons == {"repeated_header": repeated}
    assert found.row_count == 2 + repeated
    assert b"repeated_header" in (found.rejects or b"")


@pytest.mark.parametrize(
    ("second", "row"),
    [
        pytest.param(["Téléphone", "Nom", "Code postal"], OTHER, id="other fields of the same width"),
        pytest.param(["Prénom", "Ville", "Téléphone"], ["Léa", "Paris", "0612345679"], id="in another order"),
        pytest.param(["Téléphone", "Nom"], ["0612345679", "Petit"], id="narrower"),
        pytest.param(["Tel", "Nom", "Prénom", "Ville"], ["0612345679", "Petit", "Léa", "Paris"], id="wider"),
        pytest.param(["Téléphone", "Produit", "Magasin"], OTHER, id="names that are not known"),
    ],
)
def test_a_second_table_with_other_columns_refuses_the_file(
    file_of: Callable[..., Path], second: Sequence[str], row: Sequence[str], read_contact_file: Read
) -> None:
    path = file_of([HEADER, PERSON, [], second, row])
    with pytest.raises(ContactFileError, match=r"line 4 begins a second table with other columns \(.*save each table"):
        read_contact_file(path)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(["", "Zoé", "Mobile"], id="a word for a phone in another column"),
        pytest.param(["inconnu", "Zoé", "Portable"], id="no number and a word for a phone"),
        pytest.param(["Mobile", "Zoé", "Lyon"], id="a word for a phone instead of a number"),
        pytest.param(["n/a", "Nom", "Lyon"], id="a name that is a column's"),
    ],
)
def test_a_person_without_a_number_is_no_header(
    file_of: Callable[..., Path], row: Sequence[str], read_contact_file: Read
) -> None:
    found = read_contact_file(file_of([HEADER, PERSON, row, OTHER]))
    assert found.row_count == 3
    assert "repeated_header" not in found.reject_reasons
