"""The tables for analysts, read from the store in one transaction and written to files afterwards."""

import re
from collections.abc import Mapping
from pathlib import Path

from campanile.store.db.database import Transaction
from campanile.store.db.parquet import write_parquet
from campanile.store.db.queries import STATEMENTS
from campanile.store.db.statement_runner import StatementRunner
from schemas.marts import CAMPAIGNS, COSTS, LIST_QUALITY, MARTS, MESSAGES, REPLIES, Mart

_ROWS = {
    CAMPAIGNS.name: "snapshot.campaigns",
    MESSAGES.name: "snapshot.messages",
    REPLIES.name: "snapshot.replies",
    COSTS.name: "snapshot.costs",
    LIST_QUALITY.name: "snapshot.list_quality",
}


def stage_marts(tx: Transaction, parameters: Mapping[str, object]) -> None:
    """Copy all tables into scratch tables (``scratch_tables`` must be open), with the columns and types of ``MARTS``.

    Only this is done while other processes wait; ``write_mart`` writes the files after the transaction.

    Raises:
        Error: of DuckDB, if a statement lacks a column.
    """
    for mart in MARTS:
        sql = STATEMENTS[_ROWS[mart.name]]
        columns = ", ".join(f"CAST({column.name} AS {column.kind}) AS {column.name}" for column in mart.columns)
        needed = {name: parameters[name] for name in re.findall(r"\$([a-z_]+)", sql) if name in parameters}
        tx.execute(f"CREATE OR REPLACE TEMP TABLE mart_{mart.name} AS SELECT {columns} FROM ({sql})", needed)  # noqa: S608


def write_mart(scratch: StatementRunner, mart: Mart, path: Path) -> int:
    """Write a staged table to a Parquet file, and return its number of rows."""
    write_parquet(scratch, f"FROM temp.mart_{mart.name}", {}, path)
    found = scratch.execute(f"SELECT count(*) FROM temp.mart_{mart.name}").fetchone()  # noqa: S608
    return int(found[0]) if found else 0
