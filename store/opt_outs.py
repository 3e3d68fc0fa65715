"""Opt-outs: from replies, gateways, files and telephone calls. Each binds from when it is recorded.

The first record of a person's opt-out stays as it is. Only ``said_at``, when they said so, moves, and only backwards:
the earliest time is the proof, and ``note`` tells where it comes from. Without a date the time of recording counts.
"""

from datetime import datetime

import pandas as pd

from sms.errors import CampaignError
from store.database import Transaction
from store.imports import ImportSummary, SourceFile, StagedRows, close_import, staged_file
from store.statements import json_pointer

#: How people tell a colleague, who records it by hand.
SOURCES_BY_HAND = ("phone", "mail", "letter", "shop", "web", "other")
_STOPS = {
    "position": "int64",
    "number_id": "int64",
    "msisdn": "str",
    "source": "str",
    "source_ref": "str",
    "said_at": "datetime64[us, UTC]",
    "channel": "str",
    "note": "str",
}


def import_opt_outs(
    visit: Transaction,
    source: SourceFile,
    staged: StagedRows,
    *,
    date_field: str | None = None,
    source_field: str | None = None,
    zone: str = "Europe/Paris",
) -> ImportSummary:
    """Opt out every number of a file.

    A number that was opted out before, or stands in the file before, is a duplicate; updated, when the file says that
    it was earlier. A date that cannot be read, or lies in the future, keeps nobody in: it stays as text in
    ``source_ref``.

    Args:
        visit: the open transaction.
        source: what to remember of the file.
        staged: the file's rows.
        date_field: the merge field that says when: ISO, or day, month and year with ``/``, ``.`` or ``-``.
        source_field: the merge field that says where (kept as ``channel``).
        zone: IANA name of the zone of dates without an offset.

    Raises:
        StoreError: the rows are not what they must be, or their fates do not add up.
    """
    import_id = int(visit.value("import.next_id"))
    with staged_file(visit, source.file_name, staged):
        visit.run(
            "opt_out.stage_said",
            date_path=date_field and json_pointer(date_field),
            source_path=source_field and json_pointer(source_field),
            zone=zone,
            at=visit.at,
        )
        known_count = int(visit.value("opt_out.count_known"))
        visit.run("opt_out.keep_rows", import_id=import_id, at=visit.at)
        visit.run("import.add_rejects", import_id=import_id)
    visit.run("opt_out.stage_stops", import_id=import_id)
    _add_stops(visit)
    for table in ("staged_said", "staged_stops"):
        visit.execute(f"DROP TABLE temp.{table}")
    return close_import(visit, import_id, "opt_outs", None, source, staged.row_count, known_count)


def add_opt_outs(visit: Transaction, numbers: pd.DataFrame, source: str, source_ref: str | None) -> int:
    """Opt numbers out (``number_id``, ``msisdn``); return how many were not opted out before."""
    if numbers.empty:
        return 0
    rows = numbers.assign(position=range(len(numbers)), source=source, source_ref=source_ref)
    with visit.staged(staged_stops=rows.reindex(columns=list(_STOPS)).astype(_STOPS)):
        return _add_stops(visit)


def record_opt_out(
    visit: Transaction,
    number_id: int,
    msisdn: str,
    *,
    source: str,
    note: str | None,
    said_at: datetime | None,
    actor: str,
) -> bool:
    """Record that a person told a colleague to stop; return whether that was new.

    Messages planned for them are left out by every later claim.

    Args:
        visit: the open transaction.
        number_id: the number's digits.
        msisdn: the same as text.
        source: one of ``SOURCES_BY_HAND``.
        note: what the colleague wrote.
        said_at: when the person said so, or None for now.
        actor: who records it.

    Raises:
        CampaignError: the source is unknown, or the time is in the future.
    """
    if source not in SOURCES_BY_HAND:
        raise CampaignError(f"opt-out source {source!r} is unknown; it is one of {', '.join(SOURCES_BY_HAND)}")
    if said_at is not None and said_at > visit.at:
        raise CampaignError(f"said_at {said_at:%Y-%m-%d %H:%M %Z} is in the future (now {visit.at:%Y-%m-%d %H:%M} UTC)")
    row = [0, number_id, msisdn, source, f"recorded by {actor}", said_at or visit.at, None, note]
    with visit.staged(staged_stops=pd.DataFrame([row], columns=list(_STOPS)).astype(_STOPS)):
        return _add_stops(visit) > 0


def _add_stops(visit: Transaction) -> int:
    """Add ``staged_stops``, and take the earlier dates among them; return how many people were not opted out."""
    visit.run("opt_out.set_said")
    return visit.run("opt_out.add", at=visit.at)
