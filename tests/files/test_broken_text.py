"""Text that was broken before its file was made: named with its rows, and repaired only when a person says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.files.parsing.mojibake import is_broken, repair_text

Write = Callable[..., Path]
Read = Callable[..., Any]

TEXT = "Tel;Prénom\n0612345678;ZoÃ©\n0612345679;Léa\n0612345670;lâ€™Ã©tÃ©\n"


@pytest.mark.parametrize("codec", ["cp1252", "cp850", "mac-roman"])
@pytest.mark.parametrize("text", ["Zoé", "Hélène à Besançon", "l’été", "10 €", "Noël – œuvre", "Łukasz"])
def test_what_was_read_in_a_wrong_encoding_is_put_right(text: str, codec: str) -> None:
    if codec != "cp1252" and "Ł" in text:
        return
    broken = "".join(bytes([value]).decode(codec, "replace") for value in text.encode())
    if "\ufffd" in broken:
        broken = "".join(
            chr(value) if bytes([value]).decode(codec, "replace") == "\ufffd" else bytes([value]).decode(codec)
            for value in text.encode()
        )
    assert is_broken(broken)
    assert repair_text(broken) == text


@pytest.mark.parametrize(
    "text", ["Zoé", "JOÃO", "São Paulo", "« L’Été »", "CAFÉ »", "Âge", "CHÂTEAU", "Åsa", "ÄÖÜ", "10 €", "Иван", "日本"]
)
def test_sound_text_is_left_alone(text: str) -> None:
    assert not is_broken(text)
    assert repair_text(text) == text


@given(st.text(st.sampled_from("àâçèéêëîïôùûüœÉÈÀ abcXYZ’€–"), max_size=30))
def test_text_broken_twice_comes_back(text: str) -> None:
    broken = text
    for _ in range(2):
        broken = "".join(
            bytes([value]).decode("cp1252") if value not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(value)
            for value in broken.encode()
        )
    assert repair_text(broken) == text


@pytest.mark.parametrize("name", ["clients.csv", "clients.xlsx"])
def test_broken_rows_are_counted_and_stand_as_they_are(
    text_file: Write, workbook_file: Write, name: str, read_contact_file: Read
) -> None:
    rows = [line.split(";") for line in TEXT.splitlines()]
    path = text_file(TEXT) if name.endswith("csv") else workbook_file(rows, name)
    found = read_contact_file(path)
    assert found.frame["first_name"].tolist() == ["ZoÃ©", "Léa", "lâ€™Ã©tÃ©"]
    assert found.notes == (
        "⚠ 2 rows hold text that was broken before this file was made, such as 'ZoÃ©' (probably 'Zoé'). It stands as "
        "it is: ask for a file that is saved as UTF-8, or import this one with repair_text. Rows: 2, 4.",
    )


@pytest.mark.parametrize("name", ["clients.csv", "clients.xlsx"])
def test_broken_rows_are_repaired_when_a_person_says_so(
    text_file: Write, workbook_file: Write, name: str, read_contact_file: Read
) -> None:
    rows = [line.split(";") for line in TEXT.splitlines()]
    path = text_file(TEXT) if name.endswith("csv") else workbook_file(rows, name)
    found = read_contact_file(path, repairs_text=True)
    assert found.frame["first_name"].tolist() == ["Zoé", "Léa", "l’été"]
    assert found.notes == (
        "Text that was broken before this file was made was repaired in 2 places, as repair_text says.",
    )


def test_letters_that_are_lost_are_named_too(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file("Tel;Nom\n0612345678;Zo\ufffd\n"), repairs_text=True)
    assert found.notes[-1].startswith(
        "⚠ 1 rows hold text that was broken before this file was made, such as 'Zo\ufffd'."
    )


def test_a_broken_name_of_a_column_is_named(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file("Tel;PrÃ©nom\n0612345678;Zoé\n"))
    assert found.notes == ("⚠ Names of columns were broken before this file was made: 'PrÃ©nom'.",)
