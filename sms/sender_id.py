"""Which names a message may be signed with.

Letters and digits only, 3 to 11, never digits alone: the rule of the French operators for alphanumeric senders
(https://af2m.org/protection-des-oadc-sensibles; the floor of three is the platforms'). Or a short code of five
digits.
"""

import re

from sms.errors import CampaignError

_ALPHANUMERIC = re.compile(r"(?=[0-9]*[A-Za-z])[A-Za-z0-9]{3,11}")
_SHORT_CODE = re.compile(r"[0-9]{5}")


def check_sender_id(sender_id: str) -> None:
    """Refuse a sender that operators would replace or block.

    Raises:
        CampaignError: neither 3 to 11 unaccented letters and digits with one letter at least, nor five digits.

    >>> check_sender_id("Campanile")
    """
    if not (_ALPHANUMERIC.fullmatch(sender_id) or _SHORT_CODE.fullmatch(sender_id)):
        raise CampaignError(
            f"sender_id {sender_id[:40]!r} is not allowed: 3 to 11 unaccented letters and digits without spaces, "
            "one letter at least, or a short code of 5 digits"
        )
