"""A migrated database of Prefect to copy: the migrations take minutes on a busy machine, a copy is immediate.

The template is made once for each version of Prefect, in ``.cache`` of the project, and holds nothing but empty tables.
``python scripts/prefect_template.py FILE`` copies it to a file that is not there yet.
"""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from campanile.file_permissions import keep_private

CACHE = Path(__file__).resolve().parents[1] / ".cache"
UPGRADE = (sys.executable, "-m", "prefect", "--no-prompt", "server", "database", "upgrade", "--yes")


class NoTemplate(Exception):  # noqa: N818 - a line for a person
    """The template could not be made."""


def template_path(cache: Path = CACHE) -> Path:
    """Return where the template of this version of Prefect is kept."""
    return cache / f"prefect-{version('prefect')}.db"


def provide_database(database: Path, cache: Path = CACHE) -> bool:
    """Copy the migrated database unless there is a database already; return whether it was copied.

    The database is its owner's only, and is never seen half written.

    Raises:
        NoTemplate: there was no template, and it could not be made.
    """
    if database.exists():
        return False
    template = made_template(cache)
    database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = database.with_name(f".{database.name}.{os.getpid()}")
    try:
        shutil.copyfile(template, draft)
        draft.chmod(0o600)
        draft.replace(database)
    finally:
        draft.unlink(missing_ok=True)
    return True


def made_template(cache: Path = CACHE) -> Path:
    """Return the template; make it if there is none. One process makes it, others wait for it.

    Raises:
        NoTemplate: Prefect did not make it.
    """
    path = template_path(cache)
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (cache / "prefect.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _make(path)
    return path


def _make(path: Path) -> None:
    """Let Prefect migrate an empty database, and store it as one file, with its write-ahead log."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made, whole = Path(folder, "prefect.db"), Path(folder, "whole.db")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        environment |= {"PREFECT_HOME": folder, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
        done = subprocess.run(UPGRADE, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not made.exists():
            lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise NoTemplate(f"Prefect's database cannot be made (status {done.returncode}): {lines[-1]}")
        connection = sqlite3.connect(made)
        try:
            connection.execute("VACUUM INTO ?", (str(whole),))
        finally:
            connection.close()
        whole.chmod(0o600)
        for older in path.parent.glob("prefect-*.db"):
            older.unlink()
        whole.replace(path)


if __name__ == "__main__":
    keep_private()
    try:
        provide_database(Path(sys.argv[1]))
    except NoTemplate as error:
        sys.exit(str(error))
