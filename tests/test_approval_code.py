"""The approver's command: it takes a hash, asks for the secret, and prints a code."""

import subprocess
import sys
from pathlib import Path

import pytest

from campanile.sms.rules.approval_code import approval_code

ROOT = Path(__file__).parents[1]
HASH = "0f" * 32


def run(secret: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "campanile.approval_code", *arguments]
    return subprocess.run(command, input=secret, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("shown", [HASH, HASH.upper(), f" {HASH} "])
def test_it_prints_the_code_and_nothing_else(shown: str) -> None:
    done = run("only Ada knows\n", shown)
    assert (done.returncode, done.stdout, done.stderr) == (0, approval_code("only Ada knows", HASH) + "\n", "")


@pytest.mark.parametrize(
    ("secret", "arguments", "line"),
    [
        pytest.param("x\n", [HASH[:8]], "a whole recap hash has 64 digits", id="eight characters fit many recaps"),
        pytest.param("x\n", [], "give one recap hash", id="no hash"),
        pytest.param("x\n", [HASH, HASH], "give one recap hash", id="two"),
        pytest.param("\n", [HASH], "no secret was given", id="no secret"),
    ],
)
def test_what_is_wrong_is_one_line(secret: str, arguments: list[str], line: str) -> None:
    done = run(secret, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
