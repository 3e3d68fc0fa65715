"""What must always hold, as queries that return no rows: shipped, run in the tests and by diagnose-setup."""

from importlib.resources import files

from campanile.store.db.database import Transaction
from campanile.store.db.queries import parse_statements

INVARIANTS = parse_statements(
    files("campanile.store").joinpath("sql", "invariants.sql").read_text(encoding="utf-8"), "invariants.sql"
)


def broken_invariants(tx: Transaction) -> dict[str, int]:
    """Return the invariants that do not hold, with how many rows say so."""
    found = {name: len(tx.values(name)) for name in INVARIANTS}
    return {name: count for name, count in found.items() if count}
