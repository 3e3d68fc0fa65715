"""From a contact file's cells to rows an import can take: each valid, or rejected with one reason."""

import json
from collections.abc import Collection

import pandas as pd

from files.read import ContactFile
from sms.number_column import parse_column

#: Columns of a contact file's frame that are not merge fields.
_OWN_COLUMNS = ("row_number", "raw_line", "raw_number", "structure_reason")


def interpret_rows(contact_file: ContactFile, region: str, allowed: Collection[str]) -> pd.DataFrame:
    """Read every row's number and fields.

    A row whose structure is broken keeps that reason: its cells may have slipped into other columns.

    Returns:
        One row a data row, keyed by ``row_number``: ``raw_line``, ``reason`` (None when valid), ``number_id``,
        ``msisdn``, ``territory`` (missing when rejected) and ``fields``, the JSON of its filled merge fields.
    """
    frame = contact_file.frame
    numbers = parse_column(frame["raw_number"], region, allowed)
    reason = frame["structure_reason"].where(frame["structure_reason"].notna(), numbers["reason"])
    fields = frame.drop(columns=list(_OWN_COLUMNS))
    return pd.DataFrame(
        {
            "row_number": frame["row_number"],
            "raw_line": frame["raw_line"],
            "reason": reason.astype(object).where(reason.notna(), None),
            "number_id": numbers["number_id"],
            "msisdn": numbers["msisdn"],
            "territory": numbers["territory"],
            "fields": _filled_as_json(fields),
        }
    )


def _filled_as_json(fields: pd.DataFrame) -> list[str]:
    names = list(fields.columns)
    return [
        json.dumps({name: value for name, value in zip(names, row, strict=True) if value.strip()}, ensure_ascii=False)
        for row in fields.itertuples(index=False, name=None)
    ]
