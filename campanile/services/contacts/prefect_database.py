"""The local SQLite database of a Prefect server: events that show a person, and free pages that still have old rows."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

_SECONDS, _PAUSE_SECONDS = 30.0, 0.1


def text_of(data: object) -> str:
    """Return all texts in JSON data, one a line."""
    if isinstance(data, dict):
        data = list(data.values())
    return "\n".join(map(text_of, data)) if isinstance(data, list) else str(data)


def write_anew(path: Path, is_about: Callable[[str], bool] | None = None) -> str | None:
    """Write the database anew while a server uses it; return what went wrong, None: nothing.

    Deleted rows stand in the free pages and in the log of the database until then.

    Args:
        path: the file of the database.
        is_about: whether a text shows the person; events with such a text are deleted first.
    """
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_SECONDS, isolation_level=None)) as database:
            found = database.execute("SELECT id, payload FROM events") if is_about else ()
            shown = [(key,) for key, payload in found if is_about and is_about(text_of(json.loads(payload)))]
            database.executemany("DELETE FROM event_resources WHERE event_id = ?", shown)
            database.executemany("DELETE FROM events WHERE id = ?", shown)
            database.execute("VACUUM")
            until = time.monotonic() + _SECONDS
            while database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] and time.monotonic() < until:
                time.sleep(_PAUSE_SECONDS)  # busy: the server was reading, and its file still has the old pages
    except sqlite3.Error as error:
        return str(error)
    return None
