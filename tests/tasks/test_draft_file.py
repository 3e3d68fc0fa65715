"""A draft as a file: plain values mean what a person means by them, and what is wrong is said in one line."""

import pytest

from sms.errors import CampaignError
from tasks.draft_file import parse_draft

WHOLE = "name: soldes\ntext: Soldes ce samedi\nsender_id: MABOUTIQUE\nauthor: ada\n"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        pytest.param("send_time: 10:30", "send_time", "10:30", id="an hour"),
        pytest.param("send_time: 09:30", "send_time", "09:30", id="an early hour"),
        pytest.param("offer_ends: 2026-12-01", "offer_ends", "2026-12-01", id="a day"),
        pytest.param("max_lateness: 1.5", "max_lateness", 1.5, id="hours"),
        pytest.param("clock: local", "clock", "local", id="a clock"),
        pytest.param("if_closed:", "if_closed", "next_opening", id="no choice"),
        pytest.param("sender_id: 36180", "sender_id", "36180", id="a short code"),
        pytest.param("numbers: [0612345678, +33639980001]", "numbers", ["0612345678", "+33639980001"], id="numbers"),
        pytest.param("repeat: yes", "repeat", True, id="yes"),
        pytest.param("repeat: false", "repeat", False, id="false"),
        pytest.param("file:", "file", None, id="nothing"),
        pytest.param("file: null", "file", None, id="null"),
        pytest.param("max_messages_in_days: 3 in 30", "max_messages_in_days", "3 in 30", id="a cap"),
    ],
)
def test_values_are_what_was_typed(line: str, field: str, value: object) -> None:
    lines = [known for known in WHOLE.splitlines() if not known.startswith(f"{field}:")]
    assert getattr(parse_draft("\n".join([*lines, line]), "d.yaml"), field) == value


def test_json_is_read_too() -> None:
    text = (
        '{"name": "soldes", "text": "Soldes: {a|b}", "sender_id": "36180", "author": "a", "repeat": true, "file": null}'
    )
    draft = parse_draft(text, "d.json")
    assert (draft.text, draft.repeat, draft.file) == ("Soldes: {a|b}", True, None)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(WHOLE + "text2: x\n", r"no field 'text2'; did you mean text\? fields: name, kind,", id="a field"),
        pytest.param("text: Bonjour: soldes", r"d\.yaml is no YAML, line 1: .*; put a text with a colon", id="a colon"),
        pytest.param("text: {first_name}, soldes", r"d\.yaml is no YAML, line 1: .* in quotes$", id="a brace"),
        pytest.param("", "has no fields; write one a line", id="an empty file"),
        pytest.param("- a\n- b", "has no fields", id="a list"),
        pytest.param(WHOLE.replace("soldes", "Soldes !", 1), r"name: 'Soldes !' is not one\. Such as", id="a name"),
        pytest.param(WHOLE + "max_messages_in_days: 3", r"'3' is not one\. Such as 3 in 30", id="a cap"),
        pytest.param(WHOLE + "kind: sms", "kind: Input should be 'marketing' or 'alert'", id="a kind"),
        pytest.param('name: soldes\ntext: "a\\0b"\nsender_id: ABC\nauthor: a', "text: it holds a control", id="NUL"),
        pytest.param("name: soldes\ntext: '  '\nsender_id: ABC\nauthor: a", "text: nothing but blanks", id="blanks"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(text: str, line: str) -> None:
    with pytest.raises(CampaignError, match=line) as refused:
        parse_draft(text, "d.yaml")
    assert "\n" not in str(refused.value)
