"""Copy stores at a random moment of a campaign, send on, restore the copy, and compare the store with the bill.

The kind of restore is drawn from a seed: the store with its log, without it, or together with its mark. The progress of
the sender at the copy and at the restore depends on the machine. STOPs arrive all the time.
"""

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from campanile.gateways.sandbox.testing import SandboxProcess
from campanile.services.inbound.sync import sync_opt_outs
from campanile.store.db.database import transaction
from campanile.store.db.high_water_mark import mark_path
from campanile.store.ledger.reconciliation import confirm_reconciled
from schemas.gateway import Resolution
from tests.sending.books import Bill
from tests.sending.sending_desk import SendingDesk, start_sandbox
from tests.store.conftest import number_of
from tests.stores import make_store

#: Faults that make a restore worse: what was refused is cut into other slices than the copy knows.
FAULTS = {"throttle": 0.1, "unavailable": 0.05, "accept_then_reset": 0.05, "retry_after_seconds": 0.02}
#: The restored parts of the copy, by kind of restore. Kinds in ``_WITHOUT_LOG`` also remove the current log.
WAYS = {
    "store and log": ("", ".wal"),
    "store alone": ("",),
    "store, log and mark": ("", ".wal", "mark"),
    "written over": ("", ".wal", "mark"),
    "log lost": (),
}
_WITHOUT_LOG = ("store alone", "log lost")
_PEOPLE = 10_000
CONFIRMED_AFTER_SECONDS = 20.0


@dataclass(slots=True)
class Restores:
    """The restores of one gateway class, and the resulting bill."""

    restores: int = 0
    ways: dict[str, int] = field(default_factory=dict)
    sent_since: int = 0
    stops: int = 0
    sent_after_stop: int = 0
    seconds: float = 0.0
    bill: Bill = field(default_factory=Bill)

    def wrong(self) -> dict[str, Any]:
        """Return the figures that must be zero and are not."""
        return self.bill.wrong() | ({"sent_after_stop": self.sent_after_stop} if self.sent_after_stop else {})


def restore_stores(
    fork_server: Path,
    resolution: Resolution,
    restores: int,
    *,
    messages: int = 120,
    seed: int = 1,
    seconds: float = float("inf"),
    on_progress: Callable[[Restores], None] = lambda _: None,
) -> Restores:
    """Restore stores with gateways of one class, each in the middle of its own campaign.

    Args:
        fork_server: the socket of the server that forks senders.
        resolution: the class of the gateway.
        restores: how many.
        messages: of each campaign.
        seed: of the random choices.
        seconds: after which no further store is restored.
        on_progress: called with the counts after each restore.
    """
    total, dice, began = Restores(), random.Random(f"{seed} {resolution}"), time.monotonic()
    with TemporaryDirectory() as folder, start_sandbox(Path(folder), resolution, look_up_lag=0.02) as sandbox:
        while total.restores < restores and time.monotonic() - began < seconds:
            with TemporaryDirectory() as data:
                _Restore(Path(data), sandbox, fork_server, dice, total).run(messages)
            total.seconds = time.monotonic() - began
            on_progress(total)
    return total


class _Restore:
    def __init__(
        self, folder: Path, sandbox: SandboxProcess, fork_server: Path, dice: random.Random, total: Restores
    ) -> None:
        self._path = folder / "data" / "sms.duckdb"
        self._copies = folder / "copies"
        self._copies.mkdir()
        self._sandbox, self._dice, self._total = sandbox, dice, total
        sandbox.set_faults()
        self._desk = SendingDesk(make_store(self._path.parent), sandbox, fork_server)
        self._desk.settings |= {"slice_size": 4, "segments_per_second": 100_000, "concurrency": 2}
        self._stopped_at: dict[int, datetime] = {}

    def run(self, messages: int) -> None:
        desk, dice = self._desk, self._dice
        first = self._total.restores * messages % (_PEOPLE - messages)  # the sandbox remembers who said STOP before
        people = list(range(first, first + messages))
        desk.begin("campaign", people, per_slice=4)
        self._sandbox.set_faults(**FAULTS)
        way = dice.choice(list(WAYS))
        self._send_for(dice.uniform(0.0, 1.0), people)
        if way in _WITHOUT_LOG or dice.random() < 0.5:  # without it the campaign itself would be lost
            with desk.tx(checkpoint_after=True):
                pass
        self._copy(way)
        before = len(desk.bill())
        self._send_for(dice.uniform(0.1, 1.0), people)
        self._total.sent_since += len(desk.bill()) - before
        self._restore(way)
        self._sandbox.set_faults()
        self._finish()
        self._count(way)

    def _send_for(self, seconds: float, people: list[int]) -> None:
        """Run a sender for some time, with a STOP in the middle, and kill it."""
        sender = self._desk.start_sender("campaign")
        time.sleep(seconds / 2)
        self._stop(self._dice.choice(people))
        time.sleep(seconds / 2)
        sender.kill()

    def _stop(self, person: int) -> None:
        self._sandbox.reply(f"+{number_of(person)}", "STOP")
        self._read_stops()
        self._stopped_at.setdefault(person, self._desk.clock.at)

    def _read_stops(self) -> None:
        """Read the replies that came, as process-replies does."""
        sync_opt_outs(self._desk.context(), "sandbox")

    def _copy(self, way: str) -> None:
        """Copy the files while no process has them open, as backup-store does."""
        with transaction(self._path, self._desk.clock, read_only=True):
            for part in WAYS[way]:
                if (file := self._file(part)).exists():
                    shutil.copy(file, self._copies)

    def _restore(self, way: str) -> None:
        log = self._file(".wal")
        if WAYS[way]:
            for part in WAYS[way]:
                if way != "written over":  # as by ``cp -a``, which keeps the inodes
                    self._file(part).unlink(missing_ok=True)
            for file in self._copies.iterdir():
                shutil.copy(file, self._path.parent)
        if way in _WITHOUT_LOG or (way == "written over" and not (self._copies / log.name).exists()):
            log.unlink(missing_ok=True)

    def _file(self, part: str) -> Path:
        return mark_path(self._path) if part == "mark" else self._path.with_name(self._path.name + part)

    def _finish(self) -> None:
        """Continue as a team does: senders detect the restore and look messages up, a person confirms, all is sent."""
        desk = self._desk
        desk.put_balance(str(self._sandbox.balance()))
        self._send_until_nothing_moves()
        self._read_stops()
        with desk.tx() as tx:
            if tx.reconciliation is not None:
                confirm_reconciled(tx, "dominique", "compared with the bill")
        self._send_until_nothing_moves()

    def _send_until_nothing_moves(self) -> None:
        ends_at = time.monotonic() + CONFIRMED_AFTER_SECONDS
        while time.monotonic() < ends_at:
            output = self._desk.start_sender("campaign").wait()
            if output.get("closed") == "finished" or ("closed" in output and output["due_at"] is None):
                return
            if "nothing is sent before reconcile-store is confirmed" in str(output.get("why")):
                return
            if "nothing to send" in output.get("refused", "") or "there is something" in output.get("refused", ""):
                return
            self._desk.forward(seconds=61)

    def _count(self, way: str) -> None:
        total, desk = self._total, self._desk
        total.restores += 1
        total.ways[way] = total.ways.get(way, 0) + 1
        total.stops += len(self._stopped_at)
        total.bill += Bill.of(desk, "campaign", desk.bill())
        sent_at = {line["client_ref"]: datetime.fromisoformat(line["accepted_at"]) for line in desk.bill()}
        for ref, number in desk.sql("SELECT client_ref, number_id FROM message"):
            stopped_at = self._stopped_at.get(number - number_of(0))
            if stopped_at is not None and ref in sent_at:
                # What was claimed when the STOP came in may still arrive.
                total.sent_after_stop += sent_at[ref] > stopped_at + timedelta(seconds=2)
