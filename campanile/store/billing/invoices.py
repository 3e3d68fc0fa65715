"""Compare the lines of an invoice with accepted messages, in one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pandas as pd

from campanile.store.db.database import Transaction
from campanile.store.db.parquet import write_parquet
from campanile.store.db.queries import STATEMENTS
from schemas.result_rows import InvoiceCount


class Comparison:
    """The compared lines of an invoice, as long as its block lasts."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def counts(self) -> list[InvoiceCount]:
        """Return the lines and amounts of each category that has lines."""
        return self._tx.select(InvoiceCount, "invoice.counts")

    def write_differences(self, path: Path) -> None:
        """Write each line or message that did not match to a Parquet file."""
        write_parquet(self._tx, STATEMENTS["invoice.differences"], {}, path)


@contextmanager
def stage_comparison(
    tx: Transaction, lines: pd.DataFrame, *, gateway: str, unit: str, begins_at: datetime, ends_at: datetime
) -> Iterator[Comparison]:
    """Compare the lines of an invoice (``InvoiceLines``) with the messages of a gateway and a month."""
    with tx.staged("invoice.compare", staged_rows=lines):
        tx.run("invoice.compare", gateway=gateway, unit=unit, begins_at=begins_at, ends_at=ends_at)
    try:
        yield Comparison(tx)
    finally:
        tx.execute("DROP TABLE IF EXISTS temp.staged_compared")
