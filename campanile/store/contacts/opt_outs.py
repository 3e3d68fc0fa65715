"""Opt-outs: from replies, gateways, files and telephone calls. Each applies from its recording until it is lifted.

A person has one entry for each source, such as a reply, a file or a provider's list, and is opted out while one of them
is not lifted. A START lifts the person's own STOPs and nothing else; a colleague lifts a doubtful reply. Entries are
never deleted. Only ``said_at`` of an entry, the time at which the person opted out, may change, and only to an earlier
time: the earliest time is the proof, and ``note`` says where it comes from. Without a date the time of recording
counts.
"""

from datetime import datetime
from typing import Literal, NamedTuple

import pandas as pd

from campanile.sms.errors import CampaignError
from campanile.sms.rules.replies.verdicts import START, STOP, STOP_DOUBTFUL, WRONG_NUMBER
from campanile.store.contacts.import_log import ImportSummary, SourceFile, StagedRows, close_import, staged_file
from campanile.store.db.database import Transaction
from campanile.store.db.queries import json_pointer
from campanile.store.ledger.suppression import suppress_planned
from schemas.contact_rows import OptOut
from schemas.inbound_rows import DoubtfulReply

#: How an opt-out can reach a colleague, who records it by hand.
SOURCES_BY_HAND = ("phone", "mail", "letter", "shop", "web", "other")
#: The source of an opt-out by reply, by the verdict of the reply.
SOURCE_OF_VERDICT = {STOP: "reply", STOP_DOUBTFUL: "reply_doubtful", WRONG_NUMBER: "wrong_number"}


class _ReplyVerdict(NamedTuple):
    verdict: str
    settled_as: str | None
    settled_by: str | None


def import_opt_outs(
    tx: Transaction,
    source: SourceFile,
    staged: StagedRows,
    *,
    date_field: str | None = None,
    source_field: str | None = None,
    zone: str = "Europe/Paris",
) -> ImportSummary:
    """Opt out every number of a file.

    A number that was opted out before, or is in an earlier row, is a duplicate; it is updated if the file has an
    earlier date. A row whose date cannot be read, or is in the future, opts out too: ``source_ref`` has the date as
    text.

    Args:
        tx: the open transaction.
        source: the file.
        staged: the file's rows.
        date_field: the merge field with the date: ISO, or day, month and year with ``/``, ``.`` or ``-``.
        source_field: the merge field with the channel (stored as ``channel``).
        zone: IANA name of the zone of dates without an offset.

    Raises:
        StoreError: the rows are not valid, or their results do not add up.
    """
    import_id = int(tx.value("import.next_id"))
    with staged_file(tx, source.file_name, staged):
        tx.run(
            "opt_out.stage_said",
            date_path=date_field and json_pointer(date_field),
            source_path=source_field and json_pointer(source_field),
            zone=zone,
            at=tx.at,
        )
        known_count = int(tx.value("opt_out.count_known"))
        tx.run("opt_out.keep_rows", import_id=import_id, at=tx.at)
        tx.run("import.add_rejects", import_id=import_id)
    tx.run("opt_out.stage_stops", import_id=import_id)
    _add_stops(tx)
    for table in ("staged_said", "staged_stops"):
        tx.execute(f"DROP TABLE temp.{table}")
    return close_import(tx, import_id, "opt_outs", None, source, staged.row_count, known_count)


def add_opt_outs(tx: Transaction, numbers: pd.DataFrame, source: str, source_ref: str | None) -> int:
    """Opt numbers out (``number_id``); return how many were not opted out before."""
    return _add_rows(tx, numbers.assign(source=source, source_ref=source_ref))


def add_provider_opt_outs(tx: Transaction, gateway: str, numbers: pd.DataFrame) -> int:
    """Opt out the people on a provider's list; return how many were not opted out before.

    A STOP that came as a reply too, within ten minutes on the same gateway, has one entry and not two: the person's
    own, which a START lifts.

    Args:
        tx: the open transaction.
        gateway: the gateway of the list.
        numbers: ``ProviderOptOuts``.
    """
    if numbers.empty:
        return 0
    with tx.staged("opt_out.without_echoes", staged_rows=numbers):
        rows = tx.frame("opt_out.without_echoes", gateway=gateway)
    return add_opt_outs(tx, rows, "gateway", f"opt-out list of {gateway}")


def honour_replies(tx: Transaction, replies: pd.DataFrame) -> int:
    """Opt out people who sent a STOP, and lift the STOPs of people who sent a START.

    Return how many people were not opted out before. Call it in the transaction that stores the replies. A STOP wins
    over a START of the same time, and over one that was read before it.

    Args:
        tx: the open transaction.
        replies: new replies as ``replies.add_replies`` returns them: ``reply_id``, ``number_id`` (missing when
            the sender is not a number) and ``verdict``.
    """
    people = replies.loc[replies["number_id"].notna(), ["reply_id", "number_id", "verdict"]]
    people = people.astype({"reply_id": "int64", "number_id": "int64"})
    refused = people[people["verdict"].isin(SOURCE_OF_VERDICT)]
    stops = refused.assign(
        source=refused["verdict"].map(SOURCE_OF_VERDICT),
        source_ref="reply " + refused["reply_id"].astype(str),
    )
    new_count = _add_rows(tx, stops)
    starts = people.loc[people["verdict"] == START, ["reply_id"]]
    tx.run_staged("opt_out.lift_by_start", starts, at=tx.at)
    return new_count


def doubtful_replies(tx: Transaction, most: int) -> list[DoubtfulReply]:
    """Return the doubtful replies that are not settled, oldest first."""
    return tx.select(DoubtfulReply, "reply.doubtful", most=most)


def settle_reply(tx: Transaction, reply_id: int, verdict: Literal["lift", "keep"], actor: str) -> str | None:
    """Settle a doubtful reply; return the source of another opt-out of the person that still applies, or None.

    ``lift``: it was not a refusal, and its opt-out ends. ``keep``: it was one.

    Raises:
        CampaignError: there is no such reply, it is not doubtful, or it was lifted before.
    """
    found = tx.find(_ReplyVerdict, "reply.get", reply_id=reply_id)
    if found is None:
        raise CampaignError(f"reply {reply_id} does not exist; run review-replies without reply_id for the list")
    if found.verdict != STOP_DOUBTFUL:
        raise CampaignError(f"reply {reply_id} is {found.verdict}; only a stop_doubtful one is settled by hand")
    if found.settled_as == "lift":
        raise CampaignError(
            f"reply {reply_id} was lifted by {found.settled_by}; run record-opt-out to opt the person out again"
        )
    tx.run("reply.settle", reply_id=reply_id, settled_as=verdict, actor=actor, at=tx.at)
    if verdict == "lift":
        tx.run("opt_out.lift_reply", reply_id=reply_id, actor=actor, at=tx.at)
    rest = tx.find(OptOut, "opt_out.rest", entry_id=None, reply_id=reply_id)
    return None if rest is None else rest.source


def record_opt_out(
    tx: Transaction,
    number_id: int,
    *,
    source: str,
    note: str | None,
    said_at: datetime | None,
    actor: str,
) -> bool:
    """Record an opt-out that a person gave to a colleague; return whether it is new.

    The messages that are planned for this number are suppressed.

    Args:
        tx: the open transaction.
        number_id: the number's digits.
        source: one of ``SOURCES_BY_HAND``.
        note: what the colleague wrote.
        said_at: when the person opted out; None: now.
        actor: who records it.

    Raises:
        CampaignError: the source is unknown, or the time is in the future.
    """
    if source not in SOURCES_BY_HAND:
        raise CampaignError(f"opt-out source {source!r} is unknown; give one of {', '.join(SOURCES_BY_HAND)}")
    if said_at is not None and said_at > tx.at:
        raise CampaignError(f"said_at {said_at:%Y-%m-%d %H:%M %Z} is in the future (now {tx.at:%Y-%m-%d %H:%M} UTC)")
    row = {
        "number_id": number_id,
        "source": source,
        "source_ref": f"recorded by {actor}",
        "said_at": said_at or tx.at,
        "note": note,
    }
    return _add_rows(tx, pd.DataFrame([row])) > 0


def _add_rows(tx: Transaction, rows: pd.DataFrame) -> int:
    """Add opt-outs; columns of ``OptOuts`` that are not given are empty. Return the same as ``_add_stops``.

    Raises:
        FrameError: they do not fit ``OptOuts``.
    """
    from schemas.frame_checks import check, columns_of
    from schemas.inbound_frames import OptOuts

    if rows.empty:
        return 0
    stops = check(rows.assign(position=range(len(rows))).reindex(columns=columns_of(OptOuts)), OptOuts, "opt-outs")
    with tx.staged("opt_out.set_said", staged_stops=stops):
        return _add_stops(tx, has_dates=bool(stops["said_at"].notna().any()))


def _add_stops(tx: Transaction, *, has_dates: bool = True) -> int:
    """Add ``staged_stops``, and suppress what is planned for them; return how many people were not opted out before.

    Their earlier dates are used for known opt-outs.
    """
    if has_dates:
        tx.run("opt_out.set_said")
    new_count = int(tx.value("opt_out.count_new"))
    tx.run("opt_out.add", at=tx.at)
    suppress_planned(tx, tx.frame("opt_out.numbers"))  # guard: stop-suppresses
    return new_count
