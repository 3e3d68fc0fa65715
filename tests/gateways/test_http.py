"""What each thing a server can do becomes, over real sockets."""

import itertools
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from campanile.gateways.http import HttpClient, HttpRules, retry_after_seconds
from campanile.gateways.transport import Watchdog, clock
from campanile.sms.errors import (
    ConfigurationError,
    GatewayAmbiguous,
    GatewayDenied,
    GatewayError,
    GatewayThrottled,
    GatewayUnreachable,
    OutOfCredit,
)

KEY = "s3cr3t/key+word"
DOCUMENTED = HttpRules(refused_statuses=frozenset({400, 404}), unavailable_means_not_accepted=True)


def client_of(url, deadline_seconds=5.0, rules=None, **options):
    return HttpClient(url, {"Authorization": f"Bearer {KEY}"}, deadline_seconds, rules=rules, **options)


def answer(status, body="{}", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()


def keep(document):
    return document


STATUSES = [
    # label, status line, rules, error
    ("throttled", "429 Too Many Requests", None, GatewayThrottled),
    ("key", "401 Unauthorized", None, GatewayDenied),
    ("credit", "402 Payment Required", None, OutOfCredit),
    ("forbidden", "403 Forbidden", None, GatewayDenied),
    ("documented refusal", "400 Bad Request", DOCUMENTED, GatewayDenied),
    ("undocumented refusal", "400 Bad Request", None, GatewayAmbiguous),
    ("request time-out", "408 Request Timeout", DOCUMENTED, GatewayAmbiguous),
    ("conflict", "409 Conflict", DOCUMENTED, GatewayAmbiguous),
    ("documented unavailable", "503 Service Unavailable", DOCUMENTED, GatewayThrottled),
    ("undocumented unavailable", "503 Service Unavailable", None, GatewayAmbiguous),
    ("broken", "500 Internal Server Error", DOCUMENTED, GatewayAmbiguous),
    ("bad gateway", "502 Bad Gateway", DOCUMENTED, GatewayAmbiguous),
    ("gateway time-out", "504 Gateway Timeout", DOCUMENTED, GatewayAmbiguous),
    ("moved", "302 Found", DOCUMENTED, GatewayAmbiguous),
    ("moved for good, same method", "308 Permanent Redirect", DOCUMENTED, GatewayAmbiguous),
    ("unheard of", "799 What", DOCUMENTED, GatewayAmbiguous),
]


@pytest.mark.parametrize(("status", "rules", "error"), [row[1:] for row in STATUSES], ids=[row[0] for row in STATUSES])
def test_status_becomes_error(raw_server, status, rules, error):
    server = raw_server(answer(status, '{"error":"because"}'))
    with pytest.raises(GatewayError, match="because") as caught:
        client_of(server.url, rules=rules).request("POST", "/v1/messages", json={})
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"POST /v1/messages: {status[:3]} ")
    assert len(server.requests) == 1


BROKEN_ANSWERS = [
    ("nothing", b""),
    ("no HTTP", b"hello\r\n\r\n"),
    ("half a header", b"HTTP/1.1 200 OK\r\nContent-Le"),
    ("half a body", b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"messages": ['),
    ("half a chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    ("no last chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    ("half a body of unknown length", b'HTTP/1.1 200 OK\r\n\r\n{"messages": ['),
    ("no JSON", answer("200 OK", "<html>")),
    ("no JSON, empty", answer("204 No Content", "")),
    ("not what the reader wants", answer("200 OK", "[]")),
    ("a number of a million digits", answer("200 OK", "9" * 1_000_000)),
    ("a deep hole", answer("200 OK", "[" * 200_000)),
    ("too long", answer("200 OK", " " * 9_000_000)),
    ("no gzip", answer("200 OK", "{}", "Content-Encoding: gzip")),
    ("headers without end", b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200))),
]


@pytest.mark.parametrize("data", [row[1] for row in BROKEN_ANSWERS], ids=[row[0] for row in BROKEN_ANSWERS])
def test_unreadable_answer_is_ambiguous(raw_server, data):
    server = raw_server(data)
    with pytest.raises(GatewayAmbiguous) as caught:
        client_of(server.url).read("POST", "/v1/messages", lambda document: document["messages"])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 200
    assert len(server.requests) == 1


def test_reset_after_the_request_is_ambiguous(raw_server, reset):
    server = raw_server(reset)
    with pytest.raises(GatewayAmbiguous, match="reset"):
        client_of(server.url).request("POST", "/v1/messages", json={})


def dribble(start, piece):
    def write(connection):
        connection.sendall(start)
        for _ in itertools.count():
            connection.sendall(piece)
            connection.settimeout(0.05)
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return write


def sit_still(connection):
    """Read nothing, say nothing, until the client has left."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.poll(5000)


DRIBBLERS = [
    ("a body without end", dribble(b"HTTP/1.1 200 OK\r\n\r\n", b" ")),
    ("a body of known length", dribble(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ")),
    ("headers", dribble(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x")),
    ("status line", dribble(b"HTTP/1.1 200 ", b"x")),
    ("chunks", dribble(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")),
    ("continue for ever", dribble(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
    ("nothing at all", sit_still),
]


@pytest.mark.parametrize("write", [row[1] for row in DRIBBLERS], ids=[row[0] for row in DRIBBLERS])
def test_deadline_cuts_a_dribbling_server(raw_server, write):
    server = raw_server(write)
    with pytest.raises(GatewayAmbiguous, match=r"no whole answer within 0\.3 s"):
        client_of(server.url, deadline_seconds=0.3).request("GET", "/v1/balance")


def test_deadline_cuts_a_server_that_does_not_read(raw_server):
    server = raw_server(sit_still)
    with pytest.raises(GatewayAmbiguous, match=r"no whole answer within 0\.3 s"):
        client_of(server.url, deadline_seconds=0.3).request("POST", "/v1/messages", json={"text": "x" * 30_000_000})


def test_no_server_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(GatewayUnreachable, match=f"no connection to {url.removeprefix('http://')}: .*refused"):
        client_of(url).request("POST", "/v1/messages", json={})


def test_no_such_host():
    with pytest.raises(GatewayUnreachable, match=r"no connection to gateway\.invalid"):
        client_of("http://gateway.invalid").request("POST", "/v1/messages", json={})


def test_no_tls_where_it_is_expected(raw_server):
    server = raw_server(answer("200 OK"))
    with pytest.raises(GatewayUnreachable, match="handshake operation timed out"):
        client_of(server.url.replace("http:", "https:"), 0.3).request("POST", "/v1/messages", json={})


def test_an_untrusted_certificate_is_refused(raw_server, certificate):
    server = raw_server(answer("200 OK"), tls=certificate.server_context())
    with pytest.raises(GatewayUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        client_of(server.url.replace("http:", "https:")).request("POST", "/v1/messages", json={})
    assert server.requests == []


def test_connect_time_out():
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # fills the queue of connections, which are not accepted
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with pytest.raises(GatewayUnreachable, match="timed out"):
            client_of(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.3).request("GET", "/")


@pytest.mark.parametrize("seconds_late", [0, 0.001, 3600])
def test_a_request_whose_time_has_passed_is_not_sent(raw_server, seconds_late):
    server = raw_server(answer("200 OK"))
    with pytest.raises(GatewayUnreachable, match="connected too late to send"):
        client_of(server.url).request("POST", "/v1/messages", json={}, not_after=clock() - seconds_late)
    client_of(server.url).request("GET", "/in-time", not_after=clock() + 60)
    assert [request.split()[1] for request in server.requests if request] == [b"/in-time"]


def test_time_that_passes_while_the_connection_is_made(certificate, monkeypatch):
    """The machine connects at once and greets late: when that is done it is too late to send."""
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate.ca_file))
    heard = []

    def greet_late(listener):
        connection, _ = listener.accept()
        with connection:
            time.sleep(0.4)
            try:
                with certificate.server_context().wrap_socket(connection, server_side=True) as wrapped:
                    heard.append(wrapped.recv(1))
            except (ssl.SSLError, OSError):
                heard.append(b"")

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        client = client_of(f"https://127.0.0.1:{listener.getsockname()[1]}")
        server = pool.submit(greet_late, listener)
        with pytest.raises(GatewayUnreachable, match="connected too late to send"):
            client.request("POST", "/v1/messages", json={}, not_after=clock() + 0.2)
        server.result()
    assert heard == [b""]


def test_time_that_passes_between_the_connection_and_the_request(raw_server, monkeypatch):
    """A thread waits for its turn, a process is stopped: the clock is read again when the first byte is to leave."""
    server = raw_server(answer("200 OK"))
    watch = Watchdog.watch
    monkeypatch.setattr(Watchdog, "watch", lambda dog, connection: (watch(dog, connection), time.sleep(0.3)))
    with pytest.raises(GatewayUnreachable, match="connected too late to send"):
        client_of(server.url).request("POST", "/v1/messages", json={}, not_after=clock() + 0.2)
    assert [request for request in server.requests if request] == []


STOPPED_SENDER = """
import os, signal, sys
from campanile.gateways.http import HttpClient
from campanile.gateways.transport import clock
from campanile.sms.errors import GatewayUnreachable

client, not_after = HttpClient(sys.argv[1], {}, 30), clock() + 0.2
os.kill(os.getpid(), signal.SIGSTOP)
try:
    client.request("POST", "/v1/messages", json={}, not_after=not_after)
    print("sent")
except GatewayUnreachable as error:
    print(error)
"""


@pytest.mark.parametrize(("seconds", "word"), [(0.0, "sent"), (0.3, "connected too late to send")])
def test_a_process_that_was_stopped_does_not_post_when_it_wakes(raw_server, seconds, word):
    server = raw_server(answer("200 OK"))
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED_SENDER, server.url], stdout=subprocess.PIPE, text=True
    ) as sender:
        os.waitpid(sender.pid, os.WUNTRACED)
        time.sleep(seconds)
        os.kill(sender.pid, signal.SIGCONT)
        assert word in sender.stdout.read()
    assert len([request for request in server.requests if request]) == (word == "sent")


def test_redirect_is_not_followed(raw_server):
    target = raw_server(answer("200 OK"))
    server = raw_server(answer("307 Temporary Redirect", "", f"Location: {target.url}/v1/messages"))
    with pytest.raises(GatewayAmbiguous, match="307"):
        client_of(server.url).request("POST", "/v1/messages", json={"text": "Bonjour"})
    assert target.requests == []


def test_every_request_has_a_connection_of_its_own(raw_server):
    server = raw_server(answer("200 OK", "{}", "Set-Cookie: who=me", "Connection: keep-alive"))
    client = client_of(server.url)
    assert [client.read("GET", "/", keep) for _ in range(3)] == [{}] * 3
    assert len(server.requests) == 3
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_request_carries_its_parts(raw_server):
    server = raw_server(answer("200 OK"))
    client = client_of(server.url + "/base/")
    client.request("POST", "/form", params={"a": "é"}, form={"To": "+33612345678"}, headers={"X-Key": "k"})
    head = server.requests[0].decode()
    assert head.startswith("POST /base/form?a=%C3%A9 HTTP/1.1\r\n")
    assert "X-Key: k" in head
    assert f"Authorization: Bearer {KEY}" in head


def test_a_body_is_sent_as_it_is(raw_server):
    server = raw_server(answer("200 OK"))
    text = '{"message":"é € ж 😀",  "a":1}'
    client_of(server.url).request(
        "POST", "/jobs", body=text, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body.decode() == text
    assert f"Content-Length: {len(text.encode())}".encode() in head
    assert b"Content-Type: application/json; charset=utf-8" in head


def test_an_empty_body_is_none(raw_server):
    server = raw_server(answer("200 OK"))
    client_of(server.url).request("GET", "/jobs", body="")
    assert b"content-length" not in server.requests[0].lower()


def test_half_of_an_emoji_is_replaced(raw_server):
    """Where a long text is cut into parts, JSON escapes what is left of it; no store takes that."""
    body = r'{"text": "STOP \ud83d", "items": ["\ude00", "\ud83d\ude00"], "\udc00": 1}'
    server = raw_server(answer("200 OK", body))
    expected = {"text": "STOP \ufffd", "items": ["\ufffd", "\U0001f600"], "\ufffd": 1}
    assert client_of(server.url).read("GET", "/", keep) == expected


def test_a_status_the_adapter_reads_itself(raw_server):
    server = raw_server(answer("400 Bad Request", '{"code":21610}'))
    returned = client_of(server.url, rules=HttpRules(returned_statuses=frozenset({400}))).request("POST", "/")
    assert (returned.status, json.loads(returned.text)) == (400, {"code": 21610})


ECHOES = [
    ("key", KEY, KEY),
    ("key as a URL writes it", "s3cr3t%2Fkey%2Bword", "s3cr3t%2Fkey"),
    ("key over a long blank", "x" * 150 + " " * 5000 + KEY, "s3cr3t"),
    ("declared secret", "pass phrase", "pass phrase"),
    ("number", "+33612345678 is not allowed", "33612345678"),
    ("number with spaces", "06 12 34 56 78 is not allowed", "06 12 34 56 78"),
]


@pytest.mark.parametrize(("text", "hidden"), [row[1:] for row in ECHOES], ids=[row[0] for row in ECHOES])
@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "500 Oops"])
def test_secrets_and_numbers_are_not_shown(raw_server, status, text, hidden):
    server = raw_server(answer(status, json.dumps({"error": f"{text}\r\nX: \x1b[31m"})))
    client = client_of(server.url, rules=HttpRules(secrets=("pass phrase",)))
    with pytest.raises(GatewayError) as caught:
        client.read("POST", "/v1/numbers/+33612345678?password=pass%20phrase", lambda document: document["messages"])
    shown = str(caught.value)
    assert hidden not in shown
    assert "33612345678" not in shown
    assert "phrase" not in shown
    assert shown.isprintable()


def test_the_library_s_own_words_are_not_chained(raw_server):
    server = raw_server(b"")
    with pytest.raises(GatewayAmbiguous) as caught:
        client_of(server.url).request("GET", "/send?password=hunter2")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_environment_proxies_only_when_asked(raw_server, monkeypatch, variable):
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    server = raw_server(answer("200 OK"))
    assert client_of(server.url).request("GET", "/").status == 200
    with pytest.raises(GatewayUnreachable):
        client_of(server.url, use_environment_proxies=True).request("GET", "/")


RETRY_AFTER = [
    ("seconds", {"Retry-After": "7"}, 7.0),
    ("fraction", {"Retry-After": "0.25"}, 0.25),
    ("none", {}, None),
    ("words", {"Retry-After": "soon"}, None),
    ("negative", {"Retry-After": "-3"}, None),
    ("infinite", {"Retry-After": "9" * 400}, None),
    ("a date without ours", {"Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
    (
        "a date against theirs",
        {"Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"},
        30.0,
    ),
    (
        "a date gone by",
        {"Retry-After": "Sun, 22 Nov 2026 09:00:30 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"},
        0.0,
    ),
]


@pytest.mark.parametrize(("headers", "seconds"), [row[1:] for row in RETRY_AFTER], ids=[row[0] for row in RETRY_AFTER])
def test_retry_after(headers, seconds):
    assert retry_after_seconds(headers) == seconds


def test_throttled_carries_the_wait(raw_server):
    server = raw_server(answer("429 Too Many Requests", "{}", "Retry-After: 3"))
    with pytest.raises(GatewayThrottled) as caught:
        client_of(server.url).request("POST", "/")
    assert caught.value.retry_after == 3.0


BAD_URLS = [
    ("empty", ""),
    ("no scheme", "127.0.0.1:8900"),
    ("other scheme", "ftp://127.0.0.1"),
    ("no host", "http://"),
    ("no port", "http://127.0.0.1:port"),
    ("half an address", "http://[::1"),
    ("user and password", "https://me:hunter2@example.org"),
    ("key in the query", "https://example.org/?key=hunter2"),
    ("line end", "http://example.org/\r\nX: y"),
]


@pytest.mark.parametrize("url", [row[1] for row in BAD_URLS], ids=[row[0] for row in BAD_URLS])
def test_bad_url_is_refused_at_once(url):
    with pytest.raises(ConfigurationError, match="the gateway's URL") as caught:
        client_of(url)
    assert "hunter2" not in str(caught.value)


def test_bad_deadline_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="deadline is 0 s"):
        client_of("http://127.0.0.1", deadline_seconds=0)


def test_a_key_that_is_no_header_is_a_setting_to_mend(raw_server):
    server = raw_server(answer("200 OK"))
    with pytest.raises(ConfigurationError, match="this is no request") as caught:
        HttpClient(server.url, {"Authorization": "Bearer hunter2\nX: y"}, 1).request("GET", "/")
    assert "hunter2" not in str(caught.value)
