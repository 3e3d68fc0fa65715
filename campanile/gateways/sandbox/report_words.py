"""Words of the sandbox's delivery reports: a status, and the reason of a message that was not delivered."""

from schemas.report_words import DELIVERED, PENDING, ReportReason, ReportTable, undelivered

REPORT_WORDS = ReportTable(
    source="docs/sandbox.md",
    words={
        "pending": PENDING,
        "delivered": DELIVERED,
        "undelivered": undelivered(ReportReason.UNDELIVERED),
        "unknown subscriber": undelivered(ReportReason.UNKNOWN_SUBSCRIBER, is_permanent=True),
        "absent": undelivered(ReportReason.ABSENT),
    },
)
