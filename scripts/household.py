"""A group of processes: started one after the other, monitored, and stopped in the opposite order.

Each runs in a session of its own, so that Ctrl-C reaches only us. What outlives its parent is handed to us by the
kernel (Linux), and ended too.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
START_SECONDS = 240
STILL_SECONDS = 15
"""Interval in seconds at which the current step is printed while it waits."""
STOP_SECONDS = {"worker": 20, "control-worker": 20, "server": 15}
SET_CHILD_SUBREAPER = 36  # of <linux/prctl.h>
MARK = "CAMPANILE_UP"
"""The environment variable of all processes of a household and of their children; it identifies them."""


class CannotGoOn(Exception):  # noqa: N818 - a line for a person
    """Something cannot start, or died."""


class StopAsked(Exception):  # noqa: N818
    """Ctrl-C, SIGTERM or a closed terminal."""


@dataclass
class Child:
    """A process of ours, leader of its own group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    has_runs: bool = False
    """Whether its own children are ended first, so that it can still report their results."""

    def must_run(self) -> None:
        """Raise if it ended, with the end of its log."""
        code = self.process.poll()
        if code is None:
            return
        tail = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-15:]
        raise CannotGoOn("\n  ".join([f"{self.name} ended with status {code}; the end of {self.log}:", *tail]))


class Household:
    """The children in the order in which they were started; the last one is stopped first."""

    def __init__(self, logs: Path, environment: Mapping[str, str], mark: str) -> None:
        self.logs = logs
        self.environment = {**environment, MARK: mark}
        self.children: list[Child] = []
        self.stop_asked = threading.Event()
        self.started = time.monotonic()
        self.doing = ""
        self.told = self.started
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A handler also undoes the "ignore SIGINT" of a background shell, with which a worker never stops.
            signal.signal(number, lambda *_: self.stop_asked.set())
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def step(self, doing: str) -> None:
        """Print the current step, with the seconds since the start."""
        self.doing = doing
        self._say(doing)

    def _say(self, line: str) -> None:
        self.told = time.monotonic()
        print(f"{self.told - self.started:4.0f} s  {line}", flush=True)

    def start(self, name: str, command: Sequence[str], has_runs: bool = False) -> Child:
        """Start a process that writes to its own log; the log of the previous run is kept too."""
        log = self.logs / f"{name}.log"
        if log.exists():
            log.replace(self.logs / f"{name}.previous.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.children.append(Child(name, process, log, has_runs))
        return self.children[-1]

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end."""
        self.finish(self.start(name, command))

    def finish(self, step: Child) -> None:
        """Wait for a child that ends by itself; raise when it failed."""
        while step.process.poll() is None:
            self.wait_still(but=step)
        self.children.remove(step)
        if step.process.returncode:
            step.must_run()

    def wait(self, seconds: float = 0.2, but: Child | None = None) -> None:
        """Wait for some seconds; raise when a stop is requested or a child has died."""
        if self.stop_asked.wait(seconds):
            raise StopAsked
        for child in self.children:
            if child is not but or child.process.poll():
                child.must_run()

    def wait_still(self, but: Child | None = None) -> None:
        """Wait as ``wait`` does; print the current step from time to time."""
        self.wait(but=but)
        if time.monotonic() - self.told >= STILL_SECONDS:
            self._say(f"still {self.doing}")

    def wait_for_port(self, child: Child, port: int, but: Child | None = None) -> None:
        """Wait until a process listens on a port; ``but`` may end meanwhile."""
        deadline = time.monotonic() + START_SECONDS
        while not is_answered(port):
            if time.monotonic() > deadline:
                raise CannotGoOn(f"{child.name} is not there after {START_SECONDS} s; see {child.log}")
            self.wait_still(but)

    def stop(self) -> None:
        """Stop all children, the last started first, each with its own children."""
        while self.children:
            child = self.children[-1]
            print(f"stopping {child.name}", flush=True)
            if child.has_runs and child.process.poll() is None:
                end_all(partial(children_of, child.process.pid))
            child.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(STOP_SECONDS.get(child.name, 5))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self.children.remove(child)
            end_all(self.adopted)

    def adopted(self) -> set[int]:
        """Return adopted processes, whose parents have ended; reap those that have ended too."""
        orphans = children_of(os.getpid()) - {child.process.pid for child in self.children}
        return {pid for pid in orphans if os.waitpid(pid, os.WNOHANG) == (0, 0)}


def end_leftovers(mark: str) -> None:
    """End the processes of an earlier household of this mark, which was killed before it could stop them.

    Only the household that holds the lock of the mark's folder may do this.
    """
    if left := processes_with(mark):
        print(f"ending {len(left)} processes of the last make up", flush=True)
        end_all(partial(processes_with, mark))


def processes_with(mark: str) -> set[int]:
    """Return the processes with a household's mark in their environment (none on a system without /proc)."""
    variable = f"{MARK}={mark}".encode()
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if variable in environ.read_bytes().split(b"\0"):
                found.add(int(environ.parent.name))
    return found - {os.getpid()}


def end_all(find: Callable[[], set[int]], seconds: float = 10) -> None:
    """Terminate processes until none is found; after some time, kill them."""
    asked: set[int] = set()
    deadline = time.monotonic() + seconds
    while found := find():
        is_late = time.monotonic() > deadline
        for pid in found if is_late else found - asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        asked |= found
        time.sleep(0.1)


def children_of(parent: int) -> set[int]:
    """Return the child processes of a process, adopted ones included (none on a system without /proc)."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text(errors="replace").rpartition(")")[2].split()[1]) == parent:
                found.add(int(stat.parent.name))
    return found


def is_answered(port: int) -> bool:
    """Return whether a process listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
