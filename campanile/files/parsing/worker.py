"""The process that parses one file: bounded before it reads a byte, so that no file can harm more than itself.

``python -m campanile.files.parsing.worker`` reads ``{"limits": …, "request": …}`` as one line of JSON. It answers in
lines of JSON: ``started``, any number of ``progress``, and one of ``staged``, ``refused`` or ``limit``. It is killed
when the process that started it ends.
"""

import ctypes
import json
import math
import os
import resource
import signal
import sys
from pathlib import Path

import duckdb

from campanile.files.parsing.protocol import StagingRequest
from campanile.files.parsing.stage import stage_contact_file
from campanile.sms.errors import SmsError

_PR_SET_PDEATHSIG = 1
_MEGABYTE = 1024 * 1024


def main() -> None:
    """Stage the file that standard input asks for."""
    asked = json.loads(sys.stdin.readline())
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer

    def answer(kind: str, value: object) -> None:
        answers.write(json.dumps({kind: value}) + "\n")

    _end_with(asked["limits"]["parent"])
    _limit(asked["limits"]["memory_mb"], asked["limits"]["seconds"])
    answer("started", os.getpid())
    try:
        staged = stage_contact_file(StagingRequest.from_json(asked["request"]), lambda line: answer("progress", line))
    except SmsError as error:
        answer("refused", {"error": type(error).__name__, "message": str(error)})
    except (MemoryError, duckdb.OutOfMemoryException):
        answer("limit", "memory")
    else:
        answer("staged", staged.to_json())


def _end_with(parent: int) -> None:
    """Ask the kernel to kill this process with its parent; only Linux knows how."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that asked for this file is gone")


def _limit(memory_mb: int, seconds: float) -> None:
    """Bound what is used from here on: the libraries themselves are not counted."""
    _set_limit(resource.RLIMIT_AS, _address_space() + memory_mb * _MEGABYTE)
    _set_limit(resource.RLIMIT_CPU, math.ceil(seconds) + 1)
    _set_limit(resource.RLIMIT_CORE, 0)


def _set_limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _address_space() -> int:
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 0


if __name__ == "__main__":
    main()
