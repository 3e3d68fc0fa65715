"""The auto-responder's switch: while it is off, no answer leaves that was not claimed before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from campanile.sms.errors import CampaignError
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.campaigns.campaigns import set_state
from campanile.store.campaigns.writer import add_messages, standing_campaign
from campanile.store.inbound.auto_responder import put_auto_responder
from campanile.store.inbound.replies import add_replies, set_answers
from campanile.store.ledger.outcomes import record
from campanile.store.ledger.unknowns import resend
from schemas.gateway import Outcome, SubmitOutcome
from tests.store.conftest import MORNING

ONE = Decimal("0.05")
NAME = "auto-reply-sandbox"
ON = AutoResponder(True, "Merci")
SWITCHED_OFF, OVER = "the auto-responder was switched off", "the auto-responder's time was over"


def put(desk, responder: AutoResponder) -> None:
    with desk.tx() as tx:
        put_auto_responder(tx, responder, "camille")


def switch_off(desk) -> None:
    put(desk, replace(ON, enabled=False))


def outlive(desk) -> None:
    """Let its time pass while the claim still lasts."""
    desk.clock.forward(seconds=20)


#: What ends it, and the reason that stands on what did not leave.
ENDS = [
    pytest.param(switch_off, SWITCHED_OFF, id="switched off"),
    pytest.param(outlive, OVER, id="its time is over"),
]


@pytest.fixture
def answering(desk, rows_for: Callable[..., pd.DataFrame]) -> Any:
    """Two people have written, and their answers wait, one a slice; the auto-responder is on for ten seconds more."""
    put(desk, replace(ON, valid_until=desk.clock.at + timedelta(seconds=10)))
    desk.put_balance("100")
    desk.read_stops()
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    rows = [[f"r{person}", "+", 33639980000 + person, "?", "other", desk.clock.at] for person in (1, 2)]
    with desk.tx() as tx:
        ids = list(add_replies(tx, "sandbox", pd.DataFrame(rows, columns=columns))["reply_id"])
        campaign_id = standing_campaign(tx, "auto_reply", "sandbox").campaign_id
        answers = rows_for([1, 2], "Merci").assign(recipient_id=ids, slice_no=[1, 2])
        add_messages(tx, campaign_id, answers, first_slice_no=1)
        set_answers(tx, dict.fromkeys(ids, "planned"))
        set_state(tx, campaign_id, "sending", tx.at, None)
    desk.lease = desk.open(NAME)
    return desk


def reasons(desk) -> list[tuple[str, str]]:
    return desk.sql("SELECT state, reason FROM message_status WHERE state <> 'accepted' ORDER BY recipient_id")


@pytest.mark.parametrize(("end", "reason"), ENDS)
def test_what_is_refused_while_it_is_off_is_cancelled_with_the_record_of_it(
    answering, end: Callable[[Any], None], reason: str
) -> None:
    claims = [answering.must_claim(answering.lease), answering.must_claim(answering.lease)]
    end(answering)
    for claim in claims:
        answering.answer(answering.lease, claim, "not_accepted")
    assert reasons(answering) == [("cancelled", reason)] * 2
    assert answering.slices(NAME) == {1: "settled", 2: "settled"}
    assert answering.credit() == {"reserve": 2 * ONE, "release": 2 * ONE}
    put(answering, ON)
    assert answering.claim(answering.lease) is None, "switched on again, it begins with what comes from then on"
    assert answering.close(answering.lease).due_at is None


@pytest.mark.parametrize(("end", "reason"), ENDS)
def test_what_was_not_claimed_is_never_sent(answering, end: Callable[[Any], None], reason: str) -> None:
    end(answering)
    assert answering.claim(answering.lease) is None
    assert reasons(answering) == [("cancelled", reason)] * 2
    assert answering.slices(NAME) == {1: "cancelled", 2: "cancelled"}


def test_the_switch_cancels_at_once_what_waits(answering) -> None:
    switch_off(answering)
    assert reasons(answering) == [("cancelled", SWITCHED_OFF)] * 2


@pytest.mark.parametrize(("end", "reason"), ENDS)
def test_what_it_outlived_does_not_leave_when_it_is_on_again(
    answering, end: Callable[[Any], None], reason: str
) -> None:
    end(answering)
    put(answering, replace(ON, text="Bonsoir"))
    assert answering.claim(answering.lease) is None
    assert reasons(answering) == [("cancelled", reason)] * 2


@pytest.mark.parametrize(("end", "reason"), ENDS)
def test_what_was_claimed_before_is_recorded_as_it_went(answering, end: Callable[[Any], None], reason: str) -> None:
    claim = answering.must_claim(answering.lease)
    end(answering)
    answering.answer(answering.lease, claim, "accepted")
    answering.close(answering.lease)
    assert answering.states(NAME) == {"accepted": 1, "cancelled": 1}


@pytest.mark.parametrize(("end", "reason"), ENDS)
def test_what_is_unknown_is_looked_up_and_not_posted_again(answering, end: Callable[[Any], None], reason: str) -> None:
    claim = answering.must_claim(answering.lease)
    answering.answer(answering.lease, claim, "unknown")
    end(answering)
    assert answering.claim_again(answering.lease, claim.slice_no) is None
    absent = [SubmitOutcome(claim.messages[0].client_ref, Outcome.NOT_ACCEPTED)]
    with answering.session(answering.lease) as session:
        record(session, claim.slice_no, absent, session.tx.at, was_looked_up=True)
    answering.close(answering.lease)
    assert reasons(answering) == [("cancelled", reason)] * 2


@pytest.mark.parametrize(("end", "reason"), ENDS)
def test_no_answer_is_sent_again_while_it_is_off(answering, end: Callable[[Any], None], reason: str) -> None:
    answering.answer(answering.lease, answering.must_claim(answering.lease), "unknown")
    end(answering)
    answering.close(answering.lease)
    answering.clock.forward(minutes=2)
    with (
        answering.tx() as tx,
        pytest.raises(CampaignError, match=f"^{reason}, so nothing of {NAME} is sent again"),
    ):
        resend(tx, NAME, "camille", "the console shows none")


def test_while_it_is_on_what_is_refused_is_sent_again(answering) -> None:
    claim = answering.must_claim(answering.lease)
    answering.answer(answering.lease, claim, "not_accepted")
    assert answering.must_claim(answering.lease).slice_no == 2
    assert answering.must_claim(answering.lease).messages == claim.messages


def test_it_silences_no_other_person(desk) -> None:
    switch_off(desk)
    lease = desk.start("winter", range(2))
    desk.answer(lease, desk.must_claim(lease), "not_accepted")
    desk.must_claim(lease)


@pytest.mark.parametrize(
    ("policy", "waits"), [pytest.param("fr-strict", True, id="fr-strict"), pytest.param("none", False, id="any hour")]
)
def test_answers_wait_for_the_opening_only_if_the_team_chose_hours(answering, policy: str, waits: bool) -> None:
    put(answering, replace(ON, policy=policy))
    answering.clock.at = MORNING.replace(hour=20)  # 21:00 in Paris
    answering.read_stops()
    lease = answering.open(NAME, "second sender")
    claim = answering.claim(lease)
    if not waits:
        assert claim is not None
        return
    assert claim is None
    due_at = answering.close(lease).due_at
    assert due_at == MORNING.replace(hour=7) + timedelta(days=1), "08:00 in Paris, the next day"
    assert answering.states(NAME) == {"planned": 2}
    answering.clock.at = due_at
    answering.read_stops()
    assert answering.claim(answering.open(NAME, "third sender")) is not None


def test_answers_that_wait_leave_when_the_team_gives_up_the_hours(answering) -> None:
    put(answering, replace(ON, policy="fr-strict"))
    answering.clock.at = MORNING.replace(hour=20)
    answering.read_stops()
    lease = answering.open(NAME, "second sender")
    assert answering.claim(lease) is None
    put(answering, ON)
    assert answering.claim(lease) is not None
