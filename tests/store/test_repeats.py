"""The same text to largely the same people within 48 hours is stopped, and nothing else is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.duplicate_check import Repeat, check_not_repeated, find_repeat

TEXT = "Bonjour {first_name|cher client}, -20 % ce samedi"


def prepare(desk, name: str, people, *, text: str = TEXT, repeat: bool = False, **head) -> None:
    desk.prepare(name, people, draft={"text": text, "repeat": repeat}, **head)


def approve(desk, name: str, people, **draft) -> None:
    prepare(desk, name, people, **draft)
    desk.put_balance("100")
    desk.approve(name)


def send(desk, name: str, people, *outcomes: str) -> None:
    """Prepare, approve and send a campaign, with one answer of the gateway, or one a message."""
    lease = desk.start(name, people, per_slice=100, draft={"text": TEXT})
    desk.answer(lease, desk.must_claim(lease), *outcomes)
    desk.close(lease)


def refuse(desk, name: str, **changes) -> None:
    with desk.tx(read_only=True) as tx:
        check_not_repeated(tx, replace(find_campaign(tx, name), **changes))


def repeat_of(desk, name: str) -> Repeat | None:
    with desk.tx(read_only=True) as tx:
        return find_repeat(tx, find_campaign(tx, name))


def is_stopped(desk, name: str) -> bool:
    found = repeat_of(desk, name)
    return found is not None and found.is_large


def test_the_line_says_whom_when_and_the_way_out(desk) -> None:
    prepare(desk, "again", range(6))
    approve(desk, "first", range(4))
    desk.clock.forward(hours=1)
    approve(desk, "second", range(3, 20))
    with pytest.raises(CampaignError) as caught:
        refuse(desk, "again")
    assert str(caught.value) == (
        "campaign again: 6 of its 6 people get the same text within 48 hours from "
        "first (approved 2026-11-24 09:00 UTC, 4 people), second (approved 2026-11-24 10:00 UTC, 3 people); "
        "if this is intended, prepare it again with repeat: true"
    )


# --- largely the same people -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("people", "stopped"),
    [
        pytest.param(range(10), True, id="all"),
        pytest.param(range(5, 15), True, id="half"),
        pytest.param(range(6, 16), False, id="less than half"),
        pytest.param(range(10, 20), False, id="no common recipient"),
        pytest.param([0], True, id="the only one"),
        pytest.param(range(30), False, id="a small part of many"),
    ],
)
def test_half_of_its_people_stop_it(desk, people, stopped: bool) -> None:
    prepare(desk, "again", people)
    approve(desk, "first", range(10))
    assert is_stopped(desk, "again") is stopped


def test_parts_of_several_campaigns_add_up(desk) -> None:
    prepare(desk, "again", range(10))
    approve(desk, "north", range(3))
    approve(desk, "south", range(2, 5))
    found = repeat_of(desk, "again")
    assert (found.people_count, found.recipient_count, found.is_large) == (5, 10, True)
    assert [sibling.people_count for sibling in found.siblings] == [3, 3]


@pytest.mark.parametrize(
    ("answers", "people_count"),
    [
        pytest.param(["accepted"], 4, id="all accepted"),
        pytest.param(["unknown"], 4, id="unknown"),
        pytest.param(["not_accepted"], 4, id="tried again later"),
        pytest.param(["accepted", "rejected", "accepted", "rejected"], 2, id="half refused by the gateway"),
    ],
)
def test_only_what_was_sent_or_may_be_sent_counts(desk, answers, people_count: int) -> None:
    prepare(desk, "again", range(4))
    send(desk, "first", range(4), *answers)
    assert repeat_of(desk, "again").people_count == people_count


def test_what_was_never_sent_does_not_count(desk) -> None:
    prepare(desk, "again", range(4))
    send(desk, "first", range(4), "rejected")
    assert repeat_of(desk, "again") is None


def test_what_a_cancelled_rest_did_not_send_does_not_count(desk) -> None:
    prepare(desk, "again", range(4))
    lease = desk.start("first", range(4), per_slice=1, draft={"text": TEXT})
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.cancel("first")
    assert repeat_of(desk, "again").people_count == 1


# --- the same text ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stopped"),
    [
        pytest.param(TEXT, True, id="the same"),
        pytest.param(TEXT.upper(), True, id="in capitals"),
        pytest.param(f"  {TEXT.replace(' ', '  ')}\n", True, id="other white space"),
        pytest.param(TEXT.replace(" %", "\u00a0%"), True, id="no-break space"),
        pytest.param(TEXT.replace("20", "30"), False, id="another figure"),
        pytest.param(TEXT + "!", False, id="one sign more"),
    ],
)
def test_case_and_white_space_make_no_other_text(desk, text: str, stopped: bool) -> None:
    prepare(desk, "again", range(4), text=text)
    approve(desk, "first", range(4))
    assert is_stopped(desk, "again") is stopped


# --- within 48 hours -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first_in_hours", "again_in_hours", "stopped"),
    [
        pytest.param(0, 0, True, id="both at once"),
        pytest.param(0, 47, True, id="a day and more after it"),
        pytest.param(0, 49, False, id="more than two days after it"),
        pytest.param(47, 0, True, id="before one that is to leave"),
        pytest.param(49, 0, False, id="long before one that is to leave"),
        pytest.param(100, 100, True, id="both in some days"),
    ],
)
def test_the_hours_between_their_departures_count(desk, first_in_hours, again_in_hours, stopped: bool) -> None:
    def due_in(hours: int):
        return desk.clock.at + timedelta(hours=hours) if hours else None

    prepare(desk, "again", range(4), due_at=due_in(again_in_hours))
    approve(desk, "first", range(4), due_at=due_in(first_in_hours))
    assert is_stopped(desk, "again") is stopped


@pytest.mark.parametrize(("hours", "stopped"), [(47, True), (49, False)])
def test_what_was_sent_is_forgotten_after_two_days(desk, hours: int, stopped: bool) -> None:
    prepare(desk, "again", range(4))
    send(desk, "first", range(4), "accepted")
    desk.clock.forward(hours=hours)
    assert is_stopped(desk, "again") is stopped


def test_what_is_overdue_is_still_sent(desk) -> None:
    prepare(desk, "again", range(4))
    approve(desk, "first", range(4))
    desk.clock.forward(hours=60)
    assert is_stopped(desk, "again")


# --- which campaigns -------------------------------------------------------------------------------------------


def test_what_was_not_approved_does_not_count(desk) -> None:
    prepare(desk, "again", range(4))
    prepare(desk, "first", range(4))
    assert repeat_of(desk, "again") is None


def test_what_was_revised_since_does_not_count(desk) -> None:
    prepare(desk, "again", range(4))
    approve(desk, "first", range(4))
    prepare(desk, "first", range(4), revises=True)
    assert repeat_of(desk, "again") is None


def test_what_was_cancelled_does_not_count(desk) -> None:
    prepare(desk, "again", range(4))
    approve(desk, "first", range(4))
    desk.cancel("first")
    assert repeat_of(desk, "again") is None


def test_no_campaign_repeats_itself(desk) -> None:
    approve(desk, "first", range(4))
    assert repeat_of(desk, "first") is None


def test_an_alert_counts_like_marketing(desk) -> None:
    prepare(desk, "again", range(4), kind="alert")
    approve(desk, "first", range(4), kind="alert")
    assert is_stopped(desk, "again")


# --- the ways out ----------------------------------------------------------------------------------------------


def test_a_draft_that_says_repeat_is_not_stopped(desk) -> None:
    prepare(desk, "again", range(4))
    prepare(desk, "meant", range(4), repeat=True)
    approve(desk, "first", range(4))
    with pytest.raises(CampaignError, match="get the same text"):
        refuse(desk, "again")
    refuse(desk, "meant")


def test_an_emergency_is_never_stopped(desk) -> None:
    prepare(desk, "again", range(4), kind="alert")
    approve(desk, "first", range(4), kind="alert")
    with pytest.raises(CampaignError, match="get the same text"):
        refuse(desk, "again")
    refuse(desk, "again", emergency_reason="the river rises")
