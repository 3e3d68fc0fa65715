"""The rows of the sample files by category: their cells and their expected result.

Nothing here asks Campanile: a category says itself which number its cell stands for, or why it is refused.
Numbers lie around the examples of Google's numbering plans, names are plants and places, nobody real is meant.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, cycle
from typing import Any

ALLOWED = ["FR", "GP", "MQ", "GF", "RE", "YT", "PM", "NC", "PF", "WF", "BL", "MF", "BE", "CH", "LU", "MC"]
EXAMPLES = {  # the example mobile number of each plan; ours are this one and those after it
    "FR": 33612345678, "GP": 590690001234, "MQ": 596696201234, "GF": 594694201234, "RE": 262692123456,
    "YT": 262639012345, "PM": 508551234, "NC": 687751234, "PF": 68987123456, "WF": 681821234,
    "BE": 32450001234, "CH": 41781234567, "LU": 352628123456, "MC": 377612345678,
}  # fmt: skip
CODES = {"FR": 33, "GP": 590, "MQ": 596, "GF": 594, "RE": 262, "YT": 262, "PM": 508, "NC": 687, "PF": 689, "WF": 681}
CODES |= {"BE": 32, "CH": 41, "LU": 352, "MC": 377}

# First names, with the encoding they force on a message: é and è are GSM-7, ç, ë, ï and ô are not.
FIRST_NAMES = {
    "Prune": "GSM-7", "Zoë": "UCS-2", "Olive": "GSM-7", "Françoise": "UCS-2", "Hélène": "GSM-7", "Basile": "GSM-7",
    "Anaïs": "UCS-2", "Cerise": "GSM-7", "Noël": "UCS-2", "Léonie": "GSM-7", "Marie-Clémentine-Apolline": "GSM-7",
    "Jérôme": "UCS-2", "Colombe": "GSM-7", "Églantine": "GSM-7", "François-Barthélemy": "UCS-2", "Jasmin": "GSM-7",
    "Violette": "GSM-7", "Loïc": "UCS-2", "Ambre": "GSM-7", "Narcisse": "GSM-7", "Capucine-Marguerite-Rose": "GSM-7",
    "Séraphin": "GSM-7", "Garance": "GSM-7",
}  # fmt: skip
LAST_NAMES = [
    "Test-Dumoulin",
    "Test-Lavande",
    "Test-Noisetier",
    "Test-Châtaigne",
    "Test-Genêt",
    "Test-L'Érable",
    "Test-Bruyère",
    "Test-Ajonc",
    "Test-Fougère",
    "Test-Tilleul",
    "Test-Cognassier",
    "Test-Mûrier",
    "Test-Romarin",
    "Test-Sureau",
    "Test-Pêcher",
    "Test-Glycine",
    "Test-Œillet",
]
TOWNS = [
    ("75011", "Paris"), ("67000", "Strasbourg"), ("69003", "Lyon"), ("01000", "Bourg-en-Bresse"), ("57000", "Metz"),
    ("33000", "Bordeaux"), ("68000", "Colmar"), ("13001", "Marseille"), ("94240", "L'Haÿ-les-Roses"),
    ("44000", "Nantes"), ("06000", "Nice"), ("59000", "Lille"), ("20000", "Ajaccio"),
]  # fmt: skip
TOWNS_ELSEWHERE = {
    "GP": ("97110", "Pointe-à-Pitre"), "MQ": ("97200", "Fort-de-France"), "GF": ("97300", "Cayenne"),
    "RE": ("97400", "Saint-Denis"), "YT": ("97600", "Mamoudzou"), "PM": ("97500", "Saint-Pierre"),
    "NC": ("98800", "Nouméa"), "PF": ("98714", "Papeete"), "WF": ("98600", "Mata-Utu"), "BE": ("1000", "Bruxelles"),
    "CH": ("1204", "Genève"), "LU": ("1111", "Luxembourg"), "MC": ("98000", "Monaco"),
}  # fmt: skip


ELSEWHERE = [  # territory, rows written nationally, rows written with the country code
    *((territory, 12, 6) for territory in ("GP", "MQ", "GF", "RE", "YT")),
    *((territory, 0, 6) for territory in ("PM", "NC", "PF", "WF")),
    ("BE", 0, 20), ("CH", 0, 20), ("LU", 0, 10), ("MC", 0, 5),
]  # fmt: skip
NEIGHBOURS = ("BE", "CH", "LU", "MC")


def pairs(national: str, separator: str) -> str:
    """Return 612345678 as 06 12 34 56 78, with any separator."""
    return separator.join(f"0{national}"[at : at + 2] for at in range(0, 10, 2))


def after_code(national: str, separator: str) -> str:
    """Return 612345678 as 6 12 34 56 78, with any separator."""
    return pairs(national, separator)[1:]


WRITINGS: dict[str, Callable[[str], str]] = {  # of a mainland number, given as 612345678
    "national": lambda n: f"0{n}",
    "spaces": lambda n: pairs(n, " "),
    "dots": lambda n: pairs(n, "."),
    "dashes": lambda n: pairs(n, "-"),
    "slashes": lambda n: pairs(n, "/"),
    "no-break spaces": lambda n: pairs(n, "\u00a0"),
    "groups of three": lambda n: f"0{n[:3]} {n[3:6]} {n[6:]}",
    "parentheses": lambda n: f"(0{n[0]}) {after_code(n, ' ')[2:]}",
    "plus": lambda n: f"+33{n}",
    "plus and spaces": lambda n: f"+33 {after_code(n, ' ')}",
    "plus and dots": lambda n: f"+33.{after_code(n, '.')}",
    "plus and (0), spaces": lambda n: f"+33 (0){after_code(n, ' ')}",
    "plus and (0)": lambda n: f"+33(0){n}",
    "0033": lambda n: f"0033{n}",
    "00 33 and spaces": lambda n: f"00 33 {after_code(n, ' ')}",
    "33 without plus": lambda n: f"33{n}",
    "33 and spaces": lambda n: f"33 {after_code(n, ' ')}",
    "leading zero lost": lambda n: n,
    "leading zero lost, spaces": lambda n: after_code(n, " "),
    "made a fraction": lambda n: f"{n}.0",
    "made a French fraction": lambda n: f"{n},00",
    "apostrophe": lambda n: f"'0{n}",
    "formula": lambda n: f'="0{n}"',
    "outer spaces": lambda n: f" 0{n} ",
}
REFUSED: dict[str, tuple[str, int, Sequence[str]]] = {  # category: reason, rows, cells in turn
    "no number": ("empty_number", 60, ["", " "]),
    "letters": ("letters", 20, ["voir fiche", "06 12 34 5b 78", "inconnu", "sur liste rouge"]),
    "signs only": ("not_a_number", 8, ["-", "??", "...", "/"]),
    "Excel damage": ("excel_damage", 30, ["6,12E+08", "3,36E+10", "6.12346E+8", "#######"]),
    "two numbers": ("two_numbers", 20, ["06 12 34 90 01 / 06 12 34 90 02", "0612349001;0199001234"]),
    "too short": ("too_short", 30, ["06 12 34 56", "06 12 345", "+33 6 12 34"]),
    "too long": ("too_long", 20, ["06 12 34 56 78 90", "+33 6 12 34 56 78 9"]),
    "kept for fiction": ("invalid_number", 24, ["+33 6 39 98 01 23", "06 39 98 45 67", "0639980000"]),
    "landline": ("not_mobile", 60, ["01 99 00 12 34", "+33 2 61 91 23 45", "0353012345", "04.65.71.23.45"]),
    "internet line": ("not_mobile", 10, ["09 37 00 12 34"]),
    "free call": ("not_mobile", 5, ["0 800 123 456"]),
    "premium": ("premium", 10, ["08 99 12 34 56", "+33 891 12 34 56"]),
    "short number": ("short_code", 6, ["36180", "3949"]),
    "Spain": ("country_not_allowed", 15, ["+34 612 34 56 78", "0034 612 345 679"]),
    "United States": ("country_not_allowed", 10, ["+1 201 555 0123", "+1 (201) 555-0199"]),
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """The person of a row; ``number`` is digits with the country code, None if there is no usable number."""

    rank: int
    number: int | None
    territory: str
    first_name: str
    last_name: str
    postcode: str
    town: str

    @property
    def national(self) -> str:
        """The number without its country code."""
        return str(self.number)[len(str(CODES[self.territory])) :]


@dataclass(frozen=True)
class Row:
    """One row of a file; ``raw`` replaces the cells if they are broken on purpose."""

    category: str
    person: Person
    cells: tuple[object, ...]
    reason: str | None = None
    raw: str | None = None


@dataclass(frozen=True)
class Sample:
    """One contact file: its list, format, header, and the position of the number."""

    name: str
    list_name: str
    written: str
    header: tuple[str, ...]
    number_at: int
    rows: Sequence[Row]


class People:
    """Generator of new people in a fixed order: the same calls give the same people."""

    def __init__(self) -> None:
        self._ranks = count(1)
        self._numbers = {territory: count(first) for territory, first in EXAMPLES.items()}
        self._towns = cycle(TOWNS)

    def new(self, territory: str = "FR", has_number: bool = True) -> Person:
        """Return a new person."""
        rank = next(self._ranks)
        postcode, town = TOWNS_ELSEWHERE.get(territory) or next(self._towns)
        number = next(self._numbers[territory]) if has_number else None
        first_name = list(FIRST_NAMES)[rank % len(FIRST_NAMES)]
        return Person(rank, number, territory, first_name, LAST_NAMES[rank * 5 % len(LAST_NAMES)], postcode, town)


def shop_cells(person: Person, number: str, remark: str = "") -> tuple[object, ...]:
    """Return a row of the shop's file: its client number, title, name, number, town and remark."""
    title = "Mme" if person.rank % 2 else "M."
    client = f"C{person.rank:05}"
    return (client, title, person.last_name, person.first_name, number, person.postcode, person.town, remark)


def international(person: Person) -> str:
    """Return a number as +590 690 00 12 34."""
    digits = person.national
    first = 3 if len(digits) % 2 else 2
    head, tail = digits[:first], digits[first:]
    return " ".join([f"+{CODES[person.territory]}", head, *(tail[at : at + 2] for at in range(0, len(tail), 2))])


def shop_rows(people: People) -> list[Row]:
    """Return the shop's rows in the order of the file."""
    dice = random.Random(20260105)
    known = [*_shop_mainland(people), *_shop_elsewhere(people), *_shop_oddities(people)]
    rows = [*known, *_shop_refused(people)]
    dice.shuffle(rows)
    plain = [row for row in rows if row.category == "mainland, national"]
    others = [row for row in rows if row.category.startswith("mainland, ") and row not in plain]
    for row, again in _shop_again(plain + others):
        rows.insert(dice.randint(rows.index(row) + 1, len(rows)), again)
    return rows


def _shop_mainland(people: People) -> Iterator[Row]:
    for name, write in WRITINGS.items():
        for _ in range(46):
            person = people.new()
            yield Row(f"mainland, {name}", person, shop_cells(person, write(person.national)))


def _shop_elsewhere(people: People) -> Iterator[Row]:
    for territory, national_rows, international_rows in ELSEWHERE:
        for person in (people.new(territory) for _ in range(national_rows)):
            yield Row("overseas, written nationally", person, shop_cells(person, pairs(person.national, " ")))
        category = "neighbour country" if territory in NEIGHBOURS else "overseas, international"
        for person in (people.new(territory) for _ in range(international_rows)):
            yield Row(category, person, shop_cells(person, international(person)))
    for postcode, town in (("97133", "Saint-Barthélemy"), ("97150", "Saint-Martin")):
        for person in (replace(people.new("GP"), postcode=postcode, town=town) for _ in range(4)):
            yield Row(f"{town} by its postcode", person, shop_cells(person, international(person)))


def _shop_oddities(people: People) -> Iterator[Row]:
    special: tuple[tuple[str, int, dict[str, Any], str], ...] = (
        ("line break in a cell", 5, {}, "Appeler le matin\npas le lundi"),
        ("semicolon in a cell", 10, {}, "Taille 38; carte fidélité"),
        ("quotes in a cell", 10, {}, 'Dit "la Pie"'),
        ("no first name", 20, {"first_name": ""}, ""),
        ("no postcode", 6, {"postcode": "", "town": ""}, ""),
    )
    for category, rows, changes, remark in special:
        for _ in range(rows):
            person = replace(people.new(), **changes)
            yield Row(category, person, shop_cells(person, pairs(person.national, " "), remark))


def _shop_refused(people: People) -> Iterator[Row]:
    for category, (reason, rows, cells) in REFUSED.items():
        for _, cell in zip(range(rows), cycle(cells), strict=False):
            person = people.new(has_number=False)
            yield Row(category, person, shop_cells(person, cell), reason)
    for rank in range(20):
        person = people.new(has_number=False)
        cells = [str(cell) for cell in shop_cells(person, "06 12 34 99 99")]
        short, long, quote = (
            ";".join(cells[:6]),
            ";".join([*cells, "à revoir"]),
            ";".join([*cells[:6], '"Le Bourg" bis', ""]),
        )
        if rank < 16:
            raw = short if rank % 2 else long
            yield Row("wrong number of cells", person, (), "wrong_column_count", raw)
        else:
            yield Row("quote in the wrong place", person, (), "bad_quote", quote)


def _shop_again(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Yield rows that are repeated later in the file, each of another person."""
    originals = iter(rows)
    for _, row in zip(range(150), originals, strict=False):
        yield row, replace(row, category="same row again")
    for _, row in zip(range(60), originals, strict=False):
        cells = shop_cells(row.person, f"+33 {after_code(row.person.national, '-')}")
        yield row, replace(row, category="same person, number written otherwise", cells=cells)
    for _, row in zip(range(90), originals, strict=False):
        moved = replace(row.person, postcode="35000", town="Rennes")
        yield row, Row("same number, moved since", moved, shop_cells(moved, f"0{moved.national}", "déménagé"))
    for _, row in zip(range(20), originals, strict=False):
        less = replace(row.person, postcode="", town="")
        yield row, Row("same number, cells emptied", row.person, shop_cells(less, f"0{less.national}"))
