"""From draft to lock: who may approve what, what it costs, and how a lock is taken back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.approval import full_hash
from campanile.store.campaigns.campaigns import find_campaign, set_state, withdraw_approval
from campanile.store.campaigns.writer import add_messages, standing_campaign
from tests.stores import IN_BOTH_MODES


def events(desk, name: str) -> list[tuple[str, str, int, str | None]]:
    found = desk.events(name)
    return [(row.event, row.actor, row.version, row.detail) for row in found]


def committed(desk) -> Decimal:
    return Decimal(desk.credit_left().committed)


def due(desk) -> list[str]:
    return [row.name for row in desk.due()]


# --- the recap -------------------------------------------------------------------------------------------------


def test_approval_locks(desk) -> None:
    desk.put_balance("100")
    recap = desk.prepare("winter", range(4))
    found = desk.approve("winter")
    assert (found.state, found.approved_hash, found.due_at) == ("approved", recap.recap_hash, desk.clock.at)
    assert found.first_due_at == desk.clock.at
    for change in (lambda: desk.prepare("winter", range(3)), lambda: desk.approve("winter")):
        with pytest.raises(CampaignError, match=r"winter is approved[,;].* run revise-campaign to change it"):
            change()
    assert events(desk, "winter") == [
        ("prepared", "camille", 1, recap.recap_hash[:8]),
        ("approved", "dominique", 1, recap.recap_hash[:8]),
    ]


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda digest: digest, id="all of it"),
        pytest.param(lambda digest: digest[:8], id="eight characters"),
        pytest.param(lambda digest: digest[:8].upper(), id="in capitals"),
    ],
)
def test_the_hash_is_shown(desk, shown) -> None:
    desk.put_balance("100")
    recap = desk.prepare("winter", range(2))
    assert full_hash(desk.find("winter"), shown(recap.recap_hash)) == recap.recap_hash
    assert desk.approve("winter", shown(recap.recap_hash)).state == "approved"


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda digest: digest[:7], id="seven characters"),
        pytest.param(lambda digest: "", id="nothing"),
        pytest.param(lambda digest: digest[1:], id="not its beginning"),
        pytest.param(lambda digest: "0" * 8, id="another"),
        pytest.param(lambda digest: digest + "0", id="too long"),
        pytest.param(lambda digest: digest[:7] + "%", id="a wildcard"),
    ],
)
def test_a_wrong_hash_is_refused(desk, shown) -> None:
    desk.put_balance("100")
    recap = desk.prepare("winter", range(2))
    with pytest.raises(CampaignError, match=r"is not that of the latest recap of winter \(version 1\)"):
        desk.approve("winter", shown(recap.recap_hash))
    assert desk.find("winter").state == "prepared"


def test_hash_of_the_recap_before_is_refused(desk) -> None:
    desk.put_balance("100")
    old = desk.prepare("winter", range(2))
    desk.prepare("winter", range(3))
    with pytest.raises(CampaignError, match="read that recap"):
        desk.approve("winter", old.recap_hash)


def test_tampered_recap_is_not_approved(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    desk.sql("UPDATE recap SET header = replace(header, 'fr-strict', 'us-tcpa')")
    with pytest.raises(CampaignError, match="differs from its recap"):
        desk.approve("winter")


# --- the credit ------------------------------------------------------------------------------------------------


def test_what_is_missing_is_named(desk) -> None:
    desk.prepare("winter", range(4))
    with pytest.raises(CampaignError, match="balance of gateway sandbox was never read; run check-balance"):
        desk.approve("winter")
    desk.put_balance("0.199999")
    with pytest.raises(
        CampaignError,
        match=r"^campaign winter costs 0\.20 EUR; 0\.199999 EUR are available on sandbox, 0\.00 EUR of them committed "
        r"to approved campaigns: 0\.000001 EUR are missing$",
    ):
        desk.approve("winter")
    desk.put_balance("0.20")
    assert desk.approve("winter").state == "approved"


def test_what_others_need_is_not_available(desk) -> None:
    lease = desk.start("first", range(4))  # 0.20: half of it is claimed, half is still to come
    desk.must_claim(lease)
    desk.put_balance("0.30")
    desk.prepare("second", range(4))
    with pytest.raises(
        CampaignError, match=r"0\.20 EUR are available.*0\.10 EUR of them committed.*0\.10 EUR are missing"
    ):
        desk.approve("second")
    desk.prepare("second", range(2))
    assert desk.approve("second").state == "approved"


def test_credit_of_another_gateway_does_not_count(desk) -> None:
    desk.put_balance("100", gateway="other")
    desk.prepare("winter", range(2))
    with pytest.raises(CampaignError, match="gateway sandbox was never read"):
        desk.approve("winter")


def test_campanile_keeps_its_own_campaigns_to_itself(desk) -> None:
    with desk.tx() as tx:
        found = standing_campaign(tx, "notice", "sandbox")
        assert standing_campaign(tx, "notice", "sandbox") == found
    own = "notice-sandbox .* Campanile's own campaign"
    for act in (desk.cancel, desk.approve, lambda name: desk.prepare(name, range(2))):
        with pytest.raises(CampaignError, match=own):
            act("notice-sandbox")


# --- the credit of emergencies ---------------------------------------------------------------------------------


def alert(desk, name: str, count: int, **head) -> None:
    desk.prepare(name, range(20, 20 + count), text=f"Crue {name}", kind="alert", **head)


def test_an_emergency_may_use_what_marketing_needs_and_leaves_what_alerts_need(desk) -> None:
    desk.put_balance("0.50")
    desk.prepare("winter", range(4))  # 0.20 committed to marketing
    desk.approve("winter")
    alert(desk, "works", 4)  # 0.20 committed to an alert
    desk.approve("works")
    alert(desk, "flood", 6)
    with pytest.raises(
        CampaignError, match=r"0\.40 EUR of them committed to approved campaigns: 0\.20 EUR are missing"
    ):
        desk.approve("flood")
    alert(desk, "flood", 6, emergency_reason="the river is rising")
    assert desk.approve("flood").state == "approved"
    *_, (event, actor, version, detail) = events(desk, "flood")
    assert (event, actor, version) == ("approved", "dominique", 2)
    assert detail.endswith("; emergency: the river is rising")
    alert(desk, "fire", 1, emergency_reason="the forest burns")
    with pytest.raises(CampaignError, match=r"0\.50 EUR of them committed to other alerts: 0\.05 EUR are missing"):
        desk.approve("fire")


# --- the people ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "author"),
    [("Zo\u00e9 Petit", "Zoe\u0301 Petit"), ("ZO\u00c9  PETIT", "Zo\u00e9 Petit")],
    ids=["an accent typed apart", "capitals and a blank too many"],
)
def test_four_eyes_know_a_name_however_it_is_typed(desk, actor: str, author: str) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2), actor=author)
    with pytest.raises(CampaignError, match="may not approve it as well"):
        desk.approve("winter", actor=actor, four_eyes=True)


@pytest.mark.parametrize("who", ["Dominique", "dominique", " DOMINIQUE "])
def test_approvers_are_known_by_name(desk, who: str) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    with pytest.raises(CampaignError, match=r"^lou may not approve winter; SMS_APPROVERS names Ada, Dominique$"):
        desk.approve("winter", actor="lou", approvers=("Ada", "Dominique"))
    assert desk.approve("winter", actor=who, approvers=("Ada", "Dominique")).state == "approved"
    assert events(desk, "winter")[-1][1] == who.strip()


def test_an_empty_name_is_no_approver(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    with pytest.raises(CampaignError, match="needs the name of the person who approves it"):
        desk.approve("winter", actor="  ")


def test_two_pairs_of_eyes_see_every_version(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2), actor="Camille")
    desk.approve("winter", four_eyes=True)
    desk.prepare("winter", range(3), actor="lou", revises=True)
    for author in ("camille", "Lou"):
        with pytest.raises(CampaignError, match=rf"^{author} prepared winter and may not approve it as well"):
            desk.approve("winter", actor=author, four_eyes=True)
    assert desk.approve("winter", four_eyes=True).state == "approved"


def test_one_pair_is_enough_where_the_team_says_so(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2), actor="camille")
    assert desk.approve("winter", actor="camille").state == "approved"


# --- the time --------------------------------------------------------------------------------------------------


def test_an_old_recap_is_prepared_again(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    desk.clock.forward(hours=72, minutes=30)
    with pytest.raises(CampaignError, match=r"winter is 72\.5 hours old, and 72 are allowed .*; prepare it again$"):
        desk.approve("winter", max_age=timedelta(hours=72))
    desk.prepare("winter", range(2))
    desk.clock.forward(hours=72)
    assert desk.approve("winter", max_age=timedelta(hours=72)).state == "approved"


def test_an_offer_that_has_ended_is_not_approved(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2), offer_ends_at=desk.clock.at + timedelta(hours=1))
    desk.clock.forward(hours=1)
    with pytest.raises(CampaignError, match="the offer of winter has ended"):
        desk.approve("winter")


def test_the_first_hour_is_the_one_that_was_approved(desk) -> None:
    desk.put_balance("100")
    hour = desk.clock.at + timedelta(hours=3)
    desk.prepare("winter", range(2), due_at=hour)
    assert desk.find("winter").first_due_at is None, "it is not approved"
    assert desk.approve("winter").first_due_at == hour


@IN_BOTH_MODES
def test_stops_since_the_recap_only_shrink_it(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(4))
    desk.opt_out(1, 2, 50)
    approved, staying = desk.approve_counted("winter")
    assert staying.opted_out_count == 2
    assert events(desk, "winter")[-1][3] == f"{str(approved.recap_hash)[:8]}; 2 opted out since"


@IN_BOTH_MODES
def test_stops_do_not_bind_what_people_asked_for(desk) -> None:
    desk.put_balance("100")
    alert(desk, "parcel", 2, requested_service=True)
    desk.opt_out(20)
    assert desk.approve_counted("parcel")[1].opted_out_count == 0


def die(desk, *people: int) -> None:
    for person in people:
        number = 33_639_980_000 + person
        desk.sql(f"INSERT INTO dead_number VALUES ({number}, '+{number}', 'gone', '{desk.clock.at.isoformat()}')")


def test_numbers_found_dead_since_the_recap_stay_behind(desk) -> None:
    desk.put_balance("100")
    desk.read_stops()
    desk.prepare("winter", range(4), per_slice=4)
    desk.opt_out(1)
    die(desk, 1, 2, 50)
    approved, staying = desk.approve_counted("winter")
    assert (staying.opted_out_count, staying.dead_count) == (1, 1), "who is both counts once"
    assert (
        events(desk, "winter")[-1][3]
        == f"{str(approved.recap_hash)[:8]}; 1 opted out since; 1 with a dead number since"
    )
    lease = desk.open("winter")
    die(desk, 3)  # between approval and claim
    assert [message.msisdn[-1] for message in desk.must_claim(lease).messages] == ["0"]
    found = desk.sql("SELECT recipient_id % 10, reason FROM message_status WHERE state = 'suppressed' ORDER BY 1")
    assert found == [(1, "opted_out"), (2, "dead_number"), (3, "dead_number")]


def test_no_message_for_a_dead_number_but_answers_and_those_to_the_team(desk, rows_for) -> None:
    die(desk, 20, 30)
    lease = desk.start("parcel", [20, 21], kind="alert", requested_service=True)
    assert [message.msisdn[-2:] for message in desk.must_claim(lease).messages] == ["21"]
    with desk.tx() as tx:
        campaign_id = standing_campaign(tx, "notice", "sandbox").campaign_id
        add_messages(tx, campaign_id, rows_for([30], "Solde critique").assign(slice_no=1), first_slice_no=1)
        set_state(tx, campaign_id, "sending", tx.at, None)
    lease = desk.open("notice-sandbox")
    assert [message.msisdn[-2:] for message in desk.must_claim(lease).messages] == ["30"]


@pytest.mark.parametrize(
    ("allowed", "hours", "refused"),
    [
        pytest.param(
            "1 in 30", 0, r"3 of its recipients have reached that number since: prepare it again", id="as many"
        ),
        pytest.param("2 in 30", 0, None, id="one less"),
        pytest.param("1 in 1", 24, r"3 of its recipients", id="to the second"),
        pytest.param("1 in 1", 25, None, id="long ago"),
        pytest.param(None, 0, None, id="no such rule"),
    ],
)
def test_people_who_reached_the_cap_meanwhile_make_the_approval_fail(
    desk, allowed: str | None, hours: int, refused: str | None
) -> None:
    draft = {"max_messages_in_days": allowed}
    desk.prepare("second", [1, 2, 3, 4], draft=draft)
    lease = desk.start("first", [0, 1, 2, 3], per_slice=4)
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.close(lease)
    desk.clock.forward(hours=hours)
    if refused is None:
        assert desk.approve("second").state == "approved"
        return
    with pytest.raises(CampaignError, match=refused):
        desk.approve("second")
    desk.prepare("second", [4, 5], draft=draft)
    assert desk.approve("second").state == "approved"


def test_what_is_approved_and_may_still_leave_counts_as_had_and_alerts_are_not_bound(desk) -> None:
    desk.put_balance("100")
    draft = {"max_messages_in_days": "1 in 30"}
    for name, kind in (("second", "marketing"), ("flood", "alert"), ("first", "marketing")):
        desk.prepare(name, [1, 2], kind=kind, draft=draft)
    desk.approve("first")
    with pytest.raises(CampaignError, match="2 of its recipients have reached that number"):
        desk.approve("second")
    assert desk.approve("flood").state == "approved"
    desk.cancel("first")
    assert desk.approve("second").state == "approved"


def test_another_audience_is_another_recap(desk) -> None:
    desk.put_balance("100")
    desk.fill_list("clients", {1: {"first_name": "Ana"}})
    desk.prepare("winter", [1], lists=["clients"])
    desk.fill_list("clients", {2: {}})
    with pytest.raises(CampaignError, match=r"its lists \(clients\) have changed since version 1"):
        desk.approve("winter")
    desk.prepare("winter", [1, 2], lists=["clients"])
    assert desk.approve("winter").state == "approved"


def test_the_same_text_to_the_same_people_is_stopped(desk) -> None:
    desk.put_balance("100")
    for name in ("winter", "again"):  # both prepared before either is approved: the approval must look too
        desk.prepare(name, range(4), draft={"text": "Soldes demain"})
    desk.approve("winter")
    with pytest.raises(CampaignError, match="4 of its 4 people get the same text"):
        desk.approve("again")
    desk.prepare("again", range(4), draft={"text": "Soldes demain", "repeat": True})
    assert desk.approve("again").state == "approved"


# --- taking it back --------------------------------------------------------------------------------------------


def test_a_revision_withdraws_and_releases_in_one_step(desk) -> None:
    desk.put_balance("0.20")
    first = desk.prepare("winter", range(4), due_at=desk.clock.at + timedelta(hours=1))
    desk.approve("winter")
    second = desk.prepare("winter", range(3), due_at=desk.clock.at + timedelta(hours=1), actor="lou", revises=True)
    found = desk.find("winter")
    assert (found.state, found.approved_hash, found.version) == ("prepared", None, 2)
    assert found.first_due_at is None
    assert committed(desk) == 0
    desk.clock.forward(hours=2)
    assert due(desk) == [], "unapproved at its hour nothing leaves"
    with pytest.raises(CampaignError, match="is prepared, not approved"):
        desk.open("winter")
    with pytest.raises(CampaignError, match="is not that of the latest recap"):
        desk.approve("winter", first.recap_hash)
    desk.approve("winter", second.recap_hash)
    assert due(desk) == ["winter"]
    assert committed(desk) == Decimal("0.15")
    assert [event[:3] for event in events(desk, "winter")] == [
        ("prepared", "camille", 1),
        ("approved", "dominique", 1),
        ("withdrawn", "lou", 1),
        ("revised", "lou", 2),
        ("approved", "dominique", 2),
    ]


def test_parked_for_the_night_it_may_still_be_revised(desk) -> None:
    lease = desk.start("winter", range(4), per_slice=2)
    desk.opt_out(0, 1)
    desk.clock.forward(hours=10)  # 20:00 in Paris
    desk.read_stops()
    assert desk.claim(lease) is None
    assert desk.close(lease).state == "parked"
    desk.prepare("winter", [0, 2, 3, 4], requested_service=True, kind="alert", revises=True)
    desk.approve("winter")
    lease = desk.open("winter", "second sender")
    while claim := desk.claim(lease):
        desk.answer(lease, claim, "accepted")
    assert desk.states("winter") == {"accepted": 4}


def test_a_suppressed_message_is_cut_again(desk) -> None:
    lease = desk.start("winter", [0, 1], per_slice=2)
    desk.opt_out(0, 1)
    assert desk.claim(lease) is None
    assert desk.states("winter") == {"suppressed": 2}
    desk.sql("UPDATE campaign SET state = 'parked'")
    desk.sql("DELETE FROM opt_out_entry")  # they came back
    desk.prepare("winter", [0, 1], revises=True)
    assert desk.states("winter") == {"planned": 2}


@pytest.mark.parametrize("outcome", ["accepted", "unknown", "not_accepted", None])
def test_what_has_begun_to_leave_is_not_revised(desk, outcome: str | None) -> None:
    lease = desk.start("winter", range(4))
    claim = desk.must_claim(lease)
    if outcome is not None:
        desk.answer(lease, claim, outcome)
    for state in ("sending", "parked"):
        desk.sql(f"UPDATE campaign SET state = '{state}'")
        with pytest.raises(CampaignError, match=rf"^campaign winter is {state}: .*has begun; cancel-campaign stops"):
            desk.prepare("winter", range(3), revises=True)
    assert desk.find("winter").approved_hash is not None
    assert len(desk.sql("SELECT * FROM message")) == 4


def test_a_running_campaign_without_a_claim_is_not_revised_yet(desk) -> None:
    desk.start("winter", range(4))
    with pytest.raises(
        CampaignError,
        match=r"^campaign winter is sending: a run is sending it, and no message is claimed yet",
    ):
        desk.prepare("winter", range(3), revises=True)


@pytest.mark.parametrize("state", ["prepared", "cancelled"])
def test_what_is_not_approved_has_nothing_to_withdraw(desk, state: str) -> None:
    desk.prepare("winter", range(2))
    if state == "cancelled":
        desk.cancel("winter")
    with desk.tx() as tx, pytest.raises(CampaignError, match=f"is {state}: .*prepare-campaign"):
        withdraw_approval(tx, find_campaign(tx, "winter"), "lou", "why not")


def test_a_change_of_its_list_raises_no_alert_any_more(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    desk.approve("winter")
    desk.sql(
        "INSERT INTO alert BY NAME SELECT 1 AS alert_id, 'list_changed: winter' AS kind, 'sandbox' AS gateway, "
        "'changed' AS message, TIMESTAMPTZ '2026-11-24 00:00+00' AS raised_at"
    )
    desk.prepare("winter", range(3), revises=True)
    assert desk.sql("SELECT cleared_at IS NOT NULL FROM alert") == [(True,)]


# --- cancelling ------------------------------------------------------------------------------------------------


def test_all_opted_out_and_nothing_claimed_the_name_is_free(desk) -> None:
    lease = desk.start("winter", range(4))
    desk.opt_out(0, 1)
    desk.sql("UPDATE slice SET window_key = 'GP' WHERE slice_no = 2")  # its window is closed
    desk.sql("UPDATE message SET window_key = 'GP' WHERE slice_no = 2")
    assert desk.claim(lease) is None
    assert desk.cancel("winter").state == "cancelled"
    assert desk.states("winter") == {"suppressed": 2, "cancelled": 2}
    assert desk.prepare("winter", range(4)).version == 1
