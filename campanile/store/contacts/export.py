"""Export people: each field has the column name of the imported file, so that a CRM recognises it."""

import json
from collections.abc import Iterable, Mapping

import pandas as pd

from campanile.store.db.database import Transaction
from campanile.store.db.queries import STATEMENTS, json_pointer


def export_messages(tx: Transaction, campaign_id: int) -> pd.DataFrame:
    """Return every message of a campaign with its state, and the fields of its person.

    One row a message, keyed by ``client_ref``, in the order of files and rows: the columns of ``message.export``, then
    each field of the people of lists under the name of ``field_columns``; typed numbers have no fields. A person who is
    no longer in the list has the fields of the file's row. Amounts and fields are text.
    """
    people = STATEMENTS["message.fields"]
    keys = tx.execute(
        f"SELECT DISTINCT unnest(json_keys(fields)) AS field FROM ({people}) AS people ORDER BY field",  # noqa: S608
        {"campaign_id": campaign_id},
    ).fetchall()
    names = headers(tx.values("message.column_maps", campaign_id=campaign_id))
    taken = tx.frame("message.export", campaign_id=-1).columns
    columns = ["exported.*", *field_columns([field for (field,) in keys], names, taken)]
    found = tx.execute(
        f"SELECT {', '.join(columns)} FROM ({STATEMENTS['message.export']}) AS exported "  # noqa: S608 - all quoted
        f"LEFT JOIN ({people}) AS people ON people.client_ref = exported.client_ref "
        "ORDER BY exported.import_id, exported.row_number, exported.client_ref",
        {"campaign_id": campaign_id},
    )
    return pd.DataFrame(found.fetchall(), columns=[column[0] for column in found.description])


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
