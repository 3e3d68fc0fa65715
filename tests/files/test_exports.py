"""Tables for people: CSV for Excel, Parquet for analysts, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from campanile.files.exports import convert_to_csv, filter_parquet

FRAME = pd.DataFrame(
    {
        "msisdn": ["+33612345678", "+33612345679"],
        "first_name": ["Zoë", None],
        "note": ['a;"b"', "=1+1"],
        "price": [-0.05, 1.5],
        "segment_count": pd.array([1, None], dtype="Int64"),
        "sent_at": pd.to_datetime(["2026-01-05T08:00:00Z", None]),
        "is_open": [True, False],
    }
)


def to_parquet(frame: pd.DataFrame, path: Path) -> Path:
    duckdb.connect(":memory:").from_df(frame).write_parquet(str(path))
    return path


def to_csv(parquet: Path, path: Path) -> Path:
    return convert_to_csv(parquet, path)


def to_part(parquet: Path, path: Path) -> Path:
    return filter_parquet(parquet, path, "is_open")


EACH = pytest.mark.parametrize("export", [to_csv, to_part])


def test_a_csv_for_excel(tmp_path: Path) -> None:
    path = tmp_path / "out" / "table.csv"
    assert convert_to_csv(to_parquet(FRAME, tmp_path / "table.parquet"), path) == path
    assert path.read_bytes().decode("utf-8").split("\r\n") == [
        "\ufeffmsisdn;first_name;note;price;segment_count;sent_at;is_open",
        '\'+33612345678;Zoë;"a;""b""";-0.05;1;2026-01-05 08:00:00+00:00;True',
        "'+33612345679;;'=1+1;1.5;;;False",
        "",
    ]


def test_a_part_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "it's here" / "table.parquet"
    assert filter_parquet(to_parquet(FRAME, tmp_path / "table.parquet"), path, "NOT is_open") == path
    with duckdb.connect(":memory:") as connection:
        assert connection.read_parquet(str(path)).fetchall() == [("+33612345679", None, "=1+1", 1.5, None, None, False)]


@EACH
def test_an_empty_table_is_a_file_with_its_columns(tmp_path: Path, export: Callable[[Path, Path], Path]) -> None:
    path = export(to_parquet(FRAME.head(0), tmp_path / "source"), tmp_path / "empty")
    assert path.stat().st_size > 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["empty", "source"]


@EACH
def test_a_file_is_replaced_whole_and_only_its_owner_reads_it(
    tmp_path: Path, export: Callable[[Path, Path], Path]
) -> None:
    path = tmp_path / "table"
    path.write_text("old " * 10_000)
    export(to_parquet(FRAME, tmp_path / "source"), path)
    assert b"old " not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["source", "table"]
