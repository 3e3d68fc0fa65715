"""A signed document: each change of a byte is seen, by the script that people run without Campanile."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from campanile.sms.rules.evidence import signed_evidence
from scripts.verify_evidence import problem_of

KEY = "a key of the test that is long enough"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(DOCUMENTS)
def test_what_was_signed_is_found_unchanged(document: dict[str, Any]) -> None:
    assert problem_of(signed_evidence(document, KEY).encode(), KEY) is None


@given(DOCUMENTS, st.data(), st.integers(1, 255))
@example({"name": "é"}, None, 32)
def test_one_changed_byte_is_seen(document: dict[str, Any], data: Any, change: int) -> None:
    content = bytearray(signed_evidence(document, KEY).encode())
    positions = [data.draw(st.integers(0, len(content) - 1))] if data else range(len(content))
    for position in positions:
        content[position] ^= change
        assert problem_of(bytes(content), KEY) is not None
        content[position] ^= change


@given(DOCUMENTS, st.sampled_from([b" ", b"\n", b"\t", b"0"]))
def test_one_byte_more_is_seen(document: dict[str, Any], added: bytes) -> None:
    content = signed_evidence(document, KEY).encode()
    for position in (0, 1, len(content) - 1, len(content)):
        assert problem_of(content[:position] + added + content[position:], KEY) is not None
    assert problem_of(content[:-1], KEY) is not None


@given(DOCUMENTS)
def test_another_key_is_seen(document: dict[str, Any]) -> None:
    assert problem_of(signed_evidence(document, KEY).encode(), KEY + "x") is not None
