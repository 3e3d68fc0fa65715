"""A contact file to the store, all stages: ours, against a plain one, and what it takes of memory."""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb

from bench.baseline import FIELDS, import_plainly
from bench.contact_files import write_contact_file
from bench.racing import Race, cpu_seconds, most_memory_mb, race
from bench.transactions import clock
from campanile.files.parsing.stage import ParserLimits, StagedFile, StagingRequest, stage_in_child
from campanile.files.staged_check import check_staged
from campanile.services.settings import ALLOWED_COUNTRIES
from campanile.store.contacts.import_log import ImportSummary, SourceFile, StagedRows
from campanile.store.contacts.merge import import_contacts
from campanile.store.db.database import transaction
from campanile.store.db.migrate import migrate

REGION = "FR"
LIMITS = ParserLimits(memory_mb=2048, seconds=600)  # those that are set where nobody sets them
SEED = 11


class Outcome(NamedTuple):
    """What an import ends with; ``mark`` is the same for the same people with the same fields."""

    people: int
    mark: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one import took, in a process of its own: CPU seconds, and the most memory of each process in MB."""

    row_count: int
    file_mb: float
    seconds: float
    parser_mb: float
    store_mb: float


def whole_import(size: int, rounds: int) -> Race:
    """A file of everyday dirt into a fresh store, against the baseline; both end with the same people and rejects."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_contact_file(Path(folder) / "contacts.csv", size, SEED)
        return race(
            "file to store", size, lambda: _ours(path), "pandas, phonenumbers, pandera, DuckDB", lambda: _theirs(path),
            rounds=min(rounds, 3),
        )  # fmt: skip


def footprint(size: int) -> Footprint:
    """Import a file of so many rows in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_contact_file(Path(folder) / "contacts.csv", size, SEED)
        measured = subprocess.run(
            [sys.executable, "-m", "bench.importing", str(path)], stdout=subprocess.PIPE, check=True, text=True
        )
        return Footprint(**json.loads(measured.stdout))


def measure(path: Path) -> Footprint:
    """Import a file into a fresh store and return what this process and its child took."""
    started = cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        summary = import_file(path, Path(folder))
    return Footprint(
        row_count=summary.row_count,
        file_mb=path.stat().st_size / 2**20,
        seconds=cpu_seconds() - started,
        parser_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        store_mb=most_memory_mb(),
    )


def import_file(path: Path, folder: Path) -> ImportSummary:
    """Import a file into ``folder/store.duckdb``, which is made."""
    stage = folder / "stage"
    stage.mkdir()
    staged = stage_in_child(StagingRequest(path, stage, REGION, tuple(ALLOWED_COUNTRIES)), LIMITS)
    check_staged(staged)
    store = folder / "store.duckdb"
    migrate(store, clock)
    with transaction(store, clock) as tx:
        rows = StagedRows(staged.rows, staged.rejected, staged.row_count)
        return import_contacts(tx, "clients", _source(staged), rows)


def _source(staged: StagedFile) -> SourceFile:
    names = ("file_name", "sha256", "size_bytes", "encoding", "delimiter", "sheet", "column_map")
    return SourceFile(**{name: getattr(staged, name) for name in names}, region=REGION, is_sample=False)


def _ours(path: Path) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        summary = import_file(path, Path(folder))
        fields = [f"coalesce(fields ->> '{field}', '')" for field in FIELDS]
        return _outcome(Path(folder) / "store.duckdb", fields, summary.result_counts["rejected"])


def _theirs(path: Path) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.duckdb"
        rejected = import_plainly(path, store, frozenset(ALLOWED_COUNTRIES))
        return _outcome(store, FIELDS, rejected)


def _outcome(store: Path, fields: list[str], rejected: int) -> Outcome:
    with duckdb.connect(str(store), read_only=True) as connection:
        sql = f"SELECT count(*), bit_xor(hash(number_id, territory, {', '.join(fields)})) FROM contact"
        people, mark = connection.execute(sql).fetchall()[0]
    return Outcome(people, mark, rejected)


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Path(sys.argv[1])))))
