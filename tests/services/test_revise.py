"""Drafts changed in some fields: empty fields do not change, and an error is one line."""

from typing import Any

import pytest

from campanile.services.campaigns.revise import CLEARABLE, revise_draft, touched
from campanile.services.context import Context
from campanile.sms.errors import CampaignError
from schemas.draft import CampaignDraft

DRAFT = CampaignDraft(
    name="soldes",
    text="Bonjour",
    sender_id="36180",
    lists=["clients"],
    numbers=["0612345678"],
    send_on="2026-11-28",  # type: ignore[arg-type]
    send_time="09:30",
    if_closed="drop",
    max_lateness=2,
    repeat=True,
    note="pour Noël",
    actor="camille",
)


def difference(revised: CampaignDraft) -> dict[str, Any]:
    before = DRAFT.model_dump(mode="json")
    return {name: value for name, value in revised.model_dump(mode="json").items() if value != before[name]}


@pytest.mark.parametrize(
    ("fields", "clear", "changes"),
    [
        pytest.param({"text": "Bonsoir"}, [], {"text": "Bonsoir"}, id="a text"),
        pytest.param({"note": "  x "}, [], {"note": "x"}, id="a note, as a form would trim it"),
        pytest.param({"lists": ["north"]}, [], {"lists": ["north"]}, id="lists in place of those before"),
        pytest.param({"repeat": "no"}, [], {"repeat": False}, id="a switch off"),
        pytest.param({"repeat": "keep", "note": "x"}, [], {"note": "x"}, id="a switch left alone"),
        pytest.param({"kind": "alert"}, [], {"kind": "alert"}, id="a choice"),
        pytest.param({"send_on": "2026-11-30"}, [], {"send_on": "2026-11-30"}, id="a day as text"),
        pytest.param({"clock": "local"}, [], {"clock": "local"}, id="another clock"),
        pytest.param({"if_closed": "next_opening"}, [], {"if_closed": "next_opening"}, id="another way when closed"),
        pytest.param(
            {"if_credit_ends": "send_what_fits"}, [], {"if_credit_ends": "send_what_fits"}, id="another end of credit"
        ),
        pytest.param({"max_lateness": 0.5}, [], {"max_lateness": 0.5}, id="hours"),
        pytest.param({"max_lateness": 0, "note": "x"}, [], {"note": "x"}, id="hours left alone"),
        pytest.param(
            {"max_lateness": 0},
            ["if_closed", "max_lateness"],
            {"if_closed": "next_opening", "max_lateness": None},
            id="hours emptied",
        ),
        pytest.param({}, ["send_on", "send_time"], {"send_on": None, "send_time": None}, id="emptied"),
        pytest.param({"text": "yes", "note": "keep"}, [], {"text": "yes", "note": "keep"}, id="texts like choices"),
        pytest.param({"lists": ["keep"]}, [], {"lists": ["keep"]}, id="a list called keep"),
    ],
)
def test_only_what_is_named_changes(
    context: Context, fields: dict[str, Any], clear: list[str], changes: dict[str, Any]
) -> None:
    untouched = {"sender_id": "", "numbers": []}
    untouched |= dict.fromkeys(
        ("replace_characters", "requested_service", "clock", "if_closed", "if_credit_ends"), "keep"
    )
    revised = revise_draft(context, DRAFT, "lou", touched(untouched | fields), clear)
    assert difference(revised) == changes | {"actor": "lou"}


@pytest.mark.parametrize(
    ("fields", "clear", "line"),
    [
        pytest.param({}, [], "nothing to change in campaign soldes", id="nothing"),
        pytest.param({"text": "Bonjour"}, [], "nothing to change in campaign soldes", id="the same"),
        pytest.param({}, ["text"], f"text cannot be cleared; these can: {CLEARABLE[0]}", id="a text cannot be empty"),
        pytest.param({}, ["nota"], "nota cannot be cleared; these can: title, kind, ", id="no such field"),
        pytest.param({"note": "x"}, ["note"], "note cannot be given and cleared at once", id="both"),
        pytest.param({"send_time": "25:00"}, [], "cannot be revised: send_time: ", id="no hour"),
        pytest.param({"max_lateness": -1}, [], "cannot be revised: max_lateness: ", id="hours below zero"),
        pytest.param({"send_on": "soon"}, [], "cannot be revised: send_on: ", id="no day"),
    ],
)
def test_what_is_wrong_is_one_line(context: Context, fields: dict[str, Any], clear: list[str], line: str) -> None:
    with pytest.raises(CampaignError, match=line) as caught:
        revise_draft(context, DRAFT, "lou", touched(fields), clear)
    assert "\n" not in str(caught.value)


def test_a_draft_is_prepared_again_as_it_is_when_asked(context: Context) -> None:
    assert difference(revise_draft(context, DRAFT, "lou", {}, [], may_be_same=True)) == {"actor": "lou"}


@pytest.mark.process
def test_every_field_of_a_draft_can_be_revised() -> None:
    from flows.revise_campaign import revise_campaign

    asked = set(revise_campaign.parameters.properties) - {"campaign", "clear", "prepare_again"}
    assert asked == set(CampaignDraft.model_fields) - {"name"}
