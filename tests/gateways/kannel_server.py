"""Kannel's smsbox, played over real HTTP: requests checked as its user guide says, answers in its own words."""

import re
import socket
import struct
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote_plus, urlsplit

from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.kannel.callbacks import REPLY_QUERY, report_url
from tests.gateways.receiver_process import SECRET, call

USERNAME, PASSWORD = "kannel-account", "a password & more"
BLACKLISTED = "+33600000000"
KNOWN = {"username", "password", "from", "to", "text", "coding", "charset", "dlr-mask", "dlr-url", "validity"}
ACCEPTED = (202, "0: Accepted for delivery")
TEMPORAL = (503, "Temporal failure, try again later.")
BLACK_LISTS = "Number(s) has/have been denied by white- and/or black-lists."
TIMESTAMP = "1795399264"


class FakeSmsbox:
    """Takes messages, remembers the parameters of those it ``accepted``, and tells ``reports`` of each.

    ``answers`` are given before anything is checked; ``faults`` are lose_before (it never saw it) and lose_after.
    """

    def __init__(self, reports=("8 ACK/", "1 ")):
        self.accepted, self.answers, self.faults, self.reports, self.call_count = [], [], [], reports, 0

    def __enter__(self):
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail_next(self, what):
        """Take throttle, lose_before or lose_after."""
        if what == "throttle":
            self.answers.append(TEMPORAL)
        else:
            self.faults.append(what)

    def answer(self, fields):
        """Return the status and the words that a request gets."""
        if self.answers:
            return self.answers.pop(0)
        wrong = (words for is_wrong, *words in _checks(fields) if is_wrong)
        return next(wrong, ACCEPTED)

    def tell(self, fields):
        """Call the address of a message once for each of its reports."""
        for report in self.reports:
            status, _, words = report.partition(" ")
            call(fill_escapes(fields["dlr-url"], {"d": status, "A": quote_plus(words), "T": TIMESTAMP}))


def _checks(fields):
    number = fields.get("to", "")
    is_user = (fields.get("username"), fields.get("password")) == (USERNAME, PASSWORD)
    yield not is_user, 403, "Authorization failed for sendsms"
    yield fields.keys() - KNOWN, 400, f"strange parameters {fields.keys() - KNOWN}"
    yield "to" not in fields, 400, "Missing receiver number, rejected"
    yield not number.strip(), 400, "Empty receiver number not allowed, rejected"
    yield not re.fullmatch(r"[0-9 +-]+", number) or number == BLACKLISTED, 400, BLACK_LISTS
    yield not fields.get("from"), 400, "Sender missing and no global set, rejected"
    yield not re.match(r"https?://.", fields.get("dlr-url", "")), 400, "DLR-URL field misformed, rejected"
    yield fields.get("dlr-mask") != "31", 400, "DLR-Mask field misformed, rejected"
    yield fields.get("coding") not in {"0", "2"}, 400, "Coding field misformed, rejected"
    yield not re.fullmatch(r"[1-9]\d*", fields.get("validity", "1")), 400, "Validity field misformed, rejected"
    yield fields.get("charset") != "UTF-8", 400, "Charset or body misformed, rejected"


class _Server(ThreadingHTTPServer):
    request_queue_size = 512


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, smsbox, *arguments):
        self._smsbox = smsbox
        super().__init__(*arguments)

    def do_GET(self):
        smsbox, target = self._smsbox, urlsplit(self.path)
        smsbox.call_count += 1
        fields = {name: values[-1] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        fault = smsbox.faults.pop(0) if smsbox.faults else ""
        is_known = target.path == "/cgi-bin/sendsms"
        status, words = smsbox.answer(fields) if is_known else (404, "Unknown request.")
        is_accepted = status == 202 and fault != "lose_before"
        if is_accepted:
            smsbox.accepted.append(fields)
        if fault:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        if is_accepted:
            smsbox.tell(fields)
        self.send_response(status)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words.encode())

    def log_message(self, *_):
        pass


def access_to(url, spool, callback_url="http://127.0.0.1:8910", **options):
    """Return the settings of a team."""
    options = {
        "url": url,
        "username": USERNAME,
        "password": PASSWORD,
        "callback_url": callback_url,
        "callback_secret": SECRET,
    } | options
    return GatewayAccess("kannel", options, 5.0, spool=spool)


def fill_escapes(pattern, values):
    """Replace escape codes as Kannel does: a known letter by its value, ``%%`` by ``%``; an unknown one stays."""
    return re.sub(r"%(.)", lambda found: values.get(found[1], "%" if found[1] == "%" else found[0]), pattern)


def reply_url(base_url, sender, text, reply_id="1", charset="UTF-8", secret=SECRET):
    """Return the address that Kannel makes of the ``get-url`` of the manual."""
    raw = text if isinstance(text, bytes) else text.encode("utf-16-be" if charset == "UTF-16BE" else "utf-8")
    values = {"I": reply_id, "p": quote_plus(sender), "b": quote_plus(raw), "C": charset, "T": TIMESTAMP}
    return f"{base_url}/kannel/{secret}/replies?{fill_escapes(REPLY_QUERY, values)}"


def told_url(base_url, client_ref, status, words="", secret=SECRET):
    """Return the address that Kannel makes of our ``dlr-url``."""
    values = {"d": str(status), "A": quote_plus(words), "T": TIMESTAMP}
    return fill_escapes(report_url(base_url, secret, client_ref), values)
