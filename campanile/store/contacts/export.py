"""Export people: each field has the column name of the imported file, so that a CRM recognises it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from campanile.store.db.database import Transaction
from campanile.store.db.parquet import write_parquet
from campanile.store.db.queries import STATEMENTS, json_pointer

#: Columns that join a row with its person, and are not exported.
_KEYS = ("number_id",)


def export_people(tx: Transaction, statement: str, campaign_id: int, path: Path) -> None:
    """Write the rows of a statement ``result.…`` with the fields of their people to a Parquet file.

    In the order of files and rows: the columns of the statement, then each field of the people of lists under the name
    of ``field_columns``; typed numbers have no fields. A person who is no longer in the list has the fields of the
    file's row. Amounts and fields are text.
    """
    people = STATEMENTS["result.fields"]
    keys = tx.execute(
        f"SELECT DISTINCT unnest(json_keys(fields)) AS field FROM ({people}) AS people ORDER BY field",  # noqa: S608
        {"campaign_id": campaign_id},
    ).fetchall()
    names = headers(tx.values("result.column_maps", campaign_id=campaign_id))
    taken = tx.frame(statement, campaign_id=-1).columns
    columns = [f"exported.* EXCLUDE ({', '.join(_KEYS)})"]
    columns += field_columns([field for (field,) in keys], names, taken)
    write_parquet(
        tx,
        f"SELECT {', '.join(columns)} FROM ({STATEMENTS[statement]}) AS exported "  # noqa: S608 - all quoted
        f"LEFT JOIN ({people}) AS people "
        "ON people.import_id = exported.import_id AND people.row_number = exported.row_number "
        "ORDER BY exported.import_id, exported.row_number, exported.client_ref, exported.number_id",
        {"campaign_id": campaign_id},
        path,
    )


def headers(column_maps: Iterable[str]) -> dict[str, str]:
    """Return the column name of each field, from the JSON (column name -> field) of files; the last file wins."""
    return {field: name for text in column_maps for name, field in json.loads(text).items()}


def field_columns(fields: Iterable[str], names: Mapping[str, str], taken: Iterable[str]) -> list[str]:
    """Return the SQL of a column for each field of the JSON ``fields``.

    A column has the name that ``names`` gives its field. If another column has this name, in any letter case, the
    column has the name of the field; if that is taken too, the name of the field after ``field_``.
    """
    used = {name.casefold() for name in taken}
    columns = []
    for field in fields:
        wished = (names.get(field, field), field, f"field_{field}")
        name = next(each for each in wished if each.strip() and each.casefold() not in used)
        used.add(name.casefold())
        columns.append(f"fields ->> {literal(json_pointer(field))} AS {_identifier(name)}")
    return columns


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
