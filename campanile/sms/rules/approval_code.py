"""Approval codes: an approver proves their identity by a code made from their own secret and the recap's hash."""

import hmac
import re
from base64 import b32encode

from campanile.sms.errors import CampaignError

_HASH = re.compile(r"[0-9a-f]{64}")
_CODE_LENGTH = 8


def approval_code(secret: str, recap_hash: str) -> str:
    """Return the first eight characters of base32(HMAC-SHA256(secret, recap hash)).

    Args:
        secret: the approver's own.
        recap_hash: the whole hash, 64 hexadecimal digits: eight of them would fit many recaps.

    Raises:
        CampaignError: the hash is not whole.

    >>> approval_code("only Ada knows", "0f" * 32)
    'ZCSWOGG7'
    """
    if not _HASH.fullmatch(recap_hash):
        raise CampaignError(f"a whole recap hash has 64 digits, 0 to 9 and a to f; {recap_hash!r} is none")
    digest = hmac.digest(secret.encode(), recap_hash.encode("ascii"), "sha256")
    return b32encode(digest).decode("ascii")[:_CODE_LENGTH]


def is_approval_code(code: str, secret: str, recap_hash: str) -> bool:
    """Return whether a code is right, in any letter case; a wrong code takes the same time.

    Raises:
        CampaignError: the hash is not whole.

    >>> is_approval_code("zcswogg7", "only Ada knows", "0f" * 32)
    True
    """
    return hmac.compare_digest(code.strip().upper().encode(), approval_code(secret, recap_hash).encode())
