"""Predictions as rows of a table: the same words in the recap and in the results."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages.figures import Figure, Money, Section, figure_text
from campanile.sms.predictions.campaign import Quantity
from schemas.result_rows import ScoredPrediction, StoredPrediction

#: The quantities in the order of the pages.
QUANTITY_WORDS: Mapping[Quantity, str] = {
    Quantity.COST: "cost of the messages",
    Quantity.DELIVERED: "delivered to the phone",
    Quantity.OPTED_OUT: "people who opt out (STOP)",
    Quantity.REPLIED: "people who reply",
    Quantity.ANSWERS_COST: "cost of automatic answers",
    Quantity.DURATION: "last message accepted",
}
_ORDER = list(QUANTITY_WORDS)
_AMOUNTS = (Quantity.COST, Quantity.ANSWERS_COST)
_CENT = Decimal("0.01")


def prediction_rows(predictions: Iterable[StoredPrediction], unit: str, zone: ZoneInfo) -> list[tuple[str, str, str]]:
    """Return for each prediction what it is of, its median and its interval, as plain text."""
    rows = []
    for row in sorted(predictions, key=_place):
        text = [figure_text(prediction_figure(row, end, unit), zone) for end in (row.median, row.low, row.high)]
        rows.append((QUANTITY_WORDS[row.quantity], text[0], _span(text[1], text[2])))
    return rows


def prediction_figure(row: StoredPrediction, value: Decimal, unit: str) -> Figure:
    """Return a value of a prediction as a figure; amounts are rounded to cents."""
    if row.quantity in _AMOUNTS:
        return Money(value.quantize(_CENT) if value >= _CENT else value, unit)
    return _moment(row, value) if row.quantity == Quantity.DURATION else int(value)


def scored_section(scored: Iterable[ScoredPrediction], unit: str, zone: ZoneInfo) -> Section:
    """Return the predictions of a recap beside what happened."""
    rows: list[tuple[Figure, ...]] = []
    counts = {"hit": 0, "miss": 0}
    for row in sorted(scored, key=lambda row: _place(row.predicted)):
        verdict = _verdict(row, zone)
        if verdict in counts:
            counts[verdict] += 1
        found = row.predicted
        ends = [figure_text(prediction_figure(found, end, unit), zone) for end in (found.low, found.high)]
        actual = None if row.actual is None else prediction_figure(found, row.actual, unit)
        median = prediction_figure(found, found.median, unit)
        rows.append((QUANTITY_WORDS[found.quantity], median, _span(*ends), actual, verdict))
    notes = [
        "Each was predicted by the recap, with an interval that is hit in 80 of 100 cases. The time of the last "
        "message was predicted again at the approval. Counts are those of three days after it."
    ]
    if sum(counts.values()):
        notes.append(f"So far {counts['hit']} hit, {counts['miss']} missed.")
    return Section("Predictions, scored", ["what", "predicted>", "80 % interval>", "happened>", "verdict"], rows, notes)


def _verdict(row: ScoredPrediction, zone: ZoneInfo) -> str:
    if row.actual is not None:
        return "hit" if row.is_hit else "miss"
    return "open" if row.settles_at is None else f"open until {figure_text(row.settles_at, zone)}"


def _moment(row: StoredPrediction, seconds: Decimal) -> datetime | None:
    return None if row.starts_at is None else row.starts_at + timedelta(seconds=float(seconds))


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _place(row: StoredPrediction) -> int:
    return _ORDER.index(row.quantity)
