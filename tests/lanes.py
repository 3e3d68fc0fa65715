"""What each test needs, which worker runs it, and how many examples Hypothesis tries.

``pytest --lane unit`` collects the tests of rules, files and pages; ``--lane store`` also those of the store and of the
use cases. Both leave out what needs Prefect, a process or a server, and fail a test that uses one all the same: such a
file belongs into ``NEEDS_PROCESS``.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest
from hypothesis import settings

Value = TypeVar("Value")

TESTS = Path(__file__).parent
#: Folders and files whose tests start a process or a server, or need Prefect.
NEEDS_PROCESS = (
    "browser",
    "files/test_child.py",
    "flows",
    "gateways",
    "sending",
    "services/test_reply_files.py",
    "services/test_run_lock.py",
    "sms/test_privacy.py",
    "store/test_backup.py",
    "tasks",
    "test_api_login.py",
    "test_approval_code.py",
    "test_bench.py",
    "test_docs.py",
    "test_hard_stops.py",
    "test_prefect_template.py",
    "test_up.py",
)
#: Folders whose tests need a store.
NEEDS_STORE = ("services", "store")
#: What each lane leaves out.
LANES = {"unit": (*NEEDS_PROCESS, *NEEDS_STORE), "store": NEEDS_PROCESS}
#: Fixtures that start one, in files whose other tests do not.
STARTS_PROCESS = frozenset({"fork_server"})
#: Long tests run first, so that no core is idle at the end; other tests run between these and the last ones.
FIRST, LAST = ("flows", "sending", "services", "store"), ("pages", "schemas", "sms", "")
#: Set by ``make prove``: every property is tried on many examples.
IS_PROVING = os.environ.get("CAMPANILE_PROVE") == "1"


def examples(count: int) -> settings:
    """Return Hypothesis settings for a test: all its examples when proving, else a tenth of them."""
    return settings(max_examples=count if IS_PROVING else max(count // 10, 5))


def some(values: Iterable[Value], count: int) -> list[Value]:
    """Return all cases when proving, else ``count`` of them at equal distances: for long cases that are alike."""
    cases = list(values)
    if IS_PROVING or count >= len(cases):
        return cases
    return [cases[position * len(cases) // count] for position in range(count)]


@cache
def is_one_of(path: Path, names: tuple[str, ...]) -> bool:
    """Return whether a file is one of these files or in one of these folders of the tests."""
    return any(path.is_relative_to(TESTS / name) for name in names)


def sort_and_group(items: list[pytest.Item]) -> None:
    """Mark tests that need a process; give each file to one worker, and all tests of the Prefect server to one.

    So the server is started once, and no test finds the pages and deployments of another one there.
    """
    for item in items:
        if is_one_of(item.path, NEEDS_PROCESS) or not STARTS_PROCESS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.process)
        group = "prefect" if _talks_to_prefect(item) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_rank)


def _talks_to_prefect(item: pytest.Item) -> bool:
    return item.get_closest_marker("prefect") is not None or "prefect_server" in getattr(item, "fixturenames", ())


def _rank(item: pytest.Item) -> int:
    if _talks_to_prefect(item):
        return -1
    folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    if folder in FIRST:
        return FIRST.index(folder)
    return len(FIRST) + 1 + LAST.index(folder) if folder in LAST else len(FIRST)


def forbid_processes() -> None:
    """Make each test fail that starts a process, listens, or imports Prefect."""

    def refuse(*_: object, **__: object) -> NoReturn:
        pytest.fail("needs a process, a server or Prefect: mark it ``process``, or name its file in tests/lanes.py")

    class NoPrefect:
        def find_spec(self, name: str, *_: object) -> None:
            if name.partition(".")[0] == "prefect":
                refuse()

    assert "prefect" not in sys.modules, "a module of tests imports Prefect: name it in NEEDS_PROCESS of tests/lanes.py"
    sys.meta_path.insert(0, NoPrefect())  # type: ignore[arg-type]
    subprocess.Popen.__init__ = refuse  # type: ignore[method-assign]
    socket.socket.listen = refuse  # type: ignore[method-assign]
    os.fork = refuse
