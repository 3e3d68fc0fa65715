"""Unknown messages: listed, decided by a named person, or settled by a late report."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.campaigns import find_campaign, set_state
from campanile.store.ledger.unknowns import list_unknown, resend, write_off

ONE = Decimal("0.05")
DECISIONS = [pytest.param(write_off, id="write off"), pytest.param(resend, id="resend")]


@pytest.fixture
def parked(desk) -> Any:
    """Four people; two messages are accepted, two unknown; the run has ended and waits for a person."""
    lease = desk.start("winter")
    first, second = desk.must_claim(lease), desk.must_claim(lease)
    desk.answer(lease, first, "accepted")
    desk.answer(lease, second, "unknown")
    closed = desk.close(lease, asks_person=True)
    assert (closed.state, closed.due_at) == ("parked", None)
    desk.clock.forward(seconds=60)
    desk.unknown_messages = second.messages
    return desk


def decide(desk, decision: Any = write_off, name: str = "winter") -> int:
    with desk.tx() as tx:
        return int(decision(tx, name, "camille", "the console shows none"))


def listed(desk, name: str = "winter") -> list[dict[str, Any]]:
    with desk.tx(read_only=True) as tx:
        return list_unknown(tx, find_campaign(tx, name).campaign_id)


def history(desk) -> list[tuple[str, str, str]]:
    rows = desk.events("winter")
    return [(row.event, row.actor, row.detail) for row in rows][-1:]


def finish(desk) -> None:
    lease = desk.open("winter")
    while claim := desk.claim(lease):
        desk.answer(lease, claim, "accepted")
    desk.close(lease)


def test_they_are_listed_with_all_that_is_known(parked) -> None:
    rows = listed(parked)
    assert [row.msisdn for row in rows] == [message.msisdn for message in parked.unknown_messages]
    assert {(row.slice_no, row.price, row.segment_count) for row in rows} == {(2, Decimal("0.05"), 1)}
    assert {row.claimed_at for row in rows} == {parked.clock.at - timedelta(seconds=60)}


def test_written_off_the_campaign_ends_and_their_credit_is_free(parked) -> None:
    assert decide(parked) == 2
    assert parked.states("winter") == {"accepted": 2, "written_off": 2}
    assert parked.credit() == {"reserve": 4 * ONE, "capture": 2 * ONE, "release": 2 * ONE}
    assert history(parked) == [("written_off", "camille", "2 unknown messages: the console shows none")]
    assert parked.sql("SELECT DISTINCT reason FROM message_status WHERE state = 'written_off'") == [
        ("camille: the console shows none",)
    ]
    assert parked.find("winter").due_at == parked.clock.at
    finish(parked)
    assert parked.find("winter").state == "finished"


def test_sent_again_they_leave_as_the_same_messages(parked) -> None:
    assert decide(parked, resend) == 2
    assert parked.states("winter") == {"accepted": 2, "planned": 2}
    assert parked.credit() == {"reserve": 4 * ONE, "capture": 2 * ONE, "release": 2 * ONE}
    assert history(parked) == [("resent", "camille", "2 unknown messages: the console shows none")]
    lease = parked.open("winter")
    claim = parked.must_claim(lease)
    assert claim.messages == parked.unknown_messages
    assert claim.slice_no == 3
    parked.answer(lease, claim, "accepted")
    assert parked.close(lease).state == "finished"
    assert parked.credit() == {"reserve": 6 * ONE, "capture": 4 * ONE, "release": 2 * ONE}


def test_a_stop_that_came_meanwhile_wins_over_sending_again(parked) -> None:
    decide(parked, resend)
    parked.opt_out(2)
    finish(parked)
    assert parked.states("winter") == {"accepted": 3, "suppressed": 1}


def test_a_late_report_on_what_was_written_off_takes_its_price_after_all(parked) -> None:
    decide(parked)
    assert parked.report(parked.unknown_messages[0]) == {"delivered": 1}
    assert parked.credit() == {"reserve": 5 * ONE, "capture": 3 * ONE, "release": 2 * ONE}
    assert parked.states("winter") == {"accepted": 2, "delivered": 1, "written_off": 1}


# --- who may decide, and when ----------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", DECISIONS)
def test_not_while_a_run_has_it_in_hand(desk, decision: Any) -> None:
    lease = desk.start("winter")
    desk.answer(lease, desk.must_claim(lease), "unknown")
    desk.clock.forward(seconds=60)
    with pytest.raises(CampaignError, match="a run is sending campaign"):
        decide(desk, decision)
    assert desk.states("winter") == {"planned": 2, "unknown": 2}


@pytest.mark.parametrize("decision", DECISIONS)
def test_not_while_a_request_may_still_be_under_way(desk, decision: Any) -> None:
    lease = desk.start("winter")
    desk.answer(lease, desk.must_claim(lease), "unknown")
    desk.close(lease, "the gateway is down")
    with pytest.raises(CampaignError, match=r"may still be in flight; decide from 09:00:05 UTC on$"):
        decide(desk, decision)
    desk.clock.forward(seconds=5)
    assert decide(desk, decision) == 2


def test_a_claim_that_was_not_looked_up_cannot_be_decided(desk) -> None:
    lease = desk.start("winter")
    desk.must_claim(lease)
    desk.clock.forward(minutes=5)  # its sender is gone
    with pytest.raises(CampaignError, match="is sending: none of its messages is unknown"):
        decide(desk, resend)


def test_a_slice_that_was_posted_again_by_a_sender_that_is_gone_is_not_decided_on(desk) -> None:
    lease = desk.start("winter")
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    assert desk.claim_again(lease, claim.slice_no) is not None
    desk.clock.forward(minutes=5)
    with pytest.raises(CampaignError, match="is sending: none of its messages is unknown"):
        decide(desk, resend)


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_campaign_that_is_over_has_nothing_to_decide_on(desk, decision: Any) -> None:
    lease = desk.start("winter", range(2))
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.close(lease)
    with pytest.raises(CampaignError, match=r"^campaign winter is finished: it has no unknown message to decide on$"):
        decide(desk, decision)


def test_twice_is_once(parked) -> None:
    decide(parked)
    with pytest.raises(CampaignError, match="none of its messages is unknown"):
        decide(parked, resend)


def test_of_a_cancelled_campaign_nothing_is_sent_again(parked) -> None:
    parked.cancel("winter")
    with pytest.raises(CampaignError, match="was cancelled, so nothing of it is sent again; write its unknowns off"):
        decide(parked, resend)
    assert decide(parked) == 2
    finish(parked)
    assert parked.find("winter").state == "finished"


def test_paused_it_stays_paused(parked) -> None:
    parked.sql("UPDATE campaign SET state = 'paused'")
    decide(parked, resend)
    assert parked.find("winter").state == "paused"


# --- news --------------------------------------------------------------------------------------------------------


def test_a_report_on_an_unknown_message_wakes_its_campaign(parked) -> None:
    parked.report(parked.unknown_messages[0])
    assert parked.find("winter").due_at == parked.clock.at
    assert parked.states("winter") == {"accepted": 2, "delivered": 1, "unknown": 1}
    parked.report(parked.unknown_messages[1], "undelivered")
    finish(parked)
    assert parked.find("winter").state == "finished"


def test_a_report_on_another_message_makes_no_campaign_due(parked) -> None:
    accepted = parked.sql("SELECT client_ref FROM message_status WHERE state = 'accepted'")[0][0]
    message = parked.unknown_messages[0]
    parked.report(message, client_ref=accepted, gateway_message_id=f"gw-{accepted}")
    assert parked.find("winter").due_at is None


def test_a_campaign_that_waits_for_its_hour_is_not_hurried(parked) -> None:
    later = parked.clock.at + timedelta(hours=1)
    with parked.tx() as tx:
        found = find_campaign(tx, "winter")
        set_state(tx, found.campaign_id, "parked", later, None)
    parked.report(parked.unknown_messages[0])
    assert parked.find("winter").due_at == later
