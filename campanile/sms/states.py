"""States and kinds of campaigns, slices and messages, as they are stored.

The values are those of the columns; ``tests/store/test_states.py`` compares them with every literal in the SQL.
"""

from enum import StrEnum


class _Word(StrEnum):
    """A stored word; logs show it as plain text."""

    def __repr__(self) -> str:
        return repr(self.value)


class CampaignKind(_Word):
    """Kind of a campaign; the ledger treats all kinds in the same way."""

    MARKETING = "marketing"
    ALERT = "alert"
    TEST = "test"
    AUTO_REPLY = "auto_reply"
    NOTICE = "notice"


class CampaignState(_Word):
    """State of a campaign.

    ``prepared → approved → sending ⇄ parked | paused → finished``; ``approved | parked | paused → prepared`` (revised)
    or ``cancelled`` while nothing was claimed; ``prepared → cancelled``.
    """

    PREPARED = "prepared"
    APPROVED = "approved"
    SENDING = "sending"
    PARKED = "parked"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class SliceState(_Word):
    """State of a slice: in the queue, claimed by a sender, with unknown messages, or settled."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    SETTLED = "settled"


class MessageState(_Word):
    """State of a message, and the event that led to it.

    ``planned → claimed → accepted → delivered | undelivered``; ``claimed → planned`` on proof only;
    ``claimed → rejected | unknown``; ``unknown → accepted | rejected | planned | written_off``;
    ``planned | written_off → accepted`` by a late proof, if it was claimed before; ``planned → suppressed | cancelled |
    expired``. A restored store may also have ``planned → unknown``. Which delivery report leads to which step is the
    table ``_FORWARD`` beside ``take_reports``.
    """

    PLANNED = "planned"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    WRITTEN_OFF = "written_off"


class RowResult(_Word):
    """Result of a row of an imported file."""

    ACCEPTED = "accepted"
    UPDATED = "updated"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class CreditKind(_Word):
    """Kind of a credit entry.

    A claim reserves, acceptance captures, proof of refusal releases, and a charge that differs from the recap adjusts.
    A top-up or a refund belongs to a gateway, and to no campaign.
    """

    RESERVE = "reserve"
    CAPTURE = "capture"
    RELEASE = "release"
    ADJUST = "adjust"
    TOPUP = "topup"
    REFUND = "refund"
