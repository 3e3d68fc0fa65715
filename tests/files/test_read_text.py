"""CSV as people send it: encodings, delimiters, line ends, and every broken row with its reason."""

import codecs
import csv
import gzip
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.files.formula_guard import unguard_cell
from campanile.files.parsing.csv_record import read_records
from campanile.files.parsing.line_classifier import EMPTY, ODD, PLAIN, classify_lines
from campanile.sms.errors import ContactFileError
from tests.lanes import examples

Write = Callable[..., Path]
Read = Callable[..., Any]
TABLE = "Téléphone;Prénom;Ville\n0612345678;Zoë;Fos\n+33612345679;Noël;L'Haÿ\n"


def test_what_is_known_of_a_file(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file(TABLE))
    assert (found.file_name, found.encoding, found.delimiter, found.sheet) == ("clients.csv", "utf-8", ";", None)
    assert found.size_bytes == len(TABLE.encode())
    assert found.sha256 == hashlib.sha256(TABLE.encode()).hexdigest()
    assert found.header == ("Téléphone", "Prénom", "Ville")
    assert found.column_map == {"Téléphone": "msisdn", "Prénom": "first_name", "Ville": "ville"}
    assert found.frame.to_dict("records") == [
        {
            "row_number": 2,
            "raw_line": "0612345678;Zoë;Fos",
            "raw_number": "0612345678",
            "structure_reason": None,
            "first_name": "Zoë",
            "ville": "Fos",
        },
        {
            "row_number": 3,
            "raw_line": "+33612345679;Noël;L'Haÿ",
            "raw_number": "+33612345679",
            "structure_reason": None,
            "first_name": "Noël",
            "ville": "L'Haÿ",
        },
    ]


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        pytest.param(TABLE.encode(), None, "utf-8", id="UTF-8"),
        pytest.param(TABLE.encode("utf-8-sig"), None, "utf-8-sig", id="UTF-8 with its mark"),
        pytest.param(
            codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"), None, "utf-16", id="UTF-16, Excel's Unicode text"
        ),
        pytest.param(codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"), None, "utf-16", id="UTF-16, the other way round"),
        pytest.param(TABLE.encode("utf-32"), None, "utf-32", id="UTF-32"),
        pytest.param(TABLE.encode("cp1252"), None, "cp1252", id="Windows"),
        pytest.param(TABLE.encode("utf-16-le"), None, "utf-16-le", id="UTF-16 without mark"),
        pytest.param(TABLE.encode("utf-16-be"), None, "utf-16-be", id="UTF-16 without mark, the other way round"),
        pytest.param(TABLE.encode("utf-16-le"), "utf-16-le", "utf-16-le", id="UTF-16 without mark, as said"),
        pytest.param(TABLE.encode("mac_roman"), None, "mac-roman", id="old Macintosh"),
        pytest.param(TABLE.encode("mac_roman"), "mac_roman", "mac-roman", id="old Macintosh, as said"),
        pytest.param(TABLE.encode("cp850"), None, "cp850", id="DOS"),
        pytest.param(TABLE.encode("iso8859-15"), None, "cp1252", id="Latin-9, the same letters as in Windows"),
        pytest.param(TABLE.encode("utf-8-sig"), "utf-8", "utf-8", id="said, and a mark all the same"),
    ],
)
@pytest.mark.parametrize("line_end", [pytest.param(end, id=repr(end)) for end in ("\n", "\r\n", "\r")])
def test_the_same_table_in_any_encoding(
    text_file: Write, content: bytes, encoding: str | None, expected: str, line_end: str, read_contact_file: Read
) -> None:
    codec = {"utf-16": "utf-16-le" if content.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"}.get(expected, expected)
    if expected != "utf-32":
        content = content.replace("\n".encode(codec.removesuffix("-sig")), line_end.encode(codec.removesuffix("-sig")))
    found = read_contact_file(text_file(content), encoding=encoding)
    assert found.encoding == expected
    assert found.frame["first_name"].tolist() == ["Zoë", "Noël"]
    assert found.frame["ville"].tolist() == ["Fos", "L'Haÿ"]
    assert found.frame["row_number"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("content", "encoding", "words"),
    [
        pytest.param(b"Tel;Nom\n06;a\xddb\n", None, ["0xDD", "encoding="], id="bytes of no letter anywhere"),
        pytest.param(b"Tel;Nom\n06;A\x81B\n", None, ["cp850: 'AüB'", "mac-roman: 'AÅB'"], id="two readings"),
        pytest.param("Tel;Nom\n06;Éléonore\n".encode()[:-3] + b"\xc3", None, ["encoding="], id="cut in mid-letter"),
        pytest.param("Tel;Nom\n1;Zoé\n2;Chloé\n".encode() + b"3;No\xebl\n", None, ["mixes"], id="two encodings in one"),
        pytest.param(b"T\0e;Nom\n0612345678;A\n", None, ["NUL", "utf-16-le"], id="NUL among the names"),
        pytest.param(codecs.BOM_UTF16_LE + b"T\0e", None, ["utf-16"], id="UTF-16 cut in two"),
        pytest.param(TABLE.encode(), "klingon", ["'klingon'", "cp1252"], id="no such encoding"),
        pytest.param(TABLE.encode(), "base64", ["'base64'"], id="a codec that is no text"),
        pytest.param(TABLE.encode("cp1252"), "utf-8", ["'utf-8'", "0xE9"], id="not the encoding that was said"),
        pytest.param(b"PK\x03\x04rest", None, ["workbook", ".xlsx"], id="a workbook named .csv"),
    ],
)
def test_a_text_that_could_become_gibberish_is_refused(
    text_file: Write, content: bytes, encoding: str | None, words: list[str], read_contact_file: Read
) -> None:
    with pytest.raises(ContactFileError) as caught:
        read_contact_file(text_file(content), encoding=encoding)
    assert all(word in str(caught.value) for word in ["clients.csv", *words]), str(caught.value)


@pytest.mark.parametrize(
    ("content", "delimiter", "rows"),
    [
        pytest.param("Tel;Nom\n06;A,B\n", ";", [["06", "A,B"]], id="semicolon"),
        pytest.param("Tel,Nom\n06,A;B\n", ",", [["06", "A;B"]], id="comma"),
        pytest.param("Tel\tNom\n06\tA\n", "\t", [["06", "A"]], id="tab"),
        pytest.param("Tel|Nom\n06|A\n", "|", [["06", "A"]], id="pipe"),
        pytest.param("Tel (fixe, portable);Mobile;Nom\n1;06;A\n", ";", [["06", "A"]], id="commas inside a name"),
        pytest.param("Mobile,Nom; prénom\n06,A\n", ",", [["06", "A"]], id="a semicolon inside a name"),
        pytest.param('"Tel","Nom"\n"06","A"\n', ",", [["06", "A"]], id="every cell quoted"),
        pytest.param("sep=,\nTel,Nom\n06,A\n", ",", [["06", "A"]], id="sep= line"),
        pytest.param("SEP=;\nTel;Nom\n06;A\n", ";", [["06", "A"]], id="sep= line in capitals"),
        pytest.param("sep=\t\nTel\tNom\n06\tA\n", "\t", [["06", "A"]], id="sep= tab"),
        pytest.param('"sep=;"\nTel;Nom\n06;A\n', ";", [["06", "A"]], id="sep= line in quotes"),
    ],
)
def test_the_delimiter_is_the_one_of_the_header(
    text_file: Write, content: str, delimiter: str, rows: list[list[str]], read_contact_file: Read
) -> None:
    found = read_contact_file(text_file(content), columns={"last_name": "Nom"} if "prénom" not in content else None)
    assert found.delimiter == delimiter
    assert found.frame[["raw_number", found.frame.columns[-1]]].to_numpy().tolist() == rows


def test_a_single_column_of_numbers(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file("telephone\n06 12 34 56 78\n0612345679,\n"))
    assert found.frame["raw_number"].tolist() == ["06 12 34 56 78", "0612345679,"]


@pytest.mark.parametrize(
    "cell",
    ["NA", "None", "null", "nan", "True", "1e5", "007", "01000", "1,50", "-5", "=1+1", "{first_name}", "#N/A", "0"],
)
def test_a_cell_stays_text(text_file: Write, cell: str, read_contact_file: Read) -> None:
    found = read_contact_file(text_file(f"Tel;Nom\n{cell};{cell}\n"))
    assert found.frame.loc[0, ["raw_number", "last_name"]].tolist() == [cell, cell]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        pytest.param('06;"Dupont; Jean"', ["06", "Dupont; Jean"], id="delimiter in quotes"),
        pytest.param('06;"Dupont\nJean"', ["06", "Dupont\nJean"], id="line break in quotes"),
        pytest.param('06;"Jean ""Jojo"" D"', ["06", 'Jean "Jojo" D'], id="quotes in quotes"),
        pytest.param('="0612345678";A', ['="0612345678"', "A"], id="formula that keeps the zero"),
        pytest.param('06;5" pipe', ["06", '5" pipe'], id="inches"),
        pytest.param('06;Jean "Jojo" D', ["06", 'Jean "Jojo" D'], id="quotes amid a cell"),
        pytest.param("'0612345678;A", ["'0612345678", "A"], id="apostrophe that keeps the zero"),
        pytest.param("06;\u00a0 A \u00a0", ["06", "A"], id="outer white space of a field"),
        pytest.param(" 06 ;A", [" 06 ", "A"], id="number cell as it is"),
        pytest.param('06;""', ["06", ""], id="empty in quotes"),
        pytest.param("06;", ["06", ""], id="empty"),
        pytest.param("06;A\x85".replace("\x85", "\u2028B"), ["06", "A\u2028B"], id="a line separator is no line end"),
    ],
)
def test_a_row_is_split_as_a_spreadsheet_would(
    text_file: Write, line: str, cells: list[str], read_contact_file: Read
) -> None:
    found = read_contact_file(text_file(f"Tel;Nom\n{line}\n07;Z\n"))
    assert found.frame["structure_reason"].tolist() == [None, None]
    assert found.frame[["raw_number", "last_name"]].to_numpy().tolist() == [cells, ["07", "Z"]]
    assert found.frame["raw_line"].tolist() == [line, "07;Z"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("06", "wrong_column_count", id="a cell is missing"),
        pytest.param("06;A;Fos", "wrong_column_count", id="a cell too many"),
        pytest.param("06;A;", "wrong_column_count", id="an empty cell too many"),
        pytest.param('"06;A"', "wrong_column_count", id="quotes around both cells"),
        pytest.param('06;"A', "bad_quote", id="quote never closed"),
        pytest.param('"06;A', "bad_quote", id="quote never closed at the start"),
        pytest.param('06;"A" bis', "bad_quote", id="text after the closing quote"),
        pytest.param("06;" + "x" * 32_768, "field_too_long", id="a cell longer than Excel takes"),
        pytest.param('06;"' + "x" * 200_000 + '"', "field_too_long", id="a very long cell in quotes"),
        pytest.param("06;A\0B", "control_characters", id="NUL"),
        pytest.param("06;A\x0bB", "control_characters", id="vertical tab"),
        pytest.param("06;A\x1b[2JB", "control_characters", id="escape"),
        pytest.param("06;A\u0085B", "control_characters", id="next line"),
    ],
)
def test_a_broken_row_has_its_reason_and_harms_no_other(
    text_file: Write, line: str, reason: str, read_contact_file: Read
) -> None:
    found = read_contact_file(text_file(f"Tel;Nom\n01;A\n{line}\n02;B\n03;C\n"))
    assert found.frame["structure_reason"].tolist() == [None, reason, None, None]
    assert found.frame["raw_number"].tolist() == ["01", "", "02", "03"]
    assert found.frame["row_number"].tolist() == [2, 3, 4, 5]
    assert found.frame.loc[1, "raw_line"] == line[:32_767]


def test_two_open_quotes_do_not_swallow_the_rows_between(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file('Tel;Nom\n01;"A\n02;B\n03;"C\n04;D\n'))
    assert found.frame["structure_reason"].tolist() == ["bad_quote", None, "bad_quote", None]


def test_rows_are_numbered_by_the_line_where_they_start(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file('\n\nTel;Nom\n\n01;A\n;;\n  ;\t\n02;"B\nC"\n03;D\n'))
    assert found.frame["row_number"].tolist() == [5, 8, 10]


def test_columns_without_a_name(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file("Tel;;;Nom;;\n01;;x;A;;\n02;;;B;y;\n"))
    assert found.header == ("Tel", "column 2", "column 3", "Nom", "column 5")
    assert found.column_map == {"Tel": "msisdn", "column 3": "column_3", "Nom": "last_name", "column 5": "column_5"}
    assert found.frame["column_5"].tolist() == ["", "y"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("clients.pdf", "x", ["'.pdf'", ".csv", ".xlsx", ".ods"], id="another kind of file"),
        pytest.param("clients", "x", ["''", ".csv"], id="no extension"),
        pytest.param("clients.csv", "", ["empty"], id="empty"),
        pytest.param("clients.csv", " \r\n \n", ["empty"], id="blank"),
        pytest.param("clients.csv", ";;;\n;;\n", ["blank lines"], id="delimiters only"),
        pytest.param("clients.csv", "Tel;Nom\n", ["no data rows", "'Tel', 'Nom'"], id="header only"),
        pytest.param("clients.csv", "0612345678;A\n0612345679;B\n", ["no header"], id="no header"),
        pytest.param("clients.csv", 'Tel;"Nom\n01;A\n', ["no header", "bad_quote"], id="header with an open quote"),
        pytest.param("clients.csv", '"\'\n"\n1\n', ["no header", "no name"], id="header of an apostrophe"),
        pytest.param("clients.csv", "Nom;Ville\nA;Fos\n", ["no number column", "'Ville'"], id="no number column"),
        pytest.param("clients.csv", "sep=#\nTel#Nom\n1#A\n", ["sep=#", "semicolon"], id="sep= something else"),
        pytest.param("clients.csv", "x" * 3_000, ["3000 bytes", "2000"], id="too large"),
    ],
)
def test_a_file_refused_as_a_whole(
    text_file: Write, name: str, content: str, words: list[str], read_contact_file: Read
) -> None:
    with pytest.raises(ContactFileError) as caught:
        read_contact_file(text_file(content, name), max_bytes=2_000)
    message = str(caught.value)
    assert all(word in message for word in [name, *words]), message
    assert "\n" not in message


def test_a_file_that_is_not_there(tmp_path: Path, read_contact_file: Read) -> None:
    with pytest.raises(ContactFileError, match=r"clients\.csv: it cannot be opened"):
        read_contact_file(tmp_path / "clients.csv")


def test_a_folder_or_a_pipe_is_no_file(tmp_path: Path, read_contact_file: Read) -> None:
    (tmp_path / "clients.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("clients.csv", "pipe.csv"):
        with pytest.raises(ContactFileError, match="no regular file"):
            read_contact_file(tmp_path / name)


def test_a_sheet_of_a_text_is_refused(text_file: Write, read_contact_file: Read) -> None:
    with pytest.raises(ContactFileError, match="for workbooks"):
        read_contact_file(text_file(TABLE), sheet="Feuil1")


def test_a_name_is_data(text_file: Write, read_contact_file: Read) -> None:
    assert read_contact_file(text_file(TABLE, "a\n$(rm)\x1b.CSV")).file_name == "a?$(rm)?.CSV"


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("0612345678\n06 12 34 56 79\n", ["0612345678", "06 12 34 56 79"], id="bare"),
        pytest.param('"0612345678"\r\n"+33612345679"\r\n', ["0612345678", "+33612345679"], id="quoted"),
        pytest.param("\n0612345678,\n12 AB,\n" + "0612345679,\n" * 20, None, id="a comma behind, one of them bad"),
        pytest.param('="0612345678"\n="0612345679"', ['="0612345678"', '="0612345679"'], id="as formulas"),
    ],
)
def test_a_list_of_numbers_needs_no_header(
    text_file: Write, content: str, rows: list[str] | None, read_contact_file: Read
) -> None:
    found = read_contact_file(text_file(content))
    assert found.header == ("msisdn",)
    assert found.column_map == {"msisdn": "msisdn"}
    assert found.frame["row_number"].iloc[0] == (1 if rows else 2)
    assert rows is None or found.frame["raw_number"].tolist() == rows


@pytest.mark.parametrize("name", ["clients.csv.gz", "clients.TXT.gz", "clients.tsv.gz"])
def test_a_packed_text(text_file: Write, name: str, read_contact_file: Read) -> None:
    packed = gzip.compress(TABLE.encode("cp1252"))
    found = read_contact_file(text_file(packed, name))
    assert (found.size_bytes, found.sha256) == (len(packed), hashlib.sha256(packed).hexdigest())
    assert found.frame["first_name"].tolist() == ["Zoë", "Noël"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param(
            "a.csv.gz", gzip.compress(b"Tel\n" + b"0612345678\n" * 1_000), ["2000 bytes once unpacked"], id="bomb"
        ),
        pytest.param("a.csv.gz", gzip.compress(TABLE.encode())[:-9], ["damaged"], id="cut"),
        pytest.param("a.csv.gz", gzip.compress(TABLE.encode())[:-8] + b"\0" * 8, ["damaged"], id="wrong checksum"),
        pytest.param("a.csv.gz", TABLE.encode(), ["damaged"], id="not packed at all"),
        pytest.param("a.zip", b"PK", ["'.zip'", ".csv.gz", ".xlsx"], id="another archive"),
        pytest.param("a.xlsx.gz", gzip.compress(b"PK"), ["'.gz'", ".csv.gz"], id="a packed workbook"),
    ],
)
def test_a_packed_file_refused(
    text_file: Write, name: str, content: bytes, words: list[str], read_contact_file: Read
) -> None:
    with pytest.raises(ContactFileError) as caught:
        read_contact_file(text_file(content, name), max_bytes=2_000)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("filled", "is_refused"),
    [
        pytest.param(19, False, id="too few to tell"),
        pytest.param(20, True, id="enough to tell"),
    ],
)
def test_a_number_column_is_confirmed_by_what_it_holds(
    text_file: Write, filled: int, is_refused: bool, read_contact_file: Read
) -> None:
    path = text_file("Mobile;GPS;Nom\n" + "oui 0612;06 12 34 56 78;A\n" * filled + ";0612345678;B\n" * 50)
    if not is_refused:
        assert read_contact_file(path).row_count == filled + 50
        return
    with pytest.raises(ContactFileError) as caught:
        read_contact_file(path)
    message = str(caught.value)
    assert all(word in message for word in ["'Mobile'", "oui 0612", "'GPS' looks like one"]), message


def test_one_number_in_twenty_is_a_number_column(text_file: Write, read_contact_file: Read) -> None:
    assert read_contact_file(text_file("Mobile;Nom\n" + "-;A\n" * 19 + "0612345678;B\n")).row_count == 20


CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="'") | st.sampled_from(';,|"\n\t='), max_size=20
)


@examples(60)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), delimiter=st.sampled_from(";,\t|"))
def test_what_a_csv_writer_writes_is_read_back(
    text_file: Write, rows: list[tuple[str, str]], delimiter: str, read_contact_file: Read
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([("Tel", "Nom", "Ville"), *((number, name, "Fos") for number, name in rows)])
    frame = read_contact_file(text_file(buffer.getvalue()), encoding="utf-8").frame
    assert frame["structure_reason"].isna().all()
    assert frame["raw_number"].tolist() == [number for number, _ in rows]
    assert frame["last_name"].tolist() == [name.strip() for _, name in rows]


EDGES = st.text(st.sampled_from("aé' \u00a0\u2003\u3000\u1680\u20ac=+\""), max_size=4)


@examples(60)
@given(
    rows=st.lists(st.tuples(EDGES, EDGES), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_white_space_and_apostrophes_at_the_edges_of_a_cell(
    text_file: Write, rows: list[tuple[str, str]], quoting: Literal[0, 1], read_contact_file: Read
) -> None:
    """The columns that the bulk reader takes for tidy are."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", quoting=quoting)
    writer.writerows([("Nom", "Tel", "Ville"), *((name, "0612345678", city) for name, city in rows)])
    frame = read_contact_file(text_file(buffer.getvalue())).frame
    assert frame["last_name"].tolist() == [unguard_cell(name).strip() for name, _ in rows]
    assert frame["ville"].tolist() == [unguard_cell(city).strip() for _, city in rows]


@examples(60)
@given(body=st.text(st.sampled_from(list('ab01;,"\n\r\t\0=é')), max_size=60))
def test_no_text_crashes_and_every_line_is_accounted_for(text_file: Write, body: str, read_contact_file: Read) -> None:
    text = f"Tel;Nom\n01;A\n{body}"
    frame = read_contact_file(text_file(text, encoding="utf-8")).frame
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    covered = [
        n + k for n, raw in zip(frame["row_number"], frame["raw_line"], strict=True) for k in range(raw.count("\n") + 1)
    ]
    assert len(covered) == len(set(covered))
    missed = set(range(2, len(lines) + 1)) - set(covered)
    assert all(not lines[n - 1].replace(";", "").replace('"', "").strip() for n in missed)


def test_empty_lines_are_passed_over_and_counted(text_file: Write, read_contact_file: Read) -> None:
    found = read_contact_file(text_file('\n\nTel;Nom\n\n\n06;A\n;\n07;"B\n\nC"\n\n08;D\n\n'))
    assert found.frame["row_number"].tolist() == [6, 8, 12]
    assert found.frame["last_name"].tolist() == ["A", "B\n\nC", "D"]


def test_empty_lines_are_read_in_bulk() -> None:
    block = np.frombuffer(b"06;A\n\n \n\n", np.uint8)
    assert classify_lines(block, ";", 2).kinds.tolist() == [PLAIN, EMPTY, ODD, EMPTY]
    assert [record.row_number for record, _ in read_records(b"\n" * 2_000_001 + b"06;A\n", 0, 1, ";")] == [2_000_002]
