"""Kill senders at random moments and compare the books with the gateway's bill: ``make kill-test``.

Campaigns of 5,000 messages go to a real sandbox over HTTP of which 13 of 100 answers are faulty, to the three classes
of gateways at once. Exit status 1: something was billed twice, was lost, or is not what the books say.
"""

import argparse
import math
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from schemas.gateway import Resolution
from tests.sending.kills import Toll, kill_senders
from tests.sending.sending_desk import opened_nursery

COLUMNS = (
    "class", "kills", "asleep", "in pairs", "campaigns", "messages", "in flight at a death", "billed", "duplicates",
    "lost", "phantom", "unseen", "late", "unknown (billed)", "ledger", "invariants broken", "minutes",
)  # fmt: skip


def main() -> int:
    """Run the classes that the command line names, and print the table."""
    asked = _arguments()
    with opened_nursery() as nursery, ThreadPoolExecutor(len(asked.classes)) as pool:
        running = {
            name: pool.submit(
                kill_senders,
                nursery,
                Resolution(name),
                asked.kills,
                messages=asked.messages,
                slice_size=asked.slice_size,
                seed=asked.seed,
                seconds=asked.minutes * 60,
                told=partial(_tell, name),
            )
            for name in asked.classes
        }
        broken = {name: error for name, future in running.items() if (error := future.exception()) is not None}
        found = {name: future.result() for name, future in running.items() if name not in broken}
    print("\n".join(table(found)))
    wrong = {name: toll.bill.wrong() for name, toll in found.items() if toll.bill.wrong()}
    for name, what in (broken | wrong).items():
        print(f"{name}: {what}", file=sys.stderr)
    if not broken and not wrong:
        print("nothing billed twice, nothing lost, the ledger equal to the cent")
    return 1 if broken or wrong else 0


def table(found: Mapping[str, Toll]) -> list[str]:
    """Return the lines of a Markdown table, one a class."""
    rows = [_row(name, toll) for name, toll in found.items()]
    return [f"| {' | '.join(row)} |" for row in (COLUMNS, ["---"] * len(COLUMNS), *rows)]


def _row(name: str, toll: Toll) -> list[str]:
    bill = toll.bill
    counts = (
        toll.kills, toll.sleeps, toll.pairs, toll.campaigns, bill.messages, bill.orphaned, bill.billed, bill.duplicates,
        bill.lost, bill.phantom, bill.unseen, bill.late,
    )  # fmt: skip
    unknown = f"{bill.unknown:,} ({bill.unknown_billed:,})"
    return [
        name.replace("_", " "),
        *(f"{count:,}" for count in counts),
        unknown,
        f"{bill.difference:.3f}",
        str(bill.broken),
        f"{toll.seconds / 60:.0f}",
    ]


def _tell(name: str, toll: Toll) -> None:
    print(" | ".join(_row(name, toll)), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    classes = [str(resolution) for resolution in Resolution]
    parser.add_argument("--kills", type=int, default=1000, help="of each class")
    parser.add_argument("--messages", type=int, default=5000, help="of each campaign")
    parser.add_argument("--slice-size", type=int, default=10)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which nobody is killed any more")
    parser.add_argument("--classes", nargs="+", choices=classes, default=classes)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
