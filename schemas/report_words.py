"""What a delivery report says, in our words: each gateway has one literal table of its provider's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from campanile.sms.text.masking import mask_numbers

_LONGEST_WORD = 200


class ReportStatus(StrEnum):
    """The state of a message according to a delivery report."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    PENDING = "pending"
    """Not final: the gateway has the message, and reports again."""


class ReportReason(StrEnum):
    """Why a message was not delivered."""

    ABSENT = "absent"
    """The phone was off or out of reach; ``SMS_DEAD_AFTER_ABSENCES`` of them make a dead number."""
    UNKNOWN_SUBSCRIBER = "unknown subscriber"
    NO_MOBILE = "no mobile number"
    BAD_OR_BARRED = "bad or barred number"
    PORTED = "ported, out of reach"
    ROAMING = "roaming, out of reach"
    HANDSET = "handset trouble"
    NETWORK = "network trouble"
    EXPIRED = "validity expired"
    BLOCKED = "blocked"
    FILTERED = "filtered as spam"
    CONTENT = "content refused"
    SENDER = "sender not registered"
    ACCOUNT = "account suspended"
    QUEUE = "queue overflow"
    CANCELLED = "cancelled"
    IN_PART = "delivered in part"
    REFUSED = "refused by the operator"
    UNDELIVERED = "not delivered"
    """The provider says no more."""
    UNKNOWN_ERROR = "unknown error"
    """The provider says that it does not know."""
    UNKNOWN_WORD = "unknown word"
    """The provider's word is not in the table of its gateway."""


class ReportWord(NamedTuple):
    """The meaning of a provider's word; ``is_permanent``: the number does not exist and must get no more messages."""

    status: ReportStatus
    reason: ReportReason | None = None
    is_permanent: bool = False


class ReadWord(NamedTuple):
    """A provider's word, read: ``raw`` as it came, without numbers; ``shown`` is the reason for people."""

    meaning: ReportWord
    raw: str
    shown: str | None


DELIVERED = ReportWord(ReportStatus.DELIVERED)
PENDING = ReportWord(ReportStatus.PENDING)


def undelivered(reason: ReportReason, *, is_permanent: bool = False) -> ReportWord:
    """Return the meaning of a word that says why a message was not delivered."""
    return ReportWord(ReportStatus.UNDELIVERED, reason, is_permanent)


@dataclass(frozen=True, slots=True)
class ReportTable:
    """The words of a provider's delivery reports: statuses and codes; ``source``: where the provider documents them."""

    source: str
    words: Mapping[str, ReportWord]

    def read(self, status: str, code: str = "") -> ReadWord:
        """Return the meaning of a status and a code; a code only says why a message was not delivered.

        An unknown status changes no state: it is pending. An unknown code is a reason that we do not know. Both have
        the reason ``UNKNOWN_WORD`` and are never permanent.
        """
        raw, word = f"{status} {code}".strip(), status
        found = self.words.get(status, ReportWord(ReportStatus.PENDING, ReportReason.UNKNOWN_WORD))
        if found.status is ReportStatus.UNDELIVERED and code:
            why, word = self.words.get(code, undelivered(ReportReason.UNKNOWN_WORD)), code
            found = ReportWord(found.status, why.reason, why.is_permanent)
        return ReadWord(found, _plain(raw), shown_reason(found.reason, _plain(word)))


def shown_reason(reason: ReportReason | None, word: str) -> str | None:
    """Return a reason as people see it: ours, and the provider's word.

    >>> shown_reason(ReportReason.ABSENT, "30003"), shown_reason(ReportReason.ABSENT, "absent")
    ('absent (30003)', 'absent')
    """
    if reason is None:
        return None
    return str(reason) if word == reason else f"{reason} ({word})"


def _plain(word: str) -> str:
    """Return a word of a provider, which may be anything, without numbers and not longer than a line."""
    return mask_numbers(word)[:_LONGEST_WORD]
