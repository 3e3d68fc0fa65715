"""What OVHcloud documents of its SMS API, played on loopback; each signature is made again and compared."""

import hashlib
import json
import random
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import phonenumbers

from campanile.sms.text.segments import count_segments
from tests.gateways.local_provider import LocalProvider

APPLICATION_KEY = "application-key-of-a-test"
SECRET = "application-secret-of-a-test"
CONSUMER_KEY = "consumer-key-of-a-test"
SERVICE = "sms-ab12345-1"
JOB_FIELDS = {
    "message": str,
    "receivers": list,
    "sender": str,
    "senderForResponse": bool,
    "noStopClause": bool,
    "coding": str,
    "charset": str,
    "validityPeriod": int,
    "tag": str,
}
STOP_LENGTH = 11
AHEAD_SECONDS = 5000


def error(status, message, code="INVALID"):
    return status, {"errorCode": code, "httpCode": str(status), "message": message}


@dataclass
class OvhcloudServer(LocalProvider):
    """One SMS account, whose clock is far ahead of ours. ``holds_jobs``: nothing leaves the queue by itself."""

    throttle_body: dict = field(default_factory=lambda: error(429, "Too many requests")[1])
    credits_left: Decimal = Decimal(10_000)
    senders: tuple = ("CAMPANILE",)
    holds_jobs: bool = False
    jobs: dict = field(default_factory=dict)
    outgoing: dict = field(default_factory=dict)
    incoming: dict = field(default_factory=dict)
    blacklist: list = field(default_factory=list)
    billed: list = field(default_factory=list)
    now: datetime | None = None
    time_answer: tuple | None = None
    _last_id: int = 1000

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}/1.0"

    def clock(self):
        return self.now or datetime.fromtimestamp(time.time() + AHEAD_SECONDS, UTC)

    def answer(self, request):
        if request.target == "/1.0/auth/time":
            return self.time_answer or (200, int(self.clock().timestamp()))
        if wrong := self._unsigned(request):
            return wrong
        found = re.fullmatch(
            rf"/1\.0/sms/{SERVICE}(?:/(jobs|outgoing|incoming|blacklists))?(?:/([0-9,]+))?", request.path
        )
        if not found:
            return error(404, "The requested object does not exist")
        name, ids = found.groups()
        if request.method == "POST":
            return self.create(request) if name == "jobs" else error(405, "Method not allowed")
        if name is None:
            return 200, {"name": SERVICE, "creditsLeft": float(self.credits_left), "status": "enable"}
        if name == "blacklists":
            return 200, list(self.blacklist)
        kept = getattr(self, name)
        return self._details(request, kept, ids) if ids else (200, self._ids(request, kept))

    def _unsigned(self, request):
        headers = request.headers
        if headers.get("x-ovh-application") != APPLICATION_KEY:
            return error(403, "This application key is invalid", "INVALID_KEY")
        if headers.get("x-ovh-consumer") != CONSUMER_KEY:
            return error(403, "This credential does not exist", "INVALID_CREDENTIAL")
        timestamp = headers.get("x-ovh-timestamp", "")
        url = f"http://{headers['host']}{request.target}"
        signed_text = f"{SECRET}+{CONSUMER_KEY}+{request.method}+{url}+{request.body}+{timestamp}"
        if headers.get("x-ovh-signature") != "$1$" + hashlib.sha1(signed_text.encode()).hexdigest():
            return error(400, "Invalid signature", "INVALID_SIGNATURE")
        if abs(int(timestamp) - self.clock().timestamp()) > 30:
            return error(400, "Query out of time", "QUERY_TIME_OUT")
        return None

    def create(self, request):
        job = json.loads(request.body)
        if not request.headers["content-type"].startswith("application/json"):
            return error(400, "JSON expected")
        if wrong := self._wrong(job):
            return error(400, wrong)
        valid = [number for number in job["receivers"] if _is_number(number) and number not in self.blacklist]
        clause = 0 if job.get("noStopClause") or "sender" not in job else STOP_LENGTH
        segments = count_segments(job["message"] + "x" * clause).segment_count
        if segments * len(valid) > self.credits_left:
            return error(402, "Not enough credits")
        self.credits_left -= segments * len(valid)
        ids = [self._new_job(number, job, segments) for number in valid]
        if not self.holds_jobs:
            self.run_jobs()
        random.Random(7).shuffle(ids)
        return 200, {
            "ids": ids,
            "validReceivers": valid,
            "invalidReceivers": [number for number in job["receivers"] if number not in valid],
            "totalCreditsRemoved": float(segments * len(valid)),
        }

    def _wrong(self, job):
        for name, value in job.items():
            if JOB_FIELDS.get(name) is not type(value):
                return f"{name} is not a field, or of another type"
        if ("sender" in job) is job.get("senderForResponse", False):
            return "either sender or senderForResponse"
        if "sender" in job and job["sender"] not in self.senders:
            return "sender is not validated"
        if job["coding"] not in {"7bit", "8bit"} or job["charset"] != "UTF-8" or not 0 < len(job["tag"]) <= 20:
            return "coding, charset or tag is wrong"
        if not 1 <= job.get("validityPeriod", 2880) <= 2880 or not 1 <= len(job["receivers"]) <= 500:
            return "validityPeriod or receivers is wrong"
        if count_segments(job["message"]).encoding == "UCS-2" and job["coding"] == "7bit":
            return "this text is not GSM"
        return ""

    def _new_job(self, number, job, segments):
        number_id = self._next_id()
        kept = {"id": number_id, "receiver": number, "message": job["message"], "sender": job.get("sender", "36111")}
        kept |= {"creationDatetime": self.clock().isoformat(), "deliveryReceipt": 0, "ptt": 0}
        kept |= {"credits": float(segments), "numberOfSms": segments}
        self.jobs[number_id] = kept | {"_tag": job.get("tag")}
        self.billed.append(job | {"receivers": None, "receiver": number})
        return number_id

    def _next_id(self):
        self._last_id += 1
        return self._last_id

    def run_jobs(self):
        """Let what waits leave; only the history knows the tags."""
        for number_id, job in list(self.jobs.items()):
            sent = {name: value for name, value in job.items() if name != "_tag"}
            self.outgoing[number_id] = sent | {"tag": job["_tag"], "sentAt": self.clock().isoformat()}
            del self.jobs[number_id]

    def deliver_all(self):
        for sent in self.outgoing.values():
            if sent["deliveryReceipt"] == 0:
                self.settle(sent, 1, 4)

    def settle(self, sent, receipt, ptt):
        sent.update(deliveryReceipt=receipt, ptt=ptt, deliveredAt=self.clock().isoformat())

    def reply(self, sender, text):
        number_id = self._next_id()
        reply = {"id": number_id, "sender": sender, "message": text, "creationDatetime": self.clock().isoformat()}
        self.incoming[number_id] = reply | {"credits": 1.0, "tag": ""}
        return number_id

    def _ids(self, request, kept):
        query = request.query
        found = [item for item in kept.values() if query.get("tag", item.get("tag")) == item.get("tag")]
        if start := query.get("creationDatetime.from"):
            start = datetime.fromisoformat(start)
            found = [item for item in found if datetime.fromisoformat(item["creationDatetime"]) >= start]
        return [item["id"] for item in reversed(found)]

    def _details(self, request, kept, ids):
        wanted = [int(number) for number in ids.split(",")]
        if request.headers.get("x-ovh-batch") != ",":
            return (200, _shown(kept[wanted[0]])) if wanted[0] in kept else error(404, "no such object")
        return 200, [_keyed(number, kept.get(number)) for number in wanted]


def _keyed(number, item):
    wrong = None if item else {"httpCode": 404, "message": "The requested object does not exist"}
    return {"key": str(number), "value": item and _shown(item), "error": wrong}


def _shown(item):
    return {name: value for name, value in item.items() if not name.startswith("_")}


def _is_number(number):
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False
