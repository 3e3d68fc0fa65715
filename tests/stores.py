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
    return path


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
