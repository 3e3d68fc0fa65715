"""A column that lost its pluses: what it holds decides how ``4915…`` is read in Germany."""

from pathlib import Path

import duckdb
import pytest

from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.sms.numbers.column import has_lost_pluses

GERMAN = [f"49151234567{run_outcome:02}" for run_outcome in range(80, 100)]


def stage(folder: Path, cells: list[str], region: str = "DE") -> tuple[StagedFile, list[int]]:
    path = folder / "kunden.csv"
    path.write_text("\n".join(["Handy;Name", *(f"{cell};Test" for cell in cells), ""]), "utf-8")
    (folder / "staging").mkdir()
    staged = stage_contact_file(StagingRequest(path, folder / "staging", region, None))
    with duckdb.connect() as engine:
        rows = engine.read_parquet(str(staged.rows)).order("row_number").project("number_id").fetchall()
    return staged, [number for (number,) in rows]


def test_country_codes_without_plus_are_read_as_such_where_nearly_all_have_one(tmp_path: Path) -> None:
    cells = [*GERMAN, "33612345678", "+4915123456770", "015123456771"]
    staged, numbers = stage(tmp_path, cells)
    assert staged.reject_reasons == {}
    assert numbers == [*map(int, GERMAN), 33612345678, 4915123456770, 4915123456771]
    assert staged.notes == (
        "21 numbers have their country code without a plus, as nearly all of this column: read with it.",
    )


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(GERMAN[:4], id="too few to be sure"),
        pytest.param(
            [*GERMAN[:5], *(f"15123456{run_outcome}" for run_outcome in range(710, 720))], id="others lost a zero"
        ),
    ],
)
def test_a_column_that_is_not_alike_is_read_at_home(tmp_path: Path, cells: list[str]) -> None:
    staged, _ = stage(tmp_path, cells)
    assert staged.reject_reasons == {"not_mobile": len([cell for cell in cells if cell in GERMAN])}
    assert staged.notes == ()


@pytest.mark.parametrize("region", ["FR", "BE", "IT"])
def test_where_both_readings_never_meet_nothing_changes(region: str) -> None:
    assert not has_lost_pluses(GERMAN, region)
