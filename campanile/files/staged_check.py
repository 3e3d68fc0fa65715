"""The last look at a file before it is stored: what the parser's process left, against the frames of the contract."""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from campanile.files.parsing.protocol import StagedFile
from campanile.files.parsing.sql_macros import quoted

if TYPE_CHECKING:
    import pandas as pd

_BATCH_VECTORS = 50
"""Vectors of DuckDB (2,048 rows) that are validated at a time: 100,000 rows, so that memory stays bounded."""
# A check looks at the ends of JSON and at the presence of a raw line; cells may be long, and are not read whole.
_ROWS = "row_number, number_id, territory, left(fields, 1) || right(fields, 1) AS fields"
_REJECTED = "row_number, reason, left(raw_line, 1) AS raw_line"


def check_staged(staged: StagedFile) -> None:
    """Validate the valid and the rejected rows of a file with pandera, in this process and before any transaction.

    A bad row of the file is in the rejected ones, with its reason. What is found here is a defect of the parser.

    Raises:
        FrameError: rows are not as ``ContactRows`` or ``RejectedRows`` require; all failures are counted.
    """
    from schemas.frame_checks import check_batches
    from schemas.frames import ContactRows, RejectedRows

    check_batches(contact_row_batches(staged.rows), ContactRows, f"{staged.file_name}, valid rows")
    check_batches(_batches(staged.rejected, _REJECTED), RejectedRows, f"{staged.file_name}, rejected rows")


def contact_row_batches(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the valid rows of a file as they are validated."""
    return _batches(path, _ROWS)


def _batches(path: Path, columns: str) -> Iterator[pd.DataFrame]:
    with duckdb.connect(":memory:") as engine:
        found = engine.execute(f"SELECT {columns} FROM read_parquet({quoted(str(path))})")  # noqa: S608 - our own path
        while len(rows := found.fetch_df_chunk(_BATCH_VECTORS)):
            yield rows
