"""The auto-responder: whom it answers, when it stops, what it costs, and that nobody forgets it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from campanile.pages.balance import balance_page
from campanile.pages.outcomes import auto_responder_page
from campanile.pages.views import ResponderState
from campanile.services.billing import alerts
from campanile.services.billing.forecast import read_balance_view
from campanile.services.context import Context
from campanile.services.inbound.auto_answers import set_auto_responder
from campanile.services.inbound.responder_state import (
    answer_prices,
    remind_of_responder,
    responder_state,
)
from campanile.sms.errors import ConfigurationError
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.sms.states import CreditKind
from campanile.store.billing.balance import add_reading
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.inbound.auto_responder import put_auto_responder
from campanile.store.ledger.events import add_credit
from schemas.gateway import IncomingReply
from tests.services.test_inbound import Desk
from tests.store.conftest import Clock

OWN = "+33612349999"
AUTO_REPLY = "auto-reply-sandbox"
MAIL = {"mail_host": "mail.example.org", "mail_to": ["team@example.org"]}


@pytest.fixture
def desk(make_context: Callable[..., Context], clock: Clock) -> Desk:
    """A desk of a team that has named a number of its own."""
    return Desk(make_context(own_numbers=[OWN, "BOUTIQUE"]), clock)


def read_from(desk: Desk, sender: str) -> None:
    desk.count += 1
    desk.read("replies", [IncomingReply(f"r{desk.count}", sender, "Bonjour", desk.clock.at)])


def put_balance(desk: Desk, amount: str) -> None:
    with desk.context.transaction() as tx:
        add_reading(tx, "sandbox", Decimal(amount), "EUR", Decimal(0))


# --- F66: who gets none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "decision"),
    [
        pytest.param(OWN, "own_number", id="our own number"),
        pytest.param("06 12 34 99 99", "own_number", id="our own number, written otherwise"),
        pytest.param("36180", "own_number", id="the short code that we answer from"),
        pytest.param("boutique", "own_number", id="a sender of ours, a name"),
        pytest.param("36666", "not_a_mobile", id="a short code"),
        pytest.param("BANQUE", "not_a_mobile", id="a sender id"),
        pytest.param("", "not_a_mobile", id="nobody"),
        pytest.param("+33612345678", "planned", id="a person"),
    ],
)
def test_f66_no_answer_to_own_numbers_short_codes_and_sender_ids(desk: Desk, sender: str, decision: str) -> None:
    desk.switch_on()
    read_from(desk, sender)
    assert desk.answer() == {decision: 1}


def test_f66_the_sender_of_a_campaign_is_our_own_number_without_a_setting(desk: Desk) -> None:
    desk.switch_on()
    with desk.context.transaction() as tx:
        tx.execute(
            "INSERT INTO campaign (campaign_id, name, kind, state, version, gateway, policy, sender_id, "
            "requested_service, is_sample, draft, is_stopped, if_closed, created_at, updated_at) VALUES "
            "(1, 'winter', 'marketing', 'finished', 1, 'sandbox', 'fr-strict', '33612345670', false, false, '{}', "
            "false, 'next_opening', $at, $at)",
            {"at": desk.clock.at},
        )
    read_from(desk, "+33612345670")
    read_from(desk, "+33612345671")
    assert desk.answer() == {"own_number": 1, "planned": 1}


# --- balance ----------------------------------------------------------------------------------------------------------


def test_a_low_balance_stops_it_and_alerts_once(desk: Desk) -> None:
    desk.switch_on()
    put_balance(desk, "9.99")
    for person in range(3):
        desk.reply("Oui", person=person)
        assert desk.answer() == {"balance_low": 1}
    (line,) = desk.alerts()
    assert line.startswith("the auto-responder on gateway sandbox sends nothing: 9.99 EUR are left besides what")
    put_balance(desk, "100")
    desk.answer()
    assert desk.alerts() == [], "it is cleared without a new reply"
    desk.reply("Oui", person=4)
    assert desk.answer() == {"planned": 1}


def test_while_it_is_off_a_low_balance_is_no_matter_of_the_auto_responder(desk: Desk) -> None:
    put_balance(desk, "1")
    desk.reply("Oui")
    assert desk.answer() == {"off": 1}
    assert desk.alerts() == []


# --- what it costs ------------------------------------------------------------------------------------------------


def test_the_price_of_an_answer_is_shown_for_each_country(desk: Desk) -> None:
    text = "Merci de votre réponse, nous vous rappelons. " * 4
    line = set_auto_responder(desk.context, AutoResponder(True, text), "camille")
    prices = answer_prices(desk.context, text)
    tariff = desk.context.tariff("sandbox").prices
    assert prices["FR"] == 2 * tariff["FR"]
    assert set(prices) <= set(desk.context.settings.allowed_countries)
    assert "2 segment(s) of GSM-7 (0.09 EUR in FR, " in line
    page = auto_responder_page(line, AutoResponder(True, text), prices, "EUR", [], desk.context.settings.zone)
    assert "**One answer costs** " in page
    assert "mainland France" in page
    assert "Answers are sent at any hour" in page


def test_an_unknown_policy_is_refused(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="fr-strict"):
        set_auto_responder(desk.context, AutoResponder(True, "Merci", policy="always"), "camille")


def test_on_since_counts_from_the_last_time_it_was_off(desk: Desk) -> None:
    def put(enabled: bool, **changes: Any) -> datetime:
        with desk.context.transaction() as tx:
            put_auto_responder(tx, AutoResponder(enabled, "Merci", **changes), "camille")
        at = desk.clock.at
        desk.clock.at += timedelta(hours=1)
        return at

    def since() -> datetime | None:
        state = read_responder_state(desk.context, "sandbox")
        return state.since if state else None

    assert since() is None
    put(True)
    put(False)
    assert since() is None
    second = put(True)
    put(True, daily_cap=7)
    assert since() == second, "another setting is no break"
    put(True, valid_until=desk.clock.at + timedelta(minutes=30))
    assert since() is None, "its time is over"
    third = put(True)
    assert since() == third


def test_the_pages_say_since_when_it_is_on_and_what_it_cost(desk: Desk) -> None:
    desk.switch_on()
    desk.reply("Oui", person=1)
    desk.reply("Oui", person=2)
    assert desk.answer() == {"planned": 2}
    state = read_responder_state(desk.context, "sandbox")
    assert state is not None
    assert (state.answer_count, state.cost) == (0, 0), "planned is not accepted"
    accept_answers(desk)
    state = read_responder_state(desk.context, "sandbox")
    assert state is not None
    price = desk.context.tariff("sandbox").prices["FR"]
    assert (state.answer_count, state.cost, state.unit) == (2, 2 * price, "EUR")
    view = read_balance_view(desk.context, "sandbox", "balance 5 EUR")
    page = balance_page(view, [], desk.context.settings.zone)
    assert "⚠ **Auto-responder ON** since Tue 2026-11-24 10:00" in page
    assert "2 answers, 0.09 EUR." in page
    other = read_responder_state(desk.context, "twilio")
    assert other is not None
    assert other.answer_count == 0
    assert "Auto-responder" not in balance_page(replace(view, responder=None), [], desk.context.settings.zone)


def read_responder_state(context: Context, gateway: str) -> ResponderState | None:
    with context.transaction(read_only=True) as tx:
        return responder_state(context, tx, gateway)


def accept_answers(desk: Desk) -> None:
    """Write that the gateway accepted the answers that wait."""
    with desk.context.transaction() as tx:
        campaign = find_campaign(tx, AUTO_REPLY)
        for step, event in enumerate(["claimed", "accepted"]):
            tx.execute(
                "INSERT INTO message_event SELECT 1000 * $step + row_number() OVER (ORDER BY recipient_id), "
                "campaign_id, recipient_id, $event, slice_no, 1, NULL, NULL, $at FROM message "
                "WHERE campaign_id = $campaign_id",
                {"step": step, "event": event, "at": tx.at, "campaign_id": campaign.campaign_id},
            )
        prices = tx.execute(
            "SELECT slice_no, price FROM slice WHERE campaign_id = $campaign_id", {"campaign_id": campaign.campaign_id}
        ).fetchall()
        for slice_no, price in prices:
            add_credit(tx, campaign, slice_no, CreditKind.RESERVE, price)
            add_credit(tx, campaign, slice_no, CreditKind.CAPTURE, price)


# --- the reminder -------------------------------------------------------------------------------------------------


@pytest.fixture
def mailed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The mails that were sent: subject and text."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(alerts, "send_mail", lambda server, subject, text, html: sent.append((subject, text)))
    return sent


def test_a_mail_a_week_while_it_is_on_and_no_campaign_ran(
    make_context: Callable[..., Context], clock: Clock, mailed: list[tuple[str, str]]
) -> None:
    desk = Desk(make_context(alert_numbers=["+33612345678"], **MAIL), clock)
    desk.switch_on()
    raised_on = []
    for day in range(30):
        for _ in range(3):  # hourly in real life
            if remind_of_responder(desk.context):
                raised_on.append(day)
        clock.at += timedelta(days=1)
    assert raised_on == [7, 14, 21, 28]
    assert len(mailed) == 4
    subject, text = mailed[0]
    assert subject == "Campanile: reminder: auto-responder on sandbox"
    assert "ON since Tue 2026-11-24 10:00" in text
    assert "0 answers" in text
    assert desk.sql("SELECT count(*) FROM message") == [(0,)], "by mail, and not by SMS"
    with desk.context.transaction() as tx:
        put_auto_responder(tx, AutoResponder(False, ""), "camille")
    clock.at += timedelta(weeks=5)
    assert not remind_of_responder(desk.context)
    assert desk.alerts() == []


def test_no_mail_in_the_week_of_a_campaign(
    make_context: Callable[..., Context], clock: Clock, mailed: list[tuple[str, str]]
) -> None:
    desk = Desk(make_context(**MAIL), clock)
    desk.switch_on()
    clock.at += timedelta(days=8)
    ran_at = clock.at - timedelta(days=2)
    with desk.context.transaction() as tx:
        tx.execute(
            "INSERT INTO campaign (campaign_id, name, kind, state, version, gateway, policy, sender_id, "
            "requested_service, is_sample, draft, is_stopped, if_closed, created_at, updated_at) VALUES "
            "(1, 'winter', 'alert', 'finished', 1, 'sandbox', 'fr-strict', '36180', false, false, '{}', false, "
            "'next_opening', $at, $at)",
            {"at": ran_at},
        )
        tx.execute(
            "INSERT INTO slice (campaign_id, slice_no, window_key, message_count, segment_count, price, is_requeued, "
            "state, absent_count, claimed_at) VALUES (1, 1, 'FR', 0, 0, 0, false, 'settled', 0, $at)",
            {"at": ran_at},
        )
    assert not remind_of_responder(desk.context)
    clock.at = ran_at + timedelta(days=7, minutes=1)
    assert remind_of_responder(desk.context)
    assert len(mailed) == 1
