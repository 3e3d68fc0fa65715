"""Reading histories against the real sandbox, and against providers that number anew or never end: no STOP is lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateways.rounds import MOST_LEAVES, Leaf, Round, read_on
from gateways.sandbox.process import SandboxProcess
from schemas.gateway import IncomingReply, Page
from sms.errors import GatewayDenied
from store.inbound import HISTORIES, history_of
from store.migrate import migrate

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
SENDERS = [f"+3361234{number:04d}" for number in range(5600, 5640)]


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "sms.duckdb"
    migrate(path, lambda: AT)
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a migrated store that the tasks visit."""
    from tasks.clock import clock_offset
    from tasks.settings import settings

    path = tmp_path / "sms.duckdb"
    path.write_bytes(empty_store.read_bytes())
    monkeypatch.setenv("SMS_STORE_PATH", str(path))
    monkeypatch.setenv("SMS_HISTORY_PAGES", "10")
    for cached in (settings, clock_offset):
        cached.cache_clear()
    yield path
    for cached in (settings, clock_offset):
        cached.cache_clear()


def read(name: str, how: Callable[[str], Page[Any]]) -> Any:
    """Read a history as the flows do, keeping what they keep."""
    from tasks import inbound
    from tasks.history import read_history

    readers = {
        "replies": (inbound._reply_row, inbound._keep_replies),
        "opt_outs": (inbound._opt_out_row, inbound._keep_opt_outs),
        "reports": (inbound._as_it_is, inbound._keep_reports),
    }
    return read_history("sandbox", name, how, *readers[name])


def opted_out() -> set[str]:
    from tasks.house import visit_store

    with visit_store(read_only=True) as visit:
        return {msisdn for (msisdn,) in visit.execute("SELECT msisdn FROM opt_out").fetchall()}


def reply_count() -> int:
    from tasks.house import visit_store

    with visit_store(read_only=True) as visit:
        return int(visit.execute("SELECT count(*) FROM reply").fetchall()[0][0])


def cursor(name: str = "replies") -> str:
    from tasks.house import visit_store

    with visit_store(read_only=True) as visit:
        return history_of(visit, "sandbox", name).cursor


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


# --- numbered anew ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fresh_count", [1, 3, 5], ids=["below the cursor", "at the cursor", "above the cursor"])
@pytest.mark.parametrize("name", ["replies", "opt_outs"])
def test_a_sandbox_made_anew_is_read_from_its_beginning(
    store: Path, tmp_path: Path, name: str, fresh_count: int
) -> None:
    """Its folder is replaced behind our back: wherever its numbering stands, each STOP of the new one counts."""
    for folder, senders in (("old", SENDERS[:3]), ("new", SENDERS[10 : 10 + fresh_count])):
        with SandboxProcess.start(tmp_path / folder) as sandbox:
            for sender in senders:
                sandbox.reply(sender, "STOP") if name == "replies" else sandbox.opt_out(sender)
            found = read(name, getattr(sandbox.gateway(), name))
            assert set(senders) <= opted_out()
            assert bool(found.renumbered) is (folder == "new")
            assert not read(name, getattr(sandbox.gateway(), name)).renumbered, "told once"
    assert len(opted_out()) == 3 + fresh_count
    assert cursor(name) == str(fresh_count)


RENUMBERED = [
    pytest.param({"epoch": "second"}, 3, "names epoch second instead of first", id="another epoch"),
    pytest.param({"epoch": ""}, 3, "names epoch none instead of first", id="no epoch any more"),
    pytest.param({"epoch": "first"}, 1, "refuses cursor 2", id="the cursor is refused"),
    pytest.param(
        {"epoch": "first", "refuses_beyond": False}, 1, "its cursor went back from 2 to 1", id="the cursor goes back"
    ),
]


@pytest.mark.parametrize(("changes", "fresh_count", "words"), RENUMBERED)
def test_a_provider_that_numbers_anew_loses_no_stop(
    store: Path, changes: dict[str, Any], fresh_count: int, words: str
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
    assert (found.count, found.unfinished_count) == (fresh_count, 0)
    assert opted_out() == set(SENDERS[10 : 10 + fresh_count])
    assert not read("replies", new.read).renumbered


def test_ids_that_go_back_are_noticed(store: Path) -> None:
    """Its cursors go on as if nothing had happened; its ids begin again."""
    pages = {"": Page([IncomingReply("900", SENDERS[0], "Oui", AT)], "900"), "900": Page((), "900")}
    read("replies", pages.__getitem__)
    anew = [IncomingReply(str(number), SENDERS[number], "STOP", AT) for number in range(1, 6)]
    pages = {"": Page(anew, "905"), "900": Page(anew[3:], "905"), "905": Page((), "905")}
    assert "newest id 5 is below cursor 900" in read("replies", pages.__getitem__).renumbered
    assert opted_out() == set(SENDERS[1:6])


def test_an_id_that_comes_again_with_other_words_is_another_reply(store: Path) -> None:
    old, new = Provider(epoch="first"), Provider(epoch="second")
    for minutes, text in enumerate(("Oui", "Bonjour", "Merci")):
        old.add(SENDERS[0], text, minutes)
    read("replies", old.read)
    new.add(SENDERS[0], "STOP", 1)
    new.add(SENDERS[0], "Bonjour", 1)  # as before, to the letter: known
    new.add(SENDERS[0], "Merci", 9)  # the same words, later
    assert read("replies", new.read).count == 2
    assert opted_out() == {SENDERS[0]}
    assert reply_count() == 5


def test_read_again_from_the_beginning_nothing_counts_twice(store: Path) -> None:
    from store.inbound import rewind_cursors
    from tasks.house import visit_store

    provider = Provider()
    for sender in SENDERS[:7]:
        provider.add(sender, "Bonjour")
    read("replies", provider.read)
    for _ in range(2):
        with visit_store() as visit:
            rewind_cursors(visit, "sandbox", HISTORIES)
        assert read("replies", provider.read).count == 0
    assert reply_count() == 7


def test_a_refusal_that_is_not_the_cursors_fault_is_told_and_rewinds_nothing(store: Path) -> None:
    provider = Provider()
    provider.add(SENDERS[0])
    read("replies", provider.read)

    def denied(_: str) -> Page[IncomingReply]:
        raise GatewayDenied("401: wrong key")

    with pytest.raises(GatewayDenied, match="wrong key"):
        read("replies", denied)
    assert cursor() == "1"


def test_a_provider_with_two_tongues_is_not_taken_for_read(store: Path) -> None:
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


def test_a_list_that_never_ends_is_left_and_gone_on_with(store: Path) -> None:
    first = read("replies", endless)
    assert (first.count, first.unfinished_count, cursor()) == (10, 1, "10")
    second = read("replies", endless)
    assert (second.count, second.unfinished_count, cursor()) == (10, 2, "20")
    assert opted_out() == {SENDERS[15]}


def test_a_list_that_takes_too_long_is_left(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.settings import settings

    monkeypatch.setenv("SMS_HISTORY_SECONDS", "0.000001")
    settings.cache_clear()
    assert (read("replies", endless).unfinished_count, cursor()) == (1, "1")


def test_half_a_reading_is_none(store: Path) -> None:
    from tasks.house import visit_store

    read("replies", endless)
    with visit_store(read_only=True) as visit:
        found = visit.row("state.get", gateway="sandbox", name="replies")
    assert found is not None
    assert found["changed_at"].year == 1970, "no campaign takes it for read"
    assert read("replies", lambda cursor: Page((), cursor)).unfinished_count == 0


def test_pages_without_anything_for_us_do_not_hang_a_call() -> None:
    """A provider whose list of other people's messages has always a next page."""
    asked: list[Round] = []

    def leaf(current: Round) -> Leaf[IncomingReply]:
        asked.append(current)
        return Leaf((), [(AT, True)], f"page {len(asked)}")

    page = read_on("", leaf)
    assert (len(page.items), page.has_more, len(asked)) == (0, True, MOST_LEAVES)
    assert Round.parse(read_on(page.cursor, leaf).cursor).next_page == f"page {2 * MOST_LEAVES}"


@pytest.mark.parametrize("cursor", ["12", "{", '{"since": "yesterday"}', '{"unknown": 1}', "[1]"])
def test_a_cursor_of_another_gateway_is_refused_as_one(cursor: str) -> None:
    with pytest.raises(GatewayDenied, match="no cursor"):
        Round.parse(cursor)
