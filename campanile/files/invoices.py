"""Read a provider's invoice: a CSV file with one line a message. A line that cannot be read is kept and named."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from campanile.files.invoice_aliases import ID, PRICE, SEGMENTS, UNIT, InvoiceFormat
from campanile.files.parsing.column_mapping import field_name, shown_columns
from campanile.files.parsing.encoding import choose_codec
from campanile.files.parsing.source_bytes import display_name, read_content
from campanile.sms.errors import ContactFileError

#: Returns the id of a message from the cells of the ``key`` of a format.
MakeId: TypeAlias = Callable[[Sequence[str]], str]

_DELIMITERS = ";,\t|"
_TITLE_LINES = 30
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "credits": "credit", "crédit": "credit", "crédits": "credit"}
_AMOUNT = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<before>[€$£]|[^\W\d_]{3,8})?\s*(?P<sign_after>[+-]?)(?P<digits>[\d.,][\d.,\s'’]*?)\s*"
    r"(?P<after>[€$£]|[^\W\d_]{3,8})?"
)
_MOST = Decimal(10) ** 12


class InvoiceLine(NamedTuple):
    """A line of an invoice; None: the cell is empty or cannot be read. ``price``: exact decimal text, without sign."""

    line_no: int
    raw_line: str
    gateway_message_id: str | None
    price: str | None
    unit: str | None
    segment_count: int | None
    is_readable: bool


class _Header(NamedTuple):
    """Where the columns of an invoice are; ``rest``: the records below it, with their lines."""

    positions: Mapping[str, int]
    cell_count: int
    rest: Sequence[tuple[int, list[str]]]


def read_invoice(path: Path, layout: InvoiceFormat, make_id: MakeId | None, max_bytes: int) -> pd.DataFrame:
    """Return the lines of an invoice as ``InvoiceLines``, without empty ones; titles above the header are left out.

    Decimal commas and points, currencies beside an amount, and negative charges (Twilio) are understood.

    Raises:
        ContactFileError: the file cannot be read, or has no columns with an id and a price.
    """
    content = read_content(path, max_bytes).data
    text = content.decode(choose_codec(content))
    header = _find_header(text, layout, display_name(path))
    lines = [_line_of(line_no, cells, header, layout, make_id) for line_no, cells in header.rest]
    return pd.DataFrame(lines, columns=list(InvoiceLine._fields)).astype({"segment_count": "Int64"})


def parse_amount(text: str) -> tuple[Decimal, str] | None:
    """Return an amount without its sign and the unit that stands beside it, or None if it is no amount.

    The last comma or point is the decimal sign.

    >>> parse_amount("-0,045 €"), parse_amount("USD 1.234,50"), parse_amount("n/a")
    ((Decimal('0.045'), 'EUR'), (Decimal('1234.50'), 'USD'), None)
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    digits = re.sub(r"[\s'’]", "", found["digits"])
    last = max(digits.rfind(","), digits.rfind("."))
    whole, part = (digits, "") if last < 0 else (digits[:last], digits[last + 1 :])
    plain = re.sub(r"[.,]", "", whole)
    if not (plain or part):
        return None
    amount = Decimal(f"{plain or 0}.{part}" if part else plain)
    return (amount, unit_of(found["before"] or found["after"] or "")) if amount < _MOST else None


def unit_of(text: str) -> str:
    """Return a currency or unit as tariffs write it: EUR, USD, credit."""
    word = text.strip()
    return _SIGNS.get(word.lower()) or ("credit" if word.lower() == "credit" else word.upper())


def _find_header(text: str, layout: InvoiceFormat, name: str) -> _Header:
    """Return the header of the delimiter that finds both columns, in one of the first lines."""
    first_lines = text.splitlines()[:_TITLE_LINES]
    for delimiter in _DELIMITERS:
        for number, line in enumerate(first_lines):
            cells = next(csv.reader([line], delimiter=delimiter), [])
            positions = _positions(cells, layout)
            if PRICE in positions and (ID in positions or (layout.key and set(layout.key) <= set(positions))):
                reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
                records = list(_records(reader, name))
                rest = [(line_no, record) for line_no, record in records if line_no > number + 1 and any(record)]
                return _Header(positions, len(cells), rest)
    shown = shown_columns(next(csv.reader(first_lines[:1], delimiter=";"), []))
    wanted = f"{', '.join(layout.names(ID))}; {', '.join(layout.names(PRICE))}"
    raise ContactFileError(
        f"{name} has no columns with the id and the price of a message; it has {shown}; names that are found: {wanted}"
    )


def _records(reader: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    try:
        for record in reader:
            yield reader.line_num, record
    except csv.Error as error:
        raise ContactFileError(f"{name}: line {reader.line_num} cannot be read as CSV: {error}") from error


def _positions(cells: Sequence[str], layout: InvoiceFormat) -> dict[str, int]:
    keys = [field_name(cell) for cell in cells]
    found = {}
    for column in (ID, PRICE, UNIT, SEGMENTS, *layout.key):
        place = next((keys.index(name) for name in layout.names(column) if name in keys), None)
        if place is not None:
            found[column] = place
    return found


def _line_of(
    line_no: int, cells: list[str], header: _Header, layout: InvoiceFormat, make_id: MakeId | None
) -> InvoiceLine:
    def cell(column: str) -> str:
        place = header.positions.get(column)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    parts = [cell(column) for column in layout.key]
    made = make_id(parts) if make_id and all(parts) else cell(ID)
    amount = _amount(cell(PRICE))
    segments = _segments(cell(SEGMENTS))
    is_readable = bool(
        made and amount and len(cells) >= header.cell_count and (segments is not None or not cell(SEGMENTS))
    )
    return InvoiceLine(
        line_no,
        ";".join(cells),
        made or None,
        str(amount[0]) if amount else None,
        unit_of(cell(UNIT)) or (amount[1] if amount else "") or None,
        segments,
        is_readable,
    )


_amount = lru_cache(maxsize=4096)(parse_amount)


def _segments(text: str) -> int | None:
    found = _amount(text) if text else None
    return int(found[0]) if found and found[0] == found[0].to_integral_value() else None
