"""Other processes of the tests: ``python workers.py <what> <store> …``, talked to by lines of JSON.

Where it helps the tests, a worker dies: killed by its nursery at any moment, or by its own hand at a chosen one.
"""

import json
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
from conftest import campaign_head, message_rows, opt_out_rows

from store.contacts import add_opt_outs
from store.database import Transaction, transaction
from store.migrate import migrate
from store.operators import put_setting
from store.preparing import write_prepared

PEOPLE = range(20)
FIRST_STOPPED = 1000


def now() -> datetime:
    return datetime.now(UTC)


def tell(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def hear() -> str:
    return sys.stdin.readline().strip()


def hold(path: Path, mode: str) -> None:
    """Hold the store, as Campanile or as any other program, until a line comes."""
    if mode == "foreign":
        with duckdb.connect(str(path)):
            tell("held")
            hear()
    else:
        with transaction(path, now, read_only=mode == "reader"):
            tell("held")
            hear()
    tell("free")


def write(path: Path, who: str, count: str) -> None:
    """Write settings, one a visit, and tell each once it is committed."""
    tell("ready")
    hear()
    for number in range(int(count)):
        with transaction(path, now) as visit:
            put_setting(visit, f"{who}-{number}", number, who)
        tell(f"{who}-{number}")


def migrate_at_once(path: Path) -> None:
    tell("ready")
    hear()
    tell(migrate(path, now))


def prepare_again(path: Path) -> None:
    """Prepare one campaign again: the same keys are deleted and inserted in one transaction; and add an opt-out."""
    nobody = pd.DataFrame(columns=["number_id", "msisdn", "reason", "origin", "import_id", "row_number"])
    with transaction(path, now) as visit:
        found = visit.row("campaign.find", name="again")
        version = found["version"] + 1 if found else 1
        messages = message_rows(PEOPLE, f"version {version}").assign(slice_no=[1 + row // 5 for row in PEOPLE])
        write_prepared(visit, campaign_head("again"), {"version": version}, messages, nobody, "EUR")
        add_opt_outs(visit, opt_out_rows([FIRST_STOPPED + version]), "reply", None)


def nursery(path: Path, seed: str) -> None:
    """Raise a child for each line (``anywhere``, ``after commit`` …), let it die there; tell what it had committed."""
    chance = random.Random(int(seed))
    tell("ready")
    while where := hear():
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            die_somewhere(path, where, writing)
        os.close(writing)
        if where == "anywhere":
            time.sleep(chance.uniform(0.0, 0.4))
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open(reading) as acknowledged:
            tell([int(line) for line in acknowledged])


def die_somewhere(path: Path, where: str, writing: int) -> None:
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
        os.write(writing, f"{version}\n".encode())
        if visits_left == 0 and where == "after commit":
            os.kill(os.getpid(), signal.SIGKILL)

    Transaction._commit = dying_commit  # type: ignore[method-assign]
    while True:
        prepare_again(path)


if __name__ == "__main__":
    what, store_file, *rest = sys.argv[1:]
    jobs = {"hold": hold, "write": write, "migrate": migrate_at_once, "nursery": nursery}
    jobs[what](Path(store_file), *rest)
