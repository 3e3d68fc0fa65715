"""The alert on a low balance: when it comes, what it says, and that nothing about it is silent."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.services.billing import alerts
from campanile.services.billing.alerts import fail_if_undelivered, send_waiting_alerts, undelivered
from campanile.services.billing.balance import refresh_balance
from campanile.services.billing.balance_alert import judge_balance
from campanile.services.billing.balance_watch import BalanceWatch
from campanile.sms.errors import MailError, SmsError
from campanile.sms.rules.balance_alert import AlertLines, AlertRule, AlertState, decide
from campanile.sms.text.segments import count_segments
from campanile.store.billing.alerts import due_alerts, raise_alert
from campanile.store.billing.balance_alert import put_rule
from tests.lanes import examples
from tests.services.alert_desk import TEAM, AlertDesk
from tests.stores import copy_store

PARIS = ZoneInfo("Europe/Paris")
RULE = AlertRule(Decimal(100), "EUR", Decimal(10), reminder=True)


@pytest.fixture
def open_desk(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AlertDesk]:
    """Return a function that opens a desk with an account."""
    count = 0

    def open_one(amount: str = "300", rule: AlertRule | None = RULE, **settings: Any) -> AlertDesk:
        nonlocal count
        count += 1
        desk = AlertDesk(copy_store(empty_store, tmp_path / f"data-{count}" / "sms.duckdb"), amount, **settings)
        monkeypatch.setattr(alerts, "send_mail", desk.keep_mail)
        if rule is not None:
            with desk.tx() as tx:
                put_rule(tx, "sandbox", rule, "camille")
        return desk

    return open_one


# --- a month --------------------------------------------------------------------------------------------------------

#: (day from Monday 2 November 2026 on, hour in Paris, what happens). The balance is checked at noon.
MONTH = [
    (2, 10, "spend", "150"),  # 150
    (4, 10, "spend", "60"),  # 90: low
    (7, 9, "top up", "15"),  # 105: above the threshold, not above the margin
    (8, 10, "spend", "10"),  # 95: low as before
    (9, 8, "top up", "500"),  # 595: over
    (12, 10, "spend", "590"),  # 5: low again
    (13, 10, "spend", "5"),  # 0: used up
    (15, 8, "top up", "8"),  # 8: not above the margin
    (16, 8, "top up", "4"),  # 12: no longer used up, still low
    (17, 10, "spend", "12"),  # 0: used up again
    (18, 8, "top up", "1000"),  # 1000: over
    (22, 10, "spend", "1000"),  # 0 at once: told once
    (23, 8, "top up", "2000"),  # over
]
TOLD = {
    4: ["low"], 5: ["reminder"], 6: ["reminder"], 7: ["reminder"], 8: ["reminder"], 12: ["low"], 13: ["empty"],
    14: ["reminder"], 15: ["reminder"], 16: ["reminder"], 17: ["empty"], 22: ["empty"],
}  # fmt: skip


@pytest.mark.parametrize("has_reminder", [True, False], ids=["with reminders", "without reminders"])
def test_a_month_of_spending_and_top_ups(open_desk: Callable[..., AlertDesk], has_reminder: bool) -> None:
    desk = open_desk("300", AlertRule(Decimal(100), "EUR", Decimal(10), reminder=has_reminder))
    happens = {(day, hour): (what, amount) for day, hour, what, amount in MONTH}
    told: dict[int, list[str]] = {}
    for day in range(1, 29) if has_reminder else [day for day, _ in happens]:
        before = len(desk.events)
        for hour in sorted({12, *(hour for when, hour in happens if when == day)}):
            desk.clock.at = datetime(2026, 11, 1 + day, hour, tzinfo=PARIS).astimezone(UTC)
            what, amount = happens.get((day, hour), ("", ""))
            if what == "spend":
                desk.spend(amount)
            elif what == "top up":
                desk.top_up(amount)
            if hour == 12:
                desk.check()
        if levels := desk.told()[before:]:
            told[day] = levels
    assert told == {
        day: kept
        for day, levels in TOLD.items()
        if (kept := [level for level in levels if has_reminder or level != "reminder"])
    }
    assert desk.broken() == {}


# --- against a plain oracle -----------------------------------------------------------------------------------------


def notifications(balances: list[Decimal], threshold: Decimal, margin: Decimal) -> list[str]:
    """Return what the team is told: two lines that are armed, and armed again above line plus margin."""
    armed, told = {"low", "empty"}, []
    for balance in balances:
        if balance <= 0 and "empty" in armed:
            told.append("empty")
            armed = set()
        elif balance < threshold and "low" in armed:
            told.append("low")
            armed.discard("low")
        if balance > margin:
            armed.add("empty")
        if balance > threshold + margin:
            armed.add("low")
    return told


amounts = st.integers(-20, 200).map(Decimal)


@given(
    st.lists(amounts | st.sampled_from(["threshold", "margin", "both"]), max_size=60),
    st.integers(0, 100).map(Decimal),
    st.integers(0, 40).map(Decimal),
)
@examples(1000)
def test_decisions_agree_with_the_oracle(walk: list[Decimal | str], threshold: Decimal, margin: Decimal) -> None:
    """Also at the lines themselves."""
    lines = {"threshold": threshold, "margin": margin, "both": threshold + margin}
    balances = [lines[step] if isinstance(step, str) else step for step in walk]
    state, told = AlertState(), []
    for balance in balances:
        decision = decide(balance, AlertLines(threshold, margin), state)
        state = AlertState(decision.is_low, decision.is_empty)
        told += [str(decision.tell)] if decision.tell else []
    assert told == notifications(balances, threshold, margin)


@examples(100)
@given(walk=st.lists(amounts, min_size=1, max_size=8))
def test_alerts_agree_with_the_oracle(open_desk: Callable[..., AlertDesk], walk: list[Decimal]) -> None:
    """The same through the store: each channel delivers as many notifications as the oracle counts."""
    desk = open_desk("300", AlertRule(Decimal(100), "EUR", Decimal(10)))
    for balance in walk:
        desk.put_balance(str(balance))
        judge_balance(desk.context, "sandbox")
        desk.clock.forward(hours=7)
    assert desk.told() == notifications(walk, Decimal(100), Decimal(10))


# --- while messages are sent ----------------------------------------------------------------------------------------


def test_the_gateway_is_asked_only_when_the_ledger_crosses_a_line(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    desk.check()
    asked = desk.account.asked_count
    desk.spend("50")
    desk.spend("100")
    assert desk.account.asked_count == asked
    desk.spend("60")
    assert (desk.account.asked_count, desk.told()) == (asked + 1, ["low"])
    desk.spend("10")
    assert desk.account.asked_count == asked + 1


def test_a_top_up_that_the_ledger_has_not_seen_raises_nothing(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    desk.spend("250", sees_it=False)
    desk.top_up("500")
    BalanceWatch(desk.context, "sandbox").look_once()
    assert (desk.account.asked_count, desk.told()) == (1, [])


def test_when_the_gateway_does_not_answer_the_ledger_decides(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    desk.account.is_down = True
    desk.spend("250")
    assert desk.told() == ["low"]
    desk.account.is_down = False
    desk.check()
    assert desk.told() == ["low"]


def test_a_sender_takes_one_break_for_a_crossing(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    desk.spend("250", sees_it=False)
    watch, session = BalanceWatch(desk.context, "sandbox"), mock.Mock()
    with desk.tx() as tx:
        session.tx = tx
        assert watch.look(session, [], 3) == 0
        assert watch.look(session, [], 3) == 0, "until nothing is in flight"
        watch.begin_break()
        assert watch.look(session, [], 3) == 3
    watch.follow_up()
    watch.follow_up()
    assert (desk.account.asked_count, desk.told()) == (1, ["low"])


def test_an_old_reading_is_renewed_without_a_break(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    desk.check()
    asked = desk.account.asked_count
    desk.clock.forward(minutes=6)
    watch, session = BalanceWatch(desk.context, "sandbox"), mock.Mock()
    for _ in range(2):
        with desk.tx() as tx:
            session.tx = tx
            assert watch.look(session, [], 3) == 3
        watch.follow_up()
    assert desk.account.asked_count == asked + 1


def test_reading_fails_and_nothing_is_known(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    desk.account.is_down = True
    refresh_balance(desk.context, "sandbox")
    BalanceWatch(desk.context, "sandbox").look_once()
    assert desk.told() == []


# --- what it says ---------------------------------------------------------------------------------------------------


def low_with_a_campaign(desk: AlertDesk) -> None:
    """Of 320 EUR 140 are sent, and other programs spend 90: 70 EUR of an approved campaign are not covered."""
    desk.spend("140")
    desk.prepare("noel", range(20, 28), price="20", per_slice=8)
    desk.approve("noel")
    desk.clock.forward(hours=48)
    desk.put_balance("90")
    judge_balance(desk.context, "sandbox")


def test_it_says_all_that_is_needed(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("320", sandbox_top_up="https://example.org/top-up?account=1&plan=2")
    low_with_a_campaign(desk)
    assert desk.told() == ["low"]
    ((subject, text, html),) = desk.mails
    assert subject == "Campanile: balance of sandbox is 90.00 EUR, below 100.00 EUR"
    assert text.splitlines() == [
        "The balance of sandbox is 90.00 EUR, below 100.00 EUR.",
        "",
        "Balance: 90.00 EUR, or 2 000 messages of one segment at today's price",
        "Threshold: 100.00 EUR",
        "Spent: 0.00 EUR in the last 24 hours, 70.00 EUR a day",
        "Lasts: 1.3 days at this rate",
        "Read: Thu 2026-11-26 10:00; what was sent since is deducted",
        "",
        "Approved campaigns that the balance does not cover (70.00 EUR are missing):",
        "- noel, due Tue 2026-11-24 10:00: 4 messages, 70.00 EUR",
        "Their messages stay planned and are sent after a top-up. A campaign that was paused meanwhile needs "
        "resume-campaign.",
        "",
        "Top up: https://example.org/top-up?account=1&plan=2",
        "",
        "Raised Thu 2026-11-26 10:00 (Europe/Paris).",
    ]
    figures = [line for line in text.splitlines() if ": " in line and "http" not in line and "- " not in line[:2]]
    assert [value for line in figures if (value := line.split(": ", 1)[1]) not in unescape(html)] == []
    assert '<a href="https://example.org/top-up?account=1&amp;plan=2">' in html
    assert "noel</td>" in html
    assert desk.notices()[0] == (
        "balance of sandbox is 90.00 EUR, below 100.00 EUR. It lasts 1.3 days at 70.00 EUR a day. Approved and not "
        "covered: 4 messages of 1 campaign, 70.00 EUR. Top up: https://example.org/top-up?account=1&plan=2"
    )


def test_its_sms_is_short(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("320", sandbox_top_up="https://example.org/top-up")
    low_with_a_campaign(desk)
    parts = count_segments(desk.notices()[0])
    assert (parts.encoding, parts.segment_count) == ("GSM-7", 2)


def test_a_name_of_a_campaign_is_text_in_a_mail(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("20", sandbox_top_up="<b>call the provider</b>")
    desk.put_balance("1")
    judge_balance(desk.context, "sandbox")
    ((_, text, html),) = desk.mails
    assert "Top up: <b>call the provider</b>" in text
    assert "&lt;b&gt;call the provider&lt;/b&gt;" in html
    assert "All approved campaigns are covered." in text


def test_zero_and_messages(open_desk: Callable[..., AlertDesk]) -> None:
    """The threshold counts messages of one segment in France, at 0.045 EUR today."""
    desk = open_desk("300", AlertRule(Decimal(2000), "messages", Decimal(200)))
    desk.put_balance("90.00")
    assert judge_balance(desk.context, "sandbox") is None
    desk.put_balance("89.99")
    judge_balance(desk.context, "sandbox")
    desk.put_balance("0")
    judge_balance(desk.context, "sandbox")
    assert [subject for subject, _, _ in desk.mails] == [
        "Campanile: balance of sandbox is 1 999 messages (89.99 EUR), below 2 000 messages",
        "Campanile: balance of sandbox is used up: 0 messages (0.00 EUR)",
    ]
    assert "Threshold: 2 000 messages, 90.00 EUR at today's price" in desk.mails[0][1]


def test_a_price_that_disappeared_is_an_error_and_not_fine(open_desk: Callable[..., AlertDesk], tmp_path: Path) -> None:
    (tmp_path / "sandbox.csv").write_text("country,price,unit\nBE,0.03,EUR\n")
    desk = open_desk("300", AlertRule(Decimal(2000), "messages", Decimal(200)), tariff_dir=tmp_path)
    desk.put_balance("1")
    with pytest.raises(SmsError, match="the tariff has no price for one at home"):
        judge_balance(desk.context, "sandbox")


def test_the_default_is_the_setting(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300", None, balance_critical=Decimal(40))
    desk.spend("255")
    desk.spend("10")
    assert desk.told() == ["low"]
    assert "Campanile: balance of sandbox is 35.00 EUR, below 40.00 EUR" in [subject for subject, _, _ in desk.mails]
    desk.top_up("8")
    desk.check()
    desk.spend("5")
    assert len(desk.told()) == 1, "43 is not above 40 and a tenth of it"


# --- nothing is silent ----------------------------------------------------------------------------------------------


class Refusing:
    """A mail server that refuses some addresses, or all while it is down; ``got``: who got a mail."""

    def __init__(self, *gone: str) -> None:
        self.gone, self.is_down = set(gone), False
        self.got: list[str] = []

    def send(self, server: Any, *mail: str) -> None:
        if self.is_down:
            raise MailError("mail server 127.0.0.1:587: Connection refused")
        accepted = [address for address in server.recipients if address not in self.gone]
        self.got += accepted
        if refused := self.gone.intersection(server.recipients):
            raise MailError(f"refused for {', '.join(refused)}", accepted)


def later(desk: AlertDesk, minutes: int) -> None:
    desk.clock.forward(minutes=minutes)
    send_waiting_alerts(desk.context)


def test_a_failed_mail_is_an_open_item_then_a_failed_run_then_it_is_sent_once(
    open_desk: Callable[..., AlertDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, server = open_desk("300", alert_numbers=[]), Refusing()
    monkeypatch.setattr(alerts, "send_mail", server.send)
    server.is_down = True
    desk.spend("250")
    (item,) = undelivered(desk.context)
    assert item == (
        "the mail about balance critical on sandbox of Tue 2026-11-24 10:00 (Europe/Paris) was not delivered after "
        "1 try: mail server 127.0.0.1:587: Connection refused"
    )
    fail_if_undelivered(desk.context)
    later(desk, 2)
    later(desk, 2)
    with pytest.raises(SmsError, match=r"^the team was not reached: the mail about .* after 3 tries: .*diagnose-setup"):
        fail_if_undelivered(desk.context)
    server.is_down = False
    later(desk, 60)
    later(desk, 60)
    fail_if_undelivered(desk.context)
    assert (server.got, undelivered(desk.context)) == (["team@example.org"], [])


def test_who_got_a_mail_does_not_get_it_again_because_of_another_address(
    open_desk: Callable[..., AlertDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, server = open_desk("300", mail_to=["ada@example.org", "gone@example.org"]), Refusing("gone@example.org")
    monkeypatch.setattr(alerts, "send_mail", server.send)
    desk.spend("250")
    for _ in range(3):
        later(desk, 60)
    assert server.got == ["ada@example.org"]
    server.gone.clear()
    later(desk, 60)
    later(desk, 60)
    assert server.got == ["ada@example.org", "gone@example.org"]


def test_a_crash_after_the_mail_sends_it_again_and_the_sms_not(
    open_desk: Callable[..., AlertDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once for mail, exactly once for the SMS of the ledger."""
    desk = open_desk("300")

    def send_and_die(*mail: Any) -> None:
        desk.keep_mail(*mail)
        raise KeyboardInterrupt

    monkeypatch.setattr(alerts, "send_mail", send_and_die)
    with pytest.raises(KeyboardInterrupt):
        desk.spend("250")
    assert len(undelivered(desk.context)) == 1, "nobody knows whether it was delivered"
    monkeypatch.setattr(alerts, "send_mail", desk.keep_mail)
    later(desk, 1)
    later(desk, 60)
    assert (len(desk.mails), len(desk.notices()), len(desk.events)) == (2, len(TEAM), 1)


def test_an_sms_that_no_gateway_accepts_is_an_open_item(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300", mail_host=None)
    desk.spend("250")
    assert undelivered(desk.context) == [], "it waits for a sender"
    desk.clock.forward(minutes=16)
    assert [line.split(" of ")[0] for line in undelivered(desk.context)] == [
        "the SMS about balance critical on sandbox",
        "the SMS about balance critical on sandbox",
    ]
    with pytest.raises(SmsError, match="is planned"):
        fail_if_undelivered(desk.context)


def test_an_sms_is_claimed_whatever_the_ledger_says_of_the_balance(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    desk.put_balance("0")
    judge_balance(desk.context, "sandbox")
    desk.read_stops()
    ((name,),) = desk.sql("SELECT name FROM campaign WHERE kind = 'notice'")
    lease = desk.open(name)
    assert lease is not None
    assert sorted(message.msisdn for message in desk.must_claim(lease).messages) == sorted(TEAM)


def test_an_sms_goes_through_the_other_gateway(open_desk: Callable[..., AlertDesk], tmp_path: Path) -> None:
    for name in ("sandbox", "kannel"):
        (tmp_path / f"{name}.csv").write_text("country,price,unit\nFR,0.045,EUR\n")
    desk = open_desk("300", alert_gateway="kannel", tariff_dir=tmp_path)
    desk.spend("250")
    gateways = "SELECT DISTINCT gateway FROM campaign WHERE kind = 'notice'"
    assert (desk.sql(gateways), len(desk.notices())) == ([("kannel",)], len(TEAM))


def test_two_processes_that_see_the_crossing_tell_it_once(open_desk: Callable[..., AlertDesk]) -> None:
    desk = open_desk("300")
    other = AlertDesk(desk.path)
    desk.spend("250", sees_it=False)
    judge_balance(desk.context, "sandbox")
    judge_balance(other.context, "sandbox")
    assert (desk.told(), other.events) == (["low"], [])


def test_two_processes_that_deliver_at_once_plan_one_sms(open_desk: Callable[..., AlertDesk]) -> None:
    """Both have read that the alert waits; then one after the other plans its SMS."""
    desk = open_desk("300", mail_host=None)
    with desk.tx() as tx:
        raise_alert(tx, "balance_unreadable", "sandbox", "it cannot be read")
        (waiting,) = due_alerts(tx, "sms")
    for _ in range(2):
        alerts._plan_sms(desk.context, waiting)
    assert len(desk.notices()) == len(TEAM)
    assert desk.sql("SELECT channel, error FROM alert_try") == []
