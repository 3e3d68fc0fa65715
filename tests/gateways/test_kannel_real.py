"""The whole way with Kannel itself, as the manual configures it: from our adapter to the operator, and back.

Needs Debian's ``kannel`` and ``kannel-extras``; ``REQUIRE_KANNEL=1`` makes their absence a failure.
"""

import math
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campanile.gateways.kannel.adapter import KannelGateway
from campanile.services.inbound.sync import sync_opt_outs, sync_reports
from campanile.sms.errors import GatewayDenied
from campanile.sms.text.segments import count_segments
from schemas.gateway import Batch, Outcome, OutgoingMessage
from tests.gateways import real_kannel
from tests.gateways.kannel_server import PASSWORD, USERNAME, access_to, told_url
from tests.gateways.real_kannel import SMPP_PREFIX, RealKannel, eventually
from tests.gateways.receiver_process import SECRET, ReceiverProcess, call
from tests.store.conftest import MORNING, Desk
from tests.stores import context_on, copy_store

SENDER = "36180"


@dataclass
class Line:
    """Adapter, Kannel and receiver, and how far a test has read what came back."""

    kannel: RealKannel
    receiver: ReceiverProcess
    gateway: KannelGateway

    def send(self, ref, number, text):
        encoding = count_segments(text).encoding
        message = OutgoingMessage(ref, number, text, encoding, SENDER)
        [outcome] = self.gateway.submit(Batch([message], ref, datetime.now(UTC)), math.inf)
        return outcome

    def reports(self, ref):
        """Return the reports on one message so far, as (status, reason)."""
        found = self.gateway.delivery_reports("").items
        return {(item.status, item.reason) for item in found if item.client_ref == ref}

    def wait_for_report(self, ref, *report):
        eventually(lambda: report in self.reports(ref), lambda: f"{self.reports(ref)} {self.kannel.log()}")

    def wait_for_reply(self, cursor, sender, text):
        def has_come():
            return [(item.sender.lstrip("+"), item.text) for item in self.gateway.replies(cursor).items]

        eventually(lambda: has_come() == [(sender.lstrip("+"), text)], lambda: f"{has_come()} {self.kannel.log()}")

    def wait_for_segments(self, number, how_many):
        eventually(lambda: len(self.kannel.segments(number)) >= how_many, self.kannel.log)


def need_kannel():
    """Skip on a developer's machine; fail if ``REQUIRE_KANNEL`` says that it must be there, as ``.ci/run`` does."""
    if missing := real_kannel.missing_parts():
        why = f"no {', '.join(missing)}: apt-get install kannel kannel-extras"
        if os.environ.get("REQUIRE_KANNEL"):
            pytest.fail(why)
        pytest.skip(why)


@pytest.mark.parametrize(
    ("required", "outcome"),
    [
        pytest.param("", pytest.skip.Exception, id="a developer's machine"),
        pytest.param("1", pytest.fail.Exception, id="where it must be there"),
    ],
)
def test_kannel_may_be_missing_on_ones_own_machine_only(monkeypatch, required, outcome):
    monkeypatch.setenv("REQUIRE_KANNEL", required)
    monkeypatch.setattr(real_kannel, "BEARERBOX", "/nowhere/bearerbox")
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match="no /nowhere/bearerbox") as caught:
        need_kannel()
    assert caught.type is outcome


def test_kannel_must_be_there_where_all_must_hold():
    assert "export REQUIRE_KANNEL=1\n" in (Path(__file__).parents[2] / ".ci" / "run").read_text()


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    need_kannel()
    folder = tmp_path_factory.mktemp("kannel")
    with ReceiverProcess(folder) as receiver, RealKannel(folder, receiver.url) as kannel:
        yield Line(kannel, receiver, KannelGateway(access_to(kannel.url, receiver.spool, receiver.url)))


TEXTS = {
    "160 of GSM-7": "a" * 160,
    "161 of GSM-7": "a" * 161,
    "306 of GSM-7": "a" * 306,
    "307 of GSM-7": "a" * 307,
    "158 and a euro": "a" * 158 + "€",
    "159 and a euro": "a" * 159 + "€",
    "a euro where a segment ends": "a" * 152 + "€" + "b" * 100,
    "all of GSM-7 but line ends": "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà^{}\\[~]|€",
    "blanks as they are": "  deux  blancs ",
    "70 of UCS-2": "ж" * 70,
    "71 of UCS-2": "ж" * 71,
    "134 of UCS-2": "ж" * 134,
    "135 of UCS-2": "ж" * 135,
    "35 emoji": "😀" * 35,
    "36 emoji": "😀" * 36,
    "accents that GSM-7 lacks": "Noël à la pêche : ç œ ê",
    "everything at once": "é € ç 😀 ж",
    "emoji of several": "famille 👨‍👩‍👧 🇫🇷",
    "ten segments": "b" * 1530,
    "an emoji where a segment ends": "я" * 66 + "😀" + "я" * 66,
}


@pytest.fixture(scope="module")
def sent(line):
    """Send every text at once, and return what the operator got for each."""
    numbers = {label: f"+336123456{index:02d}" for index, label in enumerate(TEXTS)}
    outcomes = [line.send(label, numbers[label], text) for label, text in TEXTS.items()]
    assert {outcome.outcome for outcome in outcomes} == {Outcome.ACCEPTED}
    for label in TEXTS:
        # Two reports a message: the operator has all of it.
        line.wait_for_report(label, "delivered", None)
        line.wait_for_segments(numbers[label], 1)
    line.wait_for_segments(numbers["ten segments"], 10)
    return {label: line.kannel.segments(number) for label, number in numbers.items()}


@pytest.mark.parametrize("label", TEXTS)
def test_as_many_segments_as_counted_and_the_text_as_it_left(line, sent, label):
    size = count_segments(TEXTS[label])
    segments = sent[label]
    charset = "utf-8" if size.encoding == "GSM-7" else "utf-16-be"
    assert b"".join(data for _, data in segments).decode(charset) == TEXTS[label]
    assert {how for how, _ in segments} == {"udh" if len(segments) > 1 else "text" if charset == "utf-8" else "ucs-2"}
    # Kannel cuts an emoji in two where we do not: then it needs at most one segment less.
    spared = 1 if line.gateway.manifest.splits_surrogates and max(TEXTS[label]) > "\uffff" else 0
    assert size.segment_count - spared <= len(segments) <= size.segment_count


def test_kannel_cuts_an_emoji_where_we_do_not(line, sent):
    label = "an emoji where a segment ends"
    assert (count_segments(TEXTS[label]).segment_count, len(sent[label])) == (3, 2)
    assert line.gateway.manifest.splits_surrogates


def test_operator_reports_pending_then_delivered_whatever_the_segments(line, sent):
    for label in TEXTS:
        assert line.reports(label) == {("pending", None), ("delivered", None)}


def test_smpp_carries_the_bytes_of_gsm7_and_ucs2(line):
    line.send("smpp-gsm", f"{SMPP_PREFIX}980001", "é€ç"[:2])
    line.send("smpp-ucs", f"{SMPP_PREFIX}980002", "é € ç 😀")
    eventually(lambda: len(line.kannel.center.submitted) >= 2, line.kannel.log)
    seen = {item.number: (item.data_coding, item.data) for item in line.kannel.center.submitted}
    assert seen[f"{SMPP_PREFIX}980001"] == (0, b"\x05\x1b\x65")
    assert seen[f"{SMPP_PREFIX}980002"] == (8, "é € ç 😀".encode("utf-16-be"))


RECEIPTS = [
    # label, number, what the operator says, the report
    ("delivered", f"{SMPP_PREFIX}980100", "DELIVRD err:000", ("delivered", None)),
    ("undelivered", f"{SMPP_PREFIX}980101", "UNDELIV err:069", ("undelivered", "not delivered (UNDELIV 069)")),
    ("expired", f"{SMPP_PREFIX}980102", "EXPIRED err:001", ("undelivered", "validity expired (EXPIRED 001)")),
    (
        "refused at once",
        f"{SMPP_PREFIX}980103",
        "REFUSE",
        ("undelivered", "refused by the operator (NACK/0x00000045/Submit failed)"),
    ),
]


@pytest.mark.parametrize(("number", "receipt", "report"), [row[1:] for row in RECEIPTS], ids=[r[0] for r in RECEIPTS])
def test_what_the_operator_says_comes_back(line, number, receipt, report):
    line.kannel.center.receipts[number] = receipt
    assert line.send(receipt, number, "Bonjour").outcome is Outcome.ACCEPTED
    line.wait_for_report(receipt, *report)
    assert not line.reports(receipt) - {report, ("pending", None)}


def test_replies_come_back_to_the_letter(line):
    cursor = line.gateway.replies("").cursor
    line.kannel.write(f"33612345678 {SENDER} text STOP  merci é€")
    line.wait_for_reply(cursor, "33612345678", "STOP  merci é€")
    cursor = line.gateway.replies("").cursor
    line.kannel.center.reply("+33639980000", SENDER, "Arrêt ж 😀 ç".encode("utf-16-be"), 8)
    line.wait_for_reply(cursor, "+33639980000", "Arrêt ж 😀 ç")
    cursor = line.gateway.replies("").cursor
    line.kannel.center.reply("+33639980000", SENDER, b"STOP \x05\x1b\x65 @", 0)
    line.wait_for_reply(cursor, "+33639980000", "STOP é€ ¡")


def test_no_person_gets_an_answer_from_kannel(line):
    """Neither to what was kept, nor to what the receiver could not take at once; and it comes when it can."""
    number = "33612349999"
    cursor = line.gateway.replies("").cursor
    line.receiver.kill()
    line.kannel.write(f"{number} {SENDER} text STOP")
    line.send("while it is away", "+33612349998", "Bonjour")
    line.wait_for_segments("+33612349998", 1)
    line.receiver.start()
    line.wait_for_reply(cursor, number, "STOP")
    line.wait_for_report("while it is away", "delivered", None)
    # What Kannel had to say to the person would have gone before this.
    line.send("afterwards", "+33612349998", "Bonjour")
    line.wait_for_segments("+33612349998", 2)
    assert line.kannel.segments(number) == []


def test_wrong_password_is_denied(line):
    access = access_to(line.kannel.url, line.receiver.spool, line.receiver.url, password="wrong-password")
    message = OutgoingMessage("denied", "+33612349997", "Bonjour", "GSM-7", SENDER)
    with pytest.raises(GatewayDenied, match="Authorization failed for sendsms") as caught:
        KannelGateway(access).submit(Batch([message], "denied", datetime.now(UTC)), math.inf)
    assert "wrong-password" not in str(caught.value)


def test_number_with_letters_is_rejected_in_kannels_words(line):
    outcome = line.send("letters", "+336ABC", "Bonjour")
    assert (outcome.outcome, outcome.reason) == (
        Outcome.REJECTED,
        "Number(s) has/have been denied by white- and/or black-lists.",
    )


def test_operator_away_is_accepted_and_leaves_when_it_is_back_whatever_died_meanwhile(line):
    number = "+33612349996"
    line.kannel.kill("fakesmsc")
    eventually(lambda: not line.kannel.is_online("FAKE"), line.kannel.log)
    assert line.send("queued", number, "Bonjour").outcome is Outcome.ACCEPTED
    line.kannel.restart()
    line.wait_for_segments(number, 1)
    line.wait_for_report("queued", "delivered", None)


def test_report_comes_though_kannel_died_meanwhile(line):
    number = f"{SMPP_PREFIX}980200"
    line.send("late", number, "Bonjour")
    line.wait_for_report("late", "pending", None)
    line.kannel.restart()
    [submitted] = [item for item in line.kannel.center.submitted if item.number == number]
    line.kannel.center.report(submitted, "DELIVRD err:000")
    line.wait_for_report("late", "delivered", None)


def test_f68_reports_and_replies_of_kannel_reach_the_store(line, empty_store, tmp_path):
    """The whole way: a campaign through Kannel, its reports and a STOP through the receiver, told twice."""
    desk = Desk(copy_store(empty_store, tmp_path / "data" / "sms.duckdb"))
    context = context_on(
        desk.path, desk.clock, gateway="kannel", callbacks_dir=line.receiver.folder, kannel_url=line.kannel.url,
        kannel_username=USERNAME, kannel_password=PASSWORD, kannel_callback_url=line.receiver.url,
        kannel_callback_secret=SECRET,
    )  # fmt: skip
    desk.put_balance("100", "kannel")
    desk.read_stops("kannel")
    desk.prepare("winter", range(2), gateway="kannel")
    desk.approve("winter")
    lease = desk.open("winter")
    claim = desk.must_claim(lease)
    for message in claim.messages:
        line.kannel.center.receipts[message.msisdn] = "DELIVRD err:000"
    gateway = context.gateway("kannel")
    batches = [Batch([message], message.client_ref, MORNING) for message in claim.messages]
    desk.record(lease, claim.slice_no, [outcome for batch in batches for outcome in gateway.submit(batch, math.inf)])
    for message in claim.messages:
        line.wait_for_report(message.client_ref, "delivered", None)
    cursor = line.gateway.replies("").cursor
    line.kannel.write(f"33612345677 {SENDER} text STOP")
    line.wait_for_reply(cursor, "33612345677", "STOP")
    with desk.tx() as tx:  # what is before in this spool is of other tests
        for name, value in (("replies", cursor), ("reports", "")):
            tx.run("state.change", gateway="kannel", name=name, value=value, at=tx.at)
    sync_reports(context, "kannel")
    ref = claim.messages[0].client_ref
    assert call(told_url(line.receiver.url, ref, 2))[0] == 200  # failed, after delivered
    assert call(told_url(line.receiver.url, ref, 2, secret="another-secret-of-ours"))[0] == 403
    for _ in range(2):
        sync_reports(context, "kannel")
        sync_opt_outs(context, "kannel")
        assert desk.states("winter") == {"delivered": 2}
        assert desk.sql("SELECT msisdn FROM opt_out") == [("+33612345677",)]
    assert desk.sql("SELECT count(*) FROM reply") == [(1,)]
