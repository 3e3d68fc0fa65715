"""Contact files as nobody should send them; the same for a seed, and how many rows must be accounted for.

Each record is built to be known: a blank one is no row, a broken quote breaks its own line and no other, a quoted
cell may hold delimiters and line ends, and all else is one row, whatever stands in it.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from bench.cells import mutated_cells

HEADER = "Mobile;Prénom;Ville;Note"
ENDS = ("\n", "\n", "\r\n", "\r")
LONG = 40_000  # characters: more than a cell may have
LONG_EVERY = 80  # rounds of all kinds
CONTROLS = "\x00\x01\x07\x08\x0b\x0c\x0e\x1a\x1b\x1c\x1d\x1e\x1f\x7f\x80\x85\x9b"

BAD_NUMBERS: dict[str, tuple[str, ...]] = {
    "empty_number": ("", " ", "\u00a0", "''", '=""'),
    "not_a_number": ("-", "?", "²", "+", "#", "…", "①②③④⑤⑥⑦⑧⑨⑩"),
    "letters": ("inconnu", "Tel: 0612345678", "06 12 34 56 7O", "n/a", "NULL", "None", "NaN", "true"),
    "two_numbers": ("0612345678/0612345679", "06 12 34 56 78 ou 06 12 34 56 79", "0612345678,0612345679"),
    "too_short": ("0612345", "06 12", "+336", "+33"),
    "too_long": ("06123456789", "+3361234567890", "9" * 5_000, "1e9" * 30),
    "invalid_number": ("+99912345678", "+336999", "+33 0 00 00 00 00", "0000000000"),
    "not_mobile": ("0144276789", "+33 1 44 27 67 89", "+3227452345"),
    "premium": ("0899123456", "+33 891 12 34 56"),
    "short_code": ("36180", "3615", "17000"),
    "country_not_allowed": ("+12015550123", "+447400123456", "+4915123456789"),
    "excel_damage": ("6,12E+08", "3.36E+10", "########"),
}
"""Cells around each reason of ``msisdn.REASONS``."""

FORMULAS = (
    "=1+1", "+1+1", "-2+3", "@SUM(A1:A9)", "\tx", "=cmd|' /C calc'!A0", '=HYPERLINK("http://example.org";"clic")',
    "＝1+1", "'=1+1", "''@x", "=IMPORTXML(CONCAT(A1))", "%0A=1", "-", "+", "=",
)  # fmt: skip
CODE = (
    "'; DROP TABLE contact; --", "\" OR 1=1 --", "$(rm -rf /)", "`id`", "${HOME}", "{{ 7 * 7 }}", "{prenom}",
    "%s%n%x", "../../etc/passwd", "C:\\NUL", "\\u0000", "\\", "\\n", '{"a": {"b": [1, null]}}', "[]", "null", "true",
    "1e5", "NaN", "<script>alert(1)</script>", "&lt;&#0;", "# titre", "**gras**", "| a | b |", "```", "-----",
    "[lien](javascript:alert(1))", "![x](http://example.org/x.png)", "sep=,", "\ufeffMobile", "mobile", "row",
)  # fmt: skip
SCRIPTS = (
    "Zoé", "Łukasz", "Ωμέγα", "Дмитрий", "مرحبا", "שלום", "ﬁancée", "日本語", "한국어",
    "हिन्दी", "ไทย", "e\u0301te\u0301", "Ｆｕｌｌ", "\U0001f469\u200d\U0001f467", "🤖", "🇫🇷",
    "\u202eevil\u202c", "\u200b", "\u00a0", "a\u00a0b", "\u2028", "\u2029", "\ufeff", "\ufffd", "\u0378", "\U0010ffff",
    "Z\u0335\u0321\u0322a\u0336", "ß", "İ", "ı", "ǆ", "\u00ad", "\u2066x\u2069", "９９", "½",
)  # fmt: skip

BLANKS = ("", " ", ";;;", " ; ;; ", "\u00a0", '"";"";"";""', "\t", "\u3000;\u2003;;", ";")
BROKEN_QUOTES = (
    '0612345678;"Zoé"x;Lyon;', '0612345678;"Zoé" ;Lyon;', '"0612345678"";a;b;"c"x', '0612345678;"a""b"c;d;e',
    '0612345678;Zoé;"Ly"on";note', '"0612345678"+;"";"";""',
)  # fmt: skip
ODD_QUOTES = (
    '="0612345678";5" pouces;Lyon;12"', '0612345678;Zo"é;"Lyon";""', '"0612345678";"""";"""Lyon""";', '"";"";"";"x"',
    "0612345678;« Zoé »;“Lyon”;'", '0612345678;";";";;";"a;b"',
)  # fmt: skip
WRONG_COUNTS = (
    "0612345678", "0612345678;Zoé", "0612345678;Zoé;Lyon", "a;b;c;d;e", ";;;;x", "0612345678;;;;;;;;;;;;;;x", "\u200b",
)  # fmt: skip


class Record(NamedTuple):
    """Some lines of a file without the last line's end, and the rows that they are."""

    text: str
    row_count: int


Maker: TypeAlias = Callable[[random.Random], Record]


def hostile_file(row_count: int, seed: int) -> tuple[bytes, int]:
    """Return a UTF-8 file and how many rows it has: ``row_count``, or one more."""
    dice = random.Random(seed)
    lines, found = [HEADER + "\n"], 0
    records = _records(dice)
    while found < row_count:
        record = next(records)
        lines.append(record.text + dice.choice(ENDS))
        found += record.row_count
    return "".join(lines).encode(), found


def _records(dice: random.Random) -> Iterator[Record]:
    """Yield records for ever: every kind in turn, then as many mutated numbers in rows of odd texts."""
    numbers = _mutated_numbers(dice)
    for turn in itertools.count():
        yield from (make(dice) for make in KINDS)
        for _ in KINDS:
            yield _row([next(numbers), *dice.choices(SCRIPTS + CODE, k=3)])
        if turn % LONG_EVERY == 0:
            yield _row(["0612345678", dice.choice("aé👻") * LONG, "", ""])


def _mutated_numbers(dice: random.Random) -> Iterator[str]:
    while True:
        yield from mutated_cells("FR", 1_000, dice.getrandbits(32))


def _number(dice: random.Random) -> str:
    return f"06{dice.randrange(12_000_000, 13_000_000)}"


def _row(cells: list[str]) -> Record:
    """Return cells as one row (none, when all are blank), quoted where they would be read as more or less than one."""
    texts = ('"' + cell.replace('"', '""') + '"' if _needs_quotes(cell) else cell for cell in cells)
    return Record(";".join(texts), int(any(map(str.strip, cells))))


def _needs_quotes(cell: str) -> bool:
    return cell.startswith('"') or any(sign in cell for sign in ";\n\r")


def _one_of(texts: tuple[str, ...], row_count: int) -> Maker:
    return lambda dice: Record(dice.choice(texts), row_count)


def _cells_of(texts: tuple[str, ...]) -> Maker:
    return lambda dice: _row([_number(dice), *dice.choices(texts, k=3)])


def _bad_number(dice: random.Random) -> Record:
    return _row([dice.choice(BAD_NUMBERS[dice.choice(list(BAD_NUMBERS))]), "Zoé", "Lyon", ""])


def _formulas_only(dice: random.Random) -> Record:
    return _row(dice.choices(FORMULAS, k=4))


def _control_character(dice: random.Random) -> Record:
    cells = [_number(dice), "Zoé", "Lyon", "a note"]
    cells[dice.randrange(4)] += f"{dice.choice(CONTROLS)}x"
    return _row(cells)


def _lines_in_quotes(dice: random.Random) -> Record:
    return _row([_number(dice), f"a{dice.choice(ENDS)}b;{dice.choice(ENDS)}", "=1\n+1\n-1", '"'])


def _not_closed(dice: random.Random) -> Record:
    """Leave a quote open: that of the line below closes it, and the letter after that one breaks it."""
    return Record(f'{_number(dice)};"Zoé;Lyon;{dice.choice(ENDS)}{_number(dice)};"Zoé";Lyon;', 2)


KINDS: tuple[Maker, ...] = (
    _one_of(BLANKS, 0), _one_of((HEADER,), 1), _one_of(BROKEN_QUOTES, 1), _one_of(ODD_QUOTES, 1),
    _one_of(WRONG_COUNTS, 1), _not_closed,
    _lines_in_quotes, _control_character, _bad_number, _bad_number, _formulas_only, _cells_of(FORMULAS),
    _cells_of(CODE), _cells_of(SCRIPTS),
)  # fmt: skip
