"""Ratios against named peers, in one process, on CPU time, with the results compared on the same data.

Each row alternates ours and the peer a few times and keeps the median, so that a machine that slows down slows both.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import phonenumbers
from rich.console import Console
from rich.table import Table

from sms.number_column import parse_column
from sms.segments import count_segments, segment_column
from store.database import transaction
from store.migrate import migrate

ROUNDS = 5
WAYS = ("0{}", "+33{}", "0033{}", "+33 {}", "0{} ")


def main() -> None:
    """Run every row and print the table."""
    found = Table("what", "peer", "ours / s", "peer / s", "ratio", "same result")
    for row in (numbers(), segments(), visits()):
        found.add_row(*row)
    Console(width=120).print(found)


def numbers() -> tuple[str, ...]:
    """A column of distinct French mobiles in five notations, against a loop of parse, is_valid and format."""
    dice = random.Random(7)
    column = pd.Series([WAYS[n % 5].format(612000000 + dice.randrange(999999)) for n in range(20_000)], dtype=object)

    def peer() -> list[str | None]:
        return [_by_library(raw) for raw in column]

    ours, theirs, mine, other = race(lambda: parse_column(column)["msisdn"].tolist(), peer)
    return report("numbers, a column", "phonenumbers, a loop", len(column), ours, theirs, mine == other)


def segments() -> tuple[str, ...]:
    """Messages with accents and euro signs, against a loop that walks every character."""
    dice = random.Random(7)
    words = ["Bonjour", "soldes", "€", "élégant", "ça", "-20 %", "œuvre", "{promo}", "😀", "à", "bientôt"]
    texts = pd.Series([" ".join(dice.choices(words, k=dice.randrange(5, 40))) for _ in range(20_000)], dtype=object)
    ours, theirs, mine, other = race(
        lambda: segment_column(texts)["segment_count"].tolist(), lambda: [_walked(text) for text in texts]
    )
    return report("segments, a column", "a character by character walk", len(texts), ours, theirs, mine == other)


def visits() -> tuple[str, ...]:
    """A visit to the store (lock, attach, transaction, detach), against connecting to the file each time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.duckdb"
        migrate(path, lambda: datetime.now(UTC))

        def ours() -> list[int]:
            with transaction(path, lambda: datetime.now(UTC)) as visit:
                return [visit.value("opt_out.count")]

        def peer() -> list[int]:
            with duckdb.connect(str(path)) as connection:
                found = connection.execute("SELECT count(*) FROM opt_out").fetchone()
                return [found[0] if found else -1]

        mine_s, peer_s, mine, other = race(lambda: [ours() for _ in range(20)], lambda: [peer() for _ in range(20)])
    return report("a visit to the store", "duckdb.connect and close", 20, mine_s, peer_s, mine == other)


def race(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[float, float, object, object]:
    """Return the median CPU seconds of both, and what each gave."""
    mine = other = None
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        started = time.process_time()
        mine = ours()
        middle = time.process_time()
        other = peer()
        times[0].append(middle - started)
        times[1].append(time.process_time() - middle)
    return statistics.median(times[0]), statistics.median(times[1]), mine, other


def report(what: str, peer: str, count: int, ours: float, theirs: float, is_same: bool) -> tuple[str, ...]:
    """Return one row of the table.

    Raises:
        SystemExit: the results differ: a fast wrong answer is no answer.
    """
    if not is_same:
        raise SystemExit(f"{what}: ours and {peer} differ")
    return what, peer, f"{count / ours:,.0f}", f"{count / theirs:,.0f}", f"{theirs / ours:.1f}x", "yes"


def _by_library(raw: str) -> str | None:
    number = phonenumbers.parse(raw, "FR")
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _walked(text: str) -> int:
    """Count segments one character at a time, each whole character in one segment."""
    encoding = count_segments(text).encoding
    single, part = (160, 153) if encoding == "GSM-7" else (70, 67)
    sizes = [_size(character, encoding) for character in text]
    if sum(sizes) <= single:
        return 1 if sizes else 0
    segments, room = 1, part
    for size in sizes:
        if size > room:
            segments, room = segments + 1, part
        room -= size
    return segments


def _size(character: str, encoding: str) -> int:
    if encoding == "GSM-7":
        return 2 if character in "^{}\\[~]|€" else 1
    return len(character.encode("utf-16-be")) // 2


if __name__ == "__main__":
    main()
