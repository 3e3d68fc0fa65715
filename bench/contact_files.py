"""Contact files of any length as partners send them: the same for a seed.

Of a hundred rows two have no number that can get an SMS, three repeat a person written another way and perhaps
corrected, five have quoted cells, and one row in two hundred a delimiter inside the quotes.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

ENCODING, DELIMITER = "cp1252", ";"
COLUMNS = {
    "Téléphone": "msisdn", "Prénom": "first_name", "Nom": "last_name", "Code postal": "postcode", "Ville": "ville",
    "Date consentement": "consent_at", "Source consentement": "consent_source", "Client": "client",
}  # fmt: skip
"""The header, and the field that each column is."""

_BAD, _REPEATED, _QUOTED, _DELIMITED, _UNKNOWN_POSTCODE = 0.02, 0.03, 0.05, 0.005, 0.1
_FIRST_NAMES = ("Zoé", "Chloé", "François", "Jérôme", "Anaïs", "Léa", "Paul", "Inès", "Gaël", "Marc")
_LAST_NAMES = ("Lefèvre", "Dupont", "Garçon", "Noël", "Martin", "Bénard", "Petit", "Œuvrard", "D’Arc", "Nuñez")
_TOWNS = ("Orléans", "Nîmes", "Lyon", "Évry", "Besançon", "Paris", "Saint-Étienne", "L’Haÿ-les-Roses")
_SOURCES = ("salon de l’été", "boutique", "site", "parrainage à 5 €")
_WAYS = ("0{}", "+33{}", "0033{}", "+33 {}", "0{} ")
_DIRT: tuple[Callable[[str], str], ...] = (
    lambda text: "", lambda text: "inconnu", lambda text: text.strip()[:-1], lambda text: f"{text.strip()}5",
    lambda text: "01 44 27 67 89", lambda text: "6,12E+08",
)  # fmt: skip


def write_contact_file(path: Path, row_count: int, seed: int) -> Path:
    """Write a file of so many rows below its header, and return its path."""
    with path.open("w", encoding=ENCODING, newline="") as file:
        file.write(DELIMITER.join(COLUMNS) + "\r\n")
        file.writelines(f"{DELIMITER.join(cells)}\r\n" for cells in _rows(row_count, random.Random(seed)))
    return path


def _rows(row_count: int, dice: random.Random) -> Iterator[list[str]]:
    numbers = dice.sample(range(640_000_000, 690_000_000), row_count)
    for rank, number in enumerate(numbers):
        chance = dice.random()
        is_repeated = chance < _REPEATED and rank > 0
        text = _WAYS[rank % len(_WAYS)].format(numbers[dice.randrange(rank)] if is_repeated else number)
        if chance > 1 - _BAD:
            text = dice.choice(_DIRT)(text)
        yield [text, *_fields(rank, dice, is_whole=is_repeated)]


def _fields(rank: int, dice: random.Random, *, is_whole: bool) -> list[str]:
    """Return the other cells; a row that repeats a person has them all filled, so that the last one is what counts."""
    town = dice.choice(_TOWNS)
    chance = dice.random()
    if chance < _QUOTED:
        town = f'"{town}{DELIMITER} Cedex"' if chance < _DELIMITED else f'"{town}"'
    postcode = f"{dice.randrange(1000, 96000):05d}" if is_whole or dice.random() > _UNKNOWN_POSTCODE else ""
    return [
        dice.choice(_FIRST_NAMES), dice.choice(_LAST_NAMES), postcode, town,
        f"2026-0{rank % 9 + 1}-1{rank % 7}", dice.choice(_SOURCES), f"C{rank:08d}",
    ]  # fmt: skip
