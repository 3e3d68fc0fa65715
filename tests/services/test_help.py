"""HELP gets the identity of the editor, also while the auto-responder is off: exactly once a reply."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from campanile.services.context import Context
from campanile.services.setup_checks import Advice, check_identity
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.db.invariants import broken_invariants
from campanile.store.inbound.auto_responder import put_auto_responder
from campanile.store.ledger.claims import claim_slices
from campanile.store.ledger.outcomes import record
from campanile.store.ledger.run_lifecycle import Owner, open_sending
from campanile.store.ledger.sender_session import sender_session
from schemas.gateway import Outcome, SubmitOutcome
from tests.services.test_inbound import Desk
from tests.store.conftest import RULES, Clock

IDENTITY = "Mairie de Lille, 03 00 00 00 00"
NAME = "auto-reply-sandbox"


@pytest.fixture
def make_desk(make_context: Callable[..., Context], clock: Clock) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**settings: object) -> Desk:
        made.append(Desk(make_context(**settings), clock))
        with made[-1].context.transaction() as tx:
            from decimal import Decimal

            from campanile.store.billing.balance import add_reading
            from campanile.store.inbound.histories import move_cursor

            add_reading(tx, "sandbox", Decimal(100), "EUR", Decimal(0))
            for cursor in ("replies", "opt_outs"):
                move_cursor(tx, "sandbox", cursor, "1")
        return made[-1]

    yield make
    for desk in made:
        with desk.context.transaction(read_only=True) as tx:
            assert broken_invariants(tx) == {}


def texts(desk: Desk) -> list[tuple[str, str]]:
    return desk.sql(
        "SELECT text, message_status.state FROM message JOIN message_status USING (campaign_id, recipient_id)"
    )


def send(desk: Desk, *outcomes: str) -> list[str]:
    """Run a sender of the answers; the gateway gives these outcomes, one a claim."""
    with desk.context.transaction() as tx:
        for cursor in ("replies", "opt_outs"):
            from campanile.store.inbound.histories import move_cursor

            move_cursor(tx, "sandbox", cursor, "1")
        lease = open_sending(tx, NAME, Owner("test"), RULES).lease
    assert lease is not None
    sent: list[str] = []
    for outcome in outcomes:
        with desk.context.transaction() as tx, sender_session(tx, lease, RULES) as session:
            claims = claim_slices(session, 1).claims
        if not claims:
            break
        sent += [message.text for message in claims[0].messages]
        answers = [
            SubmitOutcome(
                message.client_ref, Outcome(outcome), f"g-{message.client_ref}" if outcome == "accepted" else None
            )
            for message in claims[0].messages
        ]
        with desk.context.transaction() as tx, sender_session(tx, lease, RULES) as session:
            record(session, claims[0].slice_no, answers, session.tx.at + timedelta(seconds=5))
    return sent


def test_help_is_answered_while_the_auto_responder_is_off(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(editor_identity=IDENTITY)
    desk.reply("AIDE", "Bonjour")
    assert desk.answer() == {"off": 1, "planned": 1}
    assert desk.answer() == {}, "decided once"
    assert send(desk, "accepted", "accepted") == [IDENTITY]
    assert texts(desk) == [(IDENTITY, "accepted")]


def test_help_gets_the_identity_and_not_the_text_of_the_auto_responder(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(editor_identity=IDENTITY)
    desk.switch_on()
    desk.reply("CONTACT", person=1)
    desk.reply("Bonjour", person=2)
    assert desk.answer() == {"planned": 2}
    assert sorted(text for text, _ in texts(desk)) == sorted([IDENTITY, "Merci"])


def test_an_answer_to_help_that_is_put_back_while_it_is_off_is_sent_again(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(editor_identity=IDENTITY)
    desk.reply("HELP")
    desk.answer()
    assert send(desk, "not_accepted", "accepted") == [IDENTITY, IDENTITY]
    assert texts(desk) == [(IDENTITY, "accepted")]


def test_switching_off_cancels_the_other_answers_only(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(editor_identity=IDENTITY)
    desk.switch_on()
    desk.reply("HELP", person=1)
    desk.reply("Bonjour", person=2)
    desk.answer()
    with desk.context.transaction() as tx:
        put_auto_responder(tx, AutoResponder(False, "Merci"), "camille")
    assert sorted(texts(desk)) == sorted([(IDENTITY, "planned"), ("Merci", "cancelled")])
    assert send(desk, "accepted", "accepted") == [IDENTITY]


def test_without_an_identity_there_is_no_answer_and_the_reason_is_kept(
    make_desk: Callable[..., Desk], caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk()
    desk.reply("HELP")
    assert desk.answer() == {"no_identity": 1}
    assert "1 request for HELP on gateway sandbox got no answer: set SMS_EDITOR_IDENTITY" in caplog.text
    desk.switch_on()
    desk.reply("HELP")
    assert desk.answer() == {"planned": 1}, "like any other reply"


def test_who_opted_out_gets_no_answer_and_machines_end(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(editor_identity=IDENTITY)
    desk.reply("STOP", received_at=desk.clock.at - timedelta(minutes=1))
    desk.reply("HELP")
    for _ in range(7):
        desk.reply("HELP", person=2)
    assert desk.answer() == {"opted_out": 1, "person_capped": 2, "planned": 5, "stop": 1}


@pytest.mark.parametrize(("identity", "words"), [(IDENTITY, "1 segment of GSM-7"), (None, "SMS_EDITOR_IDENTITY")])
def test_the_check_of_the_set_up_shows_it(
    make_context: Callable[..., Context], identity: str | None, words: str
) -> None:
    found = check_identity(make_context(editor_identity=identity))
    assert words in str(found)
    assert isinstance(found, Advice) == (identity is None)
