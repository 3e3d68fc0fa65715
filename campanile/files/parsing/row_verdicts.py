"""The verdict of each row of a table: its number, or the reason why the row is rejected."""

# ruff: noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.number_column_candidates import sample_cells
from campanile.files.parsing.read_table import Reading, Tell
from campanile.files.parsing.repeated_headers import REPEATED_HEADER, check_one_table, repeated_headers
from campanile.sms.numbers.column import CellVerdict, has_lost_pluses, parse_joined, with_pluses
from campanile.sms.numbers.digits import SEPARATOR

_BLOCK = 200_000  # rows


def judge_rows(reading: Reading, region: str, allowed: Collection[str] | None, tell: Tell) -> tuple[str, ...]:
    """Make what is known of the numbers, in the engine of the table; blank rows are left out.

    ``numbered`` is keyed by the ``ordinal`` of ``cells``: ``row_number``, ``number_id`` (0 when there is none) and the
    ``code`` of ``verdicts``, which has the ``territory``, or the ``reason`` why there is no number. ``rejects`` is
    keyed by ``ordinal`` too: ``row_number``, ``reason``, and the cell, ``number``.

    Args:
        reading: its table gets them.
        region: where numbers that name no country are read.
        allowed: territories; None allows all.
        tell: is told how far it is.

    Returns:
        What a person should know of how they were read, a sentence each.

    Raises:
        ContactFileError: a second table begins below the first.
        ConfigurationError: ``region`` is no country code.
        RuntimeError: the engine read other lines than were given to it.
    """
    table, row_numbers = reading.table, reading.row_numbers
    is_blank = _read_numbers(table, reading.layout.number, len(row_numbers))
    lost_pluses = has_lost_pluses(sample_cells(table, reading.layout.number), region)
    mended = 0
    code_of: dict[CellVerdict, int] = {}
    ids, codes = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for start in range(0, len(row_numbers), _BLOCK):
        joined = _joined(table, start)
        found = parse_joined(joined, region, allowed)
        if lost_pluses:
            home, found = found, with_pluses(found, joined, region, allowed)
            mended += int(np.count_nonzero(found.number_ids != home.number_ids))
        own_codes = np.array([code_of.setdefault(verdict, len(code_of)) for verdict in found.verdicts], dtype=np.int64)
        ids.append(found.number_ids)
        codes.append(own_codes[found.codes])
        tell(f"{min(start + _BLOCK, len(row_numbers))} of {len(row_numbers)} numbers read")
    ordinals = np.flatnonzero(~is_blank)
    numbered = {"row_number": row_numbers, "number_id": np.concatenate(ids), "code": np.concatenate(codes)}
    repeated = repeated_headers(reading)
    if len(repeated):
        numbered["code"][repeated] = code_of.setdefault(CellVerdict(None, None, REPEATED_HEADER), len(code_of))
    table.engine.register(
        "numbered", {"ordinal": ordinals, **{name: values[ordinals] for name, values in numbered.items()}}
    )
    table.engine.execute("CREATE TABLE verdicts (code BIGINT, territory VARCHAR, reason VARCHAR)")
    for verdict, code in code_of.items():
        table.engine.execute("INSERT INTO verdicts VALUES (?, ?, ?)", [code, verdict.territory, verdict.reason])
    table.engine.execute(
        "CREATE TABLE rejects AS SELECT ordinal, row_number, reason, number "
        "FROM numbered JOIN verdicts USING (code) JOIN numbers USING (ordinal) WHERE reason IS NOT NULL"
    )
    check_one_table(reading)
    if not mended:
        return ()
    return (f"{mended} numbers have their country code without a plus, as nearly all of this column: read with it.",)


def _read_numbers(table: CellTable, position: int, row_count: int) -> NDArray[np.bool_]:
    """Make ``numbers``, and return of each ordinal whether nothing stands in its row."""
    nothing = " AND ".join(f"coalesce(strip({name}), '') = ''" for name in table.columns)
    number = table.columns[position]
    table.engine.execute(f"""
        CREATE TABLE numbers AS
        SELECT ordinal, CASE WHEN {number} BETWEEN '!' AND '~' THEN false ELSE {nothing} END AS is_blank,
            {table.raw(position)} AS number
        FROM cells
    """)
    read = table.engine.execute("SELECT ordinal, is_blank FROM numbers").fetchnumpy()
    if not np.array_equal(read["ordinal"], np.arange(row_count)):
        raise RuntimeError(f"{row_count} lines were given to the engine; it read {len(read['ordinal'])}")
    return np.asarray(read["is_blank"], dtype=np.bool_)


def _joined(table: CellTable, start: int) -> str:
    query = "SELECT string_agg(number, chr(?)) FROM (SELECT number FROM numbers WHERE rowid >= ? AND rowid < ?)"
    return str(table.engine.execute(query, [ord(SEPARATOR), start, start + _BLOCK]).fetchall()[0][0])
