"""A campaign's messages, written on scratch tables between two visits: a million in seconds, and nobody waits.

The same rules as the pure functions of ``sms``, a column at a time: ``sms.template.render``, ``sms.places.window_key``,
``sms.segments.count_segments``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sms.errors import StoreError
from sms.forecast import Load
from sms.planning import QueuedPlace
from sms.replacements import replace_characters
from sms.segment_scan import ColumnScan
from sms.segments import scan_column
from sms.template import Field, Template, as_sql
from store.database import Transaction
from store.lists import list_id_of
from store.statements import STATEMENTS, json_pointer
from store.workbench import Workbench

_BATCH = 10_000
_POSTCODE = "postcode"
_SCANS = {"recipient_no": "BIGINT", "is_ucs2": "BOOLEAN"} | dict.fromkeys(
    ("unit_count", "segment_count", "typography", "accents"), "INTEGER"
)
_TYPES = {
    "staged_places": dict.fromkeys(("territory", "stop_mention", "segment_price"), "VARCHAR"),
    "staged_addresses": dict.fromkeys(("territory", "postcode", "window_key"), "VARCHAR"),
    "staged_queue": {"window_key": "VARCHAR", "first_no": "BIGINT", "first_slice_no": "BIGINT"},
}
_REWRITTEN = {"recipient_no": "BIGINT", "text": "VARCHAR"}


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is asked for, and the rules that leave somebody out.

    ``typed`` has one row a typed number: row_number, number_id, territory. ``honours_refusals``: who says no in
    the file of any of the lists gets nothing from any source. ``seen_since``: who gave no sign of life
    since is inactive. ``most_messages`` since ``counted_since``: who had as many is left out. None: no such rule.
    """

    campaign: str
    lists: Sequence[str]
    typed: pd.DataFrame
    exclude_lists: Sequence[str] = ()
    honours_opt_outs: bool = True
    honours_refusals: bool = False
    needs_legal_basis: bool = False
    seen_since: datetime | None = None
    most_messages: int | None = None
    counted_since: datetime | None = None


class Address(NamedTuple):
    """Where a recipient is, as far as number and file tell."""

    territory: str
    postcode: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """What a territory adds to a message: the STOP mention with its leading space, and the price of a segment."""

    stop_mention: str
    segment_price: str


@dataclass(frozen=True, slots=True)
class Routes:
    """Where messages go: terms by territory, the ``window_key`` of each address, and the queue of places in slices."""

    places: Mapping[str, Place]
    window_keys: Mapping[Address, str]
    queue: Sequence[QueuedPlace]
    slice_size: int


def fields_of(visit: Transaction, lists: Sequence[str], template: Template) -> list[str]:
    """Return the merge fields that the people of lists have: those of the template, or all when one of them is none.

    Raises:
        CampaignError: a list does not exist.
    """
    list_ids = _ids_of(visit, lists)
    if all(visit.row("audience.has_field", list_ids=list_ids, pointer=json_pointer(name)) for name in template.fields):
        return list(template.fields)  # the usual case: a million people need not be read for it
    return [row["field"] for row in visit.rows("audience.field_names", list_ids=list_ids)]


def stage_candidates(visit: Transaction, audience: Audience) -> None:
    """Read who may get a message into ``staged_candidates``.

    One row a contact of each list and a typed number; each has one ``reason`` to be left out, or none.

    Raises:
        CampaignError: a list does not exist.
    """
    types = {"row_number": "BIGINT", "number_id": "BIGINT", "territory": "VARCHAR"}
    with visit.staged(types={"staged_typed": types}, staged_typed=audience.typed):
        visit.run(
            "plan.stage_candidates",
            campaign=audience.campaign,
            list_ids=_ids_of(visit, audience.lists),
            excluded_list_ids=_ids_of(visit, audience.exclude_lists),
            honours_opt_outs=audience.honours_opt_outs,
            honours_refusals=audience.honours_refusals,
            needs_legal_basis=audience.needs_legal_basis,
            seen_since=audience.seen_since,
            at=visit.at,
            most_messages=audience.most_messages,
            counted_since=audience.counted_since,
        )


def mark_duplicates(bench: Workbench, template: Template) -> None:
    """Leave each number to the one of its sources that knows most of what the text needs, else to the newest."""
    bench.run("plan.mark_duplicates", needed=_pointers(template.required), named=_pointers(template.fields))


def territories_of(bench: Workbench) -> list[str]:
    """Return the territories of those who may get a message."""
    return [row["territory"] for row in bench.rows("plan.territories")]


def stage_recipients(bench: Workbench, template: Template) -> dict[Address, int]:
    """Read the values that the text needs into ``staged_recipients``; return how many recipients each address has."""
    bench.run("plan.stage_recipients", pointers=_pointers((*template.fields, _POSTCODE)))
    return {Address(row["territory"], row["postcode"]): row["recipient_count"] for row in bench.rows("plan.addresses")}


def leave_out_never_open(bench: Workbench, addresses: Sequence[Address]) -> None:
    """Leave out who is at an address that marketing may never reach."""
    types = dict.fromkeys(("territory", "postcode"), "VARCHAR")
    rows = pd.DataFrame(addresses, columns=list(types), dtype=object)
    if addresses:
        with bench.staged(types={"staged_closed": types}, staged_closed=rows):
            bench.run("plan.mark_never_open")
            bench.run("plan.drop_never_open")


def write_texts(
    bench: Workbench,
    template: Template,
    routes: Routes,
    level: str,
) -> Counter[str]:
    """Write each recipient's text, with the STOP mention of the territory, into ``staged_texts``, in queue order.

    A text that ends with its mention already is left as it is; the text of somebody without a value is NULL.

    Returns:
        The characters that keep texts out of GSM-7, and in how many texts each stands.
    """
    *first_nos, end_no = accumulate((place.message_count for place in routes.queue), initial=1)
    rows: dict[str, list[tuple[Any, ...]]] = {
        "staged_places": [(name, place.stop_mention, place.segment_price) for name, place in routes.places.items()],
        "staged_addresses": [(*address, key) for address, key in routes.window_keys.items()],
        "staged_queue": [
            (place.window_key, first_no, place.first_slice_no)
            for place, first_no in zip(routes.queue, first_nos, strict=True)
        ],
    }
    frames = {name: pd.DataFrame(found, columns=list(_TYPES[name]), dtype=object) for name, found in rows.items()}
    with bench.staged(types=_TYPES, **frames):
        expression, pieces = as_sql(template)
        bench.execute(_texts_query(template, expression), pieces | {"slice_size": routes.slice_size})
    return _measure(bench, end_no - 1, level)


def stage_messages(bench: Workbench, sender_id: str) -> list[Load]:
    """Make ``staged_messages``, one row a recipient with its price, and ``staged_exclusions``.

    Returns:
        How much each place has, in the order of the queue.

    Raises:
        StoreError: a message is not what a message must be, which nothing above should let happen.
    """
    bench.run("plan.stage_messages", sender_id=sender_id)
    bench.run("plan.stage_exclusions")
    broken = {rule: count for rule, count in (bench.row("plan.broken_messages") or {}).items() if count}
    if broken:
        raise StoreError(f"messages that cannot be stored: {broken}; nothing was")
    return [Load(**row) for row in bench.rows("plan.loads")]


def longest_values(bench: Workbench, template: Template) -> dict[str, str]:
    """Return the longest value that each merge field has among the recipients, or its default where that is longer."""
    defaults = {part.name: part.default or "" for part in template.parts if isinstance(part, Field)}
    return {
        field: max(bench.value("plan.longest_cell", cell_no=number), defaults[field], key=len)
        for number, field in enumerate(template.fields, start=1)
    }


def _pointers(fields: Iterable[str]) -> list[str]:
    return [json_pointer(field) for field in fields]


def _ids_of(visit: Transaction, lists: Sequence[str]) -> list[int]:
    return [list_id_of(visit, name) for name in lists]


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


def _measure(bench: Workbench, recipient_count: int, level: str) -> Counter[str]:
    """Replace characters as asked, and size every text into ``staged_sizes``; return what still forces UCS-2."""
    forcing: Counter[str] = Counter()
    sizes, rewritten = [], []
    for first_no in range(1, recipient_count + 1, _BATCH):
        batch = bench.columns("plan.texts", first_no=first_no, last_no=first_no + _BATCH - 1)
        numbers, texts = batch["recipient_no"], batch["text"].tolist()
        scan = scan_column(texts)
        if level != "off":
            dear = np.flatnonzero(scan.is_ucs2).tolist()
            cheaper = {index: replace_characters(texts[index], level) for index in dear}
            rewritten.append(pd.DataFrame([(numbers[index], text) for index, text in cheaper.items()]))
            scan = scan_column([cheaper.get(index, text) for index, text in enumerate(texts)])
        forcing.update(scan.forcing)
        sizes.append(_size_rows(numbers, scan))
    _stage(bench, "plan.rewrite_texts", "staged_rewritten", _REWRITTEN, rewritten)
    _stage(bench, "plan.stage_sizes", "staged_scans", _SCANS, sizes)
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
    bench: Workbench, statement: str, name: str, types: Mapping[str, str], frames: Sequence[pd.DataFrame]
) -> None:
    """Run a statement that reads rows of these columns and types, also when there are none."""
    filled = [frame.set_axis(list(types), axis=1) for frame in frames if not frame.empty]
    rows = pd.concat(filled) if filled else pd.DataFrame(columns=list(types))
    with bench.staged(types={name: types}, **{name: rows}):
        bench.run(statement)
