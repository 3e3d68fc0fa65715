"""Remove each guard of sending once, in a copy of the tree, and see that a test fails: ``make mutants``.

A guarded line ends with the comment ``# guard: <name>`` (``-- guard: <name>`` in SQL), or has it alone on the line
above when it is too long; ``guard(2)`` marks two lines. ``MUTANTS`` says what replaces them and which tests must fail.
Exit status 1: a tag is not there exactly once, the replacement is no valid code, or nothing failed.

``python -m scripts.mutants fence credit`` tries only the guards whose names contain one of the words.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GUARDED = ("campanile", "flows", "schemas", "tasks")
ROOMS = (*GUARDED, "scripts", "tests", "data/tariffs")
TIMEOUT_SECONDS = 180
_TAG = re.compile(r"(?:#|--) guard(?:\((?P<lines>\d+)\))?: (?P<name>\S+)\s*$")
_CRASHES, _FAULTS = "tests/sending/test_crashes.py", "tests/sending/test_gateway_faults.py"
_ANSWERS, _COMING_BACK = "tests/sending/test_gateway_answers.py", "tests/store/test_coming_back.py"


class Mutant(NamedTuple):
    """The code that replaces a guard (empty: the lines are removed), and the tests that must then fail."""

    instead: str
    tests: str


class Guard(NamedTuple):
    """Where a guard is: its file and its lines from ``first`` to before ``end``, counted from 0."""

    path: Path
    first: int
    end: int


MUTANTS = {
    "claim-before-post": Mutant(
        """
        claimed = claim_slices(session, most - len(asked))
        for claim in claimed.claims:
            for batch in batches_of(claim, self._gateway.manifest):
                self._gateway.submit(batch, started + 60)
        """,
        f"{_CRASHES} -k nth_step",
    ),
    "fence": Mutant("if found is None:", f"{_CRASHES} -k sleeper"),
    "post-before": Mutant(
        "*(InFlightSlice(claim, RequestKind.POST, started + 600) for claim in claimed.claims),",
        "tests/sending/test_gateway_faults.py -k comes_too_late",
    ),
    "not-after": Mutant("if False:", "tests/gateways/test_http.py -k between_the_connection"),
    "opt-outs-read-again": Mutant("if False:", "tests/store/test_suppression.py -k put_back"),
    "stop-suppresses": Mutant("", "tests/store/test_suppression.py -k every_way"),
    "suppressed-once": Mutant(
        "WHERE campaign_id = $campaign_id AND event_id >= $first_event_id AND event = 'none'",
        "tests/store/test_suppression.py -k start_brings_back",
    ),
    "no-push-echo": Mutant(
        "BETWEEN pushed.pushed_at AND pushed.pushed_at - INTERVAL 1 MINUTE", "tests/services/test_push.py -k start"
    ),
    "erased": Mutant("if False:", "tests/store/test_erasure.py -k claimed"),
    "consent-refused": Mutant("", "tests/store/test_audience.py -k consent_refused"),
    "closing-margin": Mutant(
        "return {key: at for at, key in sorted((at, key) for at, key in closings if at is not None)}",
        "tests/sending/test_windows.py -k margin",
    ),
    "approved-hash": Mutant("if False:", "tests/store/test_claims.py -k approved"),
    "notice-credit": Mutant("if False:", "tests/services/test_balance_alert.py -k whatever_the_ledger_says"),
    "notice-once": Mutant("if True:", "tests/services/test_balance_alert.py -k deliver_at_once"),
    "credit": Mutant("return len(list(prices))", "tests/sending/test_money.py -k runs_out"),
    "put-aside": Mutant("", "tests/store/test_claims.py -k as_far_as_the_credit"),
    "one-reading": Mutant("if False:", "tests/sending/test_money.py -k asked_for_ever"),
    "untried-waits": Mutant(
        "bool_or(event <> 'suppressed') AS was_tried", "tests/store/test_claims.py -k store_that_knows_less"
    ),
    "no-approval-offered": Mutant("", "tests/tasks/test_run_links.py -k without_cover"),
    "daily-limit": Mutant("", "tests/store/test_credit.py -k next_day_of_the_team"),
    "balance-difference": Mutant("if False:", "tests/services/test_balance.py -k pauses_once"),
    "absence-twice": Mutant("is_first = False", f"{_FAULTS} -k absence"),
    "look-up-lag": Mutant("settle_seconds=found.settle_seconds,", f"{_ANSWERS} -k lag_of_the_look_ups"),
    "shared-id": Mutant("if False:", f"{_ANSWERS} -k one_id_for_all"),
    "changed-id": Mutant("if False:", f"{_ANSWERS} -k on_a_retry"),
    "disputed-slice": Mutant("if False:", f"{_ANSWERS} -k under_a_wrong_id"),
    "price-limit": Mutant("if True:", f"{_ANSWERS} -k twice_the_price"),
    "second-error": Mutant("", f"{_FAULTS} -k second_post"),
    "key-life": Mutant("if True:", f"{_FAULTS} -k forgotten"),
    "ambiguous": Mutant("outcome = Outcome.NOT_ACCEPTED", f"{_FAULTS} -k unreadable"),
    "late-proof": Mutant("", "tests/store/test_evidence.py -k sent_without_it"),
    "auto-responder-off": Mutant("if campaign.is_stopped:", "tests/store/test_answers.py -k record_of_it"),
    "last-word": Mutant("", f"{_COMING_BACK} -k last_word"),
    "keyed-claim": Mutant(
        "FROM asked JOIN opt_out_entry AS entry ON entry.opt_out_key = asked.number_id",
        "tests/store/test_suppression.py -k put_back",
    ),
    "keyed-audience": Mutant(
        "LEFT JOIN opt_out ON opt_out.opt_out_key = source.number_id",
        "tests/store/test_opt_out_keys.py -k exactly_the_same",
    ),
    "suppression-key": Mutant("if True:", "tests/services/test_hash_opt_outs.py -k not_started"),
    "start-has-time": Mutant("if False:", "tests/gateways/test_callbacks.py -k time_of_the_list"),
    "own-stops-only": Mutant("", f"{_COMING_BACK} -k others_recorded"),
    "stop-with-reply": Mutant("", "tests/services/test_inbound.py -k start_is_answered"),
    "write-before-claim": Mutant("", "tests/store/test_rounds.py -k given_back"),
    "write-before-look-up": Mutant("", "tests/store/test_rounds.py -k looked_up"),
    "slept": Mutant("if False:", "tests/sending/test_windows.py -k slept_in_the_middle"),
    "commit-mark": Mutant("if False:", "tests/store/test_reconcile.py -k contradicts"),
    "reconciling": Mutant("if (found := None) is not None:", "tests/store/test_reconcile.py -k copy_is_unknown"),
    "no-known-sender": Mutant("return True", "tests/store/test_reconcile.py -k never_posted_under"),
    "ask-before-run": Mutant("if True:", "tests/sending/test_restores.py -k snapshot"),
    "durable-mark": Mutant("if file.exists():", "tests/sending/test_faults_tried.py -k copied_back"),
    "clock-ahead": Mutant("", "tests/sending/test_faults_tried.py -k was_ahead"),
    "one-per-territory": Mutant(
        "ORDER BY slice_no, message_rank", "tests/sending/test_restores.py -k territory_that_was_open"
    ),
    "no-echo": Mutant("", f"{_COMING_BACK} -k lifted_one"),
    "from-the-future": Mutant(
        "believed = [sent_at for sent_at, _ in history_page.listed]", "tests/gateways/test_rounds.py -k future"
    ),
    "abandoned-claims": Mutant("", f"{_CRASHES} -k between_claim"),
}


def main() -> int:
    """Try each mutant, or those whose name contains a word of the command line."""
    wanted = [name for name in MUTANTS if not sys.argv[1:] or any(word in name for word in sys.argv[1:])]
    survivors = [name for name in wanted if not _is_killed(name, MUTANTS[name])]
    print(f"not noticed: {', '.join(survivors)}" if survivors else f"all {len(wanted)} guards are missed when removed")
    return 1 if survivors else 0


def find_guards(root: Path = ROOT) -> dict[str, list[Guard]]:
    """Return where each tag occurs in the tree, by the name of the guard."""
    found: dict[str, list[Guard]] = {}
    for folder in GUARDED:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".sql"):
                for name, guard in _tags(path):
                    found.setdefault(name, []).append(guard)
    return found


def mutated(source: str, guard: Guard, instead: str) -> str:
    """Return a file's text with the guard replaced by other lines, at the guard's indentation."""
    lines = source.splitlines()
    indent = " " * (len(lines[guard.first]) - len(lines[guard.first].lstrip()))
    given = [line for line in instead.splitlines() if line.strip()]
    least = min((len(line) - len(line.lstrip()) for line in given), default=0)
    new = [indent + line[least:] for line in given]
    return "\n".join([*lines[: guard.first], *new, *lines[guard.end :]]) + "\n"


def _tags(path: Path) -> Iterator[tuple[str, Guard]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        if (tag := _TAG.search(line)) is not None:
            first = number if line[: tag.start()].strip() else number + 1
            yield tag["name"], Guard(path, first, first + int(tag["lines"] or 1))


def _is_killed(name: str, mutant: Mutant) -> bool:
    with TemporaryDirectory() as folder:
        for room in ROOMS:
            shutil.copytree(ROOT / room, Path(folder) / room, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        guards = find_guards(Path(folder)).get(name, [])
        if len(guards) != 1:
            print(f"{name}: its tag occurs {len(guards)} times in the tree")
            return False
        (guard,) = guards
        guard.path.write_text(mutated(guard.path.read_text(encoding="utf-8"), guard, mutant.instead), encoding="utf-8")
        status = _test_status(folder, mutant) if _is_valid(guard.path) else "no valid code"
    print(f"{name}: {'red' if status == 1 else f'GREEN (status {status})'} — {mutant.tests}", flush=True)
    return status == 1


def _is_valid(path: Path) -> bool:
    """Return whether a mutant is valid code: an undefined name would fail every test and prove nothing."""
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--isolated", "--select=F821,F823,E9", str(path)]
    return path.suffix != ".py" or subprocess.run(command, check=False).returncode == 0


def _test_status(folder: str, mutant: Mutant) -> int:
    options = ["-q", "-x", "-p", "no:cacheprovider", "-m", "not soak"]
    environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options, *mutant.tests.split()]
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return 1  # it never ends


if __name__ == "__main__":
    sys.exit(main())
