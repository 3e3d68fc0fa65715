"""What the frames that enter the store look like: a last wall, behind the code that makes them."""

import pandera.pandas as pa

E164 = r"^\+[1-9][0-9]{6,14}$"

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
