"""Recaps: what is stored is what is counted, hashed and shown."""

from datetime import timedelta
from decimal import Decimal

import pytest

# --- the hash --------------------------------------------------------------------------------------------------


def test_prepared_twice_is_the_same_recap(desk) -> None:
    first = desk.prepare("winter", range(5))
    again = desk.prepare("winter", [4, 3, 2, 1, 0])
    assert (again.campaign_id, again.version) == (first.campaign_id, 2)
    assert again.recap_hash == first.recap_hash
    assert len(first.recap_hash) == 64


CHANGES = {
    "one letter": {"text": "Soldes demain STOP 36112"},
    "one recipient more": {"people": range(6)},
    "one recipient less": {"people": range(4)},
    "another recipient": {"people": [0, 1, 2, 3, 5]},
    "the price": {"price": "0.050001"},
    "the policy": {"policy": "us-tcpa"},
    "the time": {"due_at": 1},
    "the window key": {"people": {"FR-AM": range(5)}},
    "a word of the header": {"header": {"sender_id": "OTHER"}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_any_change_makes_another_recap(desk, change) -> None:
    change = dict(change)
    if "due_at" in change:
        change["due_at"] = desk.clock.at + timedelta(hours=change["due_at"])
    first = desk.prepare("winter", range(5))
    people = change.pop("people", range(5))
    assert desk.prepare("winter", people, **change).recap_hash != first.recap_hash
    assert desk.prepare("winter", range(5)).recap_hash == first.recap_hash


def test_recap_counts_what_is_stored(desk) -> None:
    recap = desk.prepare("winter", range(5), price="0.049")
    assert (recap.audience_count, recap.message_count, recap.exclusion_count) == (5, 5, 0)
    assert (recap.segment_count, recap.total_price, recap.unit) == (5, Decimal("0.245"), "EUR")
    assert desk.slices("winter") == {1: "planned", 2: "planned", 3: "planned"}


def test_how_long_a_campaign_waits_goes_with_its_version(desk) -> None:
    def kept() -> tuple[object, ...]:
        found = desk.find("winter")
        return found.if_closed, found.max_lateness_hours

    desk.prepare("winter", range(5), if_closed="drop", max_lateness_hours=1.5)
    assert kept() == ("drop", 1.5)
    desk.prepare("winter", range(5))
    assert kept() == ("next_opening", None)


def test_a_territory_with_an_hour_of_its_own_keeps_it_on_every_slice(desk) -> None:
    hour = desk.clock.at + timedelta(hours=3)
    desk.prepare("winter", {"FR": range(3), "RE": range(3, 6)}, not_before={"RE": hour})
    found = desk.sql("SELECT window_key, not_before FROM slice ORDER BY window_key, slice_no")
    assert found == [("FR", None)] * 2 + [("RE", hour)] * 2
    desk.prepare("winter", {"FR": range(3), "RE": range(3, 6)})
    assert desk.sql("SELECT DISTINCT not_before FROM slice") == [(None,)]


def test_preparing_again_replaces_everything(desk) -> None:
    desk.prepare("winter", range(9))
    desk.prepare("winter", [7], text="Autre texte STOP 36111")
    assert desk.sql("SELECT text FROM message") == [("Autre texte STOP 36111",)]
    assert desk.slices("winter") == {1: "planned"}
    assert desk.sql("SELECT version, message_count FROM recap ORDER BY version") == [(1, 9), (2, 1)]
