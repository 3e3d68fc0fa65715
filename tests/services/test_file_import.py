"""A file whose rows are not what the frames require: nothing of it is stored, and it stays where it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.services.contacts import staged_files
from campanile.services.contacts.file_import import import_file
from campanile.services.contacts.staged_files import ReadOptions
from campanile.services.context import Context
from campanile.sms.errors import FrameError


def stage_with_a_defect(request: StagingRequest, limits: object, tell: Any) -> StagedFile:
    """Stand in for a parser with a defect: its territories are in small letters."""
    staged = stage_contact_file(request, tell)
    rows = staged.rows.with_name("broken.parquet")
    duckdb.sql(
        f"COPY (SELECT * REPLACE (lower(territory) AS territory) FROM read_parquet('{staged.rows}')) TO '{rows}'"
        " (FORMAT parquet)"
    )
    return replace(staged, rows=rows)


@pytest.mark.parametrize("list_name", ["clients", None], ids=["contacts", "opt-outs"])
def test_nothing_is_stored_of_rows_that_are_not_what_they_must_be(
    context: Context, monkeypatch: pytest.MonkeyPatch, list_name: str | None
) -> None:
    monkeypatch.setattr(staged_files, "stage_in_child", stage_with_a_defect)
    path: Path = context.data_path("inbox", "contacts", "clients") / "clients.csv"
    path.write_text("phone;name\n0612345671;Zoé\n0612345672;Ana\nno number;Bob\n", encoding="utf-8")
    with pytest.raises(
        FrameError, match=r"^clients\.csv, valid rows: 2 rows received, .*territory str_matches"
    ) as caught:
        import_file(context, path, list_name, ReadOptions())
    assert "6123456" not in str(caught.value)
    assert path.is_file()
    assert not list(context.data_path("rejects").rglob("*.csv"))
    with context.transaction(read_only=True) as tx:
        kept = (
            "SELECT (SELECT count(*) FROM import_file), (SELECT count(*) FROM contact), (SELECT count(*) FROM opt_out)"
        )
        assert tx.execute(kept).fetchall() == [(0, 0, 0)]
