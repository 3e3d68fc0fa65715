"""Remove each guard of sending once, in a copy of the tree, and see that a test goes red: ``make mutants``.

The table below names a guard, the line that is it, what stands there instead, and the tests that must fail. Exit status
1: a line is no longer to be found, or nothing failed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("flows", "tasks", "files", "gateways", "store", "schemas", "sms", "tests", "data/tariffs")


TIMEOUT_SECONDS = 180


class Mutant(NamedTuple):
    """A guard taken away."""

    guard: str
    path: str
    line: str
    instead: str
    tests: str


CLAIM = "            claimed = claim_slices(now, most - len(asked))\n"
POST_FIRST = (
    CLAIM
    + "            for claim in claimed.claims:\n"
    + "                for batch in batches_of(claim, self._gateway.manifest):\n"
    + "                    self._gateway.submit(batch, started + 60)\n"
)
MUTANTS = (
    Mutant("claimed before it is posted", "tasks/sender.py", CLAIM, POST_FIRST, "sending/test_crashes.py -k nth_step"),
    Mutant(
        "fence", "store/lease.py", 'found is None or found["fence"] != lease.fence', "found is None",
        "sending/test_crashes.py -k sleeper",
    ),
    Mutant(
        "post_before", "tasks/sender.py", "started + claim.lifetime_seconds", "started + 600",
        "sending/test_crashes.py -k sleeper",
    ),
    Mutant(
        "not_after, at the first byte", "gateways/transport.py", "if clock() >= self._not_after:", "if False:",
        "gateways/test_http.py -k between_the_connection",
    ),
    Mutant(
        "opt-outs read again", "store/claims.py", '["is_opted_out"] and', '["is_opted_out"] and False and',
        "store/test_claims.py sending/test_stop.py",
    ),
    Mutant(
        "a no in a file", "store/sql/planning.sql", "WHEN refused.number_id IS NOT NULL THEN 'consent_refused'", "",
        "store/test_audience.py -k consent_refused",
    ),
    Mutant(
        "windows", "store/clearance.py", "if at is not None and at > least", "if at is not None",
        "sending/test_windows.py -k margin",
    ),
    Mutant(
        "approval's hash", "store/clearance.py", 'campaign["approved_hash"] is None or', "False and",
        "store/test_claims.py -k approved",
    ),
    Mutant(
        "credit", "store/claims.py", "    if uncovered is not None:\n        return uncovered\n", "",
        "sending/test_money.py -k runs_out",
    ),
    Mutant(
        "absence seen twice", "tasks/sender.py", "Ask.LOOK_UP and not now.row_of", "None and not now.row_of",
        "sending/test_gateway_faults.py -k absence",
    ),
    Mutant(
        "the lag of look-ups", "tasks/house.py", "max(found.settle_seconds, manifest.settle_seconds)",
        "found.settle_seconds", "sending/test_gateway_answers.py -k lag_of_the_look_ups",
    ),
    Mutant(
        "an id is one message's", "store/ids.py", "if counts[message_id] > 1:", "if False:",
        "sending/test_gateway_answers.py -k one_id_for_all",
    ),
    Mutant(
        "an id does not change", "store/ids.py", "    if not is_first:\n", "    if False:\n",
        "sending/test_gateway_answers.py -k on_a_retry",
    ),
    Mutant(
        "a disputed slice is not absent", "store/outcomes.py", 'if now.row_of(slice_no)["is_disputed"]:', "if False:",
        "sending/test_gateway_answers.py -k under_a_wrong_id",
    ),
    Mutant(
        "the limit of a price", "store/charges.py", "if share <= rules.limit:", "if True:",
        "sending/test_gateway_answers.py -k twice_the_price",
    ),
    Mutant(
        "a second error proves nothing", "tasks/sender.py", "    if ask is not Ask.POST:\n        return []\n", "",
        "sending/test_gateway_faults.py -k second_post",
    ),
    Mutant(
        "the life of a key", "tasks/sender.py", "manifest.key_life_seconds / 2", "manifest.key_life_seconds * 9",
        "sending/test_gateway_faults.py -k forgotten",
    ),
    Mutant(
        "ambiguous is unknown", "tasks/sender.py", "Outcome.UNKNOWN if isinstance(error, GatewayAmbiguous) else", "",
        "sending/test_gateway_faults.py -k nobody_can_read",
    ),
    Mutant(
        "a late proof stops a resend", "store/sql/ledger.sql", "OR arg_max(event, event_id) = 'planned'", "OR true",
        "store/test_evidence.py -k leave_without_it",
    ),
    Mutant(
        "the auto-responder's switch", "store/outcomes.py", "or why_silent_now", "",
        "store/test_answers.py -k record_of_it",
    ),
    Mutant(
        "STOP after START wins", "store/sql/opt_outs.sql",
        "        AND coalesce(stop.counts_at, entry.recorded_at) < start.counts_at\n", "",
        "store/test_coming_back.py -k last_word",
    ),
    Mutant(
        "a START lifts the person's own STOPs only", "store/sql/opt_outs.sql",
        "        AND entry.source IN ('reply', 'reply_doubtful')\n", "", "store/test_coming_back.py -k others_recorded",
    ),
    Mutant(
        "a STOP is honoured with the reply", "tasks/inbound.py", "    honour_replies(visit, fresh)\n", "",
        "tasks/test_inbound.py -k start_is_answered",
    ),
    Mutant(
        "what is given back is written before a claim", "store/claims.py",
        "    if now.gives_back:\n        now.write()\n", "",
        "store/test_rounds.py -k given_back",
    ),
    Mutant(
        "what came back is written before it is asked for", "store/claims.py",
        "    now.write()\n    visit, found = now.visit, now.row_of(slice_no)\n",
        "    visit, found = now.visit, now.row_of(slice_no)\n", "store/test_rounds.py -k looked_up",
    ),
    Mutant(
        "a machine that slept", "store/clearance.py", "needs_approval and slept > rules.wake_up_seconds", "False",
        "sending/test_windows.py -k slept_in_the_middle",
    ),
    Mutant(
        "the mark of the last commit", "store/commit_number.py", 'if state["sequence"] < reading.mark.sequence:',
        "if False:", "store/test_reconcile.py -k contradicts",
    ),
    Mutant(
        "nothing is claimed in doubt", "store/claims.py",
        "    if (found := now.visit.reconciliation) is not None:\n", "    if (found := None) is not None:\n",
        "store/test_reconcile.py -k copy_is_unknown",
    ),
    Mutant(
        "a restored slice is not posted again", "store/claims.py", 'found["fence"] != NO_SENDER', "True",
        "store/test_reconcile.py -k looked_up",
    ),
    Mutant(
        "the gateway is asked before a run", "tasks/reconcile.py", "    if not known:\n", "    if True:\n",
        "sending/test_restores.py -k snapshot",
    ),
    Mutant(
        "the mark is a new file before each post", "store/mark.py", "if not durable and file.exists():",
        "if file.exists():", "sending/test_faults_tried.py -k copied_back",
    ),
    Mutant(
        "a key of a clock that was ahead", "store/sending.py",
        "    distrust_ahead(visit, rules.clock_margin_seconds)\n", "", "sending/test_faults_tried.py -k was_ahead",
    ),
    Mutant(
        "one message of each place is asked for", "store/sql/reconcile.sql",
        "ORDER BY message_rank, slice_rank, slice_no", "ORDER BY slice_no, message_rank",
        "sending/test_restores.py -k place_that_was_open",
    ),
    Mutant(
        "a STOP after a START is no echo", "store/sql/opt_outs.sql",
        "    AND (own.ended_at IS NULL OR staged_rows.opted_out_at < own.ended_at)\n", "",
        "store/test_coming_back.py -k lifted_one",
    ),
    Mutant(
        "an item from the future", "gateways/rounds.py", "if latest is None or sent_at <= latest", "if True",
        "gateways/test_rounds.py -k future",
    ),
    Mutant(
        "a claim of the dead is unknown", "store/sending.py", "    abandon_claims_of_others(visit, lease, rules)\n", "",
        "sending/test_crashes.py -k between_claim",
    ),
)  # fmt: skip


def main() -> int:
    """Try each mutant, or those whose guard holds a word of the command line."""
    wanted = [mutant for mutant in MUTANTS if not sys.argv[1:] or any(word in mutant.guard for word in sys.argv[1:])]
    survivors = [mutant.guard for mutant in wanted if not _is_killed(mutant)]
    print(f"not noticed: {', '.join(survivors)}" if survivors else f"all {len(wanted)} guards are missed when they go")
    return 1 if survivors else 0


def _is_killed(mutant: Mutant) -> bool:
    with TemporaryDirectory() as folder:
        for room in ROOMS:
            shutil.copytree(ROOT / room, Path(folder) / room, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        path = Path(folder) / mutant.path
        source = path.read_text(encoding="utf-8")
        if mutant.line not in source:
            print(f"{mutant.guard}: its line is no longer in {mutant.path}")
            return False
        path.write_text(source.replace(mutant.line, mutant.instead), encoding="utf-8")
        words = [f"tests/{word}" if word.endswith(".py") else word for word in mutant.tests.split()]
        options = ["-q", "-x", "-p", "no:cacheprovider", "-m", "not soak"]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", *options, *words]
        try:
            status = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            status = 1  # it never comes to an end
    print(f"{mutant.guard}: {'red' if status == 1 else f'GREEN (status {status})'} — {mutant.tests}", flush=True)
    return status == 1


if __name__ == "__main__":
    sys.exit(main())
