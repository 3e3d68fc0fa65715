"""Kannel's adapter and the receiver of its callbacks, against a smsbox that checks what the user guide says."""

import asyncio
import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

import pytest

from campanile.gateways.kannel.__main__ import main
from campanile.gateways.kannel.adapter import MANIFEST, KannelGateway
from campanile.gateways.kannel.callbacks import REPLY_QUERY, read_reply, read_report, report_url
from campanile.gateways.kannel.receiver import GroupCommit
from campanile.gateways.kannel.spool import (
    LOCK_NAME,
    Callback,
    SpoolWriter,
    has_receiver,
    read_epoch,
    read_spool,
    received_into,
)
from campanile.gateways.transport import clock
from campanile.sms.errors import (
    ConfigurationError,
    GatewayAmbiguous,
    GatewayDenied,
    GatewayError,
    GatewayThrottled,
    GatewayUnreachable,
)
from schemas.gateway import Batch, Outcome, OutgoingMessage
from tests.gateways.kannel_server import (
    BLACK_LISTS,
    BLACKLISTED,
    PASSWORD,
    SECRET,
    TIMESTAMP,
    USERNAME,
    FakeSmsbox,
    ReceiverProcess,
    access_to,
    call,
    reply_url,
    told_url,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MESSAGE = OutgoingMessage("ref-1", "+33612345678", "Bonjour", "GSM-7", "36180")


@pytest.fixture
def smsbox():
    with FakeSmsbox(reports=()) as running:
        yield running


@pytest.fixture
def gateway(smsbox, tmp_path):
    return KannelGateway(access_to(smsbox.url, tmp_path))


@pytest.fixture(scope="module")
def running_receiver(tmp_path_factory):
    with ReceiverProcess(tmp_path_factory.mktemp("receiver")) as running:
        yield running


@pytest.fixture
def receiver(tmp_path):
    """Return a receiver of the test's own."""
    with ReceiverProcess(tmp_path) as running:
        yield running


def batch_of(message=MESSAGE, since=NOW):
    return Batch([message], "key", since)


def submit(gateway, message=MESSAGE, not_after=inf):
    [outcome] = gateway.submit(batch_of(message), not_after)
    return outcome


# --- sending ------------------------------------------------------------------------------------------------


def test_request_says_all_and_leaves_nothing_to_kannel(smsbox, gateway):
    outcome = submit(gateway)
    assert (outcome.outcome, outcome.gateway_message_id) == (Outcome.ACCEPTED, "ref-1")
    assert smsbox.accepted == [
        {
            "username": USERNAME,
            "password": PASSWORD,
            "from": "36180",
            "to": "+33612345678",
            "text": "Bonjour",
            "coding": "0",
            "charset": "UTF-8",
            "dlr-mask": "31",
            "dlr-url": f"http://127.0.0.1:8910/{SECRET}/reports?ref=ref-1&status=%d&reason=%A&ts=%T",
        }
    ]


@pytest.mark.parametrize(("encoding", "coding"), [("GSM-7", "0"), ("UCS-2", "2")])
def test_coding_is_ours_and_the_text_comes_whole(smsbox, gateway, encoding, coding):
    text = "  é € & + % = 100 %d\n" + ("" if encoding == "GSM-7" else "ж ç œ 😀")
    submit(gateway, replace(MESSAGE, text=text, encoding=encoding))
    [sent] = smsbox.accepted
    assert (sent["coding"], sent["text"]) == (coding, text)


ANSWERS = [
    # label, status, words, outcome, or the error
    ("accepted", 202, "0: Accepted for delivery", Outcome.ACCEPTED),
    ("operator cannot be reached now", 202, "3: Queued for later delivery", Outcome.ACCEPTED),
    ("not waited for by the smsbox", 202, "Sent.", GatewayAmbiguous),
    ("empty", 202, "", GatewayAmbiguous),
    ("another server's 200", 200, "0: Accepted for delivery", GatewayAmbiguous),
    ("no receiver", 400, "Missing receiver number, rejected", Outcome.REJECTED),
    ("empty receiver", 400, "Empty receiver number not allowed, rejected", Outcome.REJECTED),
    ("black list", 400, BLACK_LISTS, Outcome.REJECTED),
    ("text", 400, "Charset or body misformed, rejected", Outcome.REJECTED),
    ("no way to this number", 403, "Not routable. Do not try again.", Outcome.REJECTED),
    ("no sender", 400, "Sender missing and no global set, rejected", GatewayDenied),
    ("address of reports", 400, "DLR-URL field misformed, rejected", GatewayDenied),
    ("unknown 400", 400, "", GatewayDenied),
    ("password", 403, "Authorization failed for sendsms", GatewayDenied),
    ("wrong path", 404, "Unknown request.", GatewayDenied),
    ("full", 503, "Temporal failure, try again later.", GatewayThrottled),
    ("broken", 500, "Sending failed.", GatewayAmbiguous),
    ("redirect", 302, "", GatewayAmbiguous),
]


@pytest.mark.parametrize(("status", "words", "expected"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answer_means(smsbox, gateway, status, words, expected):
    smsbox.answers.append((status, words))
    if isinstance(expected, Outcome):
        outcome = submit(gateway)
        assert (outcome.outcome, outcome.client_ref) == (expected, "ref-1")
        assert outcome.reason == (words if expected is Outcome.REJECTED else None)
    else:
        with pytest.raises(GatewayError) as caught:
            submit(gateway)
        assert type(caught.value) is expected


def test_black_listed_number_is_rejected(smsbox, gateway):
    outcome = submit(gateway, replace(MESSAGE, msisdn=BLACKLISTED))
    assert (outcome.outcome, outcome.reason) == (Outcome.REJECTED, BLACK_LISTS)


LEAKY = [
    ("refused", 403, "no such user {0} with {1}, told by /{2}/reports"),
    ("refused at 400", 400, "{0} {1} {2}"),
    ("unreadable", 202, "{0} {1} {2}"),
    ("broken", 500, "GET /cgi-bin/sendsms?username={0}&password={1}&dlr-url=/{2}/"),
]


@pytest.mark.parametrize(("status", "words"), [row[1:] for row in LEAKY], ids=[row[0] for row in LEAKY])
def test_no_error_shows_a_secret_or_a_number(smsbox, gateway, status, words):
    smsbox.answers.append((status, words.format(USERNAME, PASSWORD, SECRET) + " for +33612345678"))
    with pytest.raises(GatewayError) as caught:
        submit(gateway)
    shown = str(caught.value)
    assert "***" in shown
    assert not any(secret in shown for secret in (USERNAME, PASSWORD, SECRET, "+33612345678", "dlr-mask"))
    assert caught.value.__cause__ is caught.value.__context__ is None


VALIDITIES = [
    # label, seconds from the claim to the end, minutes asked for
    ("as long as it takes", None, None),
    ("two hours", 7200, "119"),
    ("never rounded up", 239, "2"),
    ("the shortest", 120, "1"),
    ("less than a minute is left", 119, "rejected"),
    ("over", -1, "rejected"),
]


@pytest.mark.parametrize(("seconds", "minutes"), [row[1:] for row in VALIDITIES], ids=[row[0] for row in VALIDITIES])
def test_validity_in_whole_minutes_and_never_beyond(smsbox, gateway, seconds, minutes):
    valid_until = None if seconds is None else NOW + timedelta(seconds=seconds)
    outcome = submit(gateway, replace(MESSAGE, valid_until=valid_until))
    if minutes == "rejected":
        assert (outcome.outcome, outcome.reason, smsbox.call_count) == (Outcome.REJECTED, "validity passed", 0)
    else:
        assert [sent.get("validity") for sent in smsbox.accepted] == [minutes]


def test_nothing_is_sent_after_not_after(smsbox, gateway):
    with pytest.raises(GatewayUnreachable):
        submit(gateway, not_after=clock())
    assert smsbox.call_count == 0


def test_what_kannel_cannot_tell(gateway):
    with pytest.raises(GatewayDenied, match="waits for its report, or for a person"):
        gateway.look_up(batch_of())
    with pytest.raises(ConfigurationError, match="record-top-up"):
        gateway.balance()
    assert gateway.opt_outs("").items == ()
    assert MANIFEST.has_balance is False


SETTINGS = [
    # label, setting, its value, what is said
    ("no address", "url", None, "needs SMS_KANNEL_URL"),
    ("no user", "username", None, "needs SMS_KANNEL_USERNAME"),
    ("no password", "password", None, "needs SMS_KANNEL_PASSWORD"),
    ("no secret", "callback_secret", None, "needs SMS_KANNEL_CALLBACK_SECRET"),
    ("short secret", "callback_secret", "short", "16 or more letters, digits, - or _"),
    ("secret that an address cannot hold", "callback_secret", "with/slash and blank", "16 or more letters"),
    ("callback address", "callback_url", "127.0.0.1:8910", "SMS_KANNEL_CALLBACK_URL is '127.0.0.1:8910'"),
    ("escape in the callback address", "callback_url", "http://a/%d", "SMS_KANNEL_CALLBACK_URL"),
]


@pytest.mark.parametrize(("name", "value", "words"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS])
def test_wrong_setting_is_one_clear_line(tmp_path, name, value, words):
    access = access_to("http://127.0.0.1:1", tmp_path)
    options = {option: was for option, was in (access.options | {name: value}).items() if was is not None}
    with pytest.raises(ConfigurationError, match=words) as caught:
        KannelGateway(replace(access, options=options))
    assert value is None or "callback_url" in name or value not in str(caught.value)


# --- what Kannel tells --------------------------------------------------------------------------------------

REPORTS = [
    # label, status, words of the operator, verdict, reason
    ("delivered", 1, "", "delivered", None),
    ("delivered, with a receipt", 1, "id:7 sub:001 stat:DELIVRD err:000 text:Bonjour", "delivered", None),
    ("undelivered", 2, "", "undelivered", "not delivered (2)"),
    (
        "undelivered, with a receipt",
        2,
        "id:33612345678 sub:001 dlvrd:000 submit date:2611230900 done date:2611230901 stat:UNDELIV err:069 text:Ada",
        "undelivered",
        "not delivered (UNDELIV 069)",
    ),
    ("receipt without a code", 2, "id:7 stat:EXPIRED", "undelivered", "validity expired (EXPIRED)"),
    ("buffered", 4, "", "pending", None),
    ("at the operator", 8, "ACK/", "pending", None),
    (
        "refused",
        16,
        "NACK/0x00000045/Submit failed",
        "undelivered",
        "refused by the operator (NACK/0x00000045/Submit failed)",
    ),
    (
        "refused for its age",
        16,
        "NACK/validity expired",
        "undelivered",
        "refused by the operator (NACK/validity expired)",
    ),
    (
        "refused, with a number",
        16,
        "NACK/no +33612345678",
        "undelivered",
        "refused by the operator (NACK/no +336****5678)",
    ),
    ("expired", 34, "", "undelivered", "validity expired (34)"),
    ("on its way still", 32, "", "pending", None),
    ("a receipt with a new word", 2, "id:7 stat:TELEPORTED", "undelivered", "unknown word (TELEPORTED)"),
    ("unknown failure", 66, "", "undelivered", "unknown word (66)"),
]


@pytest.mark.parametrize(
    ("status", "words", "verdict", "reason"), [row[1:] for row in REPORTS], ids=[row[0] for row in REPORTS]
)
def test_report_means(status, words, verdict, reason):
    report = read_report(told_url("", "ref-1", status, words).partition("?")[2], NOW)
    assert (report.status, report.reason, report.is_permanent) == (verdict, reason, False)
    assert (report.gateway_message_id, report.client_ref) == ("ref-1", "ref-1")
    assert report.reported_at == datetime.fromtimestamp(int(TIMESTAMP), UTC)


@pytest.mark.parametrize("ref", ["c12-33612345678", "ref[1]/é %d %41 &=?#+"])
def test_reference_comes_back_to_the_letter(ref):
    assert read_report(told_url("", ref, 1).partition("?")[2], NOW).client_ref == ref


REPLIES = [
    # label, bytes, charset, the text
    ("GSM-7", "STOP  merci é€ ".encode(), "UTF-8", "STOP  merci é€ "),
    ("UCS-2", "Arrêt ж 😀 ç +&%".encode("utf-16-be"), "UTF-16BE", "Arrêt ж 😀 ç +&%"),
    ("Latin-1", "Arrêt".encode("latin-1"), "ISO-8859-1", "Arrêt"),
    ("euro of Windows", "5 €".encode("cp1252"), "WINDOWS-1252", "5 €"),
    ("eight bits of an unknown kind", "STOP é".encode(), "8-BIT", "STOP é"),
    ("unknown charset", b"STOP", "KLINGON", "STOP"),
    ("charset that is none", b"STOP", "zip", "STOP"),
    ("charset left out", b"STOP", "", "STOP"),
    ("half of an emoji", b"STOP +2D0-", "UTF-7", "STOP +2D0-"),
    ("bytes that are not what they are said to be", b"STOP \xff", "UTF-8", "STOP ÿ"),
    ("half a character of UTF-16", b"\x00S\x00", "UTF-16BE", "\x00S\x00"),
    ("empty", b"", "UTF-8", ""),
]


@pytest.mark.parametrize(("raw", "charset", "text"), [row[1:] for row in REPLIES], ids=[row[0] for row in REPLIES])
def test_reply_is_read_in_its_charset(raw, charset, text):
    reply = read_reply(reply_url("", "+33612345678", raw, charset=charset).partition("?")[2], NOW)
    assert (reply.gateway_reply_id, reply.sender, reply.text) == ("1", "+33612345678", text)
    assert reply.received_at == datetime.fromtimestamp(int(TIMESTAMP), UTC)


@pytest.mark.parametrize("timestamp", ["", "soon", "-1e9", "9" * 30])
def test_without_kannels_time_ours_holds(timestamp):
    assert read_reply(f"id=1&from=a&text=b&ts={timestamp}", NOW).received_at == NOW


# --- the receiver -------------------------------------------------------------------------------------------


def reports_of(receiver, cursor="", kind="reports", limit=1_000_000):
    return read_spool(receiver.spool, kind, cursor, limit)[0]


def gateway_of(receiver):
    return KannelGateway(access_to("http://127.0.0.1:1", receiver.spool, receiver.url))


def test_the_answer_is_empty_so_that_no_person_gets_it_as_a_message(running_receiver):
    assert call(told_url(running_receiver.url, "empty", 1)) == (200, b"")
    assert call(reply_url(running_receiver.url, "+33612345678", "STOP")) == (200, b"")


REFUSED = [
    # label, path and query, status
    ("wrong secret", "/wrong-secret-of-callbacks/reports?ref=a&status=1&ts=1", 403),
    ("wrong secret for replies", f"/{SECRET}x/replies?id=1&from=a&text=STOP", 403),
    ("secret with an accent", "/s%C3%A9cret/reports?ref=a&status=1", 403),
    ("no secret", "/reports?ref=a&status=1", 404),
    ("what is neither", f"/{SECRET}/status", 404),
    ("no reference", f"/{SECRET}/reports?status=1", 400),
    ("status is a word", f"/{SECRET}/reports?ref=a&status=%25d", 400),
    ("reply without id", f"/{SECRET}/replies?from=a&text=b", 400),
    ("reply without text", f"/{SECRET}/replies?id=1&from=a", 400),
    ("nothing at all", f"/{SECRET}/replies", 400),
]


@pytest.mark.parametrize(("path", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_callback_changes_nothing(running_receiver, path, status):
    before = [reports_of(running_receiver, kind=kind) for kind in ("reports", "replies")]
    assert call(running_receiver.url + path) == (status, b"" if status != 404 or SECRET in path else b"Not Found")
    assert [reports_of(running_receiver, kind=kind) for kind in ("reports", "replies")] == before


def test_a_refused_callback_is_logged_without_secret_or_number(receiver):
    call(f"{receiver.url}/{SECRET}/replies?from=%2B33612345678&text=STOP")
    receiver.stop()
    assert receiver.log() == "400 to a callback of replies: no id among the parameters from, text\n"


def test_a_thousand_equal_findings_are_reported_as_one(receiver):
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: call(told_url(receiver.url, "ref-1", 1)), range(1_000)))
    assert answers == {(200, b"")}
    page = gateway_of(receiver).delivery_reports("")
    assert len(page.items) == 1_000
    assert {item.report_id for item in page.items} == {"ref-1:1"}
    assert gateway_of(receiver).delivery_reports(page.cursor).items == []


def test_kill_loses_nothing_that_was_answered(receiver):
    answered = []
    enough = threading.Event()

    def report(number):
        try:
            if call(told_url(receiver.url, f"ref-{number}", 1))[0] == 200:
                answered.append(f"ref-{number}")
        except OSError:
            return
        if len(answered) >= 200:
            enough.set()

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(report, number) for number in range(2_000)]
        assert enough.wait(60)
        receiver.kill()
        for one in calls:
            one.result()
    receiver.start()
    refs = [read_report(callback.query, callback.received_at).client_ref for callback in reports_of(receiver)]
    assert 200 <= len(answered) < 2_000
    assert set(answered) <= set(refs)
    assert call(told_url(receiver.url, "afterwards", 1)) == (200, b"")
    assert read_report(reports_of(receiver)[-1].query, NOW).client_ref == "afterwards"


def test_answers_wait_for_the_disk_and_share_its_writes():
    written, may_write = [], threading.Event()

    def write(callbacks):
        assert may_write.wait(30)
        written.append([callback.query for callback in callbacks])

    async def keep_five():
        commit = GroupCommit(write)
        kept = [asyncio.create_task(commit.keep(Callback(f"{number}", NOW))) for number in range(2)]
        await asyncio.sleep(0.05)
        kept += [asyncio.create_task(commit.keep(Callback(f"{number}", NOW))) for number in range(2, 5)]
        await asyncio.sleep(0.05)
        answered = [one.done() for one in kept]
        may_write.set()
        await asyncio.gather(*kept)
        return answered

    assert asyncio.run(keep_five()) == [False] * 5
    assert written == [["0", "1"], ["2", "3", "4"]]


def test_is_on_the_disk_before_it_is_answered(tmp_path, monkeypatch):
    """A power cut cannot be played here: what is looked at is that the write to the disk has come back."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    writer = SpoolWriter(tmp_path, "reports", keep_days=90)
    writer.append([Callback("ref=a", NOW)])
    [path] = tmp_path.glob("reports-*")
    assert path.stat().st_size in synced
    writer.close()


def test_full_disk_is_a_503_and_tears_nothing(tmp_path, monkeypatch):
    writer = SpoolWriter(tmp_path, "reports", keep_days=90)
    writer.append([Callback("ref=before", NOW)])
    real_write, has_failed = os.write, []

    def write_half(descriptor, data):
        if not has_failed:
            has_failed.append(True)
            return real_write(descriptor, bytes(data)[:7])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write_half)
        with pytest.raises(OSError, match="No space left"):
            writer.append([Callback("ref=torn", NOW)])
    assert [callback.query for callback in read_spool(tmp_path, "reports", "", 9)[0]] == ["ref=before"]
    writer.append([Callback("ref=after", NOW)])
    assert [callback.query for callback in read_spool(tmp_path, "reports", "", 9)[0]] == ["ref=before", "ref=after"]
    writer.close()


def test_disk_that_cannot_be_written_to_is_answered_with_503(receiver):
    if os.geteuid() == 0:
        receiver.spool.rename(receiver.spool.with_name("away"))
    else:
        receiver.spool.chmod(0o500)
    assert call(told_url(receiver.url, "ref-1", 1)) == (503, b"")
    if os.geteuid() == 0:
        receiver.spool.with_name("away").rename(receiver.spool)
    else:
        receiver.spool.chmod(0o700)
    assert call(told_url(receiver.url, "ref-1", 1)) == (200, b"")


def test_stop_is_an_orderly_end_and_keeps_everything(receiver):
    call(reply_url(receiver.url, "+33612345678", "Oui, é € ж 😀", charset="UTF-16BE"))
    assert receiver.stop() == 0
    assert receiver.log() == ""
    page = gateway_of(receiver).replies("")
    assert [(item.sender, item.text) for item in page.items] == [("+33612345678", "Oui, é € ж 😀")]
    with pytest.raises(GatewayUnreachable, match=r"start python -m campanile\.gateways\.kannel"):
        gateway_of(receiver).replies(page.cursor)
    receiver.start()
    assert gateway_of(receiver).replies(page.cursor).items == []


def test_spool_is_readable_by_its_owner_only(running_receiver):
    call(told_url(running_receiver.url, "mine", 1))
    assert {path.stat().st_mode & 0o077 for path in running_receiver.spool.iterdir()} == {0}


# --- the spool ----------------------------------------------------------------------------------------------


def day_of(number):
    return NOW + timedelta(days=number)


@pytest.fixture
def writer(tmp_path):
    writer = SpoolWriter(tmp_path, "reports", keep_days=2)
    yield writer
    writer.close()


def read_all(folder, limit):
    found, cursor = [], ""
    while page := read_spool(folder, "reports", cursor, limit)[0]:
        found += [callback.query for callback in page]
        cursor = read_spool(folder, "reports", cursor, limit)[1]
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_go_through_all_days_once(tmp_path, writer, limit):
    for number in range(5):
        writer.append([Callback(f"{number}", day_of(number // 2)), Callback(f"{number}b", day_of(number // 2))])
    assert read_all(tmp_path, limit) == ["0", "0b", "1", "1b", "2", "2b", "3", "3b", "4", "4b"]


def test_torn_line_is_nothing_until_it_is_cut(tmp_path, writer):
    writer.append([Callback("whole", NOW)])
    writer.close()
    [path] = tmp_path.glob("reports-*")
    with path.open("a") as file:
        file.write('{"received_at": "2026')
    callbacks, cursor = read_spool(tmp_path, "reports", "", 9)
    assert [callback.query for callback in callbacks] == ["whole"]
    SpoolWriter(tmp_path, "reports", keep_days=2).append([Callback("next", NOW)])
    assert [callback.query for callback in read_spool(tmp_path, "reports", cursor, 9)[0]] == ["next"]


def test_torn_line_of_yesterday_hides_nothing_of_today(tmp_path, writer):
    writer.append([Callback("whole", NOW)])
    writer.close()
    [path] = tmp_path.glob("reports-*")
    with path.open("a") as file:
        file.write('{"received')
    SpoolWriter(tmp_path, "reports", keep_days=2).append([Callback("today", day_of(1))])
    assert read_all(tmp_path, 9) == ["whole", "today"]


def test_clock_set_back_writes_where_readers_still_look(tmp_path, writer):
    writer.append([Callback("today", day_of(1))])
    cursor = read_spool(tmp_path, "reports", "", 9)[1]
    writer.append([Callback("set back", day_of(0))])
    writer.close()
    SpoolWriter(tmp_path, "reports", keep_days=2).append([Callback("set back, after a start", day_of(0))])
    found, _ = read_spool(tmp_path, "reports", cursor, 9)
    assert [callback.query for callback in found] == ["set back", "set back, after a start"]


def test_old_days_go_and_their_cursors_still_lead_on(tmp_path, writer):
    writer.append([Callback("0", day_of(0))])
    cursor = read_spool(tmp_path, "reports", "", 9)[1]
    for number in (1, 2, 3):
        writer.append([Callback(str(number), day_of(number))])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"reports-{day_of(number).date()}.jsonl" for number in (1, 2, 3)
    ]
    found, _ = read_spool(tmp_path, "reports", cursor, 9)
    assert [callback.query for callback in found] == ["1", "2", "3"]


WRONG_CURSORS = [("of another gateway", "17"), ("beyond the end", "2026-11-23/4000"), ("no day", "2026-99-23/0")]


@pytest.mark.parametrize("cursor", [row[1] for row in WRONG_CURSORS], ids=[row[0] for row in WRONG_CURSORS])
def test_wrong_cursor_is_refused(tmp_path, writer, cursor):
    writer.append([Callback("0", NOW)])
    with pytest.raises(GatewayDenied, match="cursor"):
        read_spool(tmp_path, "reports", cursor, 9)


def test_a_new_spool_has_another_epoch(tmp_path):
    """The name stays with its folder, whichever receiver writes into it."""
    assert read_epoch(tmp_path) == ""
    epochs = []
    for folder in ("old", "old", "new"):
        with received_into(tmp_path / folder):
            epochs.append(read_epoch(tmp_path / folder))
    assert epochs[0] == epochs[1] != epochs[2] != ""


def test_pages_name_the_epoch_of_their_spool(running_receiver):
    page = gateway_of(running_receiver).replies("")
    assert page.epoch == read_epoch(running_receiver.spool) != ""


def test_one_receiver_a_spool(tmp_path):
    spool = tmp_path / "spool"
    assert not has_receiver(spool)
    with received_into(spool):
        assert has_receiver(spool)
        with pytest.raises(ConfigurationError, match="another receiver runs on this folder"), received_into(spool):
            raise AssertionError
    assert not has_receiver(spool)


def test_reader_that_looks_does_not_keep_a_receiver_from_starting(tmp_path):
    with received_into(tmp_path):
        pass
    with (tmp_path / LOCK_NAME).open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        looking = threading.Timer(0.05, fcntl.flock, (looked_at, fcntl.LOCK_UN))
        looking.start()
        with received_into(tmp_path):
            looking.join()


# --- the command line, and the manual -----------------------------------------------------------------------

WRONG_OPTIONS = [
    ("every address", ["--host=0.0.0.0"], "0.0.0.0 can be reached from other machines: add --allow-remote"),
    ("port out of range", ["--port=70000"], "70000 is none of 0 to 65535"),
    ("days", ["--keep-days=0"], "'0' is no number of days"),
    ("no such file", ["--secret-file=nowhere"], "No such file or directory: 'nowhere'"),
    ("unknown option", ["--colour=blue"], "unrecognized arguments: --colour=blue"),
]


@pytest.mark.parametrize(("arguments", "words"), [row[1:] for row in WRONG_OPTIONS], ids=[r[0] for r in WRONG_OPTIONS])
def test_wrong_option_is_one_clear_line(tmp_path, capsys, arguments, words):
    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET)
    try:
        code = main([f"--spool={tmp_path}", f"--secret-file={secret_file}", "--port=0", *arguments])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_empty_secret_is_refused(tmp_path, capsys):
    secret_file = tmp_path / "secret"
    secret_file.write_text("\n")
    assert main([f"--spool={tmp_path}", f"--secret-file={secret_file}", "--port=0"]) == 2
    assert capsys.readouterr().err == "receiver: the callback secret must be 16 or more letters, digits, - or _\n"


def test_spool_in_use_is_one_clear_line(receiver, capsys):
    secret_file = receiver.spool.with_name("secret")
    assert main([f"--spool={receiver.spool}", f"--secret-file={secret_file}", "--port=0"]) == 2
    assert capsys.readouterr().err.endswith("receiver.lock is in use: another receiver runs on this folder\n")


def test_manual_gives_the_address_of_replies():
    page = (Path(__file__).parents[2] / "docs" / "kannel.md").read_text()
    assert f"/replies?{REPLY_QUERY}" in page
    assert report_url("", "s", "r").startswith("/s/reports?ref=r&")
