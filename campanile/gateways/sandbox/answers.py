"""Lists of the sandbox, read strictly: those of its pages and those of its callbacks are the same documents."""

from typing import Any

from campanile.gateways.answer_fields import read_charge, read_instant, read_text
from campanile.gateways.sandbox.report_words import REPORT_WORDS
from schemas.gateway import DeliveryReport, IncomingReply, ProviderOptOut


def reports_of(document: Any) -> list[DeliveryReport]:
    """Return the delivery reports of a list."""
    return [_report_of(item, document.get("unit")) for item in document["items"]]


def _report_of(item: Any, unit: Any) -> DeliveryReport:
    reason = item["reason"]
    word = REPORT_WORDS.read(read_text(item["status"]), "" if reason is None else str(reason))
    return DeliveryReport(
        report_id=read_text(item["report_id"]),
        gateway_message_id=read_text(item["message_id"]),
        client_ref=item["client_ref"],
        status=word.meaning.status,
        reason=word.shown,
        is_permanent=word.meaning.is_permanent,
        reported_at=read_instant(item["reported_at"]),
        charge=read_charge(item.get("price"), unit, item.get("segments")),
        word=word.raw,
        cause=word.meaning.reason,
    )


def replies_of(document: Any) -> list[IncomingReply]:
    """Return the replies of a list."""
    return [
        IncomingReply(
            gateway_reply_id=read_text(item["reply_id"]),
            sender=read_text(item["from"]),
            text=read_text(item["text"]),
            received_at=read_instant(item["received_at"]),
        )
        for item in document["items"]
    ]


def opt_outs_of(document: Any) -> list[ProviderOptOut]:
    """Return the sandbox's own opt-outs of a list."""
    return [ProviderOptOut(read_text(item["msisdn"]), read_instant(item["opted_out_at"])) for item in document["items"]]
