"""The README of the samples: the figures of expected.json as tables."""

from collections.abc import Iterable, Sequence
from typing import Any

HEAD = """# Samples

Contact files as partners send them, and a draft. `make samples` writes all of them, with this page and `expected.json`
(the same figures, for programs). Each run writes the same bytes. The figures are counted from the rows that the script
makes, not by reading the files with Campanile.

Numbers are close to the example numbers of Google's numbering plans, and names are made up. **Some of these numbers may
belong to real people: send to them only through the `sandbox` gateway.**

The figures are for empty lists, region `{region}` and these territories:
{allowed}.
Files are imported in the order of the table, rows in the order of the file. A number is *accepted* the first time.
Later it is *updated* when a cell that is not empty differs from the stored value, and a *duplicate* otherwise. The same
number in two lists is accepted in both.
"""
CAMPAIGN_HEAD = """
## The campaign

`campaign.yaml` is a campaign to the three lists. Recipients are the distinct numbers without the opted-out ones.
Encodings and lengths are those of the text with the first name, without a STOP mention.
"""


def write_readme(expected: dict[str, Any]) -> str:
    """Return the README."""
    allowed = ", ".join(expected["allowed_territories"])
    parts = [HEAD.format(region=expected["region"], allowed=allowed), _summary(expected["files"])]
    parts += [_file(name, facts) for name, facts in expected["files"].items()]
    parts += [_lists(expected), CAMPAIGN_HEAD, _campaign(expected["campaign"]), _postcodes(expected)]
    return "\n".join(parts)


def _summary(files: dict[str, Any]) -> str:
    header = ["file", "list", "written as", "rows", "accepted", "updated", "duplicate", "rejected", "numbers"]
    rows = []
    for name, facts in files.items():
        names = [f"`{name}`", facts["list"] or "(opt-outs)", facts["written"]]
        rows.append([*names, facts["rows"], *facts["fates"].values(), facts["distinct_numbers"]])
    return table(header, rows)


def _file(name: str, facts: dict[str, Any]) -> str:
    rows = [
        [part["category"], part["rows"], part["fate"] + (f": `{part['reason']}`" if part["reason"] else "")]
        for part in facts["categories"]
    ]
    reasons = [[f"`{reason}`", rows] for reason, rows in facts["rejected_by_reason"].items()]
    return (
        f"\n## {name}\n\n{table(['category', 'rows', 'result'], [*rows, ['**total**', facts['rows'], '']])}"
        f"\n{table(['rejected', 'rows'], [*reasons, ['**total**', facts['fates']['rejected']]])}"
    )


def _lists(expected: dict[str, Any]) -> str:
    numbers = [[f"in {name}", amount] for name, amount in expected["lists"].items()]
    numbers += [[f"in {' and '.join(pair.split('+'))}", amount] for pair, amount in expected["overlaps"].items()]
    opt_outs = expected["opt_outs"]
    rows = [["distinct numbers", opt_outs["numbers"]], ["in a list", opt_outs["in_a_list"]]]
    rows += [[f"in {name}", amount] for name, amount in opt_outs["by_list"].items()]
    rows += [["in no list", opt_outs["in_no_list"]]]
    counted = table(["distinct numbers", "how many"], numbers)
    return f"\n## Numbers\n\n{counted}\n{table(['opt-outs', 'how many'], rows)}"


def _campaign(campaign: dict[str, Any]) -> str:
    totals = [
        ["distinct numbers of the three lists", campaign["audience"]],
        ["opted out", campaign["opted_out"]],
        ["**recipients**", campaign["recipients"]],
        ["without a first name", campaign["without_first_name"]],
        ["longer than one segment without STOP mention", campaign["more_than_one_segment_without_stop_mention"]],
    ]
    return "\n".join(
        [
            table(["campaign", "how many"], totals),
            table(["territory of the number", "recipients"], campaign["by_territory"].items()),
            table(["encoding", "recipients"], campaign["by_encoding"].items()),
        ]
    )


def _postcodes(expected: dict[str, Any]) -> str:
    postcodes = expected["magasin_postcodes"]
    rows = [
        ["mainland number, postcode 57, 67 or 68", postcodes["mainland_57_67_68"]],
        ["mainland number without postcode", postcodes["mainland_without_postcode"]],
        ["Guadeloupe number, postcode 97133 (St-Barthélemy)", postcodes["97133"]],
        ["Guadeloupe number, postcode 97150 (St-Martin)", postcodes["97150"]],
    ]
    return f"\n## Postcodes of the list magasin, after its import\n\n{table(['contacts', 'how many'], rows)}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in line)} |\n" for line in lines)
