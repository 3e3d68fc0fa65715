"""Column names that a person cannot tell apart; and what an error shows of a first line."""

import pytest

from campanile.files.parsing.column_mapping import map_columns, shown_columns
from campanile.files.parsing.header import check_has_rows
from campanile.sms.errors import ContactFileError


@pytest.mark.parametrize(
    ("header", "words"),
    [
        pytest.param(["tel", "tеl"], "column 2 has a CYRILLIC SMALL LETTER IE", id="a Cyrillic e"),
        pytest.param(["tеl", "nom"], "column 1 has a CYRILLIC", id="alone, too"),
        pytest.param(["TEL", "TЕL"], "column 2 has a CYRILLIC", id="in capitals"),
        pytest.param(["mobile", "mοbile"], "column 2 has a GREEK SMALL LETTER OMICRON", id="a Greek o"),
        pytest.param(["nom", "nօm", "tel"], "column 2 has a ARMENIAN", id="an Armenian o"),
        pytest.param(["cop", "сор", "tel"], "columns 1 and 2 have names that look the same", id="a whole word"),
        pytest.param(["tel", "TEL"], "two number columns", id="the same word twice is refused as ever"),
        pytest.param(["tel", "te\u200bl"], "two number columns", id="an invisible letter"),
    ],
)
def test_lookalikes_are_refused(header: list[str], words: str) -> None:
    with pytest.raises(ContactFileError, match=words):
        map_columns(header)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(["телефон", "имя", "tel"], id="Russian"),
        pytest.param(["τηλέφωνο", "όνομα", "tel"], id="Greek"),
        pytest.param(["Téléphone (телефон)", "prénom"], id="two languages in a name"),
        pytest.param(["tel", "Δprix", "µg", "N°"], id="signs"),
    ],
)
def test_other_alphabets_are_columns_like_others(header: list[str]) -> None:
    map_columns(header, {"msisdn": header[-1]} if header[-1] == "tel" else {"msisdn": header[0]})


DATA = [
    pytest.param(["Dupont", "Marie", "12 rue Haute"], id="a person"),
    pytest.param(["Paris", "Paris", "Marie"], id="the same word twice"),
    pytest.param(["root:x:0:0:root:/root:/bin/bash"], id="another kind of file"),
]


@pytest.mark.parametrize("row", DATA)
def test_a_first_line_that_may_be_data_is_not_quoted(row: list[str]) -> None:
    errors = []
    for refuse in (
        lambda: map_columns(row),
        lambda: map_columns(row, {"msisdn": "mobile"}),
        lambda: check_has_rows(row),
    ):
        with pytest.raises(ContactFileError) as refused:
            refuse()
        errors.append(str(refused.value))
    assert not [cell for cell in row for error in errors if cell in error]


def test_the_names_of_a_header_are_shown() -> None:
    assert shown_columns(["prénom", "Portable du client"]) == "columns of the file: 'prénom', 'Portable du client'"
