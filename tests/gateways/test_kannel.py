"""Kannel's adapter and what it calls back, against a smsbox that checks what the user guide says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

import pytest

from campanile.gateways.kannel.adapter import MANIFEST, KannelGateway
from campanile.gateways.kannel.callbacks import REPLY_QUERY, read_reply, read_report, report_url
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
    TIMESTAMP,
    USERNAME,
    FakeSmsbox,
    access_to,
    reply_url,
    told_url,
)
from tests.gateways.receiver_process import SECRET

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MESSAGE = OutgoingMessage("ref-1", "+33612345678", "Bonjour", "GSM-7", "36180")


@pytest.fixture
def smsbox():
    with FakeSmsbox(reports=()) as running:
        yield running


@pytest.fixture
def gateway(smsbox, tmp_path):
    return KannelGateway(access_to(smsbox.url, tmp_path))


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
            "dlr-url": f"http://127.0.0.1:8910/kannel/{SECRET}/reports?ref=ref-1&status=%d&reason=%A&ts=%T",
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


def test_manual_gives_the_address_of_replies():
    page = (Path(__file__).parents[2] / "docs" / "kannel.md").read_text()
    assert f"/replies?{REPLY_QUERY}" in page
    assert report_url("", "s", "r").startswith("/kannel/s/reports?ref=r&")
