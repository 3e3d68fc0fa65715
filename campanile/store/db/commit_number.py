"""Number commits, and compare the number with the mark outside the store before it is used."""

# Annotations stay text: evaluated, they keep DuckDB's types alive in Prefect's threads, and each process would end
# with a page of "leaked" objects.
from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from campanile.store.db.high_water_mark import Mark, MarkReading, read_mark, write_mark
from campanile.store.db.statement_runner import StatementRunner
from schemas.ledger_rows import StoreState


class Reconciliation(NamedTuple):
    """Why nothing is claimed: the store may be older than what was sent, and no person has confirmed it yet.

    Attributes:
        reason: what does not agree, in one line.
        since: when it was found.
        missing_since: from when on commits may be missing.
        doubted_at: when the messages that may have been sent became unknown; None: not yet.
    """

    reason: str
    since: datetime
    missing_since: datetime
    doubted_at: datetime | None


class CommitNumber:
    """The number that one transaction gives its commit.

    It is taken at the first change of the transaction. If the store is older than its mark, or the mark belongs to
    another store, the same transaction begins the reconciliation. An older copy that is restored while a process runs
    is found in the next transaction of the process.
    """

    def __init__(self, path: Path, statements: StatementRunner, at: datetime) -> None:
        self._path, self._statements, self._at = path, statements, at
        self._mark: Mark | None = None
        self._reconciliation: Reconciliation | None = None
        self.is_durable = False

    def take(self) -> Reconciliation | None:
        """Number the commit, once; return the reconciliation because of which nothing may be claimed, or None."""
        if self._mark is None:
            reading = read_mark(self._path)
            if reading.mark is not None and self._statements.run(
                "store_state.advance", **reading.mark._asdict(), at=self._at
            ):
                self._mark = reading.mark._replace(sequence=reading.mark.sequence + 1)
            else:
                self._mark, self._reconciliation = self._compare(reading)
        return self._reconciliation

    def reconcile(self, problem: str) -> Reconciliation:
        """Begin a reconciliation for a reason from outside the store; one that has begun continues unchanged."""
        found = self.take()
        if found is None and self._mark is not None:
            self._mark, self._reconciliation = self._begin(self._mark.sequence, problem)
        assert self._reconciliation is not None
        return self._reconciliation

    def write(self) -> None:
        """Write the mark; called when the commit is on disk."""
        if self._mark is not None:
            write_mark(self._path, self._mark, durable=self.is_durable)

    def _compare(self, reading: MarkReading) -> tuple[Mark, Reconciliation | None]:
        state = _state(self._statements)
        sequence = max(state.sequence, reading.mark.sequence if reading.mark else 0) + 1
        problem = problem_of(self._statements, state, reading)
        if problem is not None:
            return self._begin(sequence, problem)
        self._statements.run("store_state.continue", sequence=sequence, at=self._at)
        return Mark(state.store_id, sequence), reconciliation_of(state)

    def _begin(self, sequence: int, problem: str) -> tuple[Mark, Reconciliation]:
        mark = Mark(secrets.token_hex(16), sequence)
        reason = f"store {self._path.name} may be older than what was sent: {problem}"
        self._statements.run("store_state.reconcile", **mark._asdict(), reason=reason, at=self._at)
        # A campaign that is created from now on never has the references of one that the store has lost.
        value = secrets.token_hex(32)
        self._statements.run("setting.put", name="store_key", value=value, actor="reconciliation", at=self._at)
        found = reconciliation_of(_state(self._statements))
        assert found is not None, "it was just written"
        return mark, found


def problem_of(statements: StatementRunner, state: StoreState, reading: MarkReading) -> str | None:
    """Return why a store is not the one that its mark belongs to, or None.

    A store that is ahead of its mark is valid: its process died after the commit. A store that was never written, or
    that has no campaign and finds the mark of another store, cannot send anything twice: it takes the mark over.
    """
    is_unwritten = state.sequence == 0
    if reading.mark is None:
        return None if is_unwritten else reading.problem
    if reading.mark.store_id != state.store_id:
        is_unused = is_unwritten and statements.value("store_state.is_unused")
        return None if is_unused else "its mark belongs to another store, or to this one after a reconciliation"
    if state.sequence < reading.mark.sequence:  # guard: commit-mark
        return (
            f"it holds commit {state.sequence} of {state.committed_at:%Y-%m-%d %H:%M} UTC, and commit "
            f"{reading.mark.sequence} was made: a copy was restored, or its log (.wal) is missing"
        )
    return None


def reconciliation_of(state: StoreState) -> Reconciliation | None:
    """Return the open reconciliation of a store, from its row of ``store_state``; None: there is none."""
    if state.reconcile_reason is None:
        return None
    assert state.reconcile_since is not None, "set with the reason"
    assert state.missing_since is not None, "set with the reason"
    return Reconciliation(state.reconcile_reason, state.reconcile_since, state.missing_since, state.doubted_at)


def _state(statements: StatementRunner) -> StoreState:
    return statements.get(StoreState, "store_state.get")
