"""The text of a draft is the author's own, to the last blank; what surrounds every other field is taken off."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.draft import CampaignDraft

DRAFT = {"name": "soldes", "text": "Bonjour", "sender_id": "MABOUTIQUE", "actor": "camille"}


def draft(**changes: Any) -> CampaignDraft:
    return CampaignDraft.model_validate(DRAFT | changes)


@given(st.text(" \n\t\u00a0a", max_size=9).filter(str.strip))
def test_a_text_keeps_its_blanks_through_the_store(text: str) -> None:
    assert draft(text=text).text == text
    assert CampaignDraft.model_validate_json(draft(text=text).model_dump_json()) == draft(text=text)


@pytest.mark.parametrize("field", ["name", "sender_id", "gateway", "actor", "note", "cost_centre"])
def test_other_fields_lose_them(field: str) -> None:
    assert getattr(draft(**{field: " soldes \n"}), field) == "soldes"


@pytest.mark.parametrize("text", [pytest.param("", id="nothing"), pytest.param(" \n\u00a0", id="nothing but blanks")])
def test_a_text_says_something(text: str) -> None:
    with pytest.raises(ValidationError, match="text"):
        draft(text=text)


def test_the_form_lets_people_type_what_is_read() -> None:
    properties = CampaignDraft.model_json_schema()["properties"]
    assert [name for name in ("name", "send_on", "send_time", "offer_ends") if "pattern" in properties[name]] == []
    assert properties["send_on"]["format"] == "date", "a calendar"
    assert {"title", "description", "examples"} <= properties["literal_placeholders"].keys()
