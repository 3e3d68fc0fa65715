"""Who agreed to marketing by SMS, as the consent and opt-out columns of a file say.

A row that says no, or nothing that can be read, is no marketing contact.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

# ruff: noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.column_aliases import FIELD_NAMES, OPT_OUT_DATE_NAMES
from campanile.files.parsing.column_mapping import CONSENT_FIELD, OPT_OUT_FIELD, Layout, field_name, header_key
from campanile.files.parsing.consent_aliases import (
    CONSENT_WORDS,
    KNOWN_WORDS,
    NO_OPT_OUT_WORDS,
    is_consent_key,
    is_opt_out_key,
    looks_like_consent,
)
from campanile.sms.text.masking import mask_numbers

CONSENT_BY_FIELD = f"{CONSENT_FIELD}_by"

_OPT_OUT_DATES = OPT_OUT_DATE_NAMES - {"date", "datum", "saidat"}
_MAX_VALUES = 10_000  # distinct ones of a column, the most frequent first; what is beyond cannot be read
_LONGEST_VALUE = 40
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ConsentCount:
    """What a consent or opt-out column says of the valid rows; empty and unreadable cells are counted among the others.

    An empty or unreadable cell of a consent column is no consent; an empty cell of an opt-out column is no opt-out, an
    unreadable one is.
    """

    column: str
    is_opt_out: bool
    may_count: int
    no_count: int
    empty_count: int
    unreadable_count: int
    unreadable_examples: tuple[str, ...]


def consent_columns(column_map: Mapping[str, str]) -> dict[str, bool]:
    """Return the columns that are read for consent, and of each whether it is an opt-out column.

    Args:
        column_map: column name -> our field.
    """
    return {name: kind for name, field in column_map.items() if (kind := _kind(name, field)) is not None}


def unread_consent_columns(column_map: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that look like consent and are not read for it; one that a person mapped is settled."""
    read = consent_columns(column_map)
    return tuple(
        name
        for name, field in column_map.items()
        if name not in read and _is_own(name, field) and looks_like_consent(header_key(name))
    )


def unread_words(subject: str, columns: Sequence[str]) -> str:
    """Return what to do about such columns of a file or a list."""
    listed = ", ".join(map(repr, columns))
    return (
        f"Columns of {subject} that look like consent and are not known, so they are not read: {listed}. People who "
        "say no there get marketing. If one says who agreed, or who wants no messages, import the file with "
        "columns={'sms_consent': '…'} or columns={'sms_opt_out': '…'}."
    )


def may_write(value: str, is_opt_out: bool) -> bool:
    """Tell whether a filled cell lets us write: ``oui`` in a consent column does, ``maybe`` in neither.

    >>> may_write("Unsubscribed", False), may_write("0", True), may_write("see the file", True)
    (False, True, False)
    """
    return _folded(value) in (NO_OPT_OUT_WORDS if is_opt_out else CONSENT_WORDS)


def read_consent(table: CellTable, header: Sequence[str], layout: Layout) -> tuple[dict[str, str], list[ConsentCount]]:
    """Read the consent and opt-out columns of a table whose rows are numbered.

    Returns:
        The SQL of two more merge fields, ``sms_consent`` (yes or no) and ``sms_consent_by`` (the column that says so;
        of several the first that says no), none when no column is read; and the counts of each column.
    """
    positions = {header[position]: position for position in layout.fields}
    column_map = {header[position]: field for position, field in layout.fields.items()}
    read = {positions[name]: is_opt_out for name, is_opt_out in consent_columns(column_map).items()}
    if not read:
        return {}, []
    table.engine.execute("CREATE TABLE consent_names (position BIGINT, name VARCHAR)")
    table.engine.execute("CREATE TABLE consent_values (position BIGINT, cell VARCHAR)")
    counts = [_read_column(table, position, header[position], is_opt_out) for position, is_opt_out in read.items()]
    says_no = {position: f"NOT ({_may(table, position, is_opt_out)})" for position, is_opt_out in read.items()}
    names = {position: f"(SELECT name FROM consent_names WHERE position = {position})" for position in read}
    whens = " ".join(f"WHEN {no} THEN {names[position]}" for position, no in says_no.items())
    return {
        CONSENT_FIELD: f"CASE WHEN {' OR '.join(says_no.values())} THEN 'no' ELSE 'yes' END",
        CONSENT_BY_FIELD: f"CASE {whens} ELSE {names[min(read)]} END",
    }, counts


def _read_column(table: CellTable, position: int, name: str, is_opt_out: bool) -> ConsentCount:
    values = table.engine.execute(f"""
        SELECT {table.field(position)} AS cell, count(*) AS times
        FROM cells JOIN numbered USING (ordinal) JOIN verdicts USING (code) WHERE reason IS NULL
        GROUP BY cell ORDER BY times DESC, cell LIMIT {_MAX_VALUES}
    """).fetchall()
    (row_count,) = table.engine.execute(
        "SELECT count(*) FROM numbered JOIN verdicts USING (code) WHERE reason IS NULL"
    ).fetchall()[0]
    may = [(cell, times) for cell, times in values if cell and may_write(cell, is_opt_out)]
    odd = [cell for cell, _ in values if cell and _folded(cell) not in KNOWN_WORDS]
    empty = sum(times for cell, times in values if not cell)
    table.engine.execute("INSERT INTO consent_names VALUES (?, ?)", [position, name])
    for cell, _ in may:
        table.engine.execute("INSERT INTO consent_values VALUES (?, ?)", [position, cell])
    may_count = sum(times for _, times in may) + (empty if is_opt_out else 0)
    known = sum(times for cell, times in values if cell and _folded(cell) in KNOWN_WORDS)
    return ConsentCount(
        column=name,
        is_opt_out=is_opt_out,
        may_count=may_count,
        no_count=row_count - may_count,
        empty_count=empty,
        unreadable_count=row_count - empty - known,
        unreadable_examples=tuple(mask_numbers(cell)[:_LONGEST_VALUE] for cell in odd[:_SHOWN]),
    )


def _may(table: CellTable, position: int, is_opt_out: bool) -> str:
    cell = table.field(position)
    listed = f"(SELECT cell FROM consent_values WHERE position = {position})"
    return f"{cell} IS NULL OR {cell} IN {listed}" if is_opt_out else f"coalesce({cell}, '') IN {listed}"


def _kind(name: str, field: str) -> bool | None:
    """Return whether a column is an opt-out column; None when it is read for no consent."""
    key = header_key(name)
    if field in (CONSENT_FIELD, OPT_OUT_FIELD):
        return field == OPT_OUT_FIELD
    if not _is_own(name, field) or key in FIELD_NAMES:
        return None
    if is_opt_out_key(key) or key in _OPT_OUT_DATES:
        return True
    return False if is_consent_key(key) else None


def _is_own(name: str, field: str) -> bool:
    """Tell whether a column has the field that its name gives, so that no person chose another."""
    return field in (field_name(name), f"file_{field_name(name)}")


def _folded(value: str) -> str:
    """Return a cell as the words of ``consent_names`` are written; 1.0 is 1."""
    plain = value.strip()
    if plain[-2:] in (".0", ",0"):
        plain = plain[:-2]
    return header_key(plain)
