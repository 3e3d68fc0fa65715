"""What a competent team writes in an afternoon for the same recap: DuckDB, pandas merges, ``re.sub``, smsutil, hashlib.

It is spared what ours does besides: why each contact is left out, legal hours and when a message leaves, what other
spellings would save, findings, previews, and the history of the campaign.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import smsutil

from schemas.draft import CampaignDraft

FIELD = re.compile(r"\{(\w+)(?:\|([^{}]*))?\}")
ENCODINGS = {"gsm0338": "GSM-7", "utf_16_be": "UCS-2"}
SLICE_SIZE = 500
CONTACTS = """
SELECT list_name AS origin, import_id, row_number, number_id, msisdn, territory, fields
FROM contact JOIN contact_list USING (list_id) WHERE list_name = ? ORDER BY number_id"""
LEFT_OUT = """
SELECT opt_out_key AS number_id FROM opt_out UNION SELECT number_id FROM dead_number UNION
SELECT number_id FROM contact JOIN contact_list USING (list_id) WHERE list_contains(?, list_name)"""
RECAP = """
INSERT INTO recap BY NAME SELECT
    ? AS campaign_id, 1 AS version, ? AS recap_hash, ? AS header, ? AS audience_count, audience_count AS message_count,
    0 AS exclusion_count, (SELECT sum(segment_count) FROM rows) AS segment_count, ? AS total_price, 'EUR' AS unit,
    get_current_timestamp() AS prepared_at"""
HASHED = ["number_id", "msisdn", "text", "encoding", "sender_id", "segment_count", "price", "territory", "client_ref"]


def prepare_plainly(
    store: Path, campaign_id: int, draft: CampaignDraft, prices: Mapping[str, Decimal], mentions: Mapping[str, str]
) -> str:
    """Write the messages and the recap of a campaign into a store; return the recap's hash.

    Args:
        store: the file.
        campaign_id: a new one.
        draft: its kind is marketing, and it has lists only.
        prices: of a segment, by territory.
        mentions: how to stop, by territory.
    """
    with duckdb.connect(str(store)) as connection:
        people = _audience(connection, draft)
        messages = _written(people, draft, mentions)
        messages["price"] = [
            prices[territory] * count
            for territory, count in zip(messages["territory"], messages["segment_count"], strict=True)
        ]
        messages["client_ref"] = [f"{campaign_id}-{number_id}" for number_id in messages["number_id"]]
        messages = _sliced(messages.assign(campaign_id=campaign_id, sender_id=draft.sender_id))
        digest = _hashed(messages, draft)
        _store(connection, messages, digest, draft)
    return digest


def _audience(connection: duckdb.DuckDBPyConnection, draft: CampaignDraft) -> pd.DataFrame:
    lists = [connection.execute(CONTACTS, [list_name]).df() for list_name in draft.lists]
    left_out = connection.execute(LEFT_OUT, [draft.exclude_lists]).df()
    people = pd.concat(lists).merge(left_out, on="number_id", how="left", indicator=True)
    return people[people["_merge"] == "left_only"].drop(columns="_merge").drop_duplicates("number_id")


def _written(people: pd.DataFrame, draft: CampaignDraft, mentions: Mapping[str, str]) -> pd.DataFrame:
    """Keep those whose text has all its values."""
    people["text"] = [
        _text(draft.text, json.loads(fields), mentions[territory])
        for fields, territory in zip(people["fields"], people["territory"], strict=True)
    ]
    messages = people.dropna(subset="text")
    sizes = pd.DataFrame(_sizes(messages["text"]), columns=["encoding", "segment_count"], index=messages.index)
    return messages.join(sizes)


def _text(template: str, fields: Mapping[str, str], mention: str) -> str | None:
    try:
        return FIELD.sub(lambda found: _value(found, fields), template) + mention
    except KeyError:
        return None


def _value(found: re.Match[str], fields: Mapping[str, str]) -> str:
    value = fields.get(found[1], "").strip() or found[2]
    if value is None:
        raise KeyError(found[1])
    return value


def _sizes(texts: "pd.Series[str]") -> Iterator[tuple[str, int]]:
    for text in texts:
        found = smsutil.split(text)
        yield ENCODINGS[found.encoding], len(found.parts)


def _sliced(messages: pd.DataFrame) -> pd.DataFrame:
    ordered = messages.sort_values(["territory", "number_id"])
    part = ordered.groupby("territory").cumcount() // SLICE_SIZE
    ordered["slice_no"] = ordered.assign(part=part).groupby(["territory", "part"]).ngroup() + 1
    return ordered


def _hashed(messages: pd.DataFrame, draft: CampaignDraft) -> str:
    digest = hashlib.sha256(draft.model_dump_json().encode())
    for row in messages[HASHED].itertuples(index=False, name=None):
        digest.update("\x1f".join(map(str, row)).encode())
    return digest.hexdigest()


def _store(connection: duckdb.DuckDBPyConnection, messages: pd.DataFrame, digest: str, draft: CampaignDraft) -> None:
    rows = messages.drop(columns="fields").assign(
        recipient_id=messages["number_id"], window_key=messages["territory"], price=messages["price"].astype(str)
    )
    total: Decimal = sum(messages["price"], Decimal(0))
    connection.register("rows", rows)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO message BY NAME SELECT * FROM rows")
    connection.execute(
        RECAP, [int(rows["campaign_id"].iloc[0]), digest, draft.model_dump_json(), len(rows), str(total)]
    )
    connection.execute("COMMIT")
