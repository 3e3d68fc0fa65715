"""kill -9 of an import at any moment: the next run finishes it, no file is lost and no row counts twice."""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.prefect

State = dict[str, list[tuple[Any, ...]]]
NewFolder = Callable[[str], None]

ROWS, NAMES, TOWNS = 3_000, ("Zoé", "Paul", ""), ("Lyon", "Nice", "")
FOLDERS = ("inbox", "archive", "refused", "rejects", "staging")
IMPORT = """
import contextlib, os, signal, sys
from flows.ingest_contacts import ingest_contacts
from campanile.sms.errors import ContactFileError

data_dir, last_step = os.environ["SMS_DATA_DIR"], int(sys.argv[1])

def watch(event, arguments):
    global last_step
    is_transaction = event == "open" and str(arguments[0]).endswith(".duckdb.lock")
    if is_transaction or event in ("os.link", "os.remove", "os.rename") and str(arguments[0]).startswith(data_dir):
        last_step -= 1
        if last_step == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        is_checkpoint = ".undo" in str(arguments[0])
        print("transaction" if is_transaction else "checkpoint" if is_checkpoint else event, flush=True)

def begin(*_):
    print("begins", flush=True)
    sys.addaudithook(watch)

with contextlib.suppress(ContactFileError):
    ingest_contacts.with_options(on_running=[begin])()
"""
"""Imports the files in the drop folders; prints each transaction and each file that is moved, and dies just before the
one with the given rank (0: none)."""


class Importer:
    """A process of its own that imports."""

    def __init__(self, last_step: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", IMPORT, str(last_step)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PREFECT_LOGGING_LEVEL": "CRITICAL"},
        )
        assert self._process.stdout is not None
        self._lines = self._process.stdout
        assert next(self._lines) == "begins\n"
        self._begun_at = time.monotonic()

    def steps(self) -> tuple[list[str], float]:
        """Wait for its end; return the lines that it printed, and the seconds up to the last one."""
        printed = [(line.strip(), time.monotonic() - self._begun_at) for line in self._lines]
        assert self._bury() == 0
        return [step for step, _ in printed], printed[-1][1]

    def kill_after(self, seconds: float) -> bool:
        """Kill it ``seconds`` after it began; return whether it was still running."""
        time.sleep(max(0.0, self._begun_at + seconds - time.monotonic()))
        self._process.send_signal(signal.SIGKILL)
        return self._bury() == -signal.SIGKILL

    def has_died(self) -> bool:
        """Wait for its end; return whether it killed itself."""
        self._lines.read()
        return self._bury() == -signal.SIGKILL

    def _bury(self) -> int:
        code = self._process.wait()
        self._lines.close()
        return code


def contact_files() -> dict[str, bytes]:
    """Return three files that share people, one of them with a reject, and one that is refused."""
    dice = random.Random(3)

    def content(*more: str) -> bytes:
        numbers = [dice.randrange(612_340_000, 612_345_000) for _ in range(ROWS)]
        people = [f"0{number};{dice.choice(NAMES)};{dice.choice(TOWNS)}" for number in numbers]
        return "\n".join(["mobile;prénom;ville", *people, *more]).encode()

    return {
        "a.csv": content(),
        "b.csv": content("0144276789;Rejet;Paris"),
        "c.csv": content(),
        "refused.csv": "prénom;ville\nZoé;Lyon\n".encode(),
    }


@pytest.fixture
def new_folder(workspace: Any, tmp_path: Path) -> NewFolder:
    """Give the workspace a new data folder at each call, with the files in its drop folder."""

    def lay_out(name: str) -> None:
        workspace.data_dir = tmp_path / name
        workspace.set(data_dir=workspace.data_dir)
        inbox = Path(workspace.data_dir) / "inbox" / "contacts" / "clients"
        inbox.mkdir(parents=True)
        for file_name, content in contact_files().items():
            (inbox / file_name).write_bytes(content)

    return lay_out


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def end_state(workspace: Any) -> State:
    """Return what must be the same after any kill: the recorded imports, the people, and where the files are."""
    counts = "accepted_count, updated_count, duplicate_count, rejected_count, row_count"
    folders = {name: workspace.data_dir / name for name in FOLDERS}
    return {
        "files": workspace.query(f"SELECT file_name, {counts} FROM import_file ORDER BY file_name"),
        "people": workspace.query(
            "SELECT number_id, territory, fields, row_number, file_name "
            "FROM contact JOIN import_file USING (import_id) ORDER BY number_id"
        ),
        "rows": workspace.query("SELECT count(*), count(DISTINCT (import_id, row_number)) FROM import_row"),
        "entries": sorted(
            (name, digest(path.read_bytes()))
            for name, folder in folders.items()
            for path in folder.rglob("*")
            if path.is_file()
        ),
    }


def finish(workspace: Any) -> State:
    """Run the import again, in this process; check the invariants and return the end state."""
    from campanile.sms.errors import ContactFileError
    from flows.ingest_contacts import ingest_contacts

    with contextlib.suppress(ContactFileError):
        ingest_contacts()
    workspace.assert_in_order()
    return end_state(workspace)


def undisturbed(workspace: Any, new_folder: NewFolder) -> tuple[State, list[str], float]:
    """Return the end state of a run that is not killed, its steps, and how many seconds they took."""
    new_folder("undisturbed")
    steps, lasted = Importer().steps()
    state = end_state(workspace)
    contents = contact_files()
    entries = [entry for entry in state["entries"] if entry[0] != "rejects"]
    assert entries == sorted(
        ("refused" if name == "refused.csv" else "archive", digest(content)) for name, content in contents.items()
    )
    assert [row[0] for row in state["files"]] == sorted(set(contents) - {"refused.csv"})
    assert steps.count("os.link") == steps.count("os.remove") == len(contents)
    return state, steps, lasted


@pytest.mark.parametrize(
    ("chosen", "random_kills"),
    [
        pytest.param(lambda steps: [steps.index("os.remove") + 1], 1, id="few"),
        pytest.param(lambda steps: range(len(steps)), 200, id="many", marks=pytest.mark.soak),
    ],
)
def test_a_killed_import_is_finished_as_if_nothing_had_happened(
    workspace: Any, new_folder: NewFolder, chosen: Callable[[list[str]], Iterable[int]], random_kills: int
) -> None:
    expected, steps, lasted = undisturbed(workspace, new_folder)
    for rank in chosen(steps):
        new_folder(f"step-{rank}")
        assert Importer(last_step=rank + 1).has_died()
        assert finish(workspace) == expected, f"killed before step {rank} of {steps}"
    dice = random.Random(20261123)
    hits = 0
    for rank in range(random_kills):
        new_folder(f"kill-{rank}")
        hits += Importer().kill_after(lasted * (rank + dice.random()) / random_kills)
        assert finish(workspace) == expected, f"kill {rank} of {random_kills}"
    assert hits > random_kills / 2, "most kills fell in the middle"
