"""What the frames that enter the store look like; each docstring gives grain and key."""

import pandera.pandas as pa
from pandera.typing import Series

E164 = r"^\+[1-9][0-9]{6,14}$"


class ImportRows(pa.DataFrameModel):
    """One row a data row of a file, keyed by ``row_number``; a rejected one has a ``reason`` and no number."""

    class Config:  # noqa: D106
        coerce = True

    row_number: Series[int] = pa.Field(ge=1, unique=True)
    raw_line: Series[object]
    reason: Series[object] = pa.Field(nullable=True)
    number_id: Series[object] = pa.Field(nullable=True)
    msisdn: Series[object] = pa.Field(nullable=True, str_matches=E164)
    fields: Series[object]

    @pa.dataframe_check
    def has_number_or_reason(cls, rows: object) -> object:  # noqa: N805 - pandera's own form
        """Each row is valid or rejected, never both, never neither."""
        return rows["reason"].isna() == rows["msisdn"].notna()  # type: ignore[index]


class Messages(pa.DataFrameModel):
    """One row a recipient, keyed by ``recipient_id``; ``price`` is exact decimal text in the tariff's unit."""

    class Config:  # noqa: D106
        coerce = True

    recipient_id: Series[int] = pa.Field(gt=0, unique=True)
    number_id: Series[int] = pa.Field(gt=0)
    msisdn: Series[object] = pa.Field(str_matches=E164)
    text: Series[object] = pa.Field(str_length={"min_value": 1})
    encoding: Series[object] = pa.Field(isin=["GSM-7", "UCS-2"])
    segment_count: Series[int] = pa.Field(ge=1)
    price: Series[object] = pa.Field(str_matches=r"^[0-9]+(\.[0-9]{1,6})?$")
    territory: Series[object]
    window_key: Series[object]
    slice_no: Series[int] = pa.Field(ge=1)
    origin: Series[object]
