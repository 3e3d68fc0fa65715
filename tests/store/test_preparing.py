"""Recaps and approvals: what a person approves is exactly what is stored, and what it costs is there."""

from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pytest

from sms.errors import CampaignError
from sms.planning import choose_recipients
from store.campaigns import approve
from store.preparing import has_samples, read_candidates, standing_campaign

NO_NUMBERS = pd.DataFrame(columns=["origin", "row_number", "number_id", "msisdn", "territory"])


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
    "the place": {"people": {"FR-AM": range(5)}},
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


def test_preparing_again_replaces_everything(desk) -> None:
    desk.prepare("winter", range(9))
    desk.prepare("winter", [7], text="Autre texte STOP 36111")
    assert desk.sql("SELECT text FROM message") == [("Autre texte STOP 36111",)]
    assert desk.slices("winter") == {1: "planned"}
    assert desk.sql("SELECT version, message_count FROM recap ORDER BY version") == [(1, 9), (2, 1)]


# --- approving -------------------------------------------------------------------------------------------------


def test_approval_locks(desk) -> None:
    desk.put_balance("100")
    recap = desk.prepare("winter", range(4))
    found = desk.approve("winter")
    assert (found["state"], found["approved_hash"], found["due_at"]) == ("approved", recap.recap_hash, desk.clock.at)
    with pytest.raises(CampaignError, match="is approved, so it is locked; cancel it to make it again"):
        desk.prepare("winter", range(3))
    with pytest.raises(CampaignError, match="is approved; only a prepared one can be approved"):
        desk.approve("winter")
    events = desk.rows("campaign.events", campaign_id=recap.campaign_id)
    assert [(row["event"], row["actor"], row["detail"]) for row in events] == [
        ("prepared", "camille", recap.recap_hash[:8]),
        ("approved", "dominique", recap.recap_hash[:8]),
    ]


@pytest.mark.parametrize(
    ("shown", "is_enough"),
    [
        (lambda digest: digest, True),
        (lambda digest: digest[:8], True),
        (lambda digest: digest[:8].upper(), True),
        (lambda digest: digest[:7], False),
        (lambda digest: "", False),
        (lambda digest: digest[1:], False),
        (lambda digest: "0" * 8, False),
        (lambda digest: digest + "0", False),
        (lambda digest: digest[:7] + "%", False),
    ],
)
def test_the_hash_must_be_shown(desk, shown, is_enough: bool) -> None:
    desk.put_balance("100")
    recap = desk.prepare("winter", range(2))
    with desk.visit() as visit:
        if is_enough:
            assert approve(visit, "winter", shown(recap.recap_hash), "dominique")["state"] == "approved"
            return
        with pytest.raises(CampaignError, match=r"is not that of the latest recap of winter \(version "):
            approve(visit, "winter", shown(recap.recap_hash), "dominique")
    assert desk.find("winter")["state"] == "prepared"


def test_hash_of_the_recap_before_is_refused(desk) -> None:
    desk.put_balance("100")
    old = desk.prepare("winter", range(2))
    desk.prepare("winter", range(3))
    with desk.visit() as visit, pytest.raises(CampaignError, match="read that recap"):
        approve(visit, "winter", old.recap_hash, "dominique")


def test_tampered_recap_is_not_approved(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    desk.sql("UPDATE recap SET header = replace(header, 'fr-strict', 'us-tcpa')")
    with pytest.raises(CampaignError, match="is not what its recap says"):
        desk.approve("winter")


def test_what_is_missing_is_told(desk) -> None:
    desk.prepare("winter", range(4))
    with pytest.raises(CampaignError, match="balance of gateway sandbox was never read; run check-balance"):
        desk.approve("winter")
    desk.put_balance("0.199999")
    with pytest.raises(
        CampaignError, match=r"costs 0\.200000 EUR; 0\.199999 are available.*: 0\.000001 EUR are missing"
    ):
        desk.approve("winter")
    desk.put_balance("0.20")
    assert desk.approve("winter")["state"] == "approved"


def test_what_others_need_is_not_available(desk) -> None:
    lease = desk.start("first", range(4))  # 0.20: half of it is claimed, half is still to come
    desk.must_claim(lease)
    desk.put_balance("0.30")
    desk.prepare("second", range(4))
    with pytest.raises(
        CampaignError, match=r"0\.20\d* are available.*0\.10\d* of them committed.*0\.10\d* EUR are missing"
    ):
        desk.approve("second")
    desk.prepare("second", range(2))
    assert desk.approve("second")["state"] == "approved"


def test_credit_of_another_gateway_does_not_count(desk) -> None:
    desk.put_balance("100", gateway="other")
    desk.prepare("winter", range(2))
    with pytest.raises(CampaignError, match="gateway sandbox was never read"):
        desk.approve("winter")


def test_campanile_keeps_its_own_campaigns_to_itself(desk) -> None:
    with desk.visit() as visit:
        found = standing_campaign(visit, "notice", "sandbox")
        assert standing_campaign(visit, "notice", "sandbox") == found
    own = "notice-sandbox .* Campanile's own campaign"
    for act in (desk.cancel, desk.approve, lambda name: desk.prepare(name, range(2))):
        with pytest.raises(CampaignError, match=own):
            act("notice-sandbox")


# --- candidates ------------------------------------------------------------------------------------------------


def test_candidates_come_in_the_order_of_the_draft(desk) -> None:
    desk.fill_list("north", {1: {"town": "Lille"}, 2: {}})
    desk.fill_list("south", {2: {"first_name": "Ana"}, 3: {}, 4: {}})
    desk.fill_list("left", {4: {}})
    desk.opt_out(3)
    typed = NO_NUMBERS.copy()
    typed.loc[0] = ["typed", 1, 33639980001, "+33639980001", "FR"]
    typed.loc[1] = ["typed", 2, 33639980009, "+33639980009", "FR"]
    with desk.visit(read_only=True) as visit:
        candidates, names = read_candidates(visit, ["south", "north"], typed, ["left"])
        assert not has_samples(visit, ["south", "north"])
    assert names == ["first_name", "town"]
    chosen, left_out = choose_recipients(candidates.reset_index(drop=True))
    assert [(row.origin, row.number_id % 100) for row in chosen.itertuples()] == [
        ("south", 2),
        ("north", 1),
        ("typed", 9),
    ]
    assert [(row.number_id % 100, row.reason) for row in left_out.itertuples()] == [
        (3, "opted_out"),
        (4, "excluded_list"),
        (2, "duplicate"),
        (1, "duplicate"),
    ]


@pytest.mark.parametrize(("lists", "excluded"), [(["nroth"], []), (["north"], ["nroth"])])
def test_unknown_list_is_named_beside_those_there_are(desk, lists, excluded) -> None:
    desk.fill_list("north", {1: {}})
    line = r"^no list 'nroth'; lists are: north$"
    with pytest.raises(CampaignError, match=line), desk.visit() as visit:
        read_candidates(visit, lists, NO_NUMBERS, excluded)
