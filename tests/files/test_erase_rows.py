"""A person in files of every kind: their rows are removed, and the bytes of all others stay."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.files.erase_callbacks import erase_from_callbacks
from campanile.files.erase_rows import Erasure, erase_from_file, holds_number
from campanile.gateways.callbacks.spool import read_spool
from campanile.sms.numbers.written_forms import bytes_pattern

MSISDN = "+33612345678"
WRITTEN = (
    "0612345678", "06 12 34 56 78", "06.12.34.56.78", "06-12-34-56-78", "+33612345678", "+33 6 12 34 56 78",
    "0033612345678", "33612345678", "+33 (0)6 12 34 56 78", "612345678", "06\u00a012\u00a034\u00a056\u00a078",
)  # fmt: skip
OTHERS = ("0612345679", "06 12 34 56 79", "10612345678", "06123456780", "61234567", "123456789012")


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(
    ("encoding", "line_end"),
    [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("cp1252", "\r\n"), ("utf-16", "\n")],
)
def test_the_row_of_a_text_file_is_removed(tmp_path: Path, written: str, encoding: str, line_end: str) -> None:
    path = tmp_path / "contacts.csv"
    rows = ["mobile;nom;note", f'{written};Zoé;"deux{line_end}lignes"', '0612345679;Ana;"deux', 'lignes"', "x;Bob;"]
    path.write_bytes((line_end.join(rows) + line_end).encode(encoding))
    assert erase_from_file(path, MSISDN) is Erasure.REWRITTEN
    assert path.read_bytes() == (line_end.join([rows[0], *rows[2:]]) + line_end).encode(encoding)
    assert erase_from_file(path, MSISDN) is Erasure.NOTHING


@pytest.mark.parametrize("other", OTHERS)
def test_another_number_is_not_touched(tmp_path: Path, other: str) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(f"mobile;nom\n{other};Ana\n", encoding="utf-8")
    assert erase_from_file(path, MSISDN) is Erasure.NOTHING


def test_a_lone_quotation_mark_takes_no_other_row_with_it(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text('mobile;nom\n0612345678;"Zoé\n0612345679;Ana\n0612345680;Bob\n', encoding="utf-8")
    erase_from_file(path, MSISDN)
    assert path.read_text(encoding="utf-8") == "mobile;nom\n0612345679;Ana\n0612345680;Bob\n"


def workbook(cell: object) -> bytes:
    made, kept = openpyxl.Workbook(), io.BytesIO()
    made.active.append(["mobile"])
    made.active.append([cell])
    made.save(kept)
    return kept.getvalue()


def packed(text: str) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("contacts.csv", text)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.xlsx", workbook("06 12 34 56 78"), id="a workbook with text"),
        pytest.param("a.xlsx", workbook(33612345678), id="a workbook with a number"),
        pytest.param("a.xlsx", workbook(612345678), id="a workbook that lost the zero"),
        pytest.param("a.zip", packed("0612345678"), id="a packed file"),
        pytest.param("a.csv.gz", gzip.compress(b"0612345678"), id="a compressed file"),
        pytest.param("a.json", b'{"to": "+33612345678"}', id="another kind"),
    ],
)
def test_a_file_without_rows_is_deleted(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert holds_number(path, MSISDN)
    assert erase_from_file(path, MSISDN) is Erasure.DELETED
    assert not path.exists()


def test_the_rows_of_a_parquet_file_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "messages.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "COPY (FROM (VALUES ('+33612345678', 'Zoé', 33612345678), ('+33612345679', 'Ana', 1)) AS rows (a, b, c)) "
            f"TO '{path}' (FORMAT parquet)"
        )
        assert erase_from_file(path, MSISDN) is Erasure.REWRITTEN
        assert connection.execute(f"FROM read_parquet('{path}')").fetchall() == [("+33612345679", "Ana", 1)]
    assert erase_from_file(path, MSISDN) is Erasure.NOTHING


REF = "0a1b2c3d4e5f60718293"


@pytest.mark.parametrize(
    ("content", "blank"),
    [
        pytest.param(
            "id=2&from=%2B33612345678&text=Bonjour+Zo%C3%A9&ts=1",
            "id=2&from=%2B00000000000&text=xxxxxxxxxxxxxxxx&ts=1",
            id="a reply by Kannel",
        ),
        pytest.param(
            f"ref={REF}&status=2&reason=id:7%20stat:EXPIRED%20text:Bonjour%20Zo&ts=1",
            f"ref={'0' * 20}&status=2&reason=id:7%20stat:EXPIRED%20text:xxxxxxxxxxxx&ts=1",
            id="a report by Kannel, with the first letters of the text",
        ),
        pytest.param(
            "MessageSid=SM1&From=%2B33612345678&WaId=33612345678&ProfileName=Zo%C3%A9&FromCity=LYON&Body=Bonjour+06",
            "MessageSid=SM1&From=%2B00000000000&WaId=00000000000&ProfileName=xxxxxxxx&FromCity=xxxx&Body=xxxxxxxxxx",
            id="a reply by Twilio",
        ),
        pytest.param(
            "id=9&senderid=%2B33612345678&message=STOP+au+0612345678&tag=a",
            "id=9&senderid=%2B00000000000&message=xxxxxxxxxxxxxxxxxx&tag=x",
            id="a reply by OVHcloud",
        ),
        pytest.param(
            '{"items": [{"from": "+33612345678", "text": "c\'est Zoé, \\"la\\" voisine"}, {"from": "+33612345679", '
            '"text": "Zoë"}]}',
            '{"items":[{"from":"+33612345679","text":"Zoë"}]}',
            id="two replies by the sandbox",
        ),
        pytest.param(
            f'{{"items": [{{"client_ref": "{REF}", "status": "delivered"}}]}}',
            f'{{"items":[{{"client_ref":"{"0" * 20}","status":"delivered"}}]}}',
            id="a report by the sandbox",
        ),
    ],
)
def test_a_callback_is_blanked_without_moving_a_byte(tmp_path: Path, content: str, blank: str) -> None:
    path = tmp_path / "replies-2026-11-23.jsonl"
    stamp = "2026-11-23T10:00:00+00:00"
    others = [
        json.dumps({"received_at": stamp, "content": other})
        for other in ("id=1&from=%2B33612345679&text=Bonjour+Ana", "MessageSid=SM2&From=%2B33612345679&Body=Zoe")
    ]
    line = json.dumps({"received_at": stamp, "content": content})
    path.write_text("\n".join([others[0], line, others[1], ""]), encoding="utf-8")
    size = path.stat().st_size
    assert erase_from_callbacks(path, MSISDN, [REF]) is Erasure.REWRITTEN
    found = path.read_text(encoding="utf-8").splitlines()
    assert [found[0], found[2], path.stat().st_size] == [*others, size]
    assert json.loads(found[1]) == {"received_at": stamp, "content": blank}
    assert len(found[1]) == len(line)
    assert erase_from_callbacks(path, MSISDN, [REF]) is Erasure.NOTHING
    callbacks, _ = read_spool(tmp_path, "replies", "", 10)
    assert [callback.content for callback in callbacks][1] == blank, "readers take the line"


def test_callbacks_of_older_versions_are_blanked(tmp_path: Path) -> None:
    path = tmp_path / "replies-2026-11-23.jsonl"
    path.write_bytes(
        b'{"query": "id=2&from=%2B33612345678&text=Bonjour", "received_at": "2026-11-23T10:00:00+00:00"}\n'
    )
    assert erase_from_callbacks(path, MSISDN) is Erasure.REWRITTEN
    assert read_spool(tmp_path, "replies", "", 10)[0][0].content == "id=2&from=%2B00000000000&text=xxxxxxx"


def test_rows_with_a_pseudonym_are_removed(tmp_path: Path) -> None:
    parquet, table = tmp_path / "messages.parquet", tmp_path / "lines.csv"
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"COPY (FROM (VALUES ('{REF}', 1), ('ffff', 2)) AS rows (person_key, n)) TO '{parquet}' (FORMAT parquet)"
        )
        assert erase_from_file(parquet, MSISDN, [REF]) is Erasure.REWRITTEN
        assert connection.execute(f"FROM read_parquet('{parquet}')").fetchall() == [("ffff", 2)]
    table.write_text(f"ref;price\n{REF};1\nffff;2\n", encoding="utf-8")
    assert erase_from_file(table, MSISDN, [REF]) is Erasure.REWRITTEN
    assert table.read_text(encoding="utf-8") == "ref;price\nffff;2\n"


@given(st.integers(0, 99_999_999), st.sampled_from(["", " ", ".", "-"]))
def test_a_number_is_found_in_its_own_forms_and_in_no_other(tail: int, gap: str) -> None:
    pairs = f"{tail:08d}"
    written = gap.join(["06", *(pairs[at : at + 2] for at in range(0, 8, 2))]).encode()
    assert bytes_pattern(f"+336{pairs}").search(b";" + written + b";")
    other = f"{(tail + 1) % 100_000_000:08d}"
    assert not bytes_pattern(f"+336{other}").search(b";" + written + b";")
