"""Which of several columns named like a number column holds the mobile numbers: by the names, then by the cells."""

# ruff: noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on

from collections.abc import Sequence

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.column_aliases import MOBILE
from campanile.files.parsing.column_mapping import has_number_digits, rank_of
from campanile.sms.numbers.column import parse_joined
from campanile.sms.numbers.digits import SEPARATOR

_SAMPLE = 1000  # filled cells
_LEAST_SHARE, _LIKELY_SHARE = 0.05, 0.5


def choose_number(
    table: CellTable, names: Sequence[str], positions: Sequence[int], region: str
) -> tuple[int | None, str]:
    """Return the position of the mobile numbers and, where there was a choice, why; None: neither tells.

    Empty columns and those without numbers are no candidates. Of the others, the only one that is named for mobile
    numbers is taken, or the only one of the next rank of names, or the only one whose cells are mobile numbers.

    Args:
        table: the cells.
        names: of all columns.
        positions: those that are named like a number column.
        region: where numbers that name no country are read.
    """
    samples = {position: sample_cells(table, position) for position in positions}
    least = {position: _LIKELY_SHARE if _is_vague(names[position]) else _LEAST_SHARE for position in positions}
    filled = [position for position, cells in samples.items() if cells and number_share(cells) >= least[position]]
    if len(filled) < 2:
        return (filled[0], _words(names, filled[0], positions, "the others hold no numbers")) if filled else (None, "")
    best = min(rank_of(names[position]) or MOBILE for position in filled)
    named = [position for position in filled if (rank_of(names[position]) or MOBILE) == best]
    if len(named) == 1:
        why = "its name says mobile" if best == MOBILE else "its name says the person's own"
        return named[0], _words(names, named[0], positions, why)
    shares = {position: _mobile_share(samples[position], region) for position in named}
    likely = [position for position, share in shares.items() if share >= _LIKELY_SHARE]
    if len(likely) == 1 and all(share < _LEAST_SHARE for position, share in shares.items() if position != likely[0]):
        return likely[0], _words(names, likely[0], positions, "its cells are mobile numbers, the others' are not")
    return None, ""


def sample_cells(table: CellTable, position: int) -> list[str]:
    """Return the first filled cells of a column."""
    query = f"SELECT strip(c{position}) FROM cells WHERE nullif(strip(c{position}), '') IS NOT NULL LIMIT {_SAMPLE}"
    return [cell for (cell,) in table.engine.execute(query).fetchall()]


def number_share(cells: Sequence[str]) -> float:
    """Return the share of cells with digits enough for a number."""
    return sum(map(has_number_digits, cells)) / len(cells) if cells else 0


def _mobile_share(cells: Sequence[str], region: str) -> float:
    joined = SEPARATOR.join(cell.replace(SEPARATOR, " ") for cell in cells)
    return float((parse_joined(joined, region).number_ids > 0).mean())


def _is_vague(name: str) -> bool:
    """Tell whether a name may be another thing than a number: ``SMS`` may say who agreed."""
    return name.strip().casefold() == "sms"


def _words(names: Sequence[str], position: int, positions: Sequence[int], why: str) -> str:
    others = ", ".join(repr(names[other]) for other in positions if other != position)
    return f"The number is read from {names[position]!r}, not from {others}: {why}." if others else ""
