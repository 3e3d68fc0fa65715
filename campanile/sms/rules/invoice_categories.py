"""What a line of a provider's invoice turns out to be, compared with the messages of the store."""

from enum import StrEnum


class InvoiceCategory(StrEnum):
    """Category of an invoice line, or of a message that no line names. Each line has exactly one.

    They are tested in this order: a line that is a duplicate is not compared any further.
    """

    UNREADABLE = "unreadable_line"
    DUPLICATE = "duplicate_line"
    UNKNOWN_ID = "unknown_id"
    NOT_ACCEPTED = "not_accepted"
    OTHER_MONTH = "other_month"
    WRONG_UNIT = "wrong_unit"
    WRONG_SEGMENTS = "wrong_segments"
    WRONG_PRICE = "wrong_price"
    MATCHED = "matched"
    MISSING = "missing_from_invoice"


CATEGORY_WORDS = {
    InvoiceCategory.UNREADABLE: "no id, no price or no number of segments can be read, or it has too few cells",
    InvoiceCategory.DUPLICATE: "an earlier line has the same id",
    InvoiceCategory.UNKNOWN_ID: "no message of this gateway has this id",
    InvoiceCategory.NOT_ACCEPTED: "the message with this id is not recorded as accepted",
    InvoiceCategory.OTHER_MONTH: "the message was accepted in another month",
    InvoiceCategory.WRONG_UNIT: "the price is in another unit than those of the gateway",
    InvoiceCategory.WRONG_SEGMENTS: "another number of segments than the message has",
    InvoiceCategory.WRONG_PRICE: "another price than the message was charged",
    InvoiceCategory.MATCHED: "message, price and segments agree",
    InvoiceCategory.MISSING: "messages of the month that no line names",
}
