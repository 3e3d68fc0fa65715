"""Reading in rounds: nothing is missed, whatever changes between two readings, and every reading ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.gateways.history_cursor import HistoryCursor, HistoryPage, read_on
from campanile.gateways.validity import seconds_left
from campanile.sms.errors import GatewayDenied
from schemas.gateway import Batch, OutgoingMessage

START = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Provider:
    """Lists messages, the newest first, two a page, by the day they were sent; a position in the list is an id."""

    def __init__(self):
        self.now, self.messages, self.refused, self.asked = START, {}, set(), []

    def send(self, is_open=True):
        self.messages[len(self.messages)] = [self.now, is_open]
        return len(self.messages) - 1

    def settle(self, number):
        self.messages[number][1] = False

    def history_page(self, current):
        self.asked.append((current.since, current.next_page))
        if current.next_page in self.refused:
            raise GatewayDenied("this position in the list is not known")
        day = current.starts_at and current.starts_at.date()
        found = [number for number in reversed(self.messages) if not day or self.messages[number][0].date() >= day]
        if current.next_page:
            found = [number for number in found if number < int(current.next_page)]
        page, more = found[:2], found[2:]
        items = [number for number in page if not self.messages[number][1]]
        listed = [tuple(self.messages[number]) for number in page]
        return HistoryPage(items, listed, str(page[-1]) if more else "", self.now)

    def read_all(self, cursor):
        items = []
        for _ in range(500):
            page = read_on(cursor, self.history_page)
            items += page.items
            cursor = page.cursor
            if not page.items:
                return items, cursor
        raise AssertionError("the reading does not end")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.booleans()),
        st.tuples(st.just("settle"), st.integers(0, 30)),
        st.tuples(st.just("pass"), st.integers(1, 20 * 60)),
        st.tuples(st.just("read"), st.none()),
    ),
    max_size=60,
)


@given(STEPS)
def test_what_is_settled_within_the_patience_is_read(steps):
    provider, cursor, seen = Provider(), "", set()
    for what, value in steps:
        if what == "send":
            provider.send(is_open=value)
        elif what == "settle" and value in provider.messages:
            if provider.now - provider.messages[value][0] < timedelta(days=2):
                provider.settle(value)
        elif what == "pass":
            provider.now += timedelta(minutes=value)
        elif what == "read":
            items, cursor = provider.read_all(cursor)
            seen |= set(items)
            fresh = {n for n, (sent_at, _) in provider.messages.items() if provider.now - sent_at < timedelta(days=2)}
            assert {n for n in fresh if not provider.messages[n][1]} <= seen


def test_one_that_stays_pending_for_ever_is_given_up():
    provider, cursor, starts = Provider(), "", []
    provider.send()
    for _ in range(5):
        provider.now += timedelta(days=1)
        provider.send(is_open=False)
        _, cursor = provider.read_all(cursor)
        starts.append(provider.now - HistoryCursor.parse(cursor).starts_at)
    assert starts == [timedelta(days=1), timedelta(days=2), timedelta(days=3), timedelta(days=3), timedelta(hours=1)]


def test_one_that_is_dated_in_the_future_hides_nothing_that_comes_after_it():
    provider = Provider()
    provider.now = START + timedelta(days=300)
    ahead = provider.send(is_open=False)
    provider.now = START
    items, cursor = provider.read_all("")
    assert items == [ahead]
    later = provider.send(is_open=False)
    items, cursor = provider.read_all(cursor)
    assert later in items
    provider.now += timedelta(days=1)
    last = provider.send(is_open=False)
    items, cursor = provider.read_all(cursor)
    assert last in items
    assert HistoryCursor.parse(cursor).starts_at == provider.now - timedelta(hours=1)


def test_the_next_round_begins_at_the_oldest_that_is_open():
    provider, cursor = Provider(), ""
    sent = [provider.send(is_open=number == 0) for number in range(5)]
    provider.now += timedelta(days=1)
    provider.send(is_open=False)
    _, cursor = provider.read_all(cursor)
    assert HistoryCursor.parse(cursor).starts_at == START
    provider.settle(sent[0])
    items, cursor = provider.read_all(cursor)
    assert sent[0] in items
    assert HistoryCursor.parse(cursor).starts_at == provider.now - timedelta(hours=1)


def test_one_that_is_open_on_an_early_page_is_not_forgotten_on_the_last():
    provider = Provider()
    for is_open in (False, False, True, False):
        provider.send(is_open=is_open)
        provider.now += timedelta(days=0.5)
    _, cursor = provider.read_all("")
    assert HistoryCursor.parse(cursor).starts_at == START + timedelta(days=1)


def test_nothing_to_read_keeps_the_position():
    provider = Provider()
    assert provider.read_all("") == ([], HistoryCursor().cursor())
    provider.send(is_open=False)
    _, cursor = provider.read_all("")
    provider.messages.clear()
    assert provider.read_all(cursor) == ([], cursor)


def test_a_page_without_items_is_passed_over():
    provider = Provider()
    wanted = provider.send(is_open=False)
    for _ in range(7):
        provider.send()
    page = read_on("", provider.history_page)
    assert (list(page.items), len(provider.asked)) == ([wanted], 4)


def test_a_position_that_is_forgotten_begins_the_round_again():
    provider = Provider()
    sent = [provider.send(is_open=False) for _ in range(5)]
    first = read_on("", provider.history_page)
    provider.refused = {HistoryCursor.parse(first.cursor).next_page}
    page = read_on(first.cursor, provider.history_page)
    assert (page.items, page.cursor) == ((), HistoryCursor().cursor())
    provider.refused = set()
    assert sorted(provider.read_all(page.cursor)[0]) == sent


def test_a_refusal_at_the_beginning_is_reported():
    provider = Provider()
    provider.refused = {""}
    with pytest.raises(GatewayDenied):
        read_on("", provider.history_page)


@pytest.mark.parametrize(
    ("valid_for", "seconds"),
    [(None, float("inf")), (timedelta(hours=1), 3540), (timedelta(minutes=1), 0), (timedelta(0), -60)],
)
def test_seconds_left_count_from_the_claim_less_the_way(valid_for, seconds):
    until = None if valid_for is None else START + valid_for
    message = OutgoingMessage("a", "+33612345678", "Bonjour", "GSM-7", "CAMPANILE", until)
    assert seconds_left(message, Batch([message], "key", START)) == seconds
