"""What the frames that enter the store look like: a last wall, behind the code that makes them."""

import pandas as pd
import pandera.pandas as pa

E164 = r"^\+[1-9][0-9]{6,14}$"


def _valid_or_rejected(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["reason"].isna() == rows["msisdn"].notna()


#: One row a data row of a file, keyed by ``row_number``; a rejected one has a ``reason`` and no number.
IMPORT_ROWS = pa.DataFrameSchema(
    {
        "row_number": pa.Column(int, pa.Check.ge(1), unique=True),
        "raw_line": pa.Column(object),
        "reason": pa.Column(object, nullable=True),
        "number_id": pa.Column(object, nullable=True),
        "msisdn": pa.Column(object, pa.Check.str_matches(E164), nullable=True),
        "territory": pa.Column(object, nullable=True),
        "fields": pa.Column(object),
    },
    checks=pa.Check(_valid_or_rejected, error="a row is valid or rejected, never both, never neither"),
    coerce=True,
)

#: One row a recipient, keyed by ``recipient_id``; ``price`` is exact decimal text in the tariff's unit.
MESSAGES = pa.DataFrameSchema(
    {
        "recipient_id": pa.Column(int, pa.Check.gt(0), unique=True),
        "number_id": pa.Column(int, pa.Check.gt(0)),
        "msisdn": pa.Column(object, pa.Check.str_matches(E164)),
        "text": pa.Column(object, pa.Check.str_length(min_value=1)),
        "encoding": pa.Column(object, pa.Check.isin(["GSM-7", "UCS-2"])),
        "sender_id": pa.Column(object),
        "segment_count": pa.Column(int, pa.Check.ge(1)),
        "price": pa.Column(object, pa.Check.str_matches(r"^[0-9]+(\.[0-9]{1,6})?$")),
        "territory": pa.Column(object),
        "window_key": pa.Column(object),
        "slice_no": pa.Column(int, pa.Check.ge(1)),
        "origin": pa.Column(object),
    },
    coerce=True,
)
