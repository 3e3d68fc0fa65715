"""How long a run takes from the click to Running: forked by the server of runs, and by a new interpreter.

As a team has it: `scripts/up.py` with its server and workers. Takes some minutes, so it runs only when it is named.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from bench.alerting import everything_up
from bench.preparing import ROOT

#: A flow that reads the balance of the sandbox: some requests and transactions.
DEPLOYMENT = "check-balance"


@dataclass(frozen=True, slots=True)
class RunStarts:
    """Seconds of each run: from its creation until a worker took it, from then to Running, from Running to its end."""

    is_warm: bool
    waited: list[float]
    started: list[float]
    ran: list[float]

    @property
    def clicked(self) -> list[float]:
        """From the click to Running."""
        return [waited + started for waited, started in zip(self.waited, self.started, strict=True)]


def run_starts(is_warm: bool, count: int) -> RunStarts:
    """Start everything, with or without the server of runs, and measure so many runs."""
    variables = {"SMS_WARM_RUNS": str(is_warm).lower()}
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict("os.environ", variables),
        everything_up(Path(folder)) as environment,
    ):
        command = [sys.executable, "-m", "bench.run_states", DEPLOYMENT, str(count)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    runs = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return RunStarts(
        is_warm,
        [run["pending"] for run in runs],
        [run["running"] - run["pending"] for run in runs],
        [run["end"] - run["running"] for run in runs],
    )


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile."""
    return statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
