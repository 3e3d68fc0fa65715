"""When an alert that waits for a channel is tried."""

from datetime import timedelta
from itertools import pairwise

import pytest

from campanile.store.billing.alerts import clear_alert, count_try, due_alerts, end_try, open_notifications, raise_alert


@pytest.fixture
def raised(desk) -> int:
    with desk.tx() as tx:
        return raise_alert(tx, "balance_critical", "sandbox", "top it up").alert_id


def due(desk, channel: str = "mail") -> list[str]:
    with desk.tx() as tx:
        return [row.kind for row in due_alerts(tx, channel)]


def fail(desk, alert_id: int) -> None:
    with desk.tx() as tx:
        count_try(tx, alert_id, "mail", "on its way")
        end_try(tx, alert_id, "mail", "connection refused")


def test_channels_do_not_wait_for_each_other(desk, raised) -> None:
    fail(desk, raised)
    assert (due(desk, "mail"), due(desk, "sms")) == ([], ["balance_critical"])
    with desk.tx() as tx:
        assert [(row.channel, row.error) for row in open_notifications(tx)] == [("mail", "connection refused")]


def test_waits_grow_to_an_hour_and_do_not_end(desk, raised) -> None:
    tries = []
    start = desk.clock.at
    while desk.clock.at - start < timedelta(days=2):
        if due(desk):
            tries.append(desk.clock.at - start)
            fail(desk, raised)
        desk.clock.forward(minutes=1 if len(tries) < 6 else 20)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[0] == timedelta(minutes=1), "the next scheduled run"
    assert waits == sorted(waits)
    assert waits[-1] <= timedelta(minutes=80)
    assert tries[-1] > timedelta(days=1, hours=22), "it is tried until it is delivered or cleared"
    assert 20 < len(tries) < 60


def test_a_channel_that_is_set_up_days_later_does_not_deliver_old_alerts(desk, raised) -> None:
    desk.clock.forward(days=2)
    assert due(desk) == []


def test_a_quiet_alert_is_delivered_by_no_channel(desk) -> None:
    with desk.tx() as tx:
        raise_alert(tx, "balance_critical", "sandbox", "known", channels=[])
        assert [due_alerts(tx, channel) for channel in ("mail", "sms", "event")] == [[], [], []]


def test_a_failed_mail_stays_open_until_a_later_one_is_delivered(desk, raised) -> None:
    fail(desk, raised)
    desk.clock.forward(minutes=5)
    with desk.tx() as tx:
        clear_alert(tx, "balance_critical", "sandbox")
        assert [row.alert_id for row in open_notifications(tx)] == [raised], "the mail server is still broken"
        later = raise_alert(tx, "balance_critical", "sandbox", "again").alert_id
        end_try(tx, later, "mail", None)
        assert open_notifications(tx) == []


def test_what_was_delivered_or_cleared_is_not_tried(desk, raised) -> None:
    with desk.tx() as tx:
        end_try(tx, raised, "mail", None)
        assert due_alerts(tx, "mail") == []
        clear_alert(tx, "balance_critical", "sandbox")
        assert due_alerts(tx, "sms") == []
