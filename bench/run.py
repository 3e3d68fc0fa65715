"""The bench: every row of the table in ``docs/performance.md``, or those that are named.

``make bench ARGS="numbers file --size 100000"``; a wrong result ends it.
"""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from bench.importing import Footprint, footprint, whole_import
from bench.numbering import clean_column, dirty_column, dirty_frame, identity
from bench.preparing import RecapFootprint, recap_footprint, whole_recap
from bench.racing import Race
from bench.texts import adversarial, segments
from bench.visits import visits

Row: TypeAlias = Callable[[int, int], Race]

RACES: dict[str, Row] = {
    "clean": clean_column,
    "numbers": dirty_column,
    "frame": dirty_frame,
    "identity": identity,
    "file": whole_import,
    "segments": segments,
    "adversarial": adversarial,
    "recap": whole_recap,
    "visits": visits,
}
FOOTPRINTS = {"memory": 1, "large": 5}
RECAP_FOOTPRINTS = {"recap-memory": 1, "recap-large": 3}
"""How many times the size."""
NAMES = [*RACES, *FOOTPRINTS, *RECAP_FOOTPRINTS]
USUAL = [name for name in NAMES if not name.endswith("large")]
"""What runs when nothing is named."""


def main() -> None:
    """Run the rows and print their tables."""
    asked = _arguments()
    races, footprints, recaps = [], [], []
    for name in asked.rows:
        print(f"{name} …", file=sys.stderr)
        if name in RACES:
            races.append(RACES[name](asked.size, asked.rounds))
        elif name in FOOTPRINTS:
            footprints.append(footprint(asked.size * FOOTPRINTS[name]))
        else:
            recaps.append(recap_footprint(asked.size * RECAP_FOOTPRINTS[name]))
    console = Console(width=140)
    if races:
        console.print(_race_table(races))
    if footprints:
        console.print(_footprint_table(footprints))
    if recaps:
        console.print(_recap_table(recaps))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Measure ours against named peers. Rows: {', '.join(NAMES)}.")
    parser.add_argument("rows", nargs="*", type=_row_name, default=USUAL)
    parser.add_argument("--size", type=int, default=1_000_000, help="rows of the columns and files (1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run; the median counts (3)")
    return parser.parse_args()


def _row_name(text: str) -> str:
    if text not in NAMES:
        raise argparse.ArgumentTypeError(f"no row {text!r}; rows: {', '.join(NAMES)}")
    return text


def _race_table(races: list[Race]) -> Table:
    table = Table("what", "how many", "ours / s", "peer", "peer / s", "ratio", title="CPU time; no result differs")
    for one in races:
        ours, theirs = f"{one.count / one.ours:,.0f}", f"{one.count / one.theirs:,.0f}"
        table.add_row(one.what, f"{one.count:,}", ours, one.peer, theirs, f"{one.ratio:.1f}x")
    return table


def _footprint_table(footprints: list[Footprint]) -> Table:
    table = Table("file to store", "file MB", "CPU s", "µs a row", "parser MB", "store MB", title="Memory at its peak")
    for one in footprints:
        per_row = f"{one.seconds / one.row_count * 1e6:.2f}"
        table.add_row(
            f"{one.row_count:,} rows", f"{one.file_mb:.0f}", f"{one.seconds:.1f}", per_row,
            f"{one.parser_mb:.0f}", f"{one.store_mb:.0f}",
        )  # fmt: skip
    return table


def _recap_table(footprints: list[RecapFootprint]) -> Table:
    table = Table("draft to recap", "CPU s", "wall s", "µs a message", "MB", title="A recap in a process of its own")
    for one in footprints:
        per_message = f"{one.seconds / one.message_count * 1e6:.2f}"
        seconds = f"{one.seconds:.1f}", f"{one.wall_seconds:.1f}"
        table.add_row(f"{one.message_count:,} messages", *seconds, per_message, f"{one.most_mb:.0f}")
    return table


if __name__ == "__main__":
    main()
