"""One row of the table: ours and a named peer in turn, on CPU time, the results compared on the same data.

Both run in one process and alternate, so that a machine that slows down slows both; the median of the rounds counts.
Child processes count too: our parser is one.
"""

import operator
import re
import resource
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Mine = TypeVar("Mine")
Theirs = TypeVar("Theirs")


@dataclass(frozen=True, slots=True)
class Race:
    """What ours and the peer need for ``count`` things, in CPU seconds."""

    what: str
    peer: str
    count: int
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """How many times the peer's time is ours."""
        return self.theirs / self.ours


def race(
    what: str,
    count: int,
    ours: Callable[[], Mine],
    peer: str,
    theirs: Callable[[], Theirs],
    *,
    rounds: int,
    is_same: Callable[[Mine, Theirs], bool] = operator.eq,
    peer_share: float = 1.0,
) -> Race:
    """Run both in turn.

    Args:
        what: is done, ``count`` times a round.
        count: of things.
        ours: does it.
        peer: is called this.
        theirs: does it too.
        rounds: of both.
        is_same: compares what both gave.
        peer_share: how much of the work the peer does; its time is scaled up to the whole.

    Raises:
        SystemExit: the results differ: a fast wrong answer is no answer.
    """
    times = []
    for _ in range(rounds):
        mine_s, mine = _timed(ours)
        theirs_s, other = _timed(theirs)
        times.append((mine_s, theirs_s / peer_share))
    if not is_same(mine, other):
        raise SystemExit(f"{what}: ours and {peer} differ")
    mine_median, theirs_median = (statistics.median(column) for column in zip(*times, strict=True))
    return Race(what, peer, count, mine_median, theirs_median)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def most_memory_mb() -> float:
    """Return the most memory that this program had; ``getrusage`` would count what its parent had at the fork."""
    (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(peak) / 1024


def _timed(work: Callable[[], Mine]) -> tuple[float, Mine]:
    started = cpu_seconds()
    result = work()
    return cpu_seconds() - started, result
