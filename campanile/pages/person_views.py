"""Typed data of the page about one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campanile.store.contacts.person_records import PersonRecords


@dataclass(frozen=True, slots=True)
class ListVerdict:
    """Whether marketing to a list would reach the person today; ``reason``: a key of ``TODAY_WORDS``, None: it would.

    ``opens_at``: the next time at which a message may be sent there.
    """

    list_name: str
    reason: str | None
    opens_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonView:
    """Everything about one person.

    ``zone``: the clock of the person's territory. ``barred_by``: reasons, keys of ``TODAY_WORDS``, for which no
    marketing reaches the person today, whichever the list. ``without_report``: references of
    accepted messages whose delivery report cannot come any more.
    """

    msisdn: str
    territory: str
    zone: str
    made_at: datetime
    records: PersonRecords
    barred_by: Sequence[str]
    lists_today: Sequence[ListVerdict]
    without_report: Sequence[str]


@dataclass(frozen=True, slots=True)
class Explained:
    """A person's view and the files with everything: the page, and the signed JSON if a key is set."""

    view: PersonView
    page_path: Path
    evidence_path: Path | None


@dataclass(frozen=True, slots=True)
class ErasedView:
    """What an erasure did; the number is not part of it.

    Attributes:
        rows: rows of the store that were deleted or emptied, by table.
        files: files that were rewritten or deleted, without the number in their names.
        backups: copies of the store that were rewritten.
        prefect: runs and pages of Prefect that were deleted, in words.
        remaining: where the number still is, or may be, and what to do about it.
    """

    rows: Mapping[str, int]
    files: Mapping[str, str]
    backups: Sequence[str]
    prefect: Sequence[str]
    remaining: Sequence[str]


@dataclass(frozen=True, slots=True)
class PurgedView:
    """What a purge deleted or emptied, counted by what it is; ``skipped``: what was kept because it is still needed."""

    counts: Mapping[str, int]
    skipped: Sequence[str]
