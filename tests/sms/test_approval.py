"""The approver's code: RFC 4648 over RFC 2104; the code of another recap or person is refused."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import CampaignError
from campanile.sms.rules.approval_code import approval_code, is_approval_code

HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
SECRETS = st.text(min_size=1)


def by_the_book(secret: str, recap_hash: str) -> str:
    """HMAC-SHA256 as in RFC 2104, for keys up to a block of 64 bytes."""
    key = secret.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + recap_hash.encode()).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()
    return base64.b32encode(outer).decode()[:8]


@given(st.text(max_size=16), HASHES)
def test_it_is_what_the_book_says(secret: str, recap_hash: str) -> None:
    assert approval_code(secret, recap_hash) == by_the_book(secret, recap_hash)


@given(SECRETS, SECRETS, HASHES, HASHES)
def test_it_fits_one_secret_and_one_recap(secret: str, other: str, recap_hash: str, another: str) -> None:
    code = approval_code(secret, recap_hash)
    assert is_approval_code(f" {code.lower()}\n", secret, recap_hash)
    assert is_approval_code(code, other, recap_hash) == (other == secret)
    assert is_approval_code(code, secret, another) == (another == recap_hash)


@pytest.mark.parametrize("code", ["", "ZCSWOGG", "ZCSWOGG70", "ZCSWOGG8", "œCSWOGG7", "ZCSW OGG7"])
def test_anything_else_is_no_code(code: str) -> None:
    assert not is_approval_code(code, "only Ada knows", "0f" * 32)


@pytest.mark.parametrize(
    "recap_hash", ["", "0f0f0f0f", "0f" * 31 + "0", "0F" * 32, "0f" * 32 + "\n", "0g" * 32, "٠" * 64]
)
def test_a_hash_that_is_not_whole_is_refused(recap_hash: str) -> None:
    with pytest.raises(CampaignError, match="a whole recap hash has 64 digits"):
        approval_code("only Ada knows", recap_hash)
