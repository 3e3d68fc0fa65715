"""Rows that the parser left are validated once more before they are stored."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from campanile.files import staged_check
from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.files.staged_check import check_staged
from campanile.sms.errors import FrameError

#: A satellite phone is in no country: its territory is 001.
CONTENT = "phone;name\n0612345671;Zoé\n+881612345678;Ana\n0612345673;\nno number;Bob\n\n0612345674;Léa\n"


@pytest.fixture
def staged(text_file: Callable[..., Path], tmp_path: Path) -> StagedFile:
    folder = tmp_path / "stage"
    folder.mkdir()
    return stage_contact_file(StagingRequest(text_file(CONTENT), folder, "FR", None))


def changed(path: Path, columns: str) -> Path:
    """Return a copy of a Parquet file with these columns."""
    copy = path.with_name(f"changed-{path.name}")
    duckdb.sql(f"COPY (SELECT {columns} FROM read_parquet('{path}')) TO '{copy}' (FORMAT parquet)")
    return copy


def test_the_result_of_the_parser_is_valid(staged: StagedFile) -> None:
    assert (staged.row_count, sum(staged.reject_reasons.values())) == (5, 1)
    check_staged(staged)


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ("* REPLACE (number_id % 1000 AS number_id)", r"number_id in_range\([^)]+\) \(4\)"),
        ("* REPLACE (-row_number AS row_number)", r"row_number greater_than_or_equal_to\(1\) \(4\)"),
        ("* REPLACE (1 AS row_number)", r"row_number field_uniqueness \(4\)"),
        ("* REPLACE (nullif(territory, '001') AS territory)", r"territory not_nullable \(1\)"),
        ("* REPLACE (lower(territory) AS territory)", r"territory str_matches\(.+\) \(3\)"),
        ("* REPLACE ('[' || fields AS fields)", r"fields str_startswith\('\{'\) \(4\)"),
    ],
)
def test_broken_rows_are_refused_and_counted(staged: StagedFile, columns: str, what: str) -> None:
    broken = replace(staged, rows=changed(staged.rows, columns))
    with pytest.raises(FrameError, match=rf"^clients\.csv, valid rows: 4 rows .*: {what}; nothing of it is stored$"):
        check_staged(broken)


@pytest.mark.parametrize("columns", ["* REPLACE ('' AS reason)", "* REPLACE (CAST(NULL AS VARCHAR) AS raw_line)"])
def test_broken_rejects_are_refused(staged: StagedFile, columns: str) -> None:
    with pytest.raises(FrameError, match=r"^clients\.csv, rejected rows: 1 row "):
        check_staged(replace(staged, rejected=changed(staged.rejected, columns)))


def test_failures_of_every_batch_are_counted(staged: StagedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staged_check, "_BATCH_VECTORS", 1)
    many = staged.rows.with_name("many.parquet")
    duckdb.sql(
        "COPY (SELECT i AS row_number, 33639980000 + i AS number_id, if(i % 1000 = 0, '', 'FR') AS territory,"
        f" '{{}}' AS fields FROM range(1, 5001) AS t(i)) TO '{many}' (FORMAT parquet)"
    )
    with pytest.raises(FrameError, match=r"5 000 rows received, .*: territory str_matches\(.+\) \(5\); "):
        check_staged(replace(staged, rows=many))
