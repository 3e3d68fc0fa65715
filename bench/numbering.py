"""Columns of phone numbers, against the library that decides them, called once a cell."""

import itertools
from functools import partial

import pandas as pd
import phonenumbers

from bench.cells import REGIONS, clean_cells, dirty_cells, mutated_cells
from bench.racing import Race, race
from campanile.sms.errors import InvalidNumber
from campanile.sms.numbers.automaton import automaton
from campanile.sms.numbers.column import NumberColumn, parse_column, parse_joined
from campanile.sms.numbers.digits import SEPARATOR
from campanile.sms.numbers.msisdn import parse_number

SEED = 7
SAMPLE = 50_000  # first cells, which the loop reads; its time is scaled to all of them
MUTATED = 100_000  # cells a region, at most
LOOP = f"loop of parse, is_valid, format ({SAMPLE:,} cells, scaled)"

Verdict = tuple[int, str | None, str | None, str | None]
"""Digits (0: none), territory, kind, reason."""


def clean_column(size: int, rounds: int) -> Race:
    """Distinct mobiles in five notations, first pass."""
    cells = clean_cells(size, SEED)
    return _first_pass("numbers, clean", cells, cells, rounds)


def dirty_column(size: int, rounds: int) -> Race:
    """The same with 2 % dirt: what is clean as the loop has it, all as ``parse_number`` has it."""
    return _first_pass("numbers, 2 % dirt", dirty_cells(size, SEED), clean_cells(size, SEED), rounds)


def dirty_frame(size: int, rounds: int) -> Race:
    """The same from a pandas series to a frame."""
    cells = dirty_cells(size, SEED)
    series = pd.Series(cells, dtype=object)
    read = cells[:SAMPLE]

    def ours() -> pd.DataFrame:
        automaton.cache_clear()
        return parse_column(series)

    def is_same(frame: pd.DataFrame, _: object) -> bool:
        found = frame[["msisdn", "territory", "kind", "reason"]].head(SAMPLE).itertuples(index=False, name=None)
        numbers = ((f"+{number}" if number else None, *words) for number, *words in map(_decided, read))
        return list(found) == list(numbers)

    return race(
        "numbers, 2 % dirt, as a frame", size, ours, LOOP, partial(_looped, read),
        rounds=rounds, is_same=is_same, peer_share=len(read) / size,
    )  # fmt: skip


def identity(size: int, rounds: int) -> Race:
    """Mutated cells of ten plans: of each, what the function says that asks the library."""
    count = min(size, MUTATED)
    columns = {region: list(mutated_cells(region, count, SEED)) for region in REGIONS}

    def ours() -> list[Verdict]:
        automaton.cache_clear()
        found = (parse_joined(SEPARATOR.join(cells), region) for region, cells in columns.items())
        return list(itertools.chain.from_iterable(map(_verdicts, found)))

    def theirs() -> list[Verdict]:
        return [_decided(cell, region) for region, cells in columns.items() for cell in cells]

    return race(
        f"numbers, mutated, {len(REGIONS)} plans", count * len(REGIONS), ours, "parse_number, a loop", theirs,
        rounds=1,
    )  # fmt: skip


def _first_pass(what: str, cells: list[str], clean: list[str], rounds: int) -> Race:
    joined = SEPARATOR.join(cells)
    read = cells[:SAMPLE]

    def ours() -> NumberColumn:
        automaton.cache_clear()
        return parse_joined(joined)

    def is_same(column: NumberColumn, looped: list[int]) -> bool:
        found = _verdicts(NumberColumn(column.number_ids[:SAMPLE], column.codes[:SAMPLE], column.verdicts))
        untouched = [row for row, cell in enumerate(read) if cell == clean[row]]
        return found == list(map(_decided, read)) and all(found[row][0] == looped[row] for row in untouched)

    return race(
        what, len(cells), ours, LOOP, partial(_looped, read),
        rounds=rounds, is_same=is_same, peer_share=len(read) / len(cells),
    )  # fmt: skip


def _verdicts(column: NumberColumn) -> list[Verdict]:
    verdicts = [(found.territory, found.kind, found.reason) for found in column.verdicts]
    return [
        (number, *verdicts[code])
        for number, code in zip(column.number_ids.tolist(), column.codes.tolist(), strict=True)
    ]


def _decided(cell: str, region: str = "FR") -> Verdict:
    try:
        number = parse_number(cell, region)
    except InvalidNumber as refusal:
        return 0, None, None, refusal.reason
    return number.number_id, number.territory, number.kind, None


def _looped(cells: list[str]) -> list[int]:
    return [_by_library(cell) for cell in cells]


def _by_library(cell: str) -> int:
    try:
        number = phonenumbers.parse(cell, "FR")
    except phonenumbers.NumberParseException:
        return 0
    if not phonenumbers.is_valid_number(number):
        return 0
    return int(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:])
