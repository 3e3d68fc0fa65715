"""Error codes and statuses of Twilio: https://www.twilio.com/docs/api/errors, read in November 2026."""

from schemas.gateway import Outcome
from schemas.report_words import DELIVERED, PENDING, ReportReason, ReportTable, undelivered

REFUSALS = {
    21211: Outcome.REJECTED,  # To is no phone number
    21214: Outcome.REJECTED,  # To cannot be reached
    21217: Outcome.REJECTED,  # To is badly written
    21265: Outcome.REJECTED,  # To is a short code
    21266: Outcome.REJECTED,  # To and From are the same
    21408: Outcome.REJECTED,  # the country is not switched on for this account
    21610: Outcome.BLACKLISTED,  # the person wrote STOP to this sender
    21612: Outcome.REJECTED,  # no way from this From to this To
    21614: Outcome.REJECTED,  # To is no mobile
    21617: Outcome.REJECTED,  # the text is longer than 1,600 characters
    21635: Outcome.REJECTED,  # To is a landline
}
"""What concerns one message only. Any other code would meet the next message too: a person must act."""
THROTTLES = frozenset({20429, 21611})
"""Too many requests; too many messages waiting for this sender."""

REPORT_WORDS = ReportTable(
    source="https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/api/errors",
    words={
        "accepted": PENDING,
        "scheduled": PENDING,
        "queued": PENDING,
        "sending": PENDING,
        "sent": PENDING,
        "delivered": DELIVERED,
        "read": DELIVERED,
        "partially_delivered": undelivered(ReportReason.IN_PART),
        "undelivered": undelivered(ReportReason.UNDELIVERED),
        "failed": undelivered(ReportReason.UNDELIVERED),
        "canceled": undelivered(ReportReason.CANCELLED),
        "30001": undelivered(ReportReason.QUEUE),
        "30002": undelivered(ReportReason.ACCOUNT),
        "30003": undelivered(ReportReason.ABSENT),
        "30004": undelivered(ReportReason.BLOCKED),
        "30005": undelivered(ReportReason.UNKNOWN_SUBSCRIBER, is_permanent=True),
        "30006": undelivered(ReportReason.NO_MOBILE, is_permanent=True),
        "30007": undelivered(ReportReason.FILTERED),
        "30008": undelivered(ReportReason.UNKNOWN_ERROR),
        "30034": undelivered(ReportReason.SENDER),
        "30036": undelivered(ReportReason.EXPIRED),
    },
)
"""Statuses of messages, and the error codes of those that were not delivered."""
