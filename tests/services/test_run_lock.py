"""One run of a flow at a time, whatever its process does."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from campanile.services.context import Context
from campanile.services.run_lock import StillRunning, find_holder, hold

ROOT = Path(__file__).parents[2]
FLOW = "process-replies"
HOLDS_IT = f"""
from campanile.services.context import Context
from campanile.services.run_lock import hold
from campanile.services.settings import read_settings
with hold(Context(read_settings()), {FLOW!r}):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def other(context: Context) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it dies."""
    environment = os.environ | {"SMS_DATA_DIR": str(context.settings.data_dir), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_IT], cwd=context.settings.data_dir, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@contextmanager
def another_thread_holds_it(context: Context, until: threading.Event) -> Iterator[None]:
    """A thread that no held lock was handed down to: as another process, and cheaper."""
    held = threading.Event()

    def work() -> None:
        with hold(context, FLOW):
            held.set()
            until.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    assert held.wait(60)
    try:
        yield
    finally:
        until.set()
        thread.join()


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_its_holder_is_named_and_its_death_frees_it(context: Context, other: subprocess.Popen[str]) -> None:
    with (
        pytest.raises(StillRunning, match=rf"^process-replies is running in process {other.pid} since \d{{4}}-"),
        hold(context, FLOW),
    ):
        pytest.fail("two hold it")

    os.kill(other.pid, signal.SIGSTOP)
    wait_until(lambda: (holder := find_holder(context, FLOW)) is not None and holder.is_stopped)
    with (
        pytest.raises(StillRunning, match=rf"stopped by a signal: 'kill -CONT {other.pid}' continues it"),
        hold(context, FLOW),
    ):
        pytest.fail("two hold it")

    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert find_holder(context, FLOW) is None
    with hold(context, FLOW):
        holder = find_holder(context, FLOW)
    assert holder is not None
    assert (holder.pid, holder.is_stopped) == (os.getpid(), False)
    assert find_holder(context, FLOW) is None


def test_another_flow_has_a_lock_of_its_own(context: Context) -> None:
    with another_thread_holds_it(context, threading.Event()), hold(context, "check-balance"):
        assert find_holder(context, FLOW) is not None


def test_no_child_keeps_it(context: Context) -> None:
    with hold(context, FLOW):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert find_holder(context, FLOW) is None
    finally:
        child.kill()
        child.wait()


def test_code_inside_may_hold_it_too(context: Context) -> None:
    with hold(context, FLOW), hold(context, FLOW):
        assert find_holder(context, FLOW) is not None
    assert find_holder(context, FLOW) is None


def test_a_turn_comes_when_the_one_before_is_over(context: Context) -> None:
    over, notes = threading.Event(), list[str]()

    def note(line: str) -> None:
        notes.append(line)
        over.set()

    with another_thread_holds_it(context, over), hold(context, FLOW, wait_seconds=60, note=note):
        assert over.is_set()
    assert notes == [note for note in notes if note.startswith(f"waiting: {FLOW} is running in process ")]
    assert len(notes) == 1


def test_it_waits_no_longer_than_it_may(context: Context) -> None:
    with (
        another_thread_holds_it(context, threading.Event()),
        pytest.raises(StillRunning, match=r"; waited \d+ s, run it again later$"),
        hold(context, FLOW, wait_seconds=0.3),
    ):
        pytest.fail("two hold it")


def test_finding_the_holder_makes_no_run_skip(context: Context) -> None:
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            find_holder(context, FLOW)

    with hold(context, FLOW):
        pass
    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(50):
            with hold(context, FLOW):
                pass
    finally:
        over.set()
        for thread in asking:
            thread.join()


def test_a_line_that_was_never_written_is_no_error(context: Context) -> None:
    with another_thread_holds_it(context, threading.Event()):
        (context.data_path("locks") / f"{FLOW}.lock").write_bytes(b"")
        with pytest.raises(StillRunning, match=r"^process-replies is running in another process$"), hold(context, FLOW):
            pytest.fail("two hold it")
