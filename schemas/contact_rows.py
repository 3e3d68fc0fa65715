"""Rows of contact lists, import files, replies and opt-outs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class ContactList:
    """A contact list; key ``list_id``. ``list_name`` is free again after the list is deleted.

    ``legal_basis``: why its people may get marketing; ``wording``: the text that they agreed to; both were declared by
    ``declared_by``. A person gave ``columns`` (our field -> column) and ``header_row`` for the files of the list.
    """

    list_id: int
    list_name: str
    is_sample: bool
    created_at: datetime
    legal_basis: str | None
    wording: str | None
    declared_by: str | None
    declared_at: datetime | None
    columns: Mapping[str, str] | None
    header_row: int | None


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A contact list with its counts; undone imports are not counted."""

    list_name: str
    is_sample: bool
    legal_basis: str | None
    wording: str | None
    contact_count: int
    opted_out_count: int
    import_count: int
    last_import_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImportFile:
    """An imported file of a list: the outcomes of its rows, and whether the import was undone."""

    import_id: int
    file_name: str
    row_count: int
    accepted_count: int
    updated_count: int
    duplicate_count: int
    rejected_count: int
    recorded_at: datetime
    replaces: int | None
    undone_at: datetime | None
    undone_by: str | None
    undone_why: str | None


@dataclass(frozen=True, slots=True)
class ListCard:
    """A contact list with everything that its page shows.

    ``columns``: our field -> the column that a person named. ``fields`` and ``territories`` count contacts.
    """

    list_name: str
    contact_count: int
    opted_out_count: int
    legal_basis: str | None
    wording: str | None
    is_sample: bool
    columns: Mapping[str, str]
    header_row: int | None
    fields: Mapping[str, int]
    territories: Mapping[str, int]
    imports: Sequence[ImportFile]


class DuplicateExample(NamedTuple):
    """A duplicate row of a file, and the earlier file and row with the same number."""

    row_number: int
    file_name: str
    of_row_number: int


class OptOut(NamedTuple):
    """Why a person is opted out, and since when."""

    source: str
    source_ref: str | None
    recorded_at: datetime


class OptOutInForce(NamedTuple):
    """An opt-out that applies: one ground of one person. ``msisdn`` is None if opt-outs are kept as keyed hashes."""

    entry_id: int
    msisdn: str | None
    source: str
    recorded_at: datetime


class UnpushedOptOut(NamedTuple):
    """An opt-out in force that is not in a provider's own list yet."""

    entry_id: int
    msisdn: str
