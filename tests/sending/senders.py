"""The senders of these tests, as processes: ``python -m tests.sending.senders SOCKET`` forks one for each who connects.

The first line that comes in is the job as JSON, the first that goes out the process id. What a sender needs is imported
here once, and no DuckDB is ever opened here: to start each from nothing would cost more than all it does.
"""

import ctypes
import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import tasks.house
import tasks.sender
from gateways.transport import clock
from schemas.gateway import Batch, Outcome, SubmitOutcome
from sms.quiet_hours import key_closing
from store.database import Transaction
from store.lease import LeaseLost
from store.sending import Ending, Opened, Owner, close_sending, open_sending
from tasks.house import claim_rules, gateway_named, visit_store
from tasks.sender import Flight, Sender
from tests.store.conftest import MORNING

LEG_SECONDS = 60.0
LOCK_FILE_BYTES = 20
SET_DEATH_SIGNAL = 1  # of <linux/prctl.h>
OPENING_PATIENCE_SECONDS = 30.0


class Line:
    """The line to the test."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, what: object) -> None:
        self._stream.write(json.dumps(what, default=str) + "\n")
        self._stream.flush()

    def hear(self) -> Any:
        return json.loads(self._stream.readline())


def send(line: Line, name: str, *, is_patient: bool = True) -> None:
    """Send a campaign as ``tasks.send`` does, without Prefect; tell when it is ours, and how it ended."""
    rules = claim_rules(gateway_named("sandbox").manifest)
    opened = _open(name, is_patient)
    if opened.lease is None:
        line.tell({"refused": opened.why})
        return
    line.tell({"opened": opened.lease.fence})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        ending = _send_all(Sender(opened.lease, gateway_named("sandbox"), LOG, lambda: None, stop))
        with visit_store() as visit:
            closed = close_sending(visit, opened.lease, rules, ending)
    except LeaseLost:
        line.tell({"lost": opened.lease.fence})
        return
    line.tell({"closed": closed["state"], "due_at": closed["due_at"], "why": ending.why})


def _open(name: str, is_patient: bool) -> Opened:
    """Take the campaign; a patient one waits until the lease of a dead sender has run out."""
    rules = claim_rules(gateway_named("sandbox").manifest)
    give_up_at = time.monotonic() + OPENING_PATIENCE_SECONDS
    while True:
        with visit_store() as visit:
            opened = open_sending(visit, name, Owner(f"sender {os.getpid()}"), rules)
        is_taken = opened.lease is None and "by another run" in opened.why
        if not is_taken or not is_patient or time.monotonic() > give_up_at:
            return opened
        time.sleep(0.01)


def _send_all(sender: Sender) -> Ending:
    with sender:
        while (ending := sender.run(LEG_SECONDS)) is None:
            pass
    return ending


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

    def dying(sender: Sender, seconds: float) -> Ending | None:
        run(sender, seconds)
        return _die()

    Sender.run = dying  # type: ignore[method-assign]


def _die_instead_of(method: str) -> None:
    setattr(Sender, method, lambda *_: _die())


def die_at_commit(number: int) -> None:
    """Die at the n-th commit, before it for even numbers and after it for odd ones."""
    commit, left = Transaction._commit, [number // 2]

    def dying(visit: Transaction) -> None:
        left[0] -= 1
        if left[0] < 0 and number % 2 == 0:
            _die()
        commit(visit)
        if left[0] < 0:
            _die()

    Transaction._commit = dying  # type: ignore[method-assign]


def die_at_post(number: int) -> None:
    """Die at the n-th request, before it for even numbers and after it for odd ones."""
    ask, left = Sender._ask, [number // 2]

    def dying(sender: Sender, flight: Flight, batch: Batch) -> Sequence[SubmitOutcome]:
        left[0] -= 1
        if left[0] < 0 and number % 2 == 0:
            _die()
        try:
            return ask(sender, flight, batch)
        finally:
            if left[0] < 0:
                _die()

    Sender._ask = dying  # type: ignore[method-assign]


def sleep_before_the_post() -> None:
    """Stop, as a machine that is put to sleep, when the claim is committed and nothing is posted yet."""
    call, awake = Sender._call, [True]

    def sleeping(sender: Sender, flight: Flight, batch: Batch) -> None:
        if awake:
            awake.clear()
            os.kill(os.getpid(), signal.SIGSTOP)
        call(sender, flight, batch)

    Sender._call = sleeping  # type: ignore[method-assign]


def fill_the_disk() -> None:
    """Let no file grow any more, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LOCK_FILE_BYTES, resource.RLIM_INFINITY))


def fill_the_disk_at_the_answer() -> None:
    """Let the claim be written, and nothing after the gateway has answered."""
    ask = Sender._ask

    def filling(sender: Sender, flight: Flight, batch: Batch) -> Sequence[SubmitOutcome]:
        answer = ask(sender, flight, batch)
        fill_the_disk()
        return answer

    Sender._ask = filling  # type: ignore[method-assign]


def lose_the_right_to_write() -> None:
    """Become somebody who may not write to the store; root may write to whatever is read-only for others."""
    for path in Path.cwd().iterdir():
        path.chmod(0o444)
    if os.getuid() == 0:
        os.setuid(65534)


def resend_blindly() -> None:
    """What most tools do: what is not marked as sent is sent again. The control that shows that these tests bite."""
    tasks.sender._without_answer = lambda _ask, batch, _error: [  # type: ignore[assignment]
        SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED) for message in batch.messages
    ]


def post_whenever(_: object = None) -> None:
    """Post however late it is: without ``post_before`` and without the transport's ``not_after``."""

    def ask(sender: Sender, flight: Flight, batch: Batch) -> Sequence[SubmitOutcome]:
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


# --- the nursery --------------------------------------------------------------------------------------------------

LOG = logging.getLogger("campanile.sender")


def work(line: Line, job: Mapping[str, Any]) -> None:
    """Send under settings, a clock and accidents of its own."""
    os.chdir(job["folder"])
    os.environ |= job["environment"]
    shift = timedelta(seconds=job["shift_seconds"])
    tasks.house.now = lambda: datetime.now(UTC) + shift
    tasks.house.clock_offset = timedelta  # type: ignore[assignment] - the desk has made the store
    for accident, *arguments in job["accidents"]:
        ACCIDENTS[accident](*arguments)
    try:
        send(line, job["campaign"], is_patient=job["is_patient"])
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test must hear of it
        line.tell({"failed": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})


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
            ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)  # nobody outlives the tests, asleep or not
            listener.close()
            line = Line(connection.makefile("rw"))
            line.tell(os.getpid())
            work(line, line.hear())
            os._exit(0)
        connection.close()


def main() -> None:
    """Open the nursery on the socket that the command line names."""

    logging.disable(logging.CRITICAL)
    key_closing(MORNING, "FR", "fr-strict")  # the calendars are reckoned once
    gc.collect()
    gc.freeze()  # what the children share stays shared
    with socket.socket(socket.AF_UNIX) as home:
        home.bind(sys.argv[1])
        home.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        serve(home)


if __name__ == "__main__":
    main()
