"""configure-balance-alert: what it accepts, what it refuses, and its history."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campanile.pages.alert_rules import alert_rule_page
from campanile.services.billing import alerts
from campanile.services.billing.alert_rules import read_alert_rule, set_alert_rule
from campanile.services.billing.balance_alert import judge_balance
from campanile.sms.errors import SmsError
from campanile.sms.rules.balance_alert import AlertRule
from campanile.store.billing.balance_alert import find_rule
from tests.services.alert_desk import AlertDesk
from tests.stores import copy_store

GIVEN: dict[str, Any] = {
    "gateway": "sandbox",
    "threshold": 500.0,
    "unit": "",
    "margin": None,
    "channels": "mail and sms",
    "people": "",
    "reminder": False,
    "actor": "camille",
}


@pytest.fixture
def open_desk(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AlertDesk]:
    def open_one(**settings: Any) -> AlertDesk:
        desk = AlertDesk(copy_store(empty_store, tmp_path / "data" / "sms.duckdb"), **settings)
        monkeypatch.setattr(alerts, "send_mail", desk.keep_mail)
        return desk

    return open_one


def configure(desk: AlertDesk, **given: Any) -> str:
    return set_alert_rule(desk.context, **(GIVEN | given))


def stored(desk: AlertDesk) -> AlertRule | None:
    with desk.tx() as tx:
        return find_rule(tx, "sandbox")


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        pytest.param({}, AlertRule(Decimal(500), "EUR", Decimal(50)), id="a threshold in the unit of the prices"),
        pytest.param({"unit": "eur"}, AlertRule(Decimal(500), "EUR", Decimal(50)), id="the unit in small letters"),
        pytest.param(
            {"unit": "messages", "margin": 0.0},
            AlertRule(Decimal(500), "messages", Decimal(0)),
            id="messages at today's price, no margin",
        ),
        pytest.param(
            {"threshold": 0.0, "reminder": True},
            AlertRule(Decimal(0), "EUR", Decimal(0), reminder=True),
            id="only at zero",
        ),
        pytest.param(
            {"channels": "mail", "people": "ada@example.org; 06 12 34 56 98,\nada@example.org, +33 6 12 34 56 98"},
            AlertRule(
                Decimal(500), "EUR", Decimal(50), sms=False, mail_to=("ada@example.org",), sms_to=("+33612345698",)
            ),
            id="people, each one once",
        ),
        pytest.param(
            {"channels": "none"}, AlertRule(Decimal(500), "EUR", Decimal(50), mail=False, sms=False), id="event only"
        ),
    ],
)
def test_a_rule_is_stored_as_it_was_given(
    open_desk: Callable[..., AlertDesk], given: dict[str, Any], rule: AlertRule
) -> None:
    desk = open_desk()
    configure(desk, **given)
    assert stored(desk) == rule


@pytest.mark.parametrize(
    ("given", "settings", "words"),
    [
        pytest.param({"threshold": -1.0}, {}, "threshold -1.0 is not valid: give an amount in EUR", id="negative"),
        pytest.param({"threshold": float("nan")}, {}, "threshold nan is not valid", id="not a number"),
        pytest.param({"threshold": 1e12}, {}, "threshold 1000000000000.0 is not valid", id="too large"),
        pytest.param({"margin": float("inf")}, {}, "margin inf is not valid", id="an endless margin"),
        pytest.param(
            {"threshold": 1.5, "unit": "messages"}, {}, "give a whole number of messages", id="half a message"
        ),
        pytest.param({"unit": "USD"}, {}, "its prices are in EUR. Give EUR, or messages", id="another unit"),
        pytest.param({"people": "ada@"}, {"mail_host": None}, "mail is not set up", id="mail that is not set up"),
        pytest.param({"people": "a b@example.org"}, {}, "mail address 'a b@example.org' is none", id="no address"),
        pytest.param({"people": "12"}, {}, "people: '12' is neither a mail address", id="no number"),
        pytest.param({"people": "+819012345678"}, {}, "has no price for JP", id="a number without a price"),
        pytest.param({}, {"mail_host": None, "alert_numbers": []}, "the alert would reach nobody", id="nobody is told"),
        pytest.param({"actor": " "}, {}, "actor", id="nobody acts"),
        pytest.param({"gateway": "nexmo"}, {}, "nexmo", id="an unknown gateway"),
    ],
)
def test_what_is_refused_changes_nothing(
    open_desk: Callable[..., AlertDesk], given: dict[str, Any], settings: dict[str, Any], words: str
) -> None:
    desk = open_desk(**settings)
    with pytest.raises(SmsError, match=words.replace(".", r"\.")):
        configure(desk, **given)
    assert stored(desk) is None


def test_its_history_says_who_changed_what_and_when(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk(balance_critical=Decimal(20))
    configure(desk, channels="mail", people="ada@example.org")
    desk.clock.forward(days=1)
    line = configure(desk, threshold=300.0, channels="sms", people="0612345698", reminder=True, actor="dominique")
    assert line.startswith("dominique set the alert on the balance of sandbox: below 300.00 EUR")
    view = read_alert_rule(desk.context, "sandbox")
    first = "below 20.00 EUR, again after it rose above 22.00 EUR; by mail to those of SMS_MAIL_TO and by SMS to those "
    second = "below 500.00 EUR, again after it rose above 550.00 EUR; by mail to ada@example.org; no reminder"
    third = "below 300.00 EUR, again after it rose above 330.00 EUR; by SMS to +336****5698; a reminder each day"
    assert [(change.actor, change.before, change.after) for change in view.changes] == [
        ("dominique", second, third),
        ("camille", first + "of SMS_ALERT_NUMBERS; no reminder", second),
    ]
    page = alert_rule_page(view, line, [], ZoneInfo("Europe/Paris"))
    assert "| Wed 2026-11-25 10:00" in page
    assert "+33612345698" not in page


def test_a_new_threshold_counts_at_once(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk()
    desk.put_balance("400")
    configure(desk)
    assert desk.told() == ["low"]
    configure(desk, threshold=300.0)
    assert desk.sql("SELECT count(*) FROM alert WHERE cleared_at IS NULL") == [(0,)]
    configure(desk)
    assert desk.told() == ["low", "low"]


def test_the_people_and_channels_of_the_rule_are_used(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk(alert_numbers=[])
    configure(desk, people="ada@example.org, 0612345697", channels="mail and sms")
    desk.put_balance("400")
    judge_balance(desk.context, "sandbox")
    assert len(desk.mails) == 1
    assert desk.sql("SELECT msisdn FROM message JOIN campaign USING (campaign_id) WHERE kind = 'notice'") == [
        ("+33612345697",)
    ]
    configure(desk, channels="none")
    desk.put_balance("0")
    judge_balance(desk.context, "sandbox")
    assert (len(desk.mails), [str(facts.level) for facts in desk.events]) == (1, ["low", "empty"])


def test_people_that_were_corrected_get_the_mail_that_waits(
    open_desk: Callable[..., AlertDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(alert_numbers=[])
    got: list[str] = []
    configure(desk, people="adaa@example.org", channels="mail")

    def refuse(server: Any, *mail: str) -> None:
        if "adaa@example.org" in server.recipients:
            raise SmsError("550 no such person")
        got.extend(server.recipients)

    monkeypatch.setattr(alerts, "send_mail", refuse)
    desk.put_balance("400")
    judge_balance(desk.context, "sandbox")
    configure(desk, people="ada@example.org", channels="mail")
    desk.clock.forward(minutes=5)
    alerts.send_waiting_alerts(desk.context)
    assert got == ["ada@example.org"]
