"""A campaign to the sandbox, which takes 50 ms to answer: ours with its ledger, against a bare loop of ``requests``.

Wall-clock time, for waiting is most of it. Both post the same batches with as many threads, each to a fresh sandbox;
ours starts from a copy of the same approved campaign. The rate is set out of the way. What is not timed: preparing,
approving and opening the campaign, and the start of the sandbox.
"""

import contextlib
import gc
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from queue import Empty, SimpleQueue
from unittest import mock

import requests

from bench.preparing import DRAFT, build_store, in_house
from bench.racing import Race
from campanile.gateways.registry import manifest_of
from campanile.gateways.sandbox.testing import SandboxProcess
from campanile.services.campaigns.prepare import make_recap
from campanile.services.clock import real_now
from campanile.services.sending.sender import Sender
from campanile.services.store_startup import begin_simulation
from campanile.store.billing.balance import add_reading
from campanile.store.campaigns.approval import ApprovalRules, approve
from campanile.store.db.database import Transaction, transaction
from campanile.store.db.high_water_mark import read_mark, write_mark
from campanile.store.inbound.histories import move_cursor
from campanile.store.ledger.lease import Lease
from campanile.store.ledger.run_lifecycle import Owner, close_sending, count_messages, open_sending
from tasks.context import current_context

TUESDAY_MORNING = "2026-11-24T10:00:00+01:00"
LATENCY_MS = 50
BATCH_SIZE = 500
BALANCE = 10**9
RULES = ApprovalRules(approvers=(), four_eyes=False, max_age=timedelta(days=1))
MAX_MESSAGES = 20_000
Batches = Sequence[tuple[str, list[dict[str, str]]]]


def sending_alone(size: int, rounds: int) -> Race:
    """One request at a time."""
    return throughput(size, rounds, concurrency=1)


def sending_together(size: int, rounds: int) -> Race:
    """Four requests at once."""
    return throughput(size, rounds, concurrency=4)


def throughput(size: int, rounds: int, concurrency: int) -> Race:
    """Send so many messages in turn by both; each message stands once on either bill, and our ledger says the same."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready"
        ready.mkdir()
        approve_campaign(ready, min(size, MAX_MESSAGES))
        batches = read_batches(ready / "store.duckdb")
        times = []
        for number in range(rounds):
            mine, theirs = Path(folder) / f"ours-{number}", Path(folder) / f"theirs-{number}"
            times.append((_send(ready, mine, batches, concurrency), _send_plainly(theirs, batches, concurrency)))
    mine_median, theirs_median = (statistics.median(column) for column in zip(*times, strict=True))
    count = sum(len(messages) for _, messages in batches)
    what = f"sending, {concurrency} at once" if concurrency > 1 else "sending, one by one"
    return Race(what, "loop of requests, no ledger", count, mine_median, theirs_median)


@contextlib.contextmanager
def sending_house(folder: Path, **settings: object) -> Iterator[None]:
    """Work on the store in a folder, on a Tuesday at ten, with a rate that is no limit and settings of one's own."""
    settings = {"simulated_now": TUESDAY_MORNING, "segments_per_second": BALANCE, **settings}
    variables = {f"SMS_{name.upper()}": str(value) for name, value in settings.items()}
    with mock.patch.dict(os.environ, variables), in_house(folder):
        current_context.cache_clear()
        try:
            yield
        finally:
            current_context.cache_clear()


def approve_campaign(folder: Path, size: int) -> None:
    """Make a store in a folder with an approved campaign of about so many messages, and credit for it."""
    build_store(folder, size)
    rehearse(folder)
    with sending_house(folder):
        recap = make_recap(current_context(), DRAFT)
        with current_context().transaction() as tx:
            add_reading(tx, "sandbox", Decimal(BALANCE), "EUR", Decimal(0))
            approve(tx, DRAFT.name, recap.recap_hash, "dominique", RULES)


def rehearse(folder: Path) -> None:
    """Let the store of a folder rehearse: one with lists in it does not begin to by itself."""
    with transaction(folder / "store.duckdb", real_now) as tx:
        begin_simulation(tx, datetime.fromisoformat(TUESDAY_MORNING))


def open_campaign() -> Lease:
    """Take the approved campaign of the house, with its STOPs just read."""
    with current_context().transaction() as tx:
        read_stops(tx)
        lease = open_sending(
            tx, DRAFT.name, Owner("bench"), current_context().claim_rules(manifest_of("sandbox"))
        ).lease
    assert lease is not None
    return lease


def read_stops(tx: Transaction) -> None:
    """Note that the STOPs were read at the time of this transaction."""
    for name in ("replies", "opt_outs"):
        move_cursor(tx, "sandbox", name, "")


def copy_store(ready: Path, folder: Path) -> None:
    """Copy the folder of a store with a mark of its own: it is another store, and no restored one."""
    shutil.copytree(ready, folder, ignore=shutil.ignore_patterns("*.mark"))
    mark = read_mark(ready / "store.duckdb").mark
    assert mark is not None
    write_mark(folder / "store.duckdb", mark, durable=True)


def read_batches(store: Path) -> Batches:
    """Return what a sender would post, in the order of the queue: a key and the messages."""
    with sending_house(store.parent), current_context().transaction(read_only=True) as tx:
        rows = tx.execute(
            "SELECT slice_no, client_ref, msisdn, text, sender_id FROM message ORDER BY slice_no, recipient_id"
        ).fetchall()
    slices: dict[int, list[dict[str, str]]] = {}
    for slice_no, *values in rows:
        message = dict(zip(("client_ref", "to", "text", "sender_id"), values, strict=True))
        slices.setdefault(slice_no, []).append(message)
    return [(f"batch-{slice_no}", messages) for slice_no, messages in slices.items()]


def _send(ready: Path, folder: Path, batches: Batches, concurrency: int) -> float:
    copy_store(ready, folder)
    with (
        _sandbox(folder) as sandbox,
        sending_house(folder, sandbox_url=sandbox.base_url, concurrency=concurrency, slice_size=BATCH_SIZE),
    ):
        gateway, lease = current_context().gateway("sandbox"), open_campaign()
        with Sender(current_context(), lease, gateway, lambda: None, threading.Event()) as sender:
            gc.collect()  # what preparing left behind is not part of sending
            started = time.monotonic()
            run_outcome = sender.run(seconds=3600)
            lasted = time.monotonic() - started
            assert run_outcome is not None
        with current_context().transaction() as tx:
            closed = close_sending(tx, lease, current_context().claim_rules(gateway.manifest), run_outcome)
            states: dict[str, int] = {row.state: row.message_count for row in count_messages(tx, lease.campaign_id)}
        if closed.state != "finished" or states != {"accepted": sum(len(messages) for _, messages in batches)}:
            raise SystemExit(f"sending: the campaign is {closed.state}, its messages {states}")
        _check_bill(sandbox, batches, "ours")
    return lasted


def _send_plainly(folder: Path, batches: Batches, concurrency: int) -> float:
    with _sandbox(folder) as sandbox:
        waiting: SimpleQueue[tuple[str, list[dict[str, str]]]] = SimpleQueue()
        for batch in batches:
            waiting.put(batch)
        threads = [threading.Thread(target=_post_all, args=(sandbox, waiting)) for _ in range(concurrency)]
        gc.collect()
        started = time.monotonic()
        _run_all(threads)
        lasted = time.monotonic() - started
        _check_bill(sandbox, batches, "the loop")
    return lasted


def _post_all(sandbox: SandboxProcess, waiting: "SimpleQueue[tuple[str, list[dict[str, str]]]]") -> None:
    with requests.Session() as session, contextlib.suppress(Empty):
        session.headers["Authorization"] = f"Bearer {sandbox.api_key}"
        while True:
            key, messages = waiting.get_nowait()
            document = {"sender_id": messages[0]["sender_id"], "messages": messages}
            answer = session.post(f"{sandbox.base_url}/v1/messages", json=document, headers={"Idempotency-Key": key})
            answer.raise_for_status()
            answer.json()


def _run_all(threads: Sequence[threading.Thread]) -> None:
    steps: tuple[Callable[[threading.Thread], None], ...] = (threading.Thread.start, threading.Thread.join)
    for step in steps:
        for thread in threads:
            step(thread)


def _sandbox(folder: Path) -> SandboxProcess:
    return SandboxProcess.start(folder / "sandbox", latency_ms=LATENCY_MS, balance=BALANCE)


def _check_bill(sandbox: SandboxProcess, batches: Batches, whose: str) -> None:
    billed = sorted(line["client_ref"] for line in sandbox.billing())
    if billed != sorted(message["client_ref"] for _, messages in batches for message in messages):
        raise SystemExit(f"sending: {whose} did not bill each message once")
