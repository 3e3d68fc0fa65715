"""What the other processes of these tests do: ``python -m tests.store.workers SOCKET`` forks one for each test."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from campanile.store.billing.operator_settings import put_setting
from campanile.store.campaigns.writer import RecapDetails, write_prepared
from campanile.store.contacts.opt_outs import add_opt_outs
from campanile.store.db.database import Transaction, transaction
from campanile.store.db.migrate import migrate
from schemas.campaign_rows import Campaign
from tests.fork_server import Line, serve_forks
from tests.store.conftest import campaign_head, message_rows, opt_out_rows, prepared_rows

PEOPLE = range(20)
FIRST_STOPPED = 1000


def now() -> datetime:
    return datetime.now(UTC)


def hold(line: Line, path: str, mode: str) -> None:
    """Hold the store, as Campanile or as any other program, until a line comes."""
    if mode == "foreign":
        with duckdb.connect(path):
            line.send("held")
            line.receive()
    else:
        with transaction(Path(path), now, read_only=mode == "reader"):
            line.send("held")
            line.receive()
    line.send("free")


def write(line: Line, path: str, who: str, count: int) -> None:
    """Write settings, one a transaction, and tell each once it is committed."""
    line.send("ready")
    line.receive()
    for number in range(count):
        with transaction(Path(path), now) as tx:
            put_setting(tx, f"{who}-{number}", number, who)
        line.send(f"{who}-{number}")


def migrate_at_once(line: Line, path: str) -> None:
    line.send("ready")
    line.receive()
    line.send(migrate(Path(path), now))


def prepare_until_death(line: Line, path: str, where: str) -> None:
    """Prepare again and again; tell each version when COMMIT has returned, while the store is still attached."""
    commit = Transaction._commit
    transactions_left = random.Random().randrange(1, 4)

    def dying_commit(tx: Transaction) -> None:
        nonlocal transactions_left
        transactions_left -= 1
        if transactions_left == 0 and where == "before commit":
            os.kill(os.getpid(), signal.SIGKILL)
        version = tx.get(Campaign, "campaign.find", name="again").version
        commit(tx)
        line.send(version)
        if transactions_left == 0 and where == "after commit":
            os.kill(os.getpid(), signal.SIGKILL)

    Transaction._commit = dying_commit  # type: ignore[method-assign]
    while True:
        prepare_again(Path(path))


def prepare_again(path: Path) -> None:
    """Prepare one campaign again: the same keys are deleted and inserted in one transaction; and add an opt-out."""
    with transaction(path, now) as tx:
        found = tx.find(Campaign, "campaign.find", name="again")
        version = found.version + 1 if found else 1
        messages = message_rows(PEOPLE, f"version {version}").assign(slice_no=[1 + row // 5 for row in PEOPLE])
        with prepared_rows(tx, messages):
            write_prepared(tx, campaign_head("again"), {"version": version}, RecapDetails("EUR"))
        add_opt_outs(tx, opt_out_rows([FIRST_STOPPED + version]), "reply", None)


JOBS: dict[str, Callable[..., None]] = {
    "hold": hold,
    "write": write,
    "migrate": migrate_at_once,
    "prepare": prepare_until_death,
}


def work(line: Line, job: Sequence[str]) -> None:
    name, *arguments = job
    JOBS[name](line, *arguments)


if __name__ == "__main__":
    serve_forks(work)
