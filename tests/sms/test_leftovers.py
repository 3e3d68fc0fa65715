"""Text that is not meant for a phone: merge fields of other tools, and values that programs write into empty cells."""

# Annotations are not evaluated, because evaluated ones keep DuckDB's types alive after the tests.
from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.text.leftovers import (
    LEFTOVER_WORDS,
    find_leftovers,
    find_placeholders,
    leftover_patterns,
    placeholder_name,
)
from tests.lanes import examples

FOREIGN = [
    pytest.param("Bonjour {{first_name}},", ["{{first_name}}"], "first_name", id="doubled braces"),
    pytest.param("{{ contact.FIRSTNAME }}", ["{{ contact.FIRSTNAME }}"], "firstname", id="with a dot, as in Brevo"),
    pytest.param("{{{prenom}}}", ["{{{prenom}}}"], "prenom", id="three braces"),
    pytest.param("Bonjour %prenom%", ["%prenom%"], "prenom", id="per cent"),
    pytest.param("%%FirstName%%", ["%%FirstName%%"], "firstname", id="two per cent"),
    pytest.param("Bonjour #prenom#", ["#prenom#"], "prenom", id="hash"),
    pytest.param("Bonjour ##PRENOM##", ["##PRENOM##"], "prenom", id="two hashes"),
    pytest.param("[PRENOM], [Prénom]", ["[PRENOM]", "[Prénom]"], "prenom", id="brackets"),
    pytest.param("[[prenom]]", ["[[prenom]]"], "prenom", id="two brackets"),
    pytest.param("[code_promo]", ["[code_promo]"], "code_promo", id="an underscore"),
    pytest.param("*|FNAME|*", ["*|FNAME|*"], "fname", id="Mailchimp"),
    pytest.param("Bonjour ${name}", ["${name}"], "name", id="dollar"),
    pytest.param("Bonjour «Prénom» <nom> <<ville>>", ["«Prénom»", "<nom>", "<<ville>>"], "prénom", id="Word"),
    pytest.param("@prenom@ $prenom$", ["@prenom@", "$prenom$"], "prenom", id="at and dollar"),
]


@pytest.mark.parametrize(("text", "found", "name"), FOREIGN)
def test_a_merge_field_of_another_tool_is_found(text: str, found: list[str], name: str) -> None:
    assert find_placeholders(text) == found
    assert placeholder_name(found[0]) == name


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour {first_name|cher client}", "-20% ou -30% dès 2 achats, 5% de plus", "100%coton et 50%laine%",
        "#soldes #noel", "#soldes#noel", "[URGENT] Coupure d'eau", "[INFO TRAFIC]", "« Noël » chez nous", "«Noël»",
        "contact@exemple.fr", "10$ ou 20$", "3 < 5 > 2", "{{ }}", "C# et F#", "* | *", "<3", "https://exemple.fr/?a=%C3%A9",
    ],
)  # fmt: skip
def test_what_people_write_is_no_merge_field(text: str) -> None:
    assert find_placeholders(text) == []


CELLS = [
    *((value, ["no_value"]) for value in ("NULL", "#N/A", r"\N", "None", "nan", " null ", "#REF!", "#DIV/0!", "#NOM?")),
    *((value, ["html"]) for value in ("Dupont &amp; fils", "L&#39;Atelier", "a&nbsp;b", "Léa<br>", "&#x27;")),
    *((value, ["invisible"]) for value in ("\ufeffZoé", "Zo\u200bé", "Zoé\u200e", "a\u00adb", "Z\ufffd")),
    *((value, ["quoted"]) for value in (' "Zoé"', "«Zoé»", "'Zoé'", "“Zoé”")),
    *((value, ["placeholder"]) for value in ("{{name}}", "*|FNAME|*", "[PRENOM]", "%prenom%", "${x}", "Cher {{nom}}")),
]
PLAIN = [
    "Zoé",
    "L'Haÿ",
    "d'Artagnan 'le vieux",
    "Nathan",
    "Nadia",
    "Null Part",
    "M&M",
    "A & B; C",
    "#1",
    "-20 %",
    "O'Neil",
    "",
]


@pytest.mark.parametrize(("cell", "kinds"), CELLS + [(cell, []) for cell in PLAIN])
def test_leftovers_of_a_program_in_a_cell_are_found(cell: str, kinds: list[str]) -> None:
    assert find_leftovers(cell) == kinds


def test_every_kind_has_its_words() -> None:
    assert leftover_patterns().keys() == LEFTOVER_WORDS.keys()


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


READABLE = st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), max_size=12)


@examples(40)
@given(st.lists(st.one_of(READABLE, st.sampled_from([cell for cell, _ in CELLS] + PLAIN)), min_size=5, max_size=20))
def test_python_and_the_store_find_the_same(engine: duckdb.DuckDBPyConnection, cells: list[str]) -> None:
    for pattern in leftover_patterns().values():
        query = "SELECT list_transform($cells, lambda cell: regexp_matches(cell, $pattern))"
        (found,) = engine.execute(query, {"cells": cells, "pattern": pattern}).fetchone() or ([],)
        assert found == [bool(re.search(pattern, cell)) for cell in cells]
