"""A campaign on its way: opened when due, closed when over, parked until something can be done."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.ledger.claim_checks import StopReason
from campanile.store.ledger.run_lifecycle import count_messages, read_progress, recount
from campanile.store.ledger.unknowns import write_off

CLOSING = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
NEXT_OPENING = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


def events(desk, name: str) -> list[str]:
    return [row.event for row in desk.events(name)]


def due(desk) -> list[str]:
    return [row.name for row in desk.due()]


def send_all(desk, lease) -> None:
    while claim := desk.claim(lease):
        desk.answer(lease, claim, "accepted")


# --- opening ---------------------------------------------------------------------------------------------------


def test_a_life(desk) -> None:
    lease = desk.start("winter")
    assert desk.find("winter").state == "sending"
    send_all(desk, lease)
    closed = desk.close(lease)
    assert (closed.state, closed.due_at, closed.state_reason) == ("finished", None, None)
    assert events(desk, "winter") == ["prepared", "approved", "started", "finished"]
    assert due(desk) == []


def test_prepared_campaign_is_not_opened(desk) -> None:
    desk.prepare("winter", range(2))
    with pytest.raises(CampaignError, match="is prepared, not approved"):
        desk.open("winter")
    with pytest.raises(CampaignError, match=r"^no campaign 'summer'; campaigns are: winter$"):
        desk.open("summer")


def test_campaign_is_opened_when_due(desk) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(2), due_at=desk.clock.at + timedelta(hours=2))
    desk.approve("winter")
    assert desk.open("winter") is None
    assert due(desk) == []
    desk.clock.forward(hours=2)
    assert due(desk) == ["winter"]
    assert desk.open("winter") is not None
    assert due(desk) == []  # another run has it


def test_orphan_is_due_when_its_lease_has_run_out(desk) -> None:
    desk.start("winter")
    assert due(desk) == []
    desk.clock.forward(seconds=90)
    assert due(desk) == ["winter"]
    assert desk.open("winter", "second sender") is not None


@pytest.mark.parametrize("column", ["text", "msisdn", "sender_id", "number_id", "price", "window_key", "client_ref"])
def test_tampered_message_is_not_sent(desk, column: str) -> None:
    changed = {"number_id": "number_id + 50", "price": "price / 2"}.get(column, "'+33639980077'")
    desk.put_balance("100")
    desk.prepare("winter", range(2))
    desk.approve("winter")
    kept = desk.sql(f"SELECT recipient_id, CAST({column} AS VARCHAR) FROM message")
    desk.sql(f"UPDATE message SET {column} = {changed} WHERE recipient_id % 2 = 0")
    with pytest.raises(CampaignError, match="differs from its recap"):
        desk.open("winter")
    assert desk.find("winter").state == "approved"
    for recipient_id, value in kept:
        desk.sql(f"UPDATE message SET {column} = '{value}' WHERE recipient_id = {recipient_id}")
    assert desk.open("winter") is not None


# --- closing ---------------------------------------------------------------------------------------------------


def test_campaign_that_closes_is_parked_until_its_windows_open(desk) -> None:
    lease = desk.start("winter", {"FR": [0, 1], "GP": [2, 3]})
    desk.clock.at = CLOSING - timedelta(seconds=140)  # too late in Paris, 14:57 in Guadeloupe
    desk.read_stops()
    send_all(desk, lease)
    closed = desk.close(lease)
    assert (closed.state, closed.due_at) == ("parked", NEXT_OPENING)
    assert events(desk, "winter")[-1] == "parked"
    desk.clock.at = NEXT_OPENING
    assert due(desk) == ["winter"]
    desk.read_stops()
    lease = desk.open("winter")
    send_all(desk, lease)
    assert desk.close(lease).state == "finished"


def test_parked_on_a_saturday_night_until_monday(desk) -> None:
    lease = desk.start("winter")
    desk.clock.at = datetime(2026, 11, 28, 19, 30, tzinfo=UTC)
    assert desk.close(lease).due_at == datetime(2026, 11, 30, 7, 0, tzinfo=UTC)


def test_earliest_of_several_reasons_to_wait(desk) -> None:
    lease = desk.start("winter", {"FR": [0, 1], "GP": [2, 3]})
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    closed = desk.close(lease)  # Guadeloupe opens at 12:00 UTC; the unknown ones may be asked for before
    assert closed.due_at == desk.clock.at + timedelta(seconds=5)
    desk.clock.at = closed.due_at
    lease = desk.open("winter", "second sender")
    desk.answer(lease, claim, "accepted")
    assert desk.close(lease).due_at == datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_stopped_early_waits_for_the_retry(desk) -> None:
    lease = desk.start("winter")
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    closed = desk.close(lease, why="gateway sandbox refused 5 times in a row", retry_seconds=60)
    assert (closed.state, closed.due_at) == ("parked", desk.clock.at + timedelta(seconds=60))
    assert closed.state_reason == "gateway sandbox refused 5 times in a row"


def test_alert_waits_for_the_retry_only(desk) -> None:
    lease = desk.start("flood", kind="alert")
    desk.clock.at = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
    assert desk.close(lease).due_at == desk.clock.at + timedelta(seconds=60)


def test_claim_still_in_flight_is_looked_at_by_the_next_run(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    closed = desk.close(lease)
    assert (closed.state, closed.due_at) == ("parked", desk.clock.at + timedelta(seconds=60))
    desk.clock.forward(seconds=60)
    lease = desk.open("winter", "second sender")
    assert desk.states("winter") == {"unknown": 2}
    desk.answer(lease, claim, "accepted")
    assert desk.close(lease).state == "finished"


def test_everything_opted_out_is_finished(desk) -> None:
    lease = desk.start("winter")
    desk.opt_out(*range(4))
    send_all(desk, lease)
    assert desk.close(lease).state == "finished"
    assert desk.states("winter") == {"suppressed": 4}


def test_reports_alone_can_finish_a_campaign(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    for message in claim.messages:
        desk.report(message)
    assert desk.close(lease).state == "finished"


def test_closing_gives_the_lease_back(desk) -> None:
    lease = desk.start("winter")
    desk.close(lease)
    desk.clock.forward(seconds=60)
    assert desk.open("winter", "second sender") is not None


# --- how far ---------------------------------------------------------------------------------------------------


def outcomes_of(desk, name: str) -> dict[str, int]:
    """Return what became of the messages; what is read cheaply is what the messages say."""
    with desk.tx(read_only=True) as tx:
        campaign = find_campaign(tx, name)
        found = read_progress(tx, campaign)
        exact = recount(found, count_messages(tx, campaign.campaign_id))
    assert found.total == exact.total == sum(exact[1:-2])
    assert found._replace(in_flight=exact.in_flight) == exact
    assert found.in_flight >= exact.in_flight, "counted by whole slices"
    return {field: count for field, count in list(exact._asdict().items())[1:-2] if count}


def test_progress_distinguishes_accepted_from_never_sent(desk) -> None:
    lease = desk.start("winter", range(8))
    desk.answer(lease, desk.must_claim(lease), "accepted", "rejected")
    desk.opt_out(2)
    claim = desk.must_claim(lease)
    assert outcomes_of(desk, "winter") == {"accepted": 1, "rejected": 1, "suppressed": 1, "in_flight": 1, "waiting": 4}
    desk.answer(lease, claim, "accepted")
    desk.cancel("winter")
    assert outcomes_of(desk, "winter") == {"accepted": 2, "rejected": 1, "suppressed": 1, "cancelled": 4}


def test_progress_counts_what_the_offer_outlived(desk) -> None:
    ends_at = desk.clock.at + timedelta(hours=1)
    lease = desk.start("winter", offer_ends_at=ends_at, header={"offer_ends_at": ends_at.isoformat()})
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.clock.at = ends_at
    desk.close(lease)
    assert outcomes_of(desk, "winter") == {"accepted": 2, "expired": 2}


def test_progress_counts_a_message_once_however_often_it_moves(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "accepted", "unknown")
    assert outcomes_of(desk, "winter") == {"accepted": 1, "unknown": 1}
    for message in claim.messages:
        desk.report(message)
    desk.close(lease)
    assert outcomes_of(desk, "winter") == {"accepted": 2}


def test_progress_of_what_was_given_up_and_came_back(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.close(lease)
    desk.clock.forward(seconds=10)
    with desk.tx() as tx:
        write_off(tx, "winter", "camille", "enough")
    assert outcomes_of(desk, "winter") == {"written_off": 2}
    desk.report(claim.messages[0])
    assert outcomes_of(desk, "winter") == {"accepted": 1, "written_off": 1}


# --- cancelling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["prepared", "approved", "opened"])
def test_cancelled_before_the_first_claim_costs_nothing(desk, step: str) -> None:
    desk.put_balance("100")
    desk.prepare("winter", range(4))
    if step != "prepared":
        desk.approve("winter")
    if step == "opened":
        desk.open("winter")
    found = desk.cancel("winter")
    assert (found.state, found.due_at, found.state_reason) == ("cancelled", None, "stopped: wrong price")
    assert desk.states("winter") == {"cancelled": 4}
    assert desk.credit() == {}
    assert events(desk, "winter")[-1] == "cancelled"
    assert desk.credit_left().committed == 0
    assert desk.open("winter") is None


def test_name_of_a_cancelled_campaign_may_be_used_again(desk) -> None:
    first = desk.prepare("winter", range(4))
    refs = desk.sql("SELECT client_ref FROM message")
    desk.cancel("winter")
    second = desk.prepare("winter", range(4))
    assert (second.campaign_id, second.version) == (first.campaign_id + 1, 1)
    assert desk.find("winter").state == "prepared"
    assert not set(refs) & set(desk.sql(f"SELECT client_ref FROM message WHERE campaign_id = {second.campaign_id}"))


def test_cancelled_half_way_is_finished(desk) -> None:
    lease = desk.start("winter")
    desk.answer(lease, desk.must_claim(lease), "accepted")
    found = desk.cancel("winter")
    assert (found.state, found.state_reason) == ("finished", "stopped: wrong price")
    assert desk.states("winter") == {"accepted": 2, "cancelled": 2}
    desk.refuse(lease, StopReason.NOT_SENDING, "only a sending one may claim")


@pytest.mark.parametrize(("outcome", "state"), [("accepted", "accepted"), ("not_accepted", "cancelled")])
def test_cancelled_in_flight_is_settled_first(desk, outcome: str, state: str) -> None:
    lease = desk.start("winter")
    claim = desk.must_claim(lease)
    found = desk.cancel("winter")
    assert (found.state, found.due_at) == ("sending", desk.clock.at)
    assert desk.states("winter") == {"claimed": 2, "cancelled": 2}
    assert desk.claim(lease) is None
    desk.answer(lease, claim, outcome)
    closed = desk.close(lease)
    assert (closed.state, closed.state_reason) == ("finished", "stopped: wrong price")
    left = {state: 2, "cancelled": 2} if state != "cancelled" else {"cancelled": 4}
    assert desk.states("winter") == left
    assert desk.slices("winter") == {1: "settled", 2: "cancelled"}
    with pytest.raises(CampaignError, match="choose another name"):
        desk.prepare("winter", range(4))


def test_why_it_was_cancelled_outlives_the_wait_for_unknown_messages(desk) -> None:
    lease = desk.start("winter")
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.cancel("winter")
    desk.close(lease)
    desk.clock.forward(seconds=10)
    lease = desk.open("winter", "second sender")
    desk.answer(lease, claim, "not_accepted")
    closed = desk.close(lease)
    assert (closed.state, closed.state_reason) == ("finished", "stopped: wrong price")
    assert desk.states("winter") == {"cancelled": 4}


def test_requeued_messages_are_cancelled_too(desk) -> None:
    lease = desk.start("winter", range(2))
    desk.answer(lease, desk.must_claim(lease), "accepted", "not_accepted")
    desk.cancel("winter")
    assert desk.states("winter") == {"accepted": 1, "cancelled": 1}
    assert desk.slices("winter") == {1: "settled", 2: "cancelled"}


def test_cancelled_twice_is_refused_once_it_is_over(desk) -> None:
    desk.prepare("winter", range(2))
    desk.cancel("winter")
    with pytest.raises(CampaignError, match="is already cancelled; there is nothing to cancel"):
        desk.cancel("winter")


def test_credit_of_a_cancelled_campaign_is_free_for_another(desk) -> None:
    desk.put_balance("0.20")
    desk.prepare("winter", range(4))
    desk.approve("winter")
    desk.prepare("spring", range(4))
    with pytest.raises(CampaignError, match=r"0\.20* EUR are missing"):
        desk.approve("spring")
    desk.cancel("winter")
    assert desk.approve("spring").state == "approved"
    assert desk.credit_left().committed == Decimal("0.20")
