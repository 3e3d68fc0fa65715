"""Names that a message may be signed with."""

import pytest

from sms.errors import CampaignError
from sms.sender_id import check_sender_id


@pytest.mark.parametrize("sender_id", ["Campanile", "abc", "ABCDEFGHIJK", "3Suisses", "36Shop", "36180", "00000"])
def test_a_good_sender_passes(sender_id: str) -> None:
    check_sender_id(sender_id)


@pytest.mark.parametrize(
    "sender_id",
    [
        pytest.param("", id="empty"),
        pytest.param("ab", id="two characters"),
        pytest.param("ABCDEFGHIJKL", id="twelve characters"),
        pytest.param("Café", id="accent"),
        pytest.param("My shop", id="space"),
        pytest.param("My-shop", id="dash"),
        pytest.param("123", id="three digits"),
        pytest.param("361801", id="six digits"),
        pytest.param("+33612345678", id="a phone number"),
        pytest.param("٣٦١٨٠", id="digits of another script"),
        pytest.param("Shop\n", id="line break"),
    ],
)
def test_a_bad_sender_is_refused_with_the_rule(sender_id: str) -> None:
    with pytest.raises(CampaignError) as refusal:
        check_sender_id(sender_id)
    assert repr(sender_id) in str(refusal.value)
    assert "3 to 11" in str(refusal.value)
    assert "5 digits" in str(refusal.value)
