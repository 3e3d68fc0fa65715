"""Lists of the sandbox, read strictly: those of its pages and those of its callbacks are the same documents."""

from typing import Any

from campanile.gateways.answer_fields import read_charge, read_instant, read_text
from schemas.gateway import DeliveryReport, IncomingReply, ProviderOptOut


def reports_of(document: Any) -> list[DeliveryReport]:
    """Return the delivery reports of a list."""
    return [
        DeliveryReport(
            report_id=read_text(item["report_id"]),
            gateway_message_id=read_text(item["message_id"]),
            client_ref=item["client_ref"],
            status=read_text(item["status"]),
            reason=item["reason"],
            is_permanent=item["is_permanent"] is True,
            reported_at=read_instant(item["reported_at"]),
            charge=read_charge(item.get("price"), document.get("unit"), item.get("segments")),
        )
        for item in document["items"]
    ]


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
