"""The senders of these tests, as processes: ``python -m tests.sending.senders SOCKET`` forks one for each test."""

import logging
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import campanile.services.sending.sender
from campanile.gateways.transport import clock
from campanile.services.context import Context
from campanile.services.sending.sender import InFlightSlice, Sender
from campanile.sms.schedule.quiet_hours import key_closing
from campanile.store.db.database import Transaction
from campanile.store.ledger.lease import LeaseLost
from campanile.store.ledger.run_lifecycle import Opened, Owner, RunOutcome, close_sending, open_sending
from schemas.gateway import Batch, Outcome, SubmitOutcome
from tests.fork_server import Line, serve_forks
from tests.store.conftest import MORNING
from tests.stores import context_on

INTERVAL_SECONDS = 60.0
LOCK_FILE_BYTES = 20
OPENING_SECONDS = 30.0


def send(line: Line, context: Context, name: str, *, is_patient: bool = True) -> None:
    """Send a campaign as ``tasks.sending`` does, without Prefect; report when it is ours, and how it ended."""
    rules = context.claim_rules(context.gateway("sandbox").manifest)
    opened = _open(context, name, is_patient)
    if opened.lease is None:
        line.send({"refused": opened.why})
        return
    line.send({"opened": opened.lease.fence})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run_outcome = _send_all(Sender(context, opened.lease, context.gateway("sandbox"), lambda: None, stop))
        with context.transaction() as tx:
            closed = close_sending(tx, opened.lease, rules, run_outcome)
    except LeaseLost:
        line.send({"lost": opened.lease.fence})
        return
    line.send({"closed": closed.state, "due_at": closed.due_at, "why": run_outcome.why})


def _open(context: Context, name: str, is_patient: bool) -> Opened:
    """Take the campaign; a patient one waits until the lease of a dead sender has run out."""
    rules = context.claim_rules(context.gateway("sandbox").manifest)
    give_up_at = time.monotonic() + OPENING_SECONDS
    while True:
        with context.transaction() as tx:
            opened = open_sending(tx, name, Owner(f"sender {os.getpid()}"), rules)
        is_taken = opened.lease is None and "by another run" in opened.why
        if not is_taken or not is_patient or time.monotonic() > give_up_at:
            return opened
        time.sleep(0.01)


def _send_all(sender: Sender) -> RunOutcome:
    with sender:
        while (run_outcome := sender.run(INTERVAL_SECONDS)) is None:
            pass
    return run_outcome


# --- accidents ----------------------------------------------------------------------------------------------------


def die_after_the_claim() -> None:
    """Die between the commit of a claim and its post."""
    _die_instead_of("_send")


def die_after_the_answer() -> None:
    """Die when the gateway has answered and nothing is recorded yet."""
    _die_instead_of("_record")


def die_after_the_record() -> None:
    """Die when everything is recorded and the lease is not given back."""
    run = Sender.run

    def dying(sender: Sender, seconds: float) -> RunOutcome | None:
        run(sender, seconds)
        return _die()

    Sender.run = dying  # type: ignore[method-assign]


def _die_instead_of(method: str) -> None:
    setattr(Sender, method, lambda *_: _die())


def die_at_commit(number: int) -> None:
    """Die at the n-th commit, before it for even numbers and after it for odd ones."""
    commit, left = Transaction._commit, [number // 2]

    def dying(tx: Transaction) -> None:
        left[0] -= 1
        if left[0] < 0 and number % 2 == 0:
            _die()
        commit(tx)
        if left[0] < 0:
            _die()

    Transaction._commit = dying  # type: ignore[method-assign]


def die_at_post(number: int) -> None:
    """Die at the n-th request, before it for even numbers and after it for odd ones."""
    ask, left = Sender._ask, [number // 2]

    def dying(sender: Sender, inflight: InFlightSlice, batch: Batch) -> Sequence[SubmitOutcome]:
        left[0] -= 1
        if left[0] < 0 and number % 2 == 0:
            _die()
        try:
            return ask(sender, inflight, batch)
        finally:
            if left[0] < 0:
                _die()

    Sender._ask = dying  # type: ignore[method-assign]


def sleep_before_the_post() -> None:
    """Stop, as a machine that is put to sleep, when the claim is committed and nothing is posted yet."""
    call, awake = Sender._call, [True]

    def sleeping(sender: Sender, inflight: InFlightSlice, batch: Batch) -> None:
        if awake:
            awake.clear()
            os.kill(os.getpid(), signal.SIGSTOP)
        call(sender, inflight, batch)

    Sender._call = sleeping  # type: ignore[method-assign]


def fill_the_disk() -> None:
    """Let no file grow any more, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LOCK_FILE_BYTES, resource.RLIM_INFINITY))


def fill_the_disk_at_the_answer() -> None:
    """Let the claim be written, and nothing after the gateway has answered."""
    ask = Sender._ask

    def filling(sender: Sender, inflight: InFlightSlice, batch: Batch) -> Sequence[SubmitOutcome]:
        answer = ask(sender, inflight, batch)
        fill_the_disk()
        return answer

    Sender._ask = filling  # type: ignore[method-assign]


def lose_the_right_to_write() -> None:
    """Change to an account that may not write to the store; root may write to read-only files."""
    for path in Path.cwd().iterdir():
        path.chmod(0o444)
    if os.getuid() == 0:
        os.setuid(65534)


def resend_blindly() -> None:
    """Send everything again that is not marked as sent, as most tools do: this must make these tests fail."""
    campanile.services.sending.sender.without_answer = lambda _ask, batch, _error: [  # type: ignore[assignment]
        SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED) for message in batch.messages
    ]


def post_whenever(_: object = None) -> None:
    """Post however late it is: without ``post_before`` and without the transport's ``not_after``."""

    def ask(sender: Sender, inflight: InFlightSlice, batch: Batch) -> Sequence[SubmitOutcome]:
        return sender._gateway.submit(batch, clock() + 60)

    Sender._ask = ask  # type: ignore[method-assign]


ACCIDENTS: dict[str, Callable[..., None]] = {
    job.__name__: job
    for job in (
        die_after_the_claim, die_after_the_answer, die_after_the_record, die_at_commit, die_at_post,
        sleep_before_the_post, fill_the_disk, fill_the_disk_at_the_answer, lose_the_right_to_write, resend_blindly,
        post_whenever,
    )
}  # fmt: skip


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# --- the jobs -----------------------------------------------------------------------------------------------------


def work(line: Line, job: Mapping[str, Any]) -> None:
    """Send under settings, a clock and accidents of its own."""
    store, shift = Path(job["store"]), timedelta(seconds=job["shift_seconds"])
    os.chdir(store.parent)
    for accident, *arguments in job["accidents"]:
        ACCIDENTS[accident](*arguments)
    context = context_on(store, lambda: datetime.now(UTC) + shift, **job["settings"])
    try:
        send(line, context, job["campaign"], is_patient=job["is_patient"])
    except BaseException as error:  # noqa: BLE001 - the test must see any error
        line.send({"failed": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    key_closing(MORNING, "FR", "fr-strict")  # the calendars are computed once
    serve_forks(work)
