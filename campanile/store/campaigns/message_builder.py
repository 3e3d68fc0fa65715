"""Write a campaign's messages on scratch tables between two transactions: a million in seconds, without the lock.

The same rules as the pure functions of ``sms``, a column at a time: ``template.render``, ``territories.window_key``,
``segments.count_segments``.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from campanile.sms.errors import StoreError
from campanile.sms.rules.exclusions import QueuedWindow
from campanile.sms.schedule.forecast import Load
from campanile.sms.text.replacements import replace_characters
from campanile.sms.text.segment_column import ColumnScan, scan_column
from campanile.sms.text.template import Field, Template, as_sql
from campanile.store.campaigns.audience import Address
from campanile.store.db.queries import STATEMENTS
from campanile.store.db.statement_runner import StatementRunner

_BATCH = 10_000
_SCANS = ("recipient_no", "is_ucs2", "unit_count", "segment_count", "typography", "accents")
_COLUMNS = {
    "staged_terms": ("territory", "stop_mention", "segment_price"),
    "staged_addresses": ("territory", "postcode", "window_key"),
    "staged_queue": ("window_key", "first_no", "first_slice_no"),
}


@dataclass(frozen=True, slots=True)
class TerritoryTerms:
    """What a territory adds to a message: the STOP mention with its leading space, and the price of a segment."""

    stop_mention: str
    segment_price: str


@dataclass(frozen=True, slots=True)
class Routes:
    """STOP mention and price by territory, the ``window_key`` of each address, and the queue in slices."""

    terms: Mapping[str, TerritoryTerms]
    window_keys: Mapping[Address, str]
    queue: Sequence[QueuedWindow]
    slice_size: int


class _BrokenMessages(NamedTuple):
    no_number: int
    no_text: int
    no_segment: int
    no_price: int
    no_window: int


def write_texts(
    scratch: StatementRunner,
    template: Template,
    routes: Routes,
    level: str,
) -> Counter[str]:
    """Write each recipient's text, with the STOP mention of the territory, into ``staged_texts``, in queue order.

    A text that already ends with its mention is not changed; the text of a recipient without a value is NULL.

    Returns:
        The characters that force texts into UCS-2, and the number of texts with each.
    """
    *first_nos, end_no = accumulate((window.message_count for window in routes.queue), initial=1)
    rows: dict[str, list[tuple[Any, ...]]] = {
        "staged_terms": [
            (territory, each.stop_mention, each.segment_price) for territory, each in routes.terms.items()
        ],
        "staged_addresses": [(*address, key) for address, key in routes.window_keys.items()],
        "staged_queue": [
            (window.window_key, first_no, window.first_slice_no)
            for window, first_no in zip(routes.queue, first_nos, strict=True)
        ],
    }
    frames = {name: pd.DataFrame(found, columns=list(_COLUMNS[name]), dtype=object) for name, found in rows.items()}
    with scratch.staged("plan.queued", **frames):
        expression, pieces = as_sql(template)
        scratch.execute(_texts_query(template, expression), pieces | {"slice_size": routes.slice_size})
    return _measure(scratch, end_no - 1, level)


def stage_messages(scratch: StatementRunner, sender_id: str) -> list[Load]:
    """Make ``staged_messages``, one row a recipient with its price, and ``staged_exclusions``.

    Returns:
        The messages and segments of each window key, in the order of the queue.

    Raises:
        StoreError: a message is not valid; the code above makes valid ones only.
    """
    scratch.run("plan.stage_messages", sender_id=sender_id)
    scratch.run("plan.stage_exclusions")
    found = scratch.get(_BrokenMessages, "plan.broken_messages")
    broken = {rule: count for rule, count in found._asdict().items() if count}
    if broken:
        raise StoreError(f"messages are not valid: {broken}; nothing was stored")
    return scratch.select(Load, "plan.loads")


def longest_values(scratch: StatementRunner, template: Template) -> dict[str, str]:
    """Return the longest value of each merge field among the recipients, or its default if that is longer."""
    defaults = {part.name: part.default or "" for part in template.parts if isinstance(part, Field)}
    return {
        field: max(scratch.value("plan.longest_cell", cell_no=number), defaults[field], key=len)
        for number, field in enumerate(template.fields, start=1)
    }


def _texts_query(template: Template, expression: str) -> str:
    missing = [f"cells[{template.fields.index(field) + 1}] IS NULL" for field in template.defaulted]
    return f"""CREATE OR REPLACE TEMP TABLE staged_texts AS
        SELECT
            * EXCLUDE (body, cells, stop_mention, first_no, first_slice_no),
            first_slice_no + (recipient_no - first_no) // $slice_size AS slice_no,
            CASE WHEN ends_with(body, trim(stop_mention)) THEN body ELSE body || stop_mention END AS text
        FROM (
            SELECT *, {expression} AS body, {" OR ".join(missing) or "false"} AS is_defaulted
            FROM ({STATEMENTS["plan.queued"]})
        )"""  # noqa: S608 - the draft's words are parameters


def _measure(scratch: StatementRunner, recipient_count: int, level: str) -> Counter[str]:
    """Replace characters at the given level and measure every text into ``staged_sizes``; return what forces UCS-2."""
    forcing: Counter[str] = Counter()
    sizes, rewritten = [], []
    for first_no in range(1, recipient_count + 1, _BATCH):
        batch = scratch.columns("plan.texts", first_no=first_no, last_no=first_no + _BATCH - 1)
        numbers, texts = batch["recipient_no"], batch["text"].tolist()
        scan = scan_column(texts)
        if level != "off":
            expensive = np.flatnonzero(scan.is_ucs2).tolist()
            cheaper = {index: replace_characters(texts[index], level) for index in expensive}
            rewritten.append(pd.DataFrame([(numbers[index], text) for index, text in cheaper.items()]))
            scan = scan_column([cheaper.get(index, text) for index, text in enumerate(texts)])
        forcing.update(scan.forcing)
        sizes.append(_size_rows(numbers, scan))
    _stage(scratch, "plan.rewrite_texts", "staged_rewritten", ("recipient_no", "text"), rewritten)
    _stage(scratch, "plan.stage_sizes", "staged_scans", _SCANS, sizes)
    return forcing


def _size_rows(numbers: NDArray[np.int64], scan: ColumnScan) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "recipient_no": numbers,
            "is_ucs2": scan.is_ucs2,
            "unit_count": scan.unit_count,
            "segment_count": scan.segment_count,
            **scan.replaced_segment_counts,
        }
    )


def _stage(
    scratch: StatementRunner, statement: str, name: str, columns: Sequence[str], frames: Sequence[pd.DataFrame]
) -> None:
    """Run a statement that reads rows of these columns, also when there are none."""
    filled = [frame.set_axis(list(columns), axis=1) for frame in frames if not frame.empty]
    rows = pd.concat(filled) if filled else pd.DataFrame(columns=list(columns))
    with scratch.staged(statement, **{name: rows}):
        scratch.run(statement)
