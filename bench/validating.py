"""The validation of contact rows between the parser and the store: pandera by columns, against pydantic row by row."""

import tempfile
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bench.racing import Race, race
from campanile.files.staged_check import contact_row_batches
from schemas.frame_checks import find_failures
from schemas.frames import NUMBER_RANGE, TERRITORY, ContactRows

Failures = set[tuple[int, str]]
"""What is wrong: (row number, column)."""
ROWS = """
SELECT
    i AS row_number,
    CASE WHEN i % 1000 = 1 THEN 12 ELSE 33600000000 + i END AS number_id,
    CASE WHEN i % 1000 = 2 THEN 'fr' WHEN i % 7 = 0 THEN 'BE' ELSE 'FR' END AS territory,
    CASE WHEN i % 1000 = 3 THEN '[]'
        ELSE '{"first_name":"Zoé","postcode":"' || 10000 + i % 80000 || '"}' END AS fields
FROM range(1, $row_count + 1) AS t(i)"""


class ContactRow(BaseModel):
    """The same rules as ``ContactRows``, but for the row number, which is unique in a column only."""

    model_config = ConfigDict(extra="forbid")
    row_number: int = Field(ge=1)
    number_id: int = Field(ge=NUMBER_RANGE["min_value"], le=NUMBER_RANGE["max_value"])
    territory: str = Field(pattern=TERRITORY)
    fields: str = Field(pattern=r"(?s)^\{.*\}$")


def validation(size: int, rounds: int) -> Race:
    """Rows of which three in a thousand are broken; both find the same rows and columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        with duckdb.connect(":memory:") as engine:
            engine.sql(ROWS, params={"row_count": size}).write_parquet(str(path))
        if len(_ours(path)) != sum(size // 1000 + (size % 1000 >= rest) for rest in (1, 2, 3)):
            raise SystemExit("validation: not the rows that were broken")
        what = "validation of contact rows"
        return race(what, size, lambda: _ours(path), "pydantic", lambda: _theirs(path), rounds=rounds)


def _ours(path: Path) -> Failures:
    found: Failures = set()
    for rows in contact_row_batches(path):
        for failure in find_failures(rows, ContactRows):
            found.add((int(rows["row_number"].iloc[failure.row or 0]), failure.column))
    return found


def _theirs(path: Path) -> Failures:
    with duckdb.connect(":memory:") as engine:
        cursor = engine.execute("SELECT * FROM read_parquet($path)", {"path": str(path)})
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    try:
        TypeAdapter(list[ContactRow]).validate_python(rows)
    except ValidationError as error:
        return {(rows[int(item["loc"][0])]["row_number"], str(item["loc"][1])) for item in error.errors()}
    return set()
