"""Whatever stands in a file: it is refused in one line, or each of its rows is accounted for, once."""

import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.hostile import hostile_file
from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.files.rejects import REJECT_WORDS
from campanile.services.settings import ALLOWED_COUNTRIES
from campanile.sms.errors import ContactFileError
from tests.lanes import examples

SIGNS = st.sampled_from("0612345678\n\r;,\t|\"'=+@- \x00\x1f\x85\u00a0\u200b\u2028\ufeffé€😀a")
lines = st.lists(st.text(SIGNS, max_size=20), max_size=12).map("\n".join)
plain_lines = st.lists(st.text(SIGNS.filter(lambda sign: sign not in '\n\r"'), max_size=20), max_size=12)


def stage(content: bytes, folder: Path) -> StagedFile:
    path, results = folder / "contacts.csv", folder / "results"
    path.write_bytes(content)
    results.mkdir()
    return stage_contact_file(StagingRequest(path, results, "FR", tuple(ALLOWED_COUNTRIES)))


def accounted_rows(staged: StagedFile) -> list[int]:
    """Return the row numbers of both sides, once it is sure that they are what the file counted."""
    engine = duckdb.connect(":memory:")
    rows = [row for (row,) in engine.read_parquet(str(staged.rows)).project("row_number").fetchall()]
    rejected = engine.read_parquet(str(staged.rejected)).project("row_number, reason").fetchall()
    numbers = sorted([*rows, *(row for row, _ in rejected)])
    assert len(set(numbers)) == len(numbers) == staged.row_count
    assert {reason: count for reason, count in staged.reject_reasons.items() if count} == {
        reason: sum(found == reason for _, found in rejected) for reason in {reason for _, reason in rejected}
    }
    assert set(staged.reject_reasons) <= set(REJECT_WORDS)
    assert (staged.rejects_file is None) == (not rejected)
    return numbers


def stage_anything(content: bytes) -> list[int] | None:
    """Return the rows that were accounted for, or None when the file was refused in one line."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return accounted_rows(stage(content, Path(folder)))
        except ContactFileError as error:
            refusal = str(error)
    assert "\n" not in refusal
    return None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_hostile_row_is_accounted_for(tmp_path: Path, seed: int) -> None:
    content, row_count = hostile_file(5_000, seed)
    staged = stage(content, tmp_path)
    assert len(accounted_rows(staged)) == row_count
    of_workbooks = {"hidden_row"}
    assert set(staged.reject_reasons) == set(REJECT_WORDS) - of_workbooks, "each reason is reached"


@pytest.mark.parametrize("block_bytes", [500, 8_000])
def test_a_row_may_lie_across_the_blocks_that_a_file_is_read_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    content, row_count = hostile_file(2_000, 5)
    monkeypatch.setattr("campanile.files.parsing.csv_split._BLOCK", block_bytes)
    assert len(accounted_rows(stage(content, tmp_path))) == row_count


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_hostile_rows_in_other_encodings(tmp_path: Path, codec: str) -> None:
    content, row_count = hostile_file(500, 4)
    assert len(accounted_rows(stage(content.decode().encode(codec), tmp_path))) == row_count


@examples(50)
@given(plain_lines)
@example(["0612345678;Zoé", "", ";", "\x00", "\u00a0", "\x1f", "\u2028"])
def test_without_quotes_each_line_that_is_not_blank_is_a_row(texts: list[str]) -> None:
    content = "\n".join(["mobile;nom", "0612345678;Zoé", *texts]).encode()
    expected = [number for number, text in enumerate(texts, start=3) if text.replace(";", "").strip()]
    assert stage_anything(content) == [2, *expected]


@examples(50)
@given(lines, st.sampled_from(["mobile;nom\n", "mobile\tnom\r\n", '"mobile","nom"\r', "sep=|\nmobile|nom\n", ""]))
@example('0612345678;"Zoé\n0612345678;"a', "mobile;nom\n")
def test_any_text_is_refused_or_accounted_for(text: str, header: str) -> None:
    rows = stage_anything((header + text).encode())
    assert rows is None or len(rows) <= sum(map(bool, map(str.strip, text.replace("\r", "\n").split("\n"))))


@examples(50)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"mobile;nom\n", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbfmobile\n"])
)
@example(b"\xe9\x00", b"mobile;nom\n0612345678;")
def test_any_bytes_are_refused_or_accounted_for(content: bytes, start: bytes) -> None:
    stage_anything(start + content)
