"""Kill senders and restore stores at random moments, and compare with the bill: ``make kill-test``.

Campaigns of 5,000 messages go to a real sandbox over HTTP of which 13 of 100 answers are faulty, to the three classes
of gateways at once. Then stores are copied in the middle of campaigns of 120 messages, live on, and are restored. Exit
status 1: something was billed twice, was lost, came after a STOP, or is not what the books say.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from campanile.file_permissions import keep_private
from schemas.gateway import Resolution
from tests.fork_server import opened_fork_server
from tests.sending.kills import KillCounts, kill_senders
from tests.sending.restores import Restores, restore_stores
from tests.sending.sending_desk import SENDERS

COLUMNS = (
    "class", "kills", "asleep", "in pairs", "campaigns", "messages", "in flight at a death", "billed", "duplicates",
    "lost", "phantom", "unseen", "late", "unknown (billed)", "ledger", "invariants broken", "minutes",
)  # fmt: skip


RESTORE_COLUMNS = (
    "class", "restores", "by way", "messages", "sent since the copy", "billed", "duplicates", "lost", "phantom",
    "unseen", "STOPs", "sent after a STOP", "unknown (billed)", "ledger", "invariants broken", "minutes",
)  # fmt: skip
_Run = TypeVar("_Run", KillCounts, Restores)


def main() -> int:
    """Run the gateway classes of the command line, and print the tables."""
    keep_private()
    asked = _arguments()
    with opened_fork_server(SENDERS) as fork_server:
        kills, killed_wrong = _in_each_class(
            asked.classes if asked.kills else [],
            lambda name: kill_senders(
                fork_server,
                Resolution(name),
                asked.kills,
                messages=asked.messages,
                slice_size=asked.slice_size,
                seed=asked.seed,
                seconds=asked.minutes * 60,
                on_progress=lambda counts: print(" | ".join(_row(name, counts)), flush=True),
            ),
        )
        restores, restored_wrong = _in_each_class(
            asked.classes if asked.restores else [],
            lambda name: restore_stores(
                fork_server, Resolution(name), asked.restores, seed=asked.seed, seconds=asked.minutes * 60
            ),
        )
    if kills:
        print("\n".join(table(COLUMNS, [_row(name, found) for name, found in kills.items()])))
    if restores:
        print("\n".join(table(RESTORE_COLUMNS, [_restore_row(name, found) for name, found in restores.items()])))
    wrong = [*killed_wrong, *restored_wrong]
    print("\n".join(wrong), file=sys.stderr)
    if not wrong:
        print("nothing billed twice, nothing lost, the ledger equal to the cent")
    return 1 if wrong else 0


def _in_each_class(names: Sequence[str], run: Callable[[str], _Run]) -> tuple[dict[str, _Run], list[str]]:
    """Run all classes in parallel; return the result of each, and a line for each that is wrong or failed."""
    with ThreadPoolExecutor(max(len(names), 1)) as pool:
        running = {name: pool.submit(run, name) for name in names}
    wrong = [f"{name}: {error!r}" for name, future in running.items() if (error := future.exception()) is not None]
    found = {name: future.result() for name, future in running.items() if future.exception() is None}
    return found, wrong + [f"{name}: {result.wrong()}" for name, result in found.items() if result.wrong()]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table, one row for each class."""
    return [f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)]


def _row(name: str, found: KillCounts) -> list[str]:
    bill = found.bill
    counts = (
        found.kills, found.sleeps, found.pairs, found.campaigns, bill.messages, bill.orphaned, bill.billed,
        bill.duplicates, bill.lost, bill.phantom, bill.unseen, bill.late,
    )  # fmt: skip
    unknown = f"{bill.unknown:,} ({bill.unknown_billed:,})"
    return [
        name.replace("_", " "),
        *(f"{count:,}" for count in counts),
        unknown,
        f"{bill.difference:.3f}",
        str(bill.broken),
        f"{found.seconds / 60:.0f}",
    ]


def _restore_row(name: str, found: Restores) -> list[str]:
    bill = found.bill
    counts = (
        bill.messages, found.sent_since, bill.billed, bill.duplicates, bill.lost, bill.phantom, bill.unseen,
        found.stops, found.sent_after_stop,
    )  # fmt: skip
    return [
        name.replace("_", " "),
        f"{found.restores:,}",
        ", ".join(f"{way} {count}" for way, count in sorted(found.ways.items())),
        *(f"{count:,}" for count in counts),
        f"{bill.unknown:,} ({bill.unknown_billed:,})",
        f"{bill.difference:.3f}",
        str(bill.broken),
        f"{found.seconds / 60:.0f}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    classes = [str(resolution) for resolution in Resolution]
    parser.add_argument("--kills", type=int, default=1000, help="of each class; 0: none")
    parser.add_argument("--restores", type=int, default=200, help="of each class; 0: none")
    parser.add_argument("--messages", type=int, default=5000, help="of each campaign")
    parser.add_argument("--slice-size", type=int, default=10)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which no process is killed any more")
    parser.add_argument("--classes", nargs="+", choices=classes, default=classes)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
