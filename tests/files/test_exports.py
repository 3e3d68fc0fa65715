"""Tables for people: CSV for Excel, Parquet for analysts, whole or not at all."""

import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from campanile.files.exports import export_csv, export_parquet

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


def test_a_csv_for_excel(tmp_path: Path) -> None:
    path = tmp_path / "out" / "table.csv"
    assert export_csv(FRAME, path) == path
    assert path.read_bytes().decode("utf-8").split("\r\n") == [
        "\ufeffmsisdn;first_name;note;price;segment_count;sent_at;is_open",
        '\'+33612345678;Zoë;"a;""b""";-0.05;1;2026-01-05 08:00:00+00:00;True',
        "'+33612345679;;'=1+1;1.5;;;False",
        "",
    ]


def test_a_parquet_for_analysts(tmp_path: Path) -> None:
    path = tmp_path / "it's here" / "table.parquet"
    assert export_parquet(FRAME, path) == path
    with duckdb.connect(":memory:") as connection:
        rows = connection.read_parquet(str(path)).fetchall()
    assert [row[:5] for row in rows] == [
        ("+33612345678", "Zoë", 'a;"b"', -0.05, 1),
        ("+33612345679", None, "=1+1", 1.5, None),
    ]
    assert rows[0][5].astimezone(datetime.UTC) == datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.UTC)


@pytest.mark.parametrize("export", [export_csv, export_parquet])
def test_an_empty_table_is_a_file_with_its_columns(tmp_path: Path, export: object) -> None:
    path = export(FRAME.head(0), tmp_path / "empty")  # type: ignore[operator]
    assert path.stat().st_size > 0
    assert [file.name for file in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("export", [export_csv, export_parquet])
def test_a_file_is_replaced_whole(tmp_path: Path, export: object) -> None:
    path = tmp_path / "table"
    path.write_text("old " * 10_000)
    export(FRAME, path)  # type: ignore[operator]
    assert b"old " not in path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["table"]
