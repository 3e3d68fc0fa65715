"""Words of Kannel's delivery reports: its status bits (``%d``), and ``stat`` of the operator's receipt (``%A``)."""

from schemas.report_words import DELIVERED, PENDING, ReadWord, ReportReason, ReportTable, shown_reason, undelivered

#: Operators' codes differ, and a wrong setting looks like a dead number: no word is permanent.
REPORT_WORDS = ReportTable(
    source="Kannel's user guide, Delivery Reports; SMPP 3.4, appendix B (stat)",
    words={
        "1": DELIVERED,
        "2": undelivered(ReportReason.UNDELIVERED),
        "4": PENDING,
        "8": PENDING,
        "16": undelivered(ReportReason.REFUSED),
        "32": PENDING,
        "34": undelivered(ReportReason.EXPIRED),
        "DELIVRD": undelivered(ReportReason.UNDELIVERED),  # the bits are Kannel's own reading of it, and count
        "UNDELIV": undelivered(ReportReason.UNDELIVERED),
        "EXPIRED": undelivered(ReportReason.EXPIRED),
        "DELETED": undelivered(ReportReason.CANCELLED),
        "UNKNOWN": undelivered(ReportReason.UNKNOWN_ERROR),
        "REJECTD": undelivered(ReportReason.REFUSED),
        "NACK": undelivered(ReportReason.REFUSED),
    },
)
_DELIVERED_BIT, _UNDELIVERED_BITS = 1, 2 | 16


def read_word(status: int, kind: str, words: str) -> ReadWord:
    """Return what a callback says.

    Args:
        status: Kannel's bits. Of several bits the final one counts: delivered before undelivered, before pending.
        kind: ``stat`` of a receipt, ``NACK``, or empty.
        words: the operator's words, without numbers or text of the message.
    """
    known = str(status) in REPORT_WORDS.words
    bits = str(status) if known else "1" if status & _DELIVERED_BIT else "2" if status & _UNDELIVERED_BITS else "4"
    found = REPORT_WORDS.read(bits, kind)
    meaning = found.meaning
    if not known and not kind:
        meaning = meaning._replace(reason=ReportReason.UNKNOWN_WORD)
    return ReadWord(meaning, f"{status} {words}".strip(), shown_reason(meaning.reason, words or str(status)))
