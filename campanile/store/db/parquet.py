"""Write the rows of a query to a Parquet file, with the types of the store."""

from pathlib import Path
from typing import Any

from campanile.store.db.statement_runner import StatementRunner


def write_parquet(tx: StatementRunner, query: str, parameters: dict[str, Any], path: Path) -> None:
    """Write the rows of an SQL query to a file; rows go through no Python, so their number does not matter.

    Give the path of a temporary file, because it is not written at once.
    """
    quoted = str(path).replace("'", "''")
    tx.execute(f"COPY ({query}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)", parameters)
