"""Which column is what, by one table of names; accents, case, spaces and punctuation are ignored.

A file with no number column, with the same name twice, or with two number columns of which neither names nor cells
tell the mobile one is refused and shown its columns: a guess would write to the wrong person.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from campanile.files.parsing.column_aliases import ACTIVITY_DAYS, FIELD_NAMES, number_rank
from campanile.files.parsing.homoglyphs import check_homoglyphs
from campanile.sms.errors import ContactFileError

NUMBER_FIELD = "msisdn"
CONSENT_FIELD, OPT_OUT_FIELD = "sms_consent", "sms_opt_out"  # a person may say which columns they are
MAX_COLUMNS = 16_384  # what a sheet of Excel can hold
REJECT_COLUMNS: tuple[str, ...] = ("row", "reason", "what to do")
RESERVED_FIELDS = frozenset(
    {"row_number", "raw_line", "raw_number", "structure_reason", NUMBER_FIELD, "number_id", "territory"}
    | {CONSENT_FIELD, f"{CONSENT_FIELD}_by", OPT_OUT_FIELD}
    | set(ACTIVITY_DAYS.values())
)
_CHOSEN_RESERVED = frozenset({NUMBER_FIELD, CONSENT_FIELD, OPT_OUT_FIELD})

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
_FIELD = re.compile(r"[^\W\d_][\w]*")
_MAX_PLAIN_NAME = 64
_NUMBER_DIGITS = 7
_MAX_LISTED = 40


@dataclass(frozen=True)
class Layout:
    """Where each field stands: positions in the header, the number's own among them."""

    number: int
    fields: dict[int, str]


def header_key(name: str) -> str:
    """Return a column name without accents, case, spaces and punctuation."""
    return field_name(name).replace("_", "")


def field_name(name: str) -> str:
    """Return a column name as a merge field: ``N° client`` is ``n_client``."""
    folded = unicodedata.normalize("NFKD", name.casefold().translate(_LIGATURES))
    spaced = "".join(
        character if character.isalnum() else " " for character in folded if not unicodedata.combining(character)
    )
    return "_".join(spaced.split())


def is_number_name(name: str) -> bool:
    """Tell whether a column name is one of a number column; ``Tel 2`` is."""
    return rank_of(name) is not None


def rank_of(name: str) -> int | None:
    """Return the rank of a number column's name, as ``column_aliases.number_rank`` has it; None: it is none."""
    return number_rank(header_key(name))


def header_score(cells: Sequence[str]) -> tuple[bool, int, int]:
    """Return whether a cell names a number column, how many are known names, and how many could be a name."""
    numbers = sum(map(is_number_name, cells))
    known = numbers + sum(header_key(cell) in FIELD_NAMES for cell in cells)
    return (
        numbers > 0,
        known,
        sum(0 < len(cell.strip()) <= _MAX_PLAIN_NAME and any(map(str.isalpha, cell)) for cell in cells),
    )


def is_rejects_header(names: Sequence[str]) -> bool:
    """Tell whether a header ends in the three columns that a rejects file adds."""
    return tuple(names[-3:]) == REJECT_COLUMNS


def without_reject_columns(names: Sequence[str]) -> list[str]:
    """Return a header without the three columns that a rejects file adds at its end."""
    return list(names[:-3] if is_rejects_header(names) else names)


def looks_like_number(cell: str) -> bool:
    """Tell whether a cell holds digits enough for a number and no letter."""
    return has_number_digits(cell) and not any(map(str.isalpha, cell))


def has_number_digits(cell: str) -> bool:
    """Tell whether a cell holds digits enough for a number."""
    return sum(map(str.isdigit, cell)) >= _NUMBER_DIGITS


def map_columns(
    header: Sequence[str],
    columns: Mapping[str, str] | None = None,
    choose: Callable[[list[int]], int | None] = lambda _: None,
) -> Layout:
    """Return the field of each named column of a header; a blank name has none.

    Args:
        header: the names as the file has them.
        columns: our field name -> column of the file, which overrides the tables.
        choose: says by their cells which of some positions is the number; None: it cannot tell.

    Raises:
        ContactFileError: no number column or two, a name or a field twice, too many, or ``columns`` does not fit.
    """
    if len(header) > MAX_COLUMNS:
        raise ContactFileError(f"it has {len(header)} columns; allowed: up to {MAX_COLUMNS}")
    _check_header_is_no_data(header)
    check_homoglyphs(header)
    _check_distinct(header)
    chosen = _chosen_positions(header, columns or {})
    number = chosen.pop(NUMBER_FIELD) if NUMBER_FIELD in chosen else _find_number(header, set(chosen.values()), choose)
    fields = {number: NUMBER_FIELD} | {position: field for field, position in chosen.items()}
    named = [position for position, name in enumerate(header) if name.strip() and position not in fields]
    fields |= {position: _own_field(header[position], position, chosen) for position in named}
    _check_one_column_a_field(header, fields)
    return Layout(number, dict(sorted(fields.items())))


def named_number(header: Sequence[str], names: Sequence[str]) -> Mapping[str, str] | None:
    """Return which column has the number by the first of these header keys that is there; None: none is."""
    found = {header_key(name): name for name in reversed(header)}
    return next(({NUMBER_FIELD: found[key]} for key in names if key in found), None)


def has_columns(header: Sequence[str], columns: Mapping[str, str]) -> bool:
    """Tell whether a header has each of the columns that are asked for, once."""
    return all(len(_positions_of(header, name)) == 1 for name in columns.values())


def _check_header_is_no_data(header: Sequence[str]) -> None:
    for position, name in enumerate(header, start=1):
        if sum(map(str.isdigit, name)) >= 6 and not any(map(str.isalpha, name)):
            raise ContactFileError(
                f"no header: its first line holds a number in column {position} where the names of the columns "
                "should stand; add a line such as 'telephone;prenom;nom'"
            )


def _check_distinct(header: Sequence[str]) -> None:
    times = Counter(name.strip() for name in header if name.strip())
    twice = [position for position, name in enumerate(header) if times[name.strip()] > 1]
    if twice:
        raise ContactFileError(f"the same column name twice: {_columns(header, twice)}; {shown_columns(header)}")


def _chosen_positions(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    check_columns(columns)
    positions = {field: _position_of(header, name) for field, name in columns.items()}
    if len(set(positions.values())) < len(positions):
        raise ContactFileError(f"columns= gives one column to two fields: {_listed(columns.values())}")
    return positions


def check_columns(columns: Mapping[str, str]) -> None:
    """Refuse a mapping with something else than our fields.

    Raises:
        ContactFileError: it names the field, and says what is allowed.
    """
    for field, name in columns.items():
        if not _FIELD.fullmatch(field) or field != field_name(field) or field in RESERVED_FIELDS - _CHOSEN_RESERVED:
            raise ContactFileError(
                f"columns= has {field!r} as a field; allowed: field: column, such as {{'msisdn': {name!r}}}, "
                "with fields in small letters, digits and _"
            )


def _position_of(header: Sequence[str], name: str) -> int:
    found = _positions_of(header, name)
    if len(found) != 1:
        raise ContactFileError(f"columns= asks for {name!r}, found {len(found)} times; {shown_columns(header)}")
    return found[0]


def _positions_of(header: Sequence[str], name: str) -> list[int]:
    exact = [position for position, other in enumerate(header) if other.strip() == name.strip()]
    return exact or [
        position for position, other in enumerate(header) if other.strip() and header_key(other) == header_key(name)
    ]


def _find_number(header: Sequence[str], taken: set[int], choose: Callable[[list[int]], int | None]) -> int:
    found = [position for position, name in enumerate(header) if position not in taken and is_number_name(name)]
    number = choose(found) if found else None
    if number is not None:
        return number
    if len(found) == 1 and header_key(header[found[0]]) != "sms":
        return found[0]
    problem = f"two number columns or more: {_columns(header, found)}" if len(found) > 1 else "no number column"
    raise ContactFileError(f"{problem}; say which with columns={{'{NUMBER_FIELD}': '…'}}; {shown_columns(header)}")


def _own_field(name: str, position: int, chosen: Mapping[str, int]) -> str:
    standard = FIELD_NAMES.get(header_key(name))
    if standard and standard not in chosen:
        return standard
    field = field_name(name) or f"column_{position + 1}"
    is_free = field not in RESERVED_FIELDS and field not in chosen and _FIELD.fullmatch(field)
    return field if is_free else f"file_{field}"


def _check_one_column_a_field(header: Sequence[str], fields: Mapping[int, str]) -> None:
    by_field: dict[str, list[int]] = {}
    for position, field in fields.items():
        by_field.setdefault(field, []).append(position)
    for field, positions in by_field.items():
        if len(positions) > 1:
            raise ContactFileError(
                f"{_columns(header, positions)} would all be the field {field!r}; say which with "
                f"columns={{{field!r}: '…'}} or rename one; {shown_columns(header)}"
            )


def shown_columns(header: Sequence[str]) -> str:
    """Return the columns of a file for an error: their names where one of them is known, else only how many.

    A first line without a known name may be no header at all, but a person's data: it is not quoted.
    """
    named = [position for position, name in enumerate(header) if name.strip()]
    if not _has_known_name(header):
        return f"its first line has {len(named)} columns, none with a known name: is it a header?"
    return f"columns of the file: {_columns(header, named)}"


def _has_known_name(header: Sequence[str]) -> bool:
    return any(is_number_name(name) or header_key(name) in FIELD_NAMES for name in header)


def _columns(header: Sequence[str], positions: Sequence[int]) -> str:
    """Return columns by their names, or by their positions where the first line may be no header."""
    if _has_known_name(header):
        return _listed(dict.fromkeys(header[position].strip() for position in positions))
    return "columns " + ", ".join(str(position + 1) for position in positions[:_MAX_LISTED])


def _listed(names: Iterable[str]) -> str:
    every = [repr(name[:_MAX_PLAIN_NAME]) for name in names]
    return ", ".join(every[:_MAX_LISTED]) + (
        f" and {len(every) - _MAX_LISTED} more" if len(every) > _MAX_LISTED else ""
    )
