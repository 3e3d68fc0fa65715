"""Dates of last contact: one format for a whole column; what it does not read is long ago, and is counted."""

import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.files.parsing.date_columns import choose_style
from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file

Stage = Callable[..., tuple[StagedFile, list[str | None]]]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Stage a file with a column of last purchases; return their days as they go to the store."""

    def run(
        cells: Sequence[str], region: str = "FR", name: str = "Dernier achat"
    ) -> tuple[StagedFile, list[str | None]]:
        rows = [f"06{12345000 + number};{cell}" for number, cell in enumerate(cells)]
        path = tmp_path / "clients.csv"
        path.write_text("\n".join(["Tel;Dernier achat", *rows]) + "\n", "utf-8")
        folder = tmp_path / "staging"
        folder.mkdir()
        staged = stage_contact_file(StagingRequest(path, folder, "FR", None, columns={"msisdn": "Tel"}))
        with duckdb.connect() as engine:
            found = engine.read_parquet(str(staged.rows)).order("row_number").project("fields").fetchall()
        return staged, [json.loads(fields).get("last_active_on") for (fields,) in found]

    return run


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        pytest.param(["14/03/2019", "03/04/2019"], ["2019-03-14", "2019-04-03"], id="day before month"),
        pytest.param(["03/14/2019", "03/04/2019"], ["2019-03-14", "2019-03-04"], id="month before day"),
        pytest.param(["03/04/2019"], ["2019-04-03"], id="either, in France"),
        pytest.param(["2019-03-14T10:05:30+02:00", "2019-03-15"], ["2019-03-14", "2019-03-15"], id="ISO"),
        pytest.param(["14.03.2019 10:05", "15.03.2019"], ["2019-03-14", "2019-03-15"], id="dots and a time"),
        pytest.param(["14/03/19 10:05:30", "15/03/19"], ["2019-03-14", "2019-03-15"], id="two digits and a time"),
        pytest.param(["14/03/2019 à 10h05"], ["2019-03-14"], id="a French time"),
        pytest.param(["3/14/19 10:05 PM"], ["2019-03-14"], id="half a day"),
        pytest.param(["43538", "43539.5"], ["2019-03-14", "2019-03-15"], id="days of Excel"),
        pytest.param(["mars 2019", "14 mars 2019"], ["2019-03-01", "2019-03-14"], id="French months"),
        pytest.param(["March 14, 2019", "1st April 2019"], ["2019-03-14", "2019-04-01"], id="English months"),
        pytest.param(["jeudi 14 août 2019", "1er févr. 2019"], ["2019-08-14", "2019-02-01"], id="days of the week"),
        pytest.param(["14-mrt-19", "3 de marzo de 2019"], ["2019-03-14", "2019-03-03"], id="other languages"),
        pytest.param(["20190314"], ["2019-03-14"], id="eight digits"),
        pytest.param(["1552557930"], ["2019-03-14"], id="seconds since 1970"),
        pytest.param(["03/2019"], ["2019-03-01"], id="a month in digits"),
        pytest.param(["2019"], ["2019-01-01"], id="a year"),
        pytest.param(["14/03/2019", ""], ["2019-03-14", None], id="an empty cell says nothing"),
        pytest.param(["31/02/2019"], ["unreadable"], id="no such day"),
        pytest.param(["14/03/2019", "15/03/2019", "03/16/2019"], ["2019-03-14", "2019-03-15", "unreadable"], id="odd"),
        pytest.param(["14/03/2019", "15/03/2019", "43538"], ["2019-03-14", "2019-03-15", "unreadable"], id="mixed"),
    ],
)
def test_a_column_has_one_format(stage: Stage, cells: Sequence[str], days: Sequence[str | None]) -> None:
    assert stage(cells)[1] == days


def test_the_country_decides_where_the_cells_do_not() -> None:
    assert choose_style({"03/04/2019": 1}, "US")[0] == "month/day/year"
    assert choose_style({"03/04/2019": 1}, "FR")[0] == "day/month/year"


def test_what_cannot_be_read_is_counted_on_the_page(stage: Stage) -> None:
    staged, _ = stage(["14/03/2019", "15/03/2019", "jadis", "0612345678"])
    assert staged.notes[-1] == (
        "The dates of 'Dernier achat' are read as day/month/year; 2 cells cannot be read so ('06*****678', 'jadis'): "
        "these people count as not heard of for a long time."
    )


def test_the_text_of_the_cell_stays_for_messages(stage: Stage, tmp_path: Path) -> None:
    staged, _ = stage(["mars 2019"])
    with duckdb.connect() as engine:
        ((fields,),) = engine.read_parquet(str(staged.rows)).project("fields").fetchall()
    assert json.loads(fields) == {"last_active_at": "mars 2019", "last_active_on": "2019-03-01"}


@given(st.lists(st.dates(datetime.date(1950, 1, 1), datetime.date(2099, 12, 31)), min_size=1, max_size=20))
def test_every_day_of_a_column_comes_back(days: list[datetime.date]) -> None:
    for code in ("%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y"):
        texts = {day.strftime(code): 1 for day in days}
        style, found = choose_style(texts, "FR")
        if style != "month/day/year":
            assert found == {day.strftime(code): day for day in days}


@given(st.dictionaries(st.text(), st.integers(1, 9), max_size=9))
def test_no_text_crashes(values: dict[str, int]) -> None:
    _, found = choose_style(values, "FR")
    assert set(found) <= set(values)
