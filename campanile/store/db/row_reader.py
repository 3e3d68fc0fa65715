"""Convert the result of a query into typed rows."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from campanile.sms.errors import StoreError
from schemas.campaign_rows import parse_stored_draft
from schemas.draft import CampaignDraft

Row = TypeVar("Row")
Cell = Callable[[Any], Any]


_readers: dict[tuple[type, tuple[str, ...]], Callable[[tuple[Any, ...]], Any]] = {}


def row_reader(kind: type[Row], columns: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Row]:
    """Return the function that converts the columns of a query into a row of ``kind``, a dataclass or NamedTuple.

    Columns and fields are matched by name. Text becomes the enum, the draft or, from JSON, the mapping of the field's
    type.

    Raises:
        StoreError: a field has no column, or a column has no field.
    """
    known = _readers.get((kind, columns))
    if known is None:
        known = _readers[kind, columns] = _make_reader(kind, columns)
    return known


def _make_reader(kind: type[Row], columns: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Row]:
    types = _field_types(kind)
    if set(types) != set(columns):
        missing, unknown = sorted(set(types) - set(columns)), sorted(set(columns) - set(types))
        raise StoreError(f"a query for {kind.__name__} lacks columns {missing} and has other columns {unknown}")
    build: Callable[..., Row] = kind
    order = [columns.index(name) for name in types]
    in_order = (lambda row: row) if order == list(range(len(order))) else _picker(order)
    cells = [(position, _reader_of(hint)) for position, hint in enumerate(types.values())]
    to_read = [(position, read) for position, read in cells if read is not None]
    if not to_read:
        make: Callable[..., Row] = getattr(kind, "_make", lambda row: build(*row))  # quicker for NamedTuples
        return (lambda row: make(in_order(row))) if order != list(range(len(order))) else make

    def read_row(row: tuple[Any, ...]) -> Row:
        values = list(in_order(row))
        for position, read in to_read:
            if values[position] is not None:
                values[position] = read(values[position])
        return build(*values)

    return read_row


def _field_types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names: Sequence[str] = [field.name for field in fields(kind)] if is_dataclass(kind) else kind._fields  # type: ignore[attr-defined]
    return {name: hints[name] for name in names}


def _picker(order: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    return (lambda row: (row[order[0]],)) if len(order) == 1 else itemgetter(*order)


def _reader_of(hint: Any) -> Cell | None:
    """Return the function that converts a value for a field; None: the value of the database is used."""
    kinds = [hint]
    if get_origin(hint) in (Union, UnionType):
        kinds = [part for part in get_args(hint) if part is not NoneType]
    if CampaignDraft in kinds:
        return parse_stored_draft
    if any(get_origin(part) is Mapping for part in kinds):
        return json.loads
    enums = [part for part in kinds if isinstance(part, type) and issubclass(part, Enum)]
    return enums[0] if enums else None
