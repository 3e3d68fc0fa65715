"""A transaction to the store (lock, attach, transaction, detach), against connecting to its file each time."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from bench.racing import Race, race
from campanile.store.db.database import transaction
from campanile.store.db.migrate import migrate

TX_COUNT = 20


def clock() -> datetime:
    """Return the time of the bench."""
    return datetime.now(UTC)


def transactions(_: int, rounds: int) -> Race:
    """Count the opt-outs of an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.duckdb"
        migrate(path, clock)

        def ours() -> int:
            with transaction(path, clock) as tx:
                return int(tx.value("opt_out.count"))

        def theirs() -> int:
            with duckdb.connect(str(path)) as connection:
                found = connection.execute("SELECT count(*) FROM opt_out").fetchone()
                return int(found[0]) if found else -1

        return race(
            "transactions to the store", TX_COUNT, lambda: [ours() for _ in range(TX_COUNT)],
            "duckdb.connect and close", lambda: [theirs() for _ in range(TX_COUNT)], rounds=rounds,
        )  # fmt: skip
