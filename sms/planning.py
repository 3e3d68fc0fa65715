"""From contacts to messages: who gets one, its text, its price, its place in the queue.

Pure frames in, frames out. Each contact left out has exactly one reason, and each message one origin.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

import pandas as pd

from sms.errors import MissingField
from sms.segments import segment_column
from sms.tariff import Tariff
from sms.template import Template, render

#: Why a contact is left out, in the order the reasons are looked at; the words are the recap's.
EXCLUSION_REASONS = {
    "opted_out": "asked not to be written to (STOP)",
    "dead_number": "the operator said that the number does not exist",
    "excluded_list": "is on a list to leave out",
    "duplicate": "is already in the campaign, from another list",
    "missing_field": "has no value for a merge field without default",
}
_ORIGIN = ["number_id", "msisdn", "origin", "import_id", "row_number"]


def choose_recipients(candidates: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split candidates into those who get a message and those who do not.

    Args:
        candidates: one row a contact of each list, keyed by (origin, number_id), with ``is_opted_out``, ``is_dead``
            and ``is_excluded``; the first of a number is the one that is kept.

    Returns:
        The recipients, one row a number; and the exclusions, one row a contact, with ``reason``.
    """
    reason = pd.Series(None, index=candidates.index, dtype=object)
    for flag, code in (("is_opted_out", "opted_out"), ("is_dead", "dead_number"), ("is_excluded", "excluded_list")):
        reason = reason.mask(reason.isna() & candidates[flag].astype(bool), code)
    is_again = candidates["number_id"].where(reason.isna()).duplicated() & reason.isna()
    reason = reason.mask(is_again, "duplicate")
    exclusions = candidates[_ORIGIN].assign(reason=reason)[reason.notna()]
    return candidates[reason.isna()].reset_index(drop=True), exclusions


def write_texts(
    recipients: pd.DataFrame, template: Template, mention_of: Callable[[str], str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Render each recipient's text, with the STOP mention of the territory.

    A text that ends with its mention already is left as it is.

    Returns:
        The recipients with ``text``, ``encoding`` and ``segment_count``; and the exclusions for a missing field.
    """
    mentions = {territory: mention_of(territory) for territory in recipients["territory"].unique()}
    texts = [
        _text_or_none(template, fields, mentions[territory])
        for fields, territory in zip(recipients["fields"], recipients["territory"], strict=True)
    ]
    written = recipients.assign(text=pd.Series(texts, index=recipients.index, dtype=object))
    is_missing = written["text"].isna()
    exclusions = written[is_missing][_ORIGIN].assign(reason="missing_field")
    written = written[~is_missing].reset_index(drop=True)
    parts = segment_column(written["text"])
    return written.assign(encoding=parts["encoding"], segment_count=parts["segment_count"]), exclusions


def price_messages(messages: pd.DataFrame, tariff: Tariff) -> pd.DataFrame:
    """Add ``price``, exact decimal text in the tariff's unit.

    Raises:
        ConfigurationError: the tariff has no price for a territory; the line names it.
    """
    pairs = messages[["territory", "segment_count"]].drop_duplicates()
    prices = {
        (territory, segments): str(tariff.price(territory) * int(segments))
        for territory, segments in pairs.itertuples(index=False)
    }
    found = [prices[pair] for pair in messages[["territory", "segment_count"]].itertuples(index=False, name=None)]
    return messages.assign(price=found)


def queue_messages(messages: pd.DataFrame, closes_at: Mapping[str, datetime], slice_size: int) -> pd.DataFrame:
    """Order messages by the window that closes first and cut them into slices, none across two places.

    Returns:
        The messages with ``slice_no``, from 1.
    """
    order = {key: rank for rank, key in enumerate(sorted(closes_at, key=lambda key: (closes_at[key], key)))}
    queued = messages.assign(rank=messages["window_key"].map(order)).sort_values(["rank", "number_id"])
    part = queued.groupby("rank").cumcount() // slice_size
    slice_no = queued.assign(part=part).groupby(["rank", "part"]).ngroup() + 1
    return queued.assign(slice_no=slice_no).drop(columns="rank").reset_index(drop=True)


def _text_or_none(template: Template, fields: str, mention: str) -> str | None:
    try:
        text = render(template, json.loads(fields))
    except MissingField:
        return None
    return text if text.endswith(mention.strip()) else text + mention
