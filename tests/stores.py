"""Stores of tests: copies of one that was migrated once, in milliseconds, and contexts on them."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campanile.services.context import Context
from campanile.services.settings import Settings
from campanile.store.contacts.opt_out_switch import hash_opt_outs
from campanile.store.db.database import Transaction, transaction
from campanile.store.db.high_water_mark import read_mark, write_mark
from campanile.store.db.invariants import INVARIANTS
from campanile.store.db.migrate import migrate

#: Before every clock of a test, so that no store is made by a clock that was ahead.
MIGRATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
#: The key of stores that keep opt-outs as keyed hashes.
OPT_OUT_KEY = b"a key of tests, 32 bytes or more of it"
#: The settings of a context on such a store, and on one in clear.
SUPPRESSION_SETTINGS: dict[str, dict[str, object]] = {
    "plain": {},
    "hmac": {"suppression": "hmac", "suppression_key": OPT_OUT_KEY.decode()},
}
#: Run a test in both modes.
IN_BOTH_MODES = pytest.mark.parametrize("suppression", list(SUPPRESSION_SETTINGS), indirect=True)
_ALL_INVARIANTS = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM ({sql})" for name, sql in INVARIANTS.items())
#: The invariants of the ledger, and one statement for all of them: a statement costs more than its rows.
LEDGER_INVARIANTS = tuple(name for name, sql in INVARIANTS.items() if "credit_entry" in sql or "message_charge" in sql)
_LEDGER = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM ({INVARIANTS[name]})" for name in LEDGER_INVARIANTS)
#: The stores that were copied for the test that runs, each as it was then.
_COPIES: dict[Path, object] = {}


def make_store(folder: Path) -> Path:
    """Make a store with all its tables and nothing in them."""
    path = folder / "sms.duckdb"
    migrate(path, lambda: MIGRATED_AT)
    return path


def make_hashed_store(empty_store: Path, folder: Path) -> Path:
    """Make the same store, which keeps opt-outs as keyed hashes from the beginning."""
    path = copy_store(empty_store, folder / "sms.duckdb")
    with transaction(path, lambda: MIGRATED_AT, opt_out_key=OPT_OUT_KEY) as tx:
        hash_opt_outs(tx, OPT_OUT_KEY, "tests")
    return path


def broken_invariants_at_once(tx: Transaction) -> dict[str, int]:
    """Return what ``broken_invariants`` returns, by one statement: in half of the time, for small stores."""
    found = tx.execute(_ALL_INVARIANTS).fetchall()
    return {name: count for name, count in found if count}


def copy_store(source: Path, path: Path) -> Path:
    """Copy a store with its log, and give it a mark of its own: it is another store, and no restored one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", ".wal"):
        part, copied = source.with_name(source.name + suffix), path.with_name(path.name + suffix)
        copied.unlink(missing_ok=True)
        if part.exists():
            shutil.copyfile(part, copied)
    mark = read_mark(source).mark
    if mark is not None:
        write_mark(path, mark, durable=True)
    _COPIES[path] = _state_of(path)
    return path


def broken_ledger(path: Path) -> dict[str, int]:
    """Return the invariants of the ledger that do not hold in a store, each with the number of its rows."""
    with transaction(path, lambda: datetime.now(UTC), read_only=True) as tx:
        found = tx.execute(_LEDGER).fetchall()
    return {name: count for name, count in found if count}


def broken_ledgers_of_test() -> dict[Path, dict[str, int]]:
    """Check the ledger of each store that was copied for this test, was changed, and was not checked by its desk."""
    changed = [path for path, before in _COPIES.items() if path.exists() and _state_of(path) != before]
    _COPIES.clear()
    return {path: broken for path in changed if (broken := broken_ledger(path))}


def forget_copy(path: Path) -> None:
    """Leave a store out of that check: all its invariants were checked."""
    _COPIES.pop(path, None)


def _state_of(path: Path) -> object:
    parts = (path.with_name(path.name + suffix) for suffix in ("", ".wal"))
    return [(part.stat().st_size, part.stat().st_mtime_ns) if part.exists() else None for part in parts]


def context_on(store: Path, now: Callable[[], datetime], **settings: object) -> Context:
    """Return what the use cases get, on a migrated store; neither the environment nor a file is read.

    The start of a store is left out, with the check of every named statement that takes half a second: tests of
    ``store_startup`` and ``migrate`` prove it.
    """
    values = {"data_dir": store.parent, "store_path": store} | settings
    known = Settings(_env_file=None, _env_prefix="SMS_OF_A_TEST_", **values)  # type: ignore[arg-type]
    context = Context(known, now=now)
    context.__dict__["clock_offset"] = timedelta()
    return context
