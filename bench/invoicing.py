"""An invoice of a month compared with the messages of the store: every planted error found, and no other line.

The messages are written into the store at once, as a sender would have left them; the invoice is a CSV with decimal
commas. CPU and wall-clock time of the whole comparison, from the file to the list of differences.
"""

import csv
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from campanile.pages.result_views import InvoiceView
from campanile.services.billing.invoice import compare_invoice
from campanile.services.context import Context
from campanile.services.settings import Settings
from campanile.sms.rules.invoice_categories import InvoiceCategory
from campanile.store.db.database import Transaction

MONTH = "2026-11"
NOW = datetime(2026, 12, 2, 9, 0, tzinfo=UTC)
#: How many errors of each kind are planted: 50.
PLANTED = {
    InvoiceCategory.UNREADABLE: 5,
    InvoiceCategory.DUPLICATE: 5,
    InvoiceCategory.UNKNOWN_ID: 5,
    InvoiceCategory.NOT_ACCEPTED: 5,
    InvoiceCategory.OTHER_MONTH: 5,
    InvoiceCategory.WRONG_UNIT: 5,
    InvoiceCategory.WRONG_SEGMENTS: 5,
    InvoiceCategory.WRONG_PRICE: 10,
    InvoiceCategory.MISSING: 5,
}
_EACH = 5
_CAMPAIGN = """
INSERT INTO campaign BY NAME SELECT
    1 AS campaign_id, 'facture' AS name, 'marketing' AS kind, 'finished' AS state, 1 AS version, 'sandbox' AS gateway,
    'fr-strict' AS policy, '36180' AS sender_id, false AS requested_service, true AS is_sample, '{}' AS draft,
    false AS is_stopped, $at AS created_at, $at AS updated_at
"""
_MESSAGES = """
INSERT INTO message BY NAME SELECT
    1 AS campaign_id, 33700000000 + n AS recipient_id, 33700000000 + n AS number_id, '+' || (33700000000 + n) AS msisdn,
    'Soldes' AS text, 'GSM-7' AS encoding, '36180' AS sender_id, 1 + n % 3 AS segment_count,
    (1 + n % 3) * CAST('0.045' AS DECIMAL(18, 6)) AS price, 'FR' AS territory, 'FR' AS window_key,
    'r' || n AS client_ref, 1 AS slice_no, 'typed' AS origin
FROM range($count + 2 * $each) AS row(n)
"""
#: The first messages were accepted in the month, the next ones a month before, the last ones were refused.
_EVENTS = """
INSERT INTO message_event BY NAME SELECT
    n AS event_id, 1 AS campaign_id, 33700000000 + n AS recipient_id,
    CASE WHEN n < $count + $each THEN 'accepted' ELSE 'rejected' END AS event, 1 AS slice_no, 1 AS fence,
    'gw-' || n AS gateway_message_id,
    CASE WHEN n < $count THEN $at ELSE $at - INTERVAL 30 DAY END AS recorded_at
FROM range($count + 2 * $each) AS row(n)
"""


@dataclass(frozen=True, slots=True)
class InvoiceCost:
    """An invoice of ``line_count`` lines: errors that were found, lines named wrongly, and seconds."""

    line_count: int
    planted_count: int
    found_count: int
    false_count: int
    cpu_seconds: float
    wall_seconds: float


def invoice_cost(line_count: int) -> InvoiceCost:
    """Measure one comparison; a wrong result ends the benchmark."""
    with tempfile.TemporaryDirectory(prefix="invoice-") as name:
        context = Context(Settings(_env_file=None, data_dir=Path(name)), now=lambda: NOW)
        with context.transaction() as tx:
            fill_month(tx, line_count)
        expected = write_invoice(Path(name) / "invoice.csv", line_count)
        started, cpu = time.perf_counter(), time.process_time()
        view = compare_invoice(context, MONTH, str(Path(name) / "invoice.csv"), "sandbox", Path(name))
        cost = time.process_time() - cpu, time.perf_counter() - started
        found = found_errors(view)
    if found != expected:
        raise SystemExit(f"the results differ: {len(found ^ expected)} of {len(expected)} errors")
    return InvoiceCost(view.line_count, len(expected), len(found & expected), len(found - expected), *cost)


def fill_month(tx: Transaction, count: int) -> None:
    """Write accepted messages of the month, and a few that were accepted earlier, or refused."""
    at = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    tx.execute(_CAMPAIGN, {"at": at - timedelta(days=60)})
    tx.execute(_MESSAGES, {"count": count, "each": _EACH})
    tx.execute(_EVENTS, {"count": count, "each": _EACH, "at": at})


def write_invoice(path: Path, count: int) -> set[tuple[InvoiceCategory, str]]:
    """Write an invoice of the messages with the planted errors; return them: the category and the id of each."""
    rows = [[f"gw-{n}", f"0,{45 * (1 + n % 3):03}", str(1 + n % 3), "EUR"] for n in range(count)]
    step = count // (sum(PLANTED.values()) + 1)
    places = iter(range(step, count, step))
    planted: set[tuple[InvoiceCategory, str]] = set()
    more: list[list[str]] = []
    for category, number in PLANTED.items():
        for turn in range(number):
            row = rows[next(places)]
            planted.add((category, _plant(category, turn, count, row, more)))
    kept = [row for row in rows if row[0]]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Message ID", "Prix", "Nombre de SMS", "Devise"])
        writer.writerows([*kept[: count // 2], *more, *kept[count // 2 :]])
    return planted


def _plant(category: InvoiceCategory, turn: int, count: int, row: list[str], more: list[list[str]]) -> str:
    """Change a line of the invoice, or add one; return the id that the error has."""
    message_id = row[0]
    if category is InvoiceCategory.UNREADABLE:
        row[1] = ("", "n/a", "0,0,x", "—", "prix")[turn]
    elif category is InvoiceCategory.DUPLICATE:
        more.append(list(row))
    elif category is InvoiceCategory.UNKNOWN_ID:
        message_id = f"strange-{turn}"
        more.append([message_id, *row[1:]])
    elif category in (InvoiceCategory.NOT_ACCEPTED, InvoiceCategory.OTHER_MONTH):
        first = count + (_EACH if category is InvoiceCategory.NOT_ACCEPTED else 0)
        message_id = f"gw-{first + turn}"
        more.append([message_id, *row[1:]])
    elif category is InvoiceCategory.WRONG_UNIT:
        row[3] = "USD"
    elif category is InvoiceCategory.WRONG_SEGMENTS:
        row[2] = str(int(row[2]) + 1)
    elif category is InvoiceCategory.WRONG_PRICE:
        row[1] += "1" if turn % 2 else "001"
    else:
        row[0] = ""
    return message_id


def found_errors(view: InvoiceView) -> set[tuple[InvoiceCategory, str]]:
    """Return what the file of differences has: the category and the id of each."""
    table = next(path for path in view.differences if path.suffix == ".csv")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows: Sequence[dict[str, str]] = list(csv.DictReader(file, delimiter=";"))
    named = Counter((InvoiceCategory(row["category"]), row["gateway_message_id"]) for row in rows)
    if max(named.values(), default=0) > 1:
        raise SystemExit("a line was named twice")
    return set(named)
