"""The receiver of callbacks: what is not genuine has no effect, and what was answered with 200 is never lost."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from dotenv import dotenv_values

from campanile.gateways.callbacks.__main__ import main
from campanile.gateways.callbacks.group_commit import GroupCommit, QueueFullError
from campanile.gateways.callbacks.receiver import LOGGED_REFUSALS
from campanile.gateways.callbacks.settings_file import read_settings_file
from campanile.gateways.callbacks.spool import Callback, SpoolWriter, read_epoch, read_spool
from campanile.gateways.kannel.adapter import KannelGateway
from campanile.gateways.kannel.callbacks import read_report
from campanile.sms.errors import GatewayUnreachable
from tests.gateways.kannel_server import access_to, reply_url, told_url
from tests.gateways.receiver_process import SECRET, ReceiverProcess, call

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def running_receiver(tmp_path_factory):
    with ReceiverProcess(tmp_path_factory.mktemp("receiver")) as running:
        yield running


@pytest.fixture
def receiver(tmp_path):
    """Return a receiver of the test's own."""
    with ReceiverProcess(tmp_path) as running:
        yield running


def reports_of(receiver, cursor="", kind="reports", limit=1_000_000):
    return read_spool(receiver.spool, kind, cursor, limit)[0]


def gateway_of(receiver):
    return KannelGateway(access_to("http://127.0.0.1:1", receiver.spool, receiver.url))


def test_the_answer_is_empty_so_that_no_person_gets_it_as_a_message(running_receiver):
    assert call(told_url(running_receiver.url, "empty", 1)) == (200, b"")
    assert call(reply_url(running_receiver.url, "+33612345678", "STOP")) == (200, b"")


REFUSED = [
    # label, path and query, status, the body of the answer
    ("wrong secret", "/kannel/wrong-secret-of-callbacks/reports?ref=a&status=1&ts=1", 403, b""),
    ("wrong secret for replies", f"/kannel/{SECRET}x/replies?id=1&from=a&text=STOP", 403, b""),
    ("secret with an accent", "/kannel/s%C3%A9cret/reports?ref=a&status=1", 403, b""),
    ("wrong secret for what is neither", "/kannel/wrong-secret-of-callbacks/status", 403, b""),
    ("no secret", "/kannel/reports?ref=a&status=1", 403, b""),
    ("secret where it does not belong", f"/kannel/reports?secret={SECRET}&ref=a&status=1", 403, b""),
    ("gateway that was not set up", f"/ovhcloud/{SECRET}/reports?id=1&description=1", 404, b""),
    ("no such gateway", f"/../{SECRET}/reports?id=1", 404, b""),
    ("neither report nor reply", f"/kannel/{SECRET}/status", 404, b""),
    ("an opt-out, which Kannel does not have", f"/kannel/{SECRET}/opt_outs?id=1", 404, b""),
    ("too many parts", f"/kannel/{SECRET}/reports/1?ref=a&status=1", 404, b"Not Found"),
    ("no reference", f"/kannel/{SECRET}/reports?status=1", 400, b""),
    ("status is a word", f"/kannel/{SECRET}/reports?ref=a&status=%25d", 400, b""),
    ("reply without id", f"/kannel/{SECRET}/replies?from=a&text=b", 400, b""),
    ("reply without text", f"/kannel/{SECRET}/replies?id=1&from=a", 400, b""),
    ("nothing at all", f"/kannel/{SECRET}/replies", 400, b""),
]


def everything_in(receiver):
    return {path: path.read_bytes() for path in receiver.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("path", "status", "body"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_refused_callback_leaves_no_trace(running_receiver, path, status, body):
    before = everything_in(running_receiver)
    assert call(running_receiver.url + path) == (status, body)
    assert everything_in(running_receiver) == before


def test_a_wrong_method_is_refused(running_receiver):
    url = told_url(running_receiver.url, "posted", 1)
    assert call(url, b"") == (405, b"")


def test_a_refused_callback_is_logged_without_secret_or_number(receiver):
    call(f"{receiver.url}/kannel/{SECRET}/replies?from=%2B33612345678&text=STOP")
    call(f"{receiver.url}/kannel/another-secret-of-ours/replies?from=%2B33612345678&text=STOP")
    receiver.stop()
    assert receiver.log().splitlines() == [
        "400 to kannel: a callback of replies: no id among the parameters from, text",
        "403 to kannel: a callback with a wrong secret or signature",
    ]


def test_a_flood_of_forged_callbacks_does_not_fill_the_log(receiver):
    for _ in range(LOGGED_REFUSALS + 50):
        assert call(f"{receiver.url}/kannel/another-secret-of-ours/replies?id=1")[0] == 403
    receiver.stop()
    lines = receiver.log().splitlines()
    assert len(lines) == LOGGED_REFUSALS
    assert lines[-1].endswith("; no more of these are logged")


def test_a_thousand_equal_findings_are_reported_as_one(receiver):
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: call(told_url(receiver.url, "ref-1", 1)), range(1_000)))
    assert answers == {(200, b"")}
    page = gateway_of(receiver).delivery_reports("")
    assert len(page.items) == 1_000
    assert {item.report_id for item in page.items} == {"ref-1:1"}
    assert gateway_of(receiver).delivery_reports(page.cursor).items == ()


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
    refs = [read_report(callback.content, callback.received_at).client_ref for callback in reports_of(receiver)]
    assert 200 <= len(answered) < 2_000
    assert set(answered) <= set(refs)
    assert call(told_url(receiver.url, "afterwards", 1)) == (200, b"")
    assert read_report(reports_of(receiver)[-1].content, NOW).client_ref == "afterwards"


def test_answers_wait_for_the_disk_and_share_its_writes():
    written, may_write = [], threading.Event()

    def write(callbacks):
        assert may_write.wait(30)
        written.append([callback.content for callback in callbacks])

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


def test_more_than_the_queue_holds_is_refused_and_nothing_that_was_taken_is_lost(tmp_path):
    """The disk does not come back: the queue takes what it may, and everything else is refused at once."""
    written, may_write = [], threading.Event()

    def write(callbacks):
        assert may_write.wait(30)
        written.extend(callback.content for callback in callbacks)

    async def keep_all():
        commit = GroupCommit(write, most_waiting=5)
        first = asyncio.create_task(commit.keep(Callback("first", NOW)))
        await asyncio.sleep(0.05)  # it is being written
        kept = [asyncio.create_task(commit.keep(Callback(f"{number}", NOW))) for number in range(100)]
        await asyncio.sleep(0.05)
        refused = [one for one in kept if one.done()]
        assert {type(one.exception()) for one in refused} == {QueueFullError}
        may_write.set()
        await asyncio.gather(first, *(one for one in kept if one not in refused))
        await commit.keep(Callback("afterwards", NOW))
        return len(refused)

    assert asyncio.run(keep_all()) == 95
    assert written == ["first", "0", "1", "2", "3", "4", "afterwards"]


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
    assert [callback.content for callback in read_spool(tmp_path, "reports", "", 9)[0]] == ["ref=before"]
    writer.append([Callback("ref=after", NOW)])
    assert [callback.content for callback in read_spool(tmp_path, "reports", "", 9)[0]] == ["ref=before", "ref=after"]
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
    with pytest.raises(GatewayUnreachable, match=r"start python -m campanile\.gateways\.callbacks"):
        gateway_of(receiver).replies(page.cursor)
    receiver.start()
    assert gateway_of(receiver).replies(page.cursor).items == ()


def test_spool_is_readable_by_its_owner_only(running_receiver):
    call(told_url(running_receiver.url, "mine", 1))
    assert {path.stat().st_mode & 0o077 for path in running_receiver.spool.iterdir()} == {0}


def test_pages_name_the_epoch_of_their_spool(running_receiver):
    page = gateway_of(running_receiver).replies("")
    assert page.epoch == read_epoch(running_receiver.spool) != ""


# --- the command line ---------------------------------------------------------------------------------------

SETTING = f"SMS_KANNEL_CALLBACK_SECRET={SECRET}"
WRONG_STARTS = [
    # label, settings, options, what is said
    ("every address", SETTING, ["--host=0.0.0.0"], "0.0.0.0 can be reached from other machines: add --allow-remote"),
    ("port out of range", SETTING, ["--port=70000"], "70000 is none of 0 to 65535"),
    ("days", SETTING, ["--keep-days=0"], "'0' is no number from 1 to 9999"),
    ("queue", SETTING, ["--most-waiting=many"], "'many' is no number from 1 to 9999"),
    ("no such file", SETTING, ["--settings=nowhere"], "No such file or directory: 'nowhere'"),
    ("unknown option", SETTING, ["--colour=blue"], "unrecognized arguments: --colour=blue"),
    ("no secret at all", "SMS_DATA_DIR=data", [], "no gateway can call back: set SMS_SANDBOX_CALLBACK_SECRET, or "),
    ("empty secret", "SMS_KANNEL_CALLBACK_SECRET=", [], "no gateway can call back"),
    (
        "secret that can be guessed",
        "SMS_KANNEL_CALLBACK_SECRET=short",
        [],
        "gateway kannel: the callback secret must be 16 or more letters, digits, - or _",
    ),
    (
        "address that is none",
        "SMS_TWILIO_CALLBACK_URL=sms.example.org\nSMS_TWILIO_ACCOUNT_SID=AC1\nSMS_TWILIO_AUTH_TOKEN=a",
        [],
        "SMS_TWILIO_CALLBACK_URL is 'sms.example.org': it must be http(s)://host[:port][/path]",
    ),
]


@pytest.mark.parametrize(
    ("settings", "arguments", "words"), [row[1:] for row in WRONG_STARTS], ids=[row[0] for row in WRONG_STARTS]
)
def test_a_wrong_start_is_one_clear_line(tmp_path, capsys, settings, arguments, words):
    file = tmp_path / "settings"
    file.write_text(settings)
    try:
        code = main([f"--spool={tmp_path}", f"--settings={file}", "--port=0", *arguments])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert words in line
    assert SECRET not in line


def test_a_spool_in_use_is_one_clear_line(receiver, capsys):
    file = receiver.folder.with_name("settings")
    assert main([f"--spool={receiver.folder}", f"--settings={file}", "--port=0"]) == 2
    assert capsys.readouterr().err.endswith("receiver.lock is in use: another receiver runs on this folder\n")


LINES = [
    # label, line, value
    ("plain", "SMS_A=value", "value"),
    ("blanks", "  SMS_A =  value  ", "value"),
    ("exported", "export SMS_A=value", "value"),
    ("comment behind", "SMS_A=value # the key", "value"),
    ("sharp in the value", "SMS_A=val#ue", "val#ue"),
    ("only a comment", "SMS_A= # none", ""),
    ("single quotes", "SMS_A='a # b' # c", "a # b"),
    ("double quotes", 'SMS_A="a # b"', "a # b"),
    ("empty", "SMS_A=", ""),
    ("equals in the value", "SMS_A=a=b", "a=b"),
    ("the last counts", "SMS_A=first\nSMS_A=second", "second"),
    ("commented out", "# SMS_A=value", None),
    ("no setting", "SMS_A", None),
]


@pytest.mark.parametrize(("lines", "value"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_the_settings_are_read_as_campanile_reads_them(tmp_path, lines, value):
    """The other reading is that of the library which reads ``.env`` for ``Settings``."""
    file = tmp_path / "settings"
    file.write_text(lines + "\n")
    assert read_settings_file(file).get("SMS_A") == value == dotenv_values(file).get("SMS_A")
