"""A draft as a file: plain values mean what a person means by them, and what is wrong is said in one line."""

import pytest

from campanile.services.campaigns.draft_file import parse_draft
from campanile.sms.errors import CampaignError

WHOLE = "name: soldes\ntext: Soldes ce samedi\nsender_id: MABOUTIQUE\nactor: ada\n"


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
        pytest.param("name: Noël 2026", "name", "noel-2026", id="a title: its key"),
        pytest.param("name: Noël 2026", "title", "Noël 2026", id="a title: as it was typed"),
        pytest.param("name: soldes", "title", None, id="a key is no title"),
        pytest.param("send_time: 10h30", "send_time", "10:30", id="a French hour"),
        pytest.param("send_on: 13/12/2026", "send_on", "2026-12-13", id="a French day"),
        pytest.param("send_on: 2026-11-23T18:00", "send_on", "2026-11-23", id="a day with its hour: the day"),
        pytest.param("send_on: 2026-11-23T18:00", "send_time", "18:00", id="a day with its hour: the hour"),
        pytest.param("offer_ends: 30/11/2026 18h", "offer_ends", "2026-11-30 18:00", id="a French moment"),
        pytest.param("max_lateness: 1,5", "max_lateness", 1.5, id="hours with a comma"),
    ],
)
def test_values_are_what_was_typed(line: str, field: str, value: object) -> None:
    lines = [known for known in WHOLE.splitlines() if not known.startswith(f"{field}:")]
    assert getattr(parse_draft("\n".join([*lines, line]), "d.yaml"), field) == value


def test_json_is_read_too() -> None:
    text = (
        '{"name": "soldes", "text": "Soldes: {a|b}", "sender_id": "36180", "actor": "a", "repeat": true, "file": null}'
    )
    draft = parse_draft(text, "d.json")
    assert (draft.text, draft.repeat, draft.file) == ("Soldes: {a|b}", True, None)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(WHOLE + "text2: x\n", r"no field 'text2'; did you mean text\? fields: name, title,", id="a field"),
        pytest.param("text: Bonjour: soldes", r"is not YAML, line 1: .*; put a text with a colon", id="a colon"),
        pytest.param("text: {first_name}, soldes", r"d\.yaml is not YAML, line 1: .* in quotes$", id="a brace"),
        pytest.param("", "has no fields; write one a line", id="an empty file"),
        pytest.param("- a\n- b", "has no fields", id="a list"),
        pytest.param(WHOLE.replace("soldes", "'?'", 1), r"name: '\?' has fewer than two .* Noël 2026$", id="a name"),
        pytest.param(WHOLE + "send_time: 1030", "send_time: '1030' is no hour; write it like 10:30 or", id="an hour"),
        pytest.param(WHOLE + "send_on: demain", "send_on: 'demain' is no day; write it like 2026-12-05 or", id="a day"),
        pytest.param(WHOLE + "offer_ends: 31/11/2026", "offer_ends: '31/11/2026' is no day of the", id="no such day"),
        pytest.param(WHOLE + "send_on: 2026-11-23T18:00+01:00", "names a time zone; write it without", id="a zone"),
        pytest.param(
            WHOLE + "send_on: 2026-11-23T18:00\nsend_time: 19:00",
            r"d\.yaml: send_on says 18:00 and send_time says 19:00; give the hour once", id="two hours",
        ),
        pytest.param(WHOLE + "max_messages_in_days: 3", r"'3' is not valid\. Such as 3 in 30", id="a cap"),
        pytest.param(WHOLE + "kind: sms", "kind: Input should be 'marketing' or 'alert'", id="a kind"),
        pytest.param('name: soldes\ntext: "a\\0b"\nsender_id: ABC\nactor: a', "text: it contains a control", id="NUL"),
        pytest.param("name: soldes\ntext: '  '\nsender_id: ABC\nactor: a", "text: it has only blanks", id="blanks"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(text: str, line: str) -> None:
    with pytest.raises(CampaignError, match=line) as refused:
        parse_draft(text, "d.yaml")
    assert "\n" not in str(refused.value)


DAYS = [
    pytest.param("05/12/2026", True, "2026-12-05", id="two ways, the day first"),
    pytest.param("05/12/2026", False, "2026-05-12", id="two ways, the month first"),
    pytest.param("13/12/2026", False, "2026-12-13", id="one way"),
]


@pytest.mark.parametrize(("typed", "day_first", "day"), DAYS)
def test_a_day_that_could_be_two_is_read_by_the_setting(typed: str, day_first: bool, day: str) -> None:
    draft = parse_draft(WHOLE + f"send_on: {typed}\noffer_ends: {typed} 18h\n", "d.yaml").settled(day_first)
    assert (draft.send_on, draft.offer_ends) == (day, f"{day} 18:00")
    assert draft.settled(not day_first) == draft


def test_a_draft_reads_its_own_values_as_they_are() -> None:
    draft = parse_draft(WHOLE.replace("soldes", "Noël 2026", 1) + "send_on: 2026-11-23T18:00\n", "d.yaml")
    assert type(draft).model_validate_json(draft.model_dump_json()) == draft
