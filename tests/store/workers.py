"""The other processes of the tests: ``python workers.py <socket>`` gives a process of its own to each who connects.

The first line that comes in is the job and its arguments as JSON, the first that goes out the process id. Processes
are forked here, where no DuckDB was ever opened: to start each from nothing would cost more than all they do.
"""

import json
import os
import random
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import duckdb
from conftest import campaign_head, message_rows, opt_out_rows, prepared_rows

from store.database import Transaction, transaction
from store.migrate import migrate
from store.operators import put_setting
from store.opt_outs import add_opt_outs
from store.preparing import RecapDetails, write_prepared

PEOPLE = range(20)
FIRST_STOPPED = 1000


@dataclass
class Line:
    """The line to the test."""

    stream: TextIO

    def tell(self, what: object) -> None:
        self.stream.write(json.dumps(what) + "\n")
        self.stream.flush()

    def hear(self) -> Any:
        return json.loads(self.stream.readline())


def now() -> datetime:
    return datetime.now(UTC)


def hold(line: Line, path: str, mode: str) -> None:
    """Hold the store, as Campanile or as any other program, until a line comes."""
    if mode == "foreign":
        with duckdb.connect(path):
            line.tell("held")
            line.hear()
    else:
        with transaction(Path(path), now, read_only=mode == "reader"):
            line.tell("held")
            line.hear()
    line.tell("free")


def write(line: Line, path: str, who: str, count: int) -> None:
    """Write settings, one a visit, and tell each once it is committed."""
    line.tell("ready")
    line.hear()
    for number in range(count):
        with transaction(Path(path), now) as visit:
            put_setting(visit, f"{who}-{number}", number, who)
        line.tell(f"{who}-{number}")


def migrate_at_once(line: Line, path: str) -> None:
    line.tell("ready")
    line.hear()
    line.tell(migrate(Path(path), now))


def prepare_until_death(line: Line, path: str, where: str) -> None:
    """Prepare again and again; tell each version when COMMIT has returned, while the store is still attached."""
    commit = Transaction._commit
    visits_left = random.Random().randrange(1, 4)

    def dying_commit(visit: Transaction) -> None:
        nonlocal visits_left
        visits_left -= 1
        if visits_left == 0 and where == "before commit":
            os.kill(os.getpid(), signal.SIGKILL)
        version = (visit.row("campaign.find", name="again") or {})["version"]
        commit(visit)
        line.tell(version)
        if visits_left == 0 and where == "after commit":
            os.kill(os.getpid(), signal.SIGKILL)

    Transaction._commit = dying_commit  # type: ignore[method-assign]
    while True:
        prepare_again(Path(path))


def prepare_again(path: Path) -> None:
    """Prepare one campaign again: the same keys are deleted and inserted in one transaction; and add an opt-out."""
    with transaction(path, now) as visit:
        found = visit.row("campaign.find", name="again")
        version = found["version"] + 1 if found else 1
        messages = message_rows(PEOPLE, f"version {version}").assign(slice_no=[1 + row // 5 for row in PEOPLE])
        with prepared_rows(visit, messages):
            write_prepared(visit, campaign_head("again"), {"version": version}, RecapDetails("EUR"))
        add_opt_outs(visit, opt_out_rows([FIRST_STOPPED + version]), "reply", None)


JOBS: dict[str, Callable[..., None]] = {
    "hold": hold,
    "write": write,
    "migrate": migrate_at_once,
    "prepare": prepare_until_death,
}


def serve(listener: socket.socket) -> None:
    """Fork for each who connects, until the tests are over."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are buried by the kernel
    tests = os.getppid()
    listener.settimeout(1)
    while os.getppid() == tests:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            listener.close()
            line = Line(connection.makefile("rw"))
            line.tell(os.getpid())
            job, *arguments = line.hear()
            JOBS[job](line, *arguments)
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as home:
        home.bind(sys.argv[1])
        home.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        serve(home)
