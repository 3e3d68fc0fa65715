"""Typed data of the page about one person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campanile.store.persons.records import PersonRecords


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
    marketing reaches the person today, whichever the list.
    """

    msisdn: str
    territory: str
    zone: str
    made_at: datetime
    records: PersonRecords
    barred_by: Sequence[str]
    lists_today: Sequence[ListVerdict]


@dataclass(frozen=True, slots=True)
class Explained:
    """A person's view and the files with everything: the page, and the signed JSON if a key is set."""

    view: PersonView
    page_path: Path
    evidence_path: Path | None
