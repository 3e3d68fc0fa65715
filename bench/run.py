"""The bench: every row of the table in ``docs/performance.md``, or those that are named.

``make bench ARGS="numbers file --size 100000"``; a wrong result ends it.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table

from bench.alerting import AlertDelay, alert_delay
from bench.importing import Footprint, footprint, whole_import
from bench.invoicing import InvoiceCost, invoice_cost
from bench.numbering import clean_column, dirty_column, dirty_frame, identity
from bench.preparing import RecapFootprint, recap_footprint, whole_recap
from bench.racing import Race
from bench.replies import HalfRates, Throughput, opt_out_rates, throughput
from bench.reporting import PollCost, poll_growth, reports
from bench.run_starts import RunStarts, quantiles, run_starts
from bench.sending import sending_alone, sending_together
from bench.slices import SliceCost, slice_cost
from bench.texts import adversarial, segments
from bench.transactions import transactions
from bench.validating import validation

Measure: TypeAlias = Callable[[int, int], Any]


def main() -> None:
    """Run the rows and print their tables."""
    asked = _arguments()
    console = Console(width=140)
    for group in GROUPS:
        found = []
        for name in [name for name in group.rows if name in asked.rows]:
            print(f"{name} …", file=sys.stderr)
            found.append(group.rows[name](asked.size, asked.rounds))
        if found:
            console.print(group.draw(found))


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one table: what measures each, given the size and the rounds, and what draws them."""

    rows: Mapping[str, Measure]
    draw: Callable[[list[Any]], Table]


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


def _race_table(races: list[Race], title: str) -> Table:
    table = Table("what", "how many", "ours / s", "peer", "peer / s", "ratio", title=title)
    for one in races:
        ours, theirs = f"{one.count / one.ours:,.0f}", f"{one.count / one.theirs:,.0f}"
        ratio = f"{one.ratio:.1f}x" if one.ratio >= 2 else f"{one.ratio:.2f}x"
        table.add_row(one.what, f"{one.count:,}", ours, one.peer, theirs, ratio)
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


def _slice_table(costs: list[SliceCost]) -> Table:
    table = Table("a slice of", "where", "ms", "ms in a short one", "ratio", title="Claim and record; wall-clock time")
    for one in costs:
        timings = ("at its beginning", one.at_first_ms), ("near its end", one.at_last_ms)
        for (where, long_ms), short_ms, ratio in zip(timings, one.short_ms, one.ratios, strict=True):
            what = f"{one.message_count:,} and {one.short_count:,} messages"
            table.add_row(what, where, f"{long_ms:.1f}", f"{short_ms:.1f}", f"{ratio:.2f}x")
    return table


def _alert_table(delays: list[AlertDelay]) -> Table:
    columns = "while there are sent", "still waiting", "s since it was asked for", "s since it was approved"
    table = Table(*columns, title="An emergency alert: from approval to first acceptance")
    for one in delays:
        seconds = f"{one.since_asked:.0f}", f"{one.since_approved:.0f}"
        table.add_row(f"{one.message_count:,}", f"{one.waiting_count:,}", *seconds)
    return table


def _starts_table(measured: list[RunStarts]) -> Table:
    columns = "runs", "s to a worker", "from there to Running", "95th percentile", "click to Running", "Running to end"
    table = Table("each run is", *columns, title="From the click to Running; medians, wall-clock time")
    for one in measured:
        started, late = quantiles(one.started)
        medians = quantiles(one.waited)[0], started, late, quantiles(one.clicked)[0], quantiles(one.ran)[0]
        kind = "a fork of the server of runs" if one.is_warm else "a new interpreter"
        table.add_row(kind, str(len(one.ran)), *(f"{seconds:.2f}" for seconds in medians))
    return table


def _rates_table(halves: list[list[HalfRates]]) -> Table:
    table = Table("half", "language", "refusals", "suppressed", "others", "suppressed", title="Labelled replies")
    for half in halves[0]:
        for language, rates in half.rates.items():
            found, false = f"{rates.recall:.1%}", f"{rates.false_share:.1%}"
            table.add_row(half.half, language, str(rates.refusal_count), found, str(rates.other_count), false)
    return table


def _throughput_table(measured: list[Throughput]) -> Table:
    table = Table("replies", "CPU s", "a second", title="Verdicts, no two texts equal")
    for one in measured:
        table.add_row(f"{one.count:,}", f"{one.seconds:.1f}", f"{one.count / one.seconds:,.0f}")
    return table


def _poll_table(measured: list[list[PollCost]]) -> Table:
    table = Table("messages", "past campaigns", "CPU ms", "growth", title="A poll of 1,000 delivery reports")
    for costs in measured:
        for one in costs:
            growth = f"{one.seconds / costs[0].seconds:.2f}x"
            table.add_row(f"{one.message_count:,}", str(one.past_count), f"{one.seconds * 1000:.0f}", growth)
    return table


def _invoice_table(costs: list[InvoiceCost]) -> Table:
    table = Table("invoice", "errors", "found", "false", "CPU s", "wall s", title="An invoice compared line by line")
    for one in costs:
        counts = str(one.planted_count), str(one.found_count), str(one.false_count)
        table.add_row(f"{one.line_count:,} lines", *counts, f"{one.cpu_seconds:.1f}", f"{one.wall_seconds:.1f}")
    return table


RACES: dict[str, Measure] = {
    "clean": clean_column,
    "numbers": dirty_column,
    "frame": dirty_frame,
    "identity": identity,
    "file": whole_import,
    "validation": lambda size, rounds: validation(3 * size // 10, rounds),
    "validation-small": lambda size, rounds: validation(size // 10, rounds),
    "segments": segments,
    "adversarial": adversarial,
    "recap": whole_recap,
    "transactions": transactions,
    "reports": reports,
}
#: Groups of rows in the order of the page; those that need much more than the size, or minutes, run when named.
GROUPS = (
    Group(RACES, partial(_race_table, title="CPU time; no result differs")),
    Group(
        {"sending": sending_alone, "sending-four": sending_together},
        partial(_race_table, title="Wall-clock time; each message on the bill once"),
    ),
    Group({"slices": lambda size, _: slice_cost(size)}, _slice_table),
    Group({"memory": lambda size, _: footprint(size), "large": lambda size, _: footprint(5 * size)}, _footprint_table),
    Group(
        {
            "recap-memory": lambda size, _: recap_footprint(size),
            "recap-large": lambda size, _: recap_footprint(3 * size),
        },
        _recap_table,
    ),
    Group({"replies": opt_out_rates}, _rates_table),
    Group({"replies-speed": throughput}, _throughput_table),
    Group({"reports-history": lambda size, rounds: poll_growth(size // 10, rounds)}, _poll_table),
    Group({"invoice": lambda size, _: invoice_cost(size // 10)}, _invoice_table),
    Group({"alert": lambda size, _: alert_delay(size)}, _alert_table),
    Group(
        {
            "runs": lambda _, rounds: run_starts(True, 4 * rounds),
            "runs-cold": lambda _, rounds: run_starts(False, 4 * rounds),
        },
        _starts_table,
    ),
)
WHEN_NAMED = ("large", "recap-large", "alert", "runs", "runs-cold")
NAMES = [name for group in GROUPS for name in group.rows]
USUAL = [name for name in NAMES if name not in WHEN_NAMED]


if __name__ == "__main__":
    main()
