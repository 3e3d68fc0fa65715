"""What is handed back to a partner: safe in a spreadsheet, fixed there, and dropped again."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from files.formulas import guard_cell, unguard_cell
from files.read import read_contact_file
from files.rejects import REJECT_WORDS, STRUCTURE_WORDS, reject_rows, write_rejects
from sms.msisdn import REASONS, parse_number

Write = Callable[..., Path]
FORMULA_SIGNS = "=+-@\t\r\n＝＋－＠"


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


@settings(deadline=None)
@given(st.text(st.sampled_from(list("'=+-@\t\r\nab ＝")) | st.characters(exclude_categories=["Cs"]), max_size=30))
def test_the_guard_is_undone_exactly(cell: str) -> None:
    guarded = guard_cell(cell)
    assert unguard_cell(guarded) == cell
    assert not guarded.startswith(tuple(FORMULA_SIGNS))


def test_every_reason_has_words() -> None:
    assert set(REJECT_WORDS) == set(REASONS) | set(STRUCTURE_WORDS)
    assert not set(REASONS) & set(STRUCTURE_WORDS)


def rejects_of(path: Path, out: Path, reasons: dict[int, str]) -> Path:
    contact_file = read_contact_file(path)
    return write_rejects(out, contact_file.header, reject_rows(contact_file, reasons))


def test_a_rejects_file_as_excel_opens_it(text_file: Write, tmp_path: Path) -> None:
    path = text_file("Prénom,Mobile,Remarque\nZoë,+3361,=1+1\nNoël,0612345678,\nLéa,12 AB,x;y\n", encoding="cp1252")
    out = rejects_of(path, tmp_path / "out" / "rejects.csv", {4: "letters", 2: "too_short"})
    assert out.read_bytes().decode("utf-8").split("\r\n") == [
        "\ufeffPrénom;Mobile;Remarque;row;reason;what to do",
        f'Léa;12 AB;"x;y";4;letters;{REASONS["letters"]}',
        f"Zoë;'+3361;'=1+1;2;too_short;{_quoted(REASONS['too_short'])}",
        "",
    ]
    assert [file.name for file in out.parent.iterdir()] == ["rejects.csv"]


def _quoted(words: str) -> str:
    return f'"{words}"' if ";" in words else words


def test_fixed_and_dropped_again(text_file: Write, tmp_path: Path) -> None:
    path = text_file("Prénom;Mobile;Remarque\nZoë;+3361234567;-10 %\nNoël;06 12;\n")
    out = rejects_of(path, tmp_path / "rejects.csv", {2: "too_short", 3: "too_short"})
    fixed = out.read_text("utf-8-sig").replace("+3361234567", "+33612345678").replace("06 12", "06 12 34 56 79")
    again = read_contact_file(text_file(fixed, "again.csv", "utf-8-sig"))
    assert again.header == ("Prénom", "Mobile", "Remarque")
    assert [parse_number(raw).msisdn for raw in again.frame["raw_number"]] == ["+33612345678", "+33612345679"]
    assert again.frame["remarque"].tolist() == ["-10 %", ""]
    assert list(again.frame.columns[4:]) == ["first_name", "remarque"]


def test_rejected_twice_is_the_same_file(text_file: Write, tmp_path: Path) -> None:
    path = text_file("Mobile;Nom\n+3361;'=A\n")
    once = rejects_of(path, tmp_path / "once.csv", {2: "too_short"})
    twice = rejects_of(once, tmp_path / "twice.csv", {2: "too_short"})
    assert twice.read_bytes() == once.read_bytes()


def test_a_row_in_one_piece_is_rejected_again_unless_fixed(text_file: Write, tmp_path: Path) -> None:
    path = text_file('Nom;Mobile\nA;B;0612345678\nC\n"D;0612345679\n')
    reasons = {2: "wrong_column_count", 3: "wrong_column_count", 4: "bad_quote"}
    contact_file = read_contact_file(path)
    assert dict(zip(contact_file.frame["row_number"], contact_file.frame["structure_reason"], strict=True)) == reasons
    again = read_contact_file(rejects_of(path, tmp_path / "rejects.csv", reasons)).frame
    assert again["last_name"].tolist() == ["A;B;0612345678", "C", '"D;0612345679']
    assert again["raw_number"].tolist() == ["", "", ""]


def test_control_characters_are_taken_out(text_file: Write, tmp_path: Path) -> None:
    path = text_file("Nom;Mobile\nZo\0ë;0612345678\n")
    again = read_contact_file(rejects_of(path, tmp_path / "rejects.csv", {2: "control_characters"})).frame
    assert again.loc[0, ["last_name", "raw_number"]].tolist() == ["Zoë", "0612345678"]


def test_a_workbook_comes_back_as_csv(workbook_file: Write, tmp_path: Path) -> None:
    path = workbook_file([["Nom", None, "Mobile"], ["A;B", None, 6123], ["C", None, 612345678]])
    again = read_contact_file(rejects_of(path, tmp_path / "rejects.csv", {2: "short_code"}))
    assert again.header == ("Nom", "column 2", "Mobile")
    assert again.frame.loc[0, ["last_name", "raw_number"]].tolist() == ["A;B", "6123"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("old")
    frame = pd.DataFrame({"row_number": [2], "Mobile": ["06"], "reason": ["no such code"]})
    with pytest.raises(KeyError, match="no such code"):
        write_rejects(path, ["Mobile"], frame)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("'=+-@\t\n;\""), max_size=15)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_any_cells_come_back_as_they_were(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    frame = pd.DataFrame(
        [[n, number, name, "x", "letters"] for n, (number, name) in enumerate(rows)],
        columns=["row_number", "Mobile", "Nom", "Ville", "reason"],
    )
    again = read_contact_file(write_rejects(tmp_path / "r.csv", ["Mobile", "Nom", "Ville"], frame)).frame
    assert again["raw_number"].tolist() == [number for number, _ in rows]
    assert again["last_name"].tolist() == [name.strip() for _, name in rows]
