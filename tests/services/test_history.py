"""Read histories of the real sandbox, and of providers that renumber or never end: no STOP is lost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from campanile.services.context import Context
from campanile.services.inbound.history import HistoryRead, read_history, report_history
from campanile.sms.errors import GatewayDenied, GatewayUnreachable
from campanile.store.db.database import Transaction
from campanile.store.inbound.histories import HISTORIES, history_of, rewind_cursors
from schemas.gateway import IncomingReply, Page
from schemas.inbound_rows import GatewayState
from tests.sandbox_thread import SandboxThread
from tests.services.reading import readers

Read = Callable[[str, Callable[[str], Page[Any]]], HistoryRead]
AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
SENDERS = [f"+3361234{number:04d}" for number in range(5600, 5640)]


@pytest.fixture
def context(make_context: Callable[..., Context]) -> Context:
    """With readings that end after ten pages."""
    return make_context(history_pages=10)


@pytest.fixture
def read(context: Context) -> Read:
    """Return the way to read a history as the flows do, keeping what they keep."""
    return partial(read_as, context)


def read_as(context: Context, name: str, how: Callable[[str], Page[Any]], at_once: int | None = None) -> HistoryRead:
    return read_history(context, "sandbox", name, how, *readers(context)[name], at_once=at_once)


def query(context: Context, sql: str) -> list[tuple[Any, ...]]:
    with context.transaction(read_only=True) as tx:
        return tx.execute(sql).fetchall()


def opted_out(context: Context) -> set[str]:
    return {msisdn for (msisdn,) in query(context, "SELECT msisdn FROM opt_out")}


def reply_count(context: Context) -> int:
    return int(query(context, "SELECT count(*) FROM reply")[0][0])


def cursor(context: Context, name: str = "replies") -> str:
    with context.transaction(read_only=True) as tx:
        return history_of(tx, "sandbox", name).cursor


@dataclass
class Provider:
    """Counts its replies from 1, two a page, as a provider that gives no epoch."""

    replies: list[IncomingReply] = field(default_factory=list)
    epoch: str = ""
    refuses_beyond: bool = True

    def add(self, sender: str, text: str = "Bonjour", minutes: int = 0) -> None:
        number = str(len(self.replies) + 1)
        self.replies.append(IncomingReply(number, sender, text, AT + timedelta(minutes=minutes)))

    def read(self, cursor: str) -> Page[IncomingReply]:
        at = int(cursor or 0)
        if at > len(self.replies):
            if self.refuses_beyond:
                raise GatewayDenied(f"cursor {at} is past the end")
            at = len(self.replies)
        page = self.replies[at : at + 2]
        return Page(page, str(at + len(page)), epoch=self.epoch)


# --- renumbered -------------------------------------------------------------------------------------------------------


@pytest.mark.process
@pytest.mark.parametrize("fresh_count", [1, 3, 5], ids=["below the cursor", "at the cursor", "above the cursor"])
@pytest.mark.parametrize("name", ["replies", "opt_outs"])
def test_a_new_sandbox_is_read_from_its_beginning(
    context: Context, read: Read, tmp_path: Path, name: str, fresh_count: int
) -> None:
    """Its folder is replaced behind our back: wherever its numbering stands, each STOP of the new one counts."""
    for folder, senders in (("old", SENDERS[:3]), ("new", SENDERS[10 : 10 + fresh_count])):
        with SandboxThread.start(tmp_path / folder) as sandbox:
            for sender in senders:
                sandbox.reply(sender, "STOP") if name == "replies" else sandbox.opt_out(sender)
            found = read(name, getattr(sandbox.gateway(), name))
            assert set(senders) <= opted_out(context)
            assert bool(found.renumbered) is (folder == "new")
            assert not read(name, getattr(sandbox.gateway(), name)).renumbered, "reported once"
    assert len(opted_out(context)) == 3 + fresh_count
    assert cursor(context, name) == str(fresh_count)


RENUMBERED = [
    pytest.param({"epoch": "second"}, 3, "names epoch second instead of first", id="another epoch"),
    pytest.param({"epoch": ""}, 3, "names epoch none instead of first", id="no epoch any more"),
    pytest.param({"epoch": "first"}, 1, "refuses cursor 2", id="the cursor is refused"),
    pytest.param(
        {"epoch": "first", "refuses_beyond": False}, 1, "its cursor went back from 2 to 1", id="the cursor goes back"
    ),
]


@pytest.mark.parametrize(("changes", "fresh_count", "words"), RENUMBERED)
def test_a_provider_that_renumbers_loses_no_stop(
    context: Context, read: Read, changes: dict[str, Any], fresh_count: int, words: str
) -> None:
    old = Provider(epoch="first")
    old.add(SENDERS[0])
    old.add(SENDERS[1])
    read("replies", old.read)
    new = replace(Provider(), **changes)
    for sender in SENDERS[10 : 10 + fresh_count]:
        new.add(sender, "STOP")
    found = read("replies", new.read)
    assert words in found.renumbered
    assert (found.new_count, found.unfinished_count) == (fresh_count, 0)
    assert opted_out(context) == set(SENDERS[10 : 10 + fresh_count])
    assert not read("replies", new.read).renumbered


def test_ids_that_go_back_are_noticed(context: Context, read: Read) -> None:
    """Its cursors go on as if nothing had happened; its ids begin again."""
    pages = {"": Page([IncomingReply("900", SENDERS[0], "Oui", AT)], "900"), "900": Page((), "900")}
    read("replies", pages.__getitem__)
    anew = [IncomingReply(str(number), SENDERS[number], "STOP", AT) for number in range(1, 6)]
    pages = {"": Page(anew, "905"), "900": Page(anew[3:], "905"), "905": Page((), "905")}
    assert "newest id 5 is below cursor 900" in read("replies", pages.__getitem__).renumbered
    assert opted_out(context) == set(SENDERS[1:6])


def test_an_id_that_comes_again_with_other_words_is_another_reply(context: Context, read: Read) -> None:
    old, new = Provider(epoch="first"), Provider(epoch="second")
    for minutes, text in enumerate(("Oui", "Bonjour", "Merci")):
        old.add(SENDERS[0], text, minutes)
    read("replies", old.read)
    new.add(SENDERS[0], "STOP", 1)
    new.add(SENDERS[0], "Bonjour", 1)  # as before, to the letter: known
    new.add(SENDERS[0], "Merci", 9)  # the same words, later
    assert read("replies", new.read).new_count == 2
    assert opted_out(context) == {SENDERS[0]}
    assert reply_count(context) == 5


def test_read_again_from_the_beginning_nothing_counts_twice(context: Context, read: Read) -> None:
    provider = Provider()
    for sender in SENDERS[:7]:
        provider.add(sender, "Bonjour")
    read("replies", provider.read)
    for _ in range(2):
        with context.transaction() as tx:
            rewind_cursors(tx, "sandbox", HISTORIES)
        assert read("replies", provider.read).new_count == 0
    assert reply_count(context) == 7


def test_a_refusal_that_is_not_the_cursors_fault_is_reported_and_rewinds_nothing(context: Context, read: Read) -> None:
    provider = Provider()
    provider.add(SENDERS[0])
    read("replies", provider.read)

    def denied(_: str) -> Page[IncomingReply]:
        raise GatewayDenied("401: wrong key")

    with pytest.raises(GatewayDenied, match="wrong key"):
        read("replies", denied)
    assert cursor(context) == "1"


def test_a_provider_with_two_tongues_is_not_taken_for_read(context: Context, read: Read) -> None:
    """Each page names another epoch: nothing of it counts as read to its end, and the reading ends."""
    count = 0

    def torn(cursor: str) -> Page[IncomingReply]:
        nonlocal count
        count += 1
        return Page([IncomingReply(str(count), SENDERS[0], "Oui", AT)], str(count), epoch=f"epoch {count}")

    assert read("replies", torn).unfinished_count == 1


# --- a list that never ends -------------------------------------------------------------------------------------------


def endless(cursor: str) -> Page[IncomingReply]:
    at = int(cursor or 0) + 1
    return Page([IncomingReply(str(at), SENDERS[at % 40], "STOP" if at == 15 else "Oui", AT)], str(at))


def test_a_list_that_never_ends_is_continued_by_the_next_run(context: Context, read: Read) -> None:
    first = read("replies", endless)
    assert (first.new_count, first.unfinished_count, cursor(context)) == (10, 1, "10")
    second = read("replies", endless)
    assert (second.new_count, second.unfinished_count, cursor(context)) == (10, 2, "20")
    assert opted_out(context) == {SENDERS[15]}


def test_pages_that_are_stored_together_are_bounded_too(context: Context) -> None:
    found = read_as(context, "replies", endless, at_once=100)
    assert (found.new_count, found.unfinished_count, cursor(context)) == (10, 1, "10")


def test_pages_are_stored_together_with_the_cursor_of_the_last_one(context: Context) -> None:
    provider, sizes = Provider(), []
    for sender in SENDERS[:9]:
        provider.add(sender)
    convert, keep = readers(context)["replies"]

    def keep_and_count(tx: Transaction, gateway: str, rows: pd.DataFrame) -> int:
        sizes.append((len(rows), history_of(tx, "sandbox", "replies").cursor))
        return keep(tx, gateway, rows)

    found = read_history(context, "sandbox", "replies", provider.read, convert, keep_and_count, at_once=6)
    assert (found.new_count, found.unfinished_count) == (9, 0)
    assert sizes == [(6, ""), (3, "6"), (0, "9")]
    assert (cursor(context), reply_count(context)) == ("9", 9)


def test_pages_before_one_that_cannot_be_read_are_stored(context: Context) -> None:
    def breaks(cursor: str) -> Page[IncomingReply]:
        if cursor == "4":
            raise GatewayUnreachable("no answer")
        return endless(cursor)

    with pytest.raises(GatewayUnreachable):
        read_as(context, "replies", breaks, at_once=100)
    assert (cursor(context), reply_count(context)) == ("4", 4)


def test_pages_of_two_numberings_are_not_stored_together(context: Context) -> None:
    provider = Provider(epoch="first")
    for sender in SENDERS[:6]:
        provider.add(sender)

    def renumbers(cursor: str) -> Page[IncomingReply]:
        if cursor == "4":
            provider.epoch = "second"
        return provider.read(cursor)

    found = read_as(context, "replies", renumbers, at_once=100)
    assert "epoch second instead of first" in found.renumbered
    assert (cursor(context), reply_count(context)) == ("6", 6), "read again from the beginning, stored once"


def test_a_list_that_takes_too_long_is_left(make_context: Callable[..., Context]) -> None:
    context = make_context(history_pages=10, history_seconds=0.000001)
    found = read_as(context, "replies", endless)
    assert (found.unfinished_count, cursor(context)) == (1, "1")


def test_half_a_reading_is_none(context: Context, read: Read) -> None:

    read("replies", endless)
    with context.transaction(read_only=True) as tx:
        found = tx.get(GatewayState, "state.get", gateway="sandbox", name="replies")
    assert found.changed_at.year == 1970, "no campaign takes it for read"
    assert read("replies", lambda cursor: Page((), cursor)).unfinished_count == 0


SELF = [
    pytest.param({"": ([1], "a"), "a": ([2], "a")}, [1, 2], id="a page that points to itself"),
    pytest.param({"": ([1], "a"), "a": ([], "a")}, [1], id="a page that points to itself, with nothing on it"),
    pytest.param({"": ([1], "")}, [1], id="the first page points to itself"),
    pytest.param({"": ([1], "a"), "a": ([2], "b"), "b": ([3], "a")}, [1, 2, 3], id="a circle of pages"),
    pytest.param({"": ([1], "a"), "a": ([2], "b"), "b": ([3], "")}, [1, 2, 3], id="back to the first page"),
]


@pytest.mark.parametrize("at_once", [None, 100], ids=["page by page", "pages together"])
@pytest.mark.parametrize(("pages", "expected"), SELF)
def test_a_list_that_leads_back_is_bounded_and_reported(
    context: Context, pages: dict[str, tuple[list[int], str]], expected: list[int], at_once: int | None
) -> None:
    """What is on its pages is stored, it is not read again and again, and it never counts as read to its end."""
    asked = []

    def lists(cursor: str) -> Page[IncomingReply]:
        asked.append(cursor)
        numbers, following = pages[cursor]
        items = [IncomingReply(str(number), SENDERS[number], "STOP", AT) for number in numbers]
        return Page(items, following, has_more=True)

    found = read_as(context, "replies", lists, at_once)
    assert (found.loops, found.unfinished_count, found.new_count) == (True, 1, len(expected))
    assert len(asked) <= 2 * len(pages)
    assert opted_out(context) == {SENDERS[number] for number in expected}
    with context.transaction(read_only=True) as tx:
        assert tx.get(GatewayState, "state.get", gateway="sandbox", name="replies").changed_at.year == 1970
    again = read_as(context, "replies", lists, at_once)
    assert (again.loops, again.unfinished_count) == (True, 2)
    report_history(context, "sandbox", "replies", again)
    [(line,)] = query(context, "SELECT message FROM alert WHERE cleared_at IS NULL")
    assert "have a page that leads back to an earlier one, 2 times in a row" in line
    assert "no campaign is sent until the end is reached" in line


def test_a_page_with_items_that_names_its_own_cursor_is_not_the_end(context: Context, read: Read) -> None:
    """Without ``has_more`` too: what is behind it was not read."""
    pages = {"": Page([IncomingReply("1", SENDERS[0], "Oui", AT)], "a")}
    pages["a"] = Page([IncomingReply("2", SENDERS[1], "STOP", AT)], "a")
    found = read("replies", pages.__getitem__)
    assert (found.loops, found.unfinished_count, opted_out(context)) == (True, 1, {SENDERS[1]})
