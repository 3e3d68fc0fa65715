"""What is handed back to a partner: safe in a spreadsheet, fixed there, and dropped again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.files.formula_guard import guard_cell, unguard_cell
from campanile.files.parsing.sql_macros import MACROS
from campanile.files.rejects import REJECT_WORDS, STRUCTURE_WORDS, TABLE_WORDS, Reject, write_rejects
from campanile.sms.numbers.msisdn import REASONS
from tests.lanes import examples

Write = Callable[..., Path]
Read = Callable[..., Any]
FORMULA_SIGNS = "=+-@\t\r\n＝＋－＠"
TEXT = st.text(
    st.sampled_from(list("'=+-@\t\r\nab ＝\u00a0\u2003\u2028\u3000é")) | st.characters(exclude_categories=["Cs"])
)


@pytest.mark.parametrize(
    ("cell", "guarded"),
    [
        pytest.param("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0", id="formula"),
        pytest.param("+33612345678", "'+33612345678", id="number"),
        pytest.param("-5", "'-5", id="minus"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
        pytest.param("\t=1", "'\t=1", id="tab"),
        pytest.param("\r=1", "'\r'=1", id="carriage return"),
        pytest.param("A\n=1", "A\n'=1", id="formula after a line break"),
        pytest.param("＝1+1", "'＝1+1", id="full width"),
        pytest.param("'=1", "''=1", id="apostrophe of its own"),
        pytest.param("L'Haÿ", "L'Haÿ", id="apostrophe amid a word"),
        pytest.param("'0612345678", "'0612345678", id="apostrophe that keeps a zero"),
        pytest.param("0612345678", "0612345678", id="plain"),
        pytest.param("", "", id="empty"),
    ],
)
def test_the_formula_guard(cell: str, guarded: str) -> None:
    assert guard_cell(cell) == guarded
    assert unguard_cell(guarded) == cell or cell.startswith("'")


@given(st.text(st.sampled_from(list("'=+-@\t\r\nab ＝")) | st.characters(exclude_categories=["Cs"]), max_size=30))
def test_the_guard_is_undone_exactly(cell: str) -> None:
    guarded = guard_cell(cell)
    assert unguard_cell(guarded) == cell
    assert not guarded.startswith(tuple(FORMULA_SIGNS))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        for macro in MACROS:
            connection.execute(macro)
        yield connection


@examples(200)
@given(cell=TEXT)
def test_the_engine_reads_text_as_python_does(engine: duckdb.DuckDBPyConnection, cell: str) -> None:
    """Beside NUL and other control characters, which no sound row holds."""
    query = "SELECT strip($cell), unguard($cell), field($cell)"
    found = engine.execute(query, {"cell": cell}).fetchall()[0]
    assert found == (cell.strip(), unguard_cell(cell), unguard_cell(cell).strip() or None)


def test_every_white_space_is_stripped(engine: duckdb.DuckDBPyConnection) -> None:
    spaces = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    cells = [f"{space}a{space}b{space}" for space in spaces]
    found = engine.execute("SELECT strip(cell), field(cell) FROM (SELECT unnest($cells) AS cell)", {"cells": cells})
    assert found.fetchall() == [(cell[1:-1], cell[1:-1]) for cell in cells]


def test_every_reason_has_words() -> None:
    assert set(REJECT_WORDS) == set(REASONS) | set(STRUCTURE_WORDS) | set(TABLE_WORDS)
    assert not set(REASONS) & set(STRUCTURE_WORDS)


def test_a_rejects_file_as_excel_opens_it(text_file: Write, read_contact_file: Read) -> None:
    content = "Prénom,Mobile,Remarque\nZoë,+336123,=1+1\nNoël,0612345678,\n\nLéa,12 AB,x;y\nA\n"
    found = read_contact_file(text_file(content, encoding="cp1252"))
    assert found.reject_reasons == {"letters": 1, "too_short": 1, "wrong_column_count": 1}
    assert found.rejects.decode("utf-8").split("\r\n") == [
        "\ufeffPrénom;Mobile;Remarque;row;reason;what to do",
        f"Zoë;'+336123;'=1+1;2;too_short;{_quoted(REASONS['too_short'])}",
        f'Léa;12 AB;"x;y";5;letters;{REASONS["letters"]}',
        f"A;;;6;wrong_column_count;{_quoted(STRUCTURE_WORDS['wrong_column_count'])}",
        "",
    ]


def _quoted(words: str) -> str:
    return f'"{words}"' if ";" in words else words


def test_no_rejects_no_file(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file("Mobile\n0612345678\n"))
    assert (found.rejects_file, found.reject_reasons, found.reject_examples) == (None, {}, {})


def test_examples_are_few_masked_and_printable(text_file: Write, read_contact_file: Read) -> None:
    lines = [f"+33612345678{n}9;A\n" for n in range(5)] + ["06\x1b12345678;" + "x" * 100 + "\n", '"0612345678\n']
    assert read_contact_file(text_file("Mobile;Nom\n" + "".join(lines))).reject_examples == {
        "too_long": ("row 2: +336******7809", "row 3: +336******7819", "row 4: +336******7829"),
        "control_characters": ("row 7: 06*****678;" + "x" * 62,),
        "bad_quote": ('row 8: "06*****678',),
    }


def test_fixed_and_dropped_again(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file("Prénom;Mobile;Remarque\nZoë;+3361234567;-10 %\nNoël;06 12;\n"))
    fixed = found.rejects.decode("utf-8-sig").replace("+3361234567", "+33612345678").replace("06 12", "06 12 34 56 79")
    again = read_contact_file(text_file(fixed, "again.csv", "utf-8-sig"))
    assert again.header == ("Prénom", "Mobile", "Remarque")
    assert again.reject_reasons == {}
    assert again.frame["raw_number"].tolist() == ["+33612345678", "06 12 34 56 79"]
    assert again.frame["remarque"].tolist() == ["-10 %", ""]
    assert list(again.frame.columns[4:]) == ["first_name", "remarque"]


def test_rejected_twice_is_the_same_file(text_file: Write, read_contact_file: Read) -> None:
    once = read_contact_file(text_file("Mobile;Nom\n+3361;'=A\n")).rejects
    assert read_contact_file(text_file(once, "once.csv")).rejects == once


def test_many_rejects_are_no_reason_to_refuse_their_file(text_file: Write, read_contact_file: Read) -> None:
    rejects = read_contact_file(text_file("Mobile;Nom\n" + "6123;A\n" * 30 + "0612345678;B\n" * 3)).rejects
    assert read_contact_file(text_file(rejects, "again.csv")).reject_reasons == {"short_code": 30}


def test_a_row_in_one_piece_is_rejected_again_unless_fixed(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file('Nom;Mobile\nA;B;0612345678\nC\n"D;0612345679\n'))
    assert found.frame["structure_reason"].tolist() == ["wrong_column_count", "wrong_column_count", "bad_quote"]
    again = read_contact_file(text_file(found.rejects, "again.csv"))
    assert again.frame["last_name"].tolist() == ["A;B;0612345678", "C", '"D;0612345679']
    assert again.frame["raw_number"].tolist() == ["", "", ""]
    assert again.reject_reasons == {"empty_number": 3}


def test_control_characters_are_taken_out(text_file: Write, read_contact_file: Read) -> None:
    rejects = read_contact_file(text_file("Nom;Mobile\nZo\0ë;0612345678\n")).rejects
    again = read_contact_file(text_file(rejects, "again.csv"))
    assert again.frame.loc[0, ["last_name", "raw_number"]].tolist() == ["Zoë", "0612345678"]


def test_a_workbook_comes_back_as_csv(workbook_file: Write, text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(workbook_file([["Nom", None, "Mobile"], ["A;B", None, 6123], ["C", None, 612345678]]))
    again = read_contact_file(text_file(found.rejects, "again.csv"))
    assert again.header == ("Nom", "column 2", "Mobile")
    assert again.frame.loc[0, ["last_name", "raw_number"]].tolist() == ["A;B", "6123"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("old")
    with pytest.raises(KeyError, match="no such code"):
        write_rejects(path, ["Mobile"], [Reject(2, "no such code", ["06"])])
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("'=+-@\t\n;\""), max_size=15)


@examples(100)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_any_cells_come_back_as_they_were(tmp_path: Path, rows: list[tuple[str, str]], read_contact_file: Read) -> None:
    rejects = [Reject(n, "letters", [number, name, "x"]) for n, (number, name) in enumerate(rows)]
    again = read_contact_file(write_rejects(tmp_path / "r.csv", ["Mobile", "Nom", "Ville"], rejects)).frame
    assert again["raw_number"].tolist() == [number for number, _ in rows]
    assert again["last_name"].tolist() == [name.strip() for _, name in rows]
