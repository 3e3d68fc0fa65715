"""Hostile files through the whole flow: no crash, one result for each row, and the rejects file can be imported."""

from pathlib import Path
from typing import Any

import pytest

from bench.hostile import hostile_file

FATES = "row_count, accepted_count, updated_count, duplicate_count, rejected_count"


@pytest.mark.parametrize(
    "row_count", [pytest.param(5_000, id="short"), pytest.param(500_000, id="whole", marks=pytest.mark.soak)]
)
def test_hostile_rows_have_one_result_each(workspace: Any, row_count: int) -> None:
    from flows.ingest_contacts import ingest_contacts

    content, expected = hostile_file(row_count, seed=20261123)
    inbox = workspace.data_dir / "inbox" / "contacts" / "clients"
    inbox.mkdir(parents=True)
    (inbox / "hostile.csv").write_bytes(content)
    ingest_contacts()
    ((total, *counts),) = workspace.query(f"SELECT {FATES} FROM import_file")
    assert total == sum(counts) == expected
    assert all(counts), "each result occurs"
    workspace.assert_in_order()

    handed_back = handed_back_file(workspace)
    handed_back.rename(inbox / "handed-back.csv")
    ingest_contacts()
    assert list(inbox.iterdir()) == []
    (again,) = workspace.query(f"SELECT {FATES} FROM import_file WHERE file_name = 'handed-back.csv'")
    assert again[0] == sum(again[1:]) == counts[-1], "each rejected row is in the file that is handed back"
    workspace.assert_in_order()


def handed_back_file(workspace: Any) -> Path:
    (found,) = (workspace.data_dir / "rejects").rglob("*.csv")
    return Path(found)
