"""Invariants: queries that must return no rows; the tests and diagnose-setup run them."""

from importlib.resources import files

from campanile.store.db.database import Transaction
from campanile.store.db.queries import parse_statements

INVARIANTS = parse_statements(
    files("campanile.store").joinpath("sql", "invariants.sql").read_text(encoding="utf-8"), "invariants.sql"
)


def broken_invariants(tx: Transaction) -> dict[str, int]:
    """Return the invariants that do not hold, each with the number of its rows."""
    found = {name: len(tx.values(name)) for name in INVARIANTS}
    return {name: count for name, count in found.items() if count}
