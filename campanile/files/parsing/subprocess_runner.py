"""A contact file parsed in a child process with limits: whatever it does to the parser is the file's refusal."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from campanile.files.parsing.protocol import StagedFile, StagingRequest
from campanile.files.parsing.source_bytes import display_name
from campanile.sms.errors import ConfigurationError, ContactFileError

_ROOT = Path(__file__).parents[3]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from campanile.files.parsing.worker import main; main()"
"""``python -m campanile.files.parsing.worker`` wherever this package lies and whatever the working directory is."""
_MEMORY = "{0} MB (SMS_PARSER_MEMORY_MB={0})"
_ERROR_CLASS = re.compile(r"[\w.]+(?=: |$)")
_ERRORS = {error.__name__: error for error in (ContactFileError, ConfigurationError)}


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What one file may use: memory beyond what the libraries take, and time, on the clock and of the processor."""

    memory_mb: int
    seconds: float


def stage_in_child(
    request: StagingRequest, limits: ParserLimits, on_progress: Callable[[str], None] | None = None
) -> StagedFile:
    """Do ``stage.stage_contact_file`` in a child process; none is left when this ends.

    Args:
        request: what to read.
        limits: the child is killed when it passes one.
        on_progress: is given a line now and then.

    Raises:
        ContactFileError: the file is refused, passed a limit, or made the parser crash; in one line.
        ConfigurationError: ``region`` is no country code.
        RuntimeError: the parser does not even start: no file is to blame.
    """
    log = request.folder / "parser.log"
    with log.open("wb") as errors, _start(errors) as child:
        watch = threading.Timer(limits.seconds, child.kill)
        try:
            watch.start()
            answer = _talk(child, request, limits, on_progress or (lambda _: None))
            child.wait()
        finally:
            is_late = not watch.is_alive()
            watch.cancel()
            child.kill()
    if "started" not in answer and not is_late:
        raise RuntimeError(f"the parser of contact files does not start: {_run_outcome(child.returncode, log)}")
    if "staged" in answer:
        return StagedFile.from_json(answer["staged"])
    if "refused" in answer:
        raise _ERRORS[answer["refused"]["error"]](answer["refused"]["message"])
    why = _limit_passed(limits, "time" if is_late or child.returncode == -signal.SIGXCPU else answer.get("limit"))
    why = (
        why
        or f"the parser crashes on it: {_run_outcome(child.returncode, log)}, with {_MEMORY.format(limits.memory_mb)}"
    )
    raise ContactFileError(f"{display_name(request.path)}: {why}")


def _start(errors: IO[bytes]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _START, str(_ROOT)]
    return subprocess.Popen(  # noqa: S603 - our own interpreter; nothing comes from a file
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
    )


def _talk(
    child: subprocess.Popen[str], request: StagingRequest, limits: ParserLimits, on_progress: Callable[[str], None]
) -> dict[str, Any]:
    """Ask, pass on progress, and return all other answers; none when the child ended before it started."""
    assert child.stdin
    assert child.stdout
    asked = {"limits": asdict(limits) | {"parent": os.getpid()}, "request": request.to_json()}
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(asked) + "\n")
        child.stdin.close()
    answer: dict[str, Any] = {}
    for line in child.stdout:
        answer |= json.loads(line)
        if "progress" in answer:
            on_progress(answer.pop("progress"))
    return answer


def _limit_passed(limits: ParserLimits, kind: str | None) -> str | None:
    return {
        "time": f"reading it takes longer than {limits.seconds:g} seconds (SMS_PARSER_SECONDS={limits.seconds:g})",
        "memory": f"reading it takes more memory than {_MEMORY.format(limits.memory_mb)}",
    }.get(kind or "")


def _run_outcome(status: int, log: Path) -> str:
    """Return how a child ended; of an error its class alone, since its text may hold what the file held."""
    if status < 0:
        return signal.Signals(-status).name
    said = log.read_text("utf-8", errors="replace").strip().rpartition("\n")[2]
    return said.partition(":")[0] or f"exit status {status}"
