"""Error codes and statuses of Twilio: https://www.twilio.com/docs/api/errors, read in November 2026."""

from schemas.gateway import (
    Outcome,
)

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

STATUSES = {
    "accepted": "pending",
    "scheduled": "pending",
    "queued": "pending",
    "sending": "pending",
    "sent": "pending",
    "delivered": "delivered",
    "read": "delivered",
    "partially_delivered": "undelivered",
    "undelivered": "undelivered",
    "failed": "undelivered",
    "canceled": "undelivered",
}

UNDELIVERED_WORDS = {
    30001: "queue overflow",
    30002: "account suspended",
    30003: "handset unreachable",
    30004: "blocked",
    30005: "unknown subscriber",
    30006: "landline or unreachable operator",
    30007: "filtered by the operator",
    30008: "unknown error",
    30034: "sender not registered",
    30036: "validity expired",
}
DEAD_NUMBER = frozenset({30005, 30006})
