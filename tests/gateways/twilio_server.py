"""What Twilio documents of its messages, played on loopback and checked on each request."""

import hashlib
import hmac
import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from secrets import token_hex
from urllib.parse import parse_qs, urlencode

import phonenumbers

from campanile.sms.text.segments import count_segments
from tests.gateways.local_provider import LocalProvider
from tests.gateways.receiver_process import call

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "twilio-token-of-a-test"
SERVICE = "MG" + "fedcba9876543210" * 2
FORM_FIELDS = {"To", "From", "MessagingServiceSid", "Body", "ValidityPeriod", "SmartEncoded", "StatusCallback"}
PRICE = Decimal("0.0798")


def refusal(code, message, status=400):
    more = f"https://www.twilio.com/docs/errors/{code}"
    return status, {"code": code, "message": message, "more_info": more, "status": status}


@dataclass
class TwilioServer(LocalProvider):
    """One account. ``own_numbers`` and ``short_codes`` are what people can write to.

    ``incoming_url`` is called for each reply; ``lists_nothing``: what happens is only called back; ``calls`` are the
    callbacks, as (url, body, headers), with the answer.
    """

    throttle_body: dict = field(default_factory=lambda: refusal(20429, "Too Many Requests", 429)[1])
    own_numbers: tuple = ("+33644600000", "+33644600001")
    short_codes: tuple = ("36180",)
    pool: tuple = ("CAMPANILE", "36180", "+33644600000")
    opted_out: set = field(default_factory=set)
    messages: list = field(default_factory=list)
    balance: Decimal = Decimal(100)
    next_refusal: tuple | None = None
    is_sent_at_once: bool = True
    now: datetime | None = None
    incoming_url: str = ""
    lists_nothing: bool = False
    calls: list = field(default_factory=list)

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}"

    def answer(self, request):
        if request.headers.get("authorization") != "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode():
            return refusal(20003, "Authenticate", 401)
        found = re.fullmatch(rf"/2010-04-01/Accounts/{ACCOUNT}/([A-Za-z/]+)\.json", request.path)
        endpoint = ENDPOINTS.get((request.method, found[1] if found else ""))
        if endpoint is None:
            return refusal(20404, f"The requested resource {request.path} was not found", 404)
        return endpoint(self, request)

    def create(self, request):
        if request.headers["content-type"] != "application/x-www-form-urlencoded":
            return refusal(20001, "Unsupported content type")
        form = {name: values[0] for name, values in parse_qs(request.body, strict_parsing=True).items()}
        wrong = self.next_refusal or self._wrong(form)
        self.next_refusal = None
        if wrong:
            return refusal(*wrong)
        message = self._add(form["To"], form.get("From"), form["Body"], "outbound-api")
        message["status"] = "accepted" if "MessagingServiceSid" in form else "queued"
        message["messaging_service_sid"] = form.get("MessagingServiceSid")
        message["validity_period"] = int(form["ValidityPeriod"])
        message["_status_callback"] = form.get("StatusCallback")
        self.balance -= PRICE * count_segments(form["Body"]).segment_count
        created = _shown(message)
        if self.is_sent_at_once:
            self.move(message, "sent")
        return 201, created

    def _wrong(self, form):
        to, sender, body = (form.get(name, "") for name in ("To", "From", "Body"))
        return next(
            (
                wrong[1:]
                for wrong in (
                    (form.keys() - FORM_FIELDS, 20001, "an unknown parameter"),
                    (not _is_number(to), 21211, f"The 'To' number {to} is not a valid phone number."),
                    (not (sender or form.get("MessagingServiceSid")), 21603, "A 'From' parameter is required."),
                    (sender and sender not in self.pool, 21606, f"The 'From' number {sender} is not of your account."),
                    (not body, 21602, "Message body is required."),
                    (len(body) > 1600, 21617, "The concatenated message body exceeds the 1600 character limit."),
                    (not 1 <= int(form["ValidityPeriod"]) <= 36000, 20001, "ValidityPeriod is wrong"),
                    (form["SmartEncoded"] not in {"true", "false"}, 20001, "SmartEncoded is wrong"),
                    (to in self.opted_out, 21610, "Attempt to send to unsubscribed recipient"),
                )
                if wrong[0]
            ),
            None,
        )

    def _add(self, to, sender, body, direction):
        now = self.now or datetime.now(UTC)
        message = {
            "sid": "SM" + token_hex(16),
            "to": to,
            "from": sender,
            "body": body,
            "direction": direction,
            "status": "queued",
            "date_created": now,
            "date_updated": now,
            "date_sent": None,
            "error_code": None,
            "messaging_service_sid": None,
            "num_segments": str(count_segments(body).segment_count),
            "price": None,
            "price_unit": "USD",
        }
        self.messages.append(message)
        return message

    def move(self, message, status, error_code=None):
        now = self.now or datetime.now(UTC)
        message.update(status=status, error_code=error_code, date_updated=now, date_sent=message["date_sent"] or now)
        if status == "delivered":
            message["price"] = f"-{PRICE * int(message['num_segments']):.5f}"
        if url := message.get("_status_callback"):
            code = {} if error_code is None else {"ErrorCode": str(error_code)}
            self.call_back(url, {"MessageSid": message["sid"], "MessageStatus": status, "To": message["to"]} | code)

    def call_back(self, url, fields, token=TOKEN, **changes):
        """Call an address as Twilio does, signed."""
        form = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01"} | fields | changes
        signed = url + "".join(name + form[name] for name in sorted(form))
        signature = b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        self.send(url, urlencode(form).encode(), headers)

    def send(self, url, body, headers):
        self.calls.append(((url, body, headers), call(url, body, headers)))

    def deliver_all(self):
        for message in self.messages:
            if message["status"] in {"accepted", "queued", "sending", "sent"}:
                self.move(message, "delivered")

    def reply(self, sender, text, to="+33644600001"):
        message = self._add(to, sender, text, "inbound")
        self.move(message, "received")
        if self.incoming_url:
            fields = {"MessageSid": message["sid"], "SmsSid": message["sid"], "From": sender, "To": to, "Body": text}
            self.call_back(self.incoming_url, fields | {"NumMedia": "0", "NumSegments": message["num_segments"]})
        return message

    def list(self, request):
        query = request.query
        if self.lists_nothing:
            return 200, {"messages": [], "next_page_uri": None}
        size = int(query.get("PageSize", 50))
        if size > 1000:
            return refusal(20001, "PageSize must be at most 1000")
        # The most recent first; what was not sent yet has no date, and no filter on dates finds it.
        waiting = [message for message in reversed(self.messages) if message["date_sent"] is None]
        sent = sorted((m for m in self.messages if m["date_sent"]), key=lambda m: m["date_sent"], reverse=True)
        found = [message for message in waiting + sent if _matches(message, query)]
        start = 0
        if token := query.get("PageToken"):
            positions = [at for at, message in enumerate(found) if f"PA{message['sid']}" == token]
            if not positions:
                return refusal(20001, "PageToken is not known")
            start = positions[0] + 1
        page = found[start : start + size]
        more = None
        if len(found) > start + size:
            following = query | {"Page": int(query.get("Page", 0)) + 1, "PageToken": f"PA{page[-1]['sid']}"}
            more = f"{request.path}?{urlencode(following)}"
        return 200, {"messages": [_shown(message) for message in page], "next_page_uri": more, "page_size": size}

    def numbers(self, _):
        return 200, {"incoming_phone_numbers": [{"phone_number": number} for number in self.own_numbers]}

    def codes(self, _):
        return 200, {"short_codes": [{"short_code": code} for code in self.short_codes]}

    def account_balance(self, _):
        return 200, {"account_sid": ACCOUNT, "balance": str(self.balance), "currency": "USD"}


ENDPOINTS = {
    ("POST", "Messages"): TwilioServer.create,
    ("GET", "Messages"): TwilioServer.list,
    ("GET", "IncomingPhoneNumbers"): TwilioServer.numbers,
    ("GET", "SMS/ShortCodes"): TwilioServer.codes,
    ("GET", "Balance"): TwilioServer.account_balance,
}


def _is_number(to):
    return re.fullmatch(r"\+[1-9]\d{6,14}", to) and phonenumbers.is_possible_number(phonenumbers.parse(to))


def _matches(message, query):
    if any(query.get(name, message[name.lower()]) != message[name.lower()] for name in ("To", "From")):
        return False
    if "DateSent>" not in query:
        return True
    start = datetime.strptime(query["DateSent>"], "%Y-%m-%d").replace(tzinfo=UTC)
    return message["date_sent"] is not None and message["date_sent"] >= start


def _shown(message):
    shown = {name: value for name, value in message.items() if not name.startswith("_")}
    return {name: format_datetime(value) if isinstance(value, datetime) else value for name, value in shown.items()}
