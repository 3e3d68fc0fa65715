"""Convert the items of a provider's history page into frames, and validate them before any transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from campanile.services.context import Context
from campanile.sms.errors import InvalidNumber
from campanile.sms.numbers.msisdn import Number, parse_number
from campanile.sms.rules.replies.verdicts import classify_replies
from schemas.gateway import DeliveryReport, IncomingReply, ProviderOptOut

if TYPE_CHECKING:
    from schemas.frames import Frame

_REPORT_FIELDS = (
    "report_id", "gateway_message_id", "client_ref", "status", "reason", "is_permanent", "word", "cause",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def reply_rows(context: Context, replies: Sequence[IncomingReply]) -> pd.DataFrame:
    """Return replies as ``IncomingReplies``, each with its verdict and, if its sender is a number, that number.

    Raises:
        FrameError: a reply is not what the frame requires.
    """
    from schemas.inbound_frames import IncomingReplies

    rows = []
    verdicts = classify_replies([reply.text for reply in replies])
    for reply, verdict in zip(replies, verdicts, strict=True):
        number = number_or_none(context, reply.sender)
        number_id = None if number is None else number.number_id
        rows.append([reply.gateway_reply_id, reply.sender, number_id, reply.text, verdict, reply.received_at])
    return _checked(rows, IncomingReplies, "replies")


def opt_out_rows(context: Context, opt_outs: Sequence[ProviderOptOut]) -> pd.DataFrame:
    """Return a provider's opt-outs as ``ProviderOptOuts``, without entries that are not a number.

    Raises:
        FrameError: an opt-out is not what the frame requires.
    """
    from schemas.inbound_frames import ProviderOptOuts

    numbers = [(number_or_none(context, opt_out.msisdn), opt_out.opted_out_at) for opt_out in opt_outs]
    rows = [[number.number_id, at] for number, at in numbers if number is not None]
    return _checked(rows, ProviderOptOuts, "opt-outs of a provider")


def report_rows(reports: Sequence[DeliveryReport]) -> pd.DataFrame:
    """Return delivery reports as ``DeliveryReports``.

    Raises:
        FrameError: a report is not what the frame requires.
    """
    from schemas.frame_checks import check
    from schemas.inbound_frames import DeliveryReports

    charges = [report.charge for report in reports]
    columns: dict[str, Any] = {name: list(map(attrgetter(name), reports)) for name in _REPORT_FIELDS}
    columns |= {
        "charge": [f"{charge.amount:f}" if charge else None for charge in charges],
        "charge_unit": [charge.unit if charge else None for charge in charges],
        "charge_segments": [charge.segment_count if charge else None for charge in charges],
    }
    rows = pd.DataFrame(columns, dtype=object).assign(reported_at=_instants([item.reported_at for item in reports]))
    return check(rows, DeliveryReports, "delivery reports")


def number_or_none(context: Context, raw: str) -> Number | None:
    """Return the number of a sender; None for short codes and names, which no SMS can be sent to."""
    try:
        return parse_number(raw, context.settings.region)
    except InvalidNumber:
        return None


def _instants(times: Sequence[datetime]) -> pd.DatetimeIndex | list[datetime]:
    """Return times as a column; pandas would convert them ten times slower. Times without a zone stay as they are."""
    if any(at.tzinfo is None for at in times):
        return list(times)
    since = np.array([(at - _EPOCH) // _MICROSECOND for at in times], dtype="int64")
    return pd.DatetimeIndex(since.view("datetime64[us]")).tz_localize(UTC)


def _checked(rows: Sequence[Sequence[Any]], frame: "type[Frame]", what: str) -> pd.DataFrame:
    """Return rows as a validated frame; their cells are in the order of its columns."""
    from schemas.frame_checks import check, columns_of

    return check(pd.DataFrame(rows, columns=columns_of(frame), dtype=object), frame, what)
