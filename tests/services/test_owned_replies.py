"""Replies that a person must read: a file for each campaign, and a mail to its reply owner; never an artifact."""

import csv
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campanile.gateways.mail import MailSettings
from campanile.pages.outcomes import replies_page
from campanile.services.context import Context
from campanile.services.inbound import owned_replies
from campanile.services.inbound.owned_replies import hand_over_replies
from campanile.sms.errors import MailError
from campanile.store.db.invariants import broken_invariants
from schemas.gateway import IncomingReply, Outcome
from schemas.inbound_rows import ReplyCount
from tests.services.test_inbound import Desk, number
from tests.store.conftest import Clock, number_of
from tests.store.conftest import Desk as StoreDesk

OWNER = "accueil@example.org"


class Owners(Desk):
    """A desk whose people got a campaign."""

    def __init__(self, context: Context, clock: Clock) -> None:
        super().__init__(context, clock)
        self.store = StoreDesk(context.settings.store_file)
        self.store.clock = clock
        self.mails: list[tuple[list[str], str, str]] = []
        self.refuses = False

    def send(self, name: str, *people: int, **draft: str) -> None:
        shift = int(number(0)) - number_of(0)  # the desk of the store counts from another number
        lease = self.store.start(name, [person + shift for person in people], per_slice=9, draft=draft)
        self.store.answer(lease, self.store.must_claim(lease), Outcome.ACCEPTED)
        self.store.close(lease)
        self.clock.forward(minutes=5)

    def say(self, person: int, *texts: str) -> None:
        for text in texts:
            self.count += 1
            self.read("replies", [IncomingReply(f"o{self.count}", number(person), text, self.clock.at)])
        self.clock.forward(minutes=5)

    def file(self, name: str) -> list[list[str]]:
        path = self.folder / f"{name}.csv"
        return [row[2:4] for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";")][1:]

    @property
    def folder(self) -> Path:
        return self.context.data_path("exports", "replies")

    def take_mail(self, mail: MailSettings, subject: str, body: str) -> None:
        if self.refuses:
            raise MailError("mail server: 451 come back")
        self.mails.append((list(mail.recipients), subject, body))


@pytest.fixture
def desk(make_context: Callable[..., Context], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Owners]:
    context = make_context(mail_host="127.0.0.1", mail_to="team@example.org")
    found = Owners(context, clock)
    monkeypatch.setattr(owned_replies, "send_mail", found.take_mail)
    yield found
    with context.transaction(read_only=True) as tx:
        assert broken_invariants(tx) == {}


def test_each_reply_is_once_in_the_file_of_its_campaign(desk: Owners) -> None:
    desk.send("soldes", 1, 2)
    desk.send("noel", 3)
    desk.say(1, "C'est ouvert dimanche ?", "STOP")
    desk.say(3, "Merci =1+1")
    desk.say(9, "Qui est-ce ?")
    assert hand_over_replies(desk.context) == 3
    assert hand_over_replies(desk.context) == 0
    desk.say(2, "Et lundi ?")
    assert hand_over_replies(desk.context) == 1
    assert desk.file("soldes") == [
        [f"'{number(1)}", "C'est ouvert dimanche ?"],
        [f"'{number(2)}", "Et lundi ?"],
    ], "unmasked, and no STOP among them"
    assert desk.file("noel") == [[f"'{number(3)}", "Merci =1+1"]]
    assert desk.file("_without-campaign") == [[f"'{number(9)}", "Qui est-ce ?"]]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in desk.folder.iterdir()}
    assert modes == {0o600}


def test_a_run_that_died_before_it_recorded_that_writes_each_reply_once(
    desk: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.send("soldes", 1)
    desk.say(1, "Oui", "A lundi")

    def die(*_: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(owned_replies, "mark_handed_over", die)
        with pytest.raises(KeyboardInterrupt):
            hand_over_replies(desk.context)
    assert hand_over_replies(desk.context) == 2
    assert [text for _, text in desk.file("soldes")] == ["Oui", "A lundi"]


def test_the_reply_owner_gets_each_reply_once_by_mail(desk: Owners) -> None:
    desk.send("soldes", 1, reply_owner=OWNER)
    desk.send("noel", 2)
    desk.say(1, "Oui")
    desk.say(2, "A lundi")
    hand_over_replies(desk.context)
    hand_over_replies(desk.context)
    ((to, subject, body),) = desk.mails
    assert (to, subject) == ([OWNER], "Campanile: replies to soldes (1)")
    assert f"{number(1)}\nOui" in body


def test_a_mail_that_is_refused_is_tried_again_later(desk: Owners) -> None:
    desk.send("soldes", 1, reply_owner=OWNER)
    desk.say(1, "Oui")
    desk.refuses = True
    hand_over_replies(desk.context)
    desk.refuses = False
    hand_over_replies(desk.context)
    assert desk.mails == [], "not at once again"
    desk.clock.at += timedelta(minutes=11)
    hand_over_replies(desk.context)
    hand_over_replies(desk.context)
    assert [to for to, _, _ in desk.mails] == [[OWNER]]


def test_no_text_and_no_number_stands_in_log_or_page(desk: Owners, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    desk.send("soldes", 1, reply_owner=OWNER)
    desk.say(1, "Un secret de famille")
    hand_over_replies(desk.context)
    with desk.context.transaction(read_only=True) as tx:
        page = replies_page("sandbox", tx.select(ReplyCount, "reply.totals", gateway="sandbox"), [])
    for text in (caplog.text, page):
        assert "secret" not in text
        assert number(1)[1:] not in text
