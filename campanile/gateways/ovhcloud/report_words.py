"""Words of OVHcloud's delivery reports: ``deliveryReceipt``, and the code ``ptt`` that says why. November 2026."""

from schemas.report_words import DELIVERED, PENDING, ReportReason, ReportTable, undelivered

REPORT_WORDS = ReportTable(
    source="https://eu.api.ovh.com/console/?section=/sms (sms.DeliveryReceipt, GET /sms/ptts)",
    words={
        "receipt 0": PENDING,
        "receipt 1": DELIVERED,
        "receipt 2": undelivered(ReportReason.UNDELIVERED),
        "receipt 4": PENDING,
        "receipt 8": PENDING,
        "receipt 16": undelivered(ReportReason.REFUSED),
        "ptt 5": undelivered(ReportReason.UNDELIVERED),
        "ptt 6": undelivered(ReportReason.UNKNOWN_ERROR),
        "ptt 8": undelivered(ReportReason.EXPIRED),
        "ptt 20": undelivered(ReportReason.CONTENT),
        "ptt 23": undelivered(ReportReason.BAD_OR_BARRED, is_permanent=True),
        "ptt 24": undelivered(ReportReason.ABSENT),
        "ptt 25": undelivered(ReportReason.NETWORK),
        "ptt 26": undelivered(ReportReason.HANDSET),
        "ptt 27": undelivered(ReportReason.HANDSET),
        "ptt 28": undelivered(ReportReason.FILTERED),
        "ptt 29": undelivered(ReportReason.CONTENT),
        "ptt 73": undelivered(ReportReason.PORTED),
        "ptt 74": undelivered(ReportReason.ROAMING),
        "ptt 76": undelivered(ReportReason.PORTED),
        "ptt 202": undelivered(ReportReason.PORTED),
    },
)
