"""What the sandbox knows: balance, keys, messages, reports, replies, opt-outs.

Every change is an entry of the journal first and is applied from that entry, so that a restart, which replays the
journal through the same code, cannot know anything else than the process that was killed.
"""

import heapq
import re
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from campanile.gateways.sandbox.faults import NONE, share_of
from campanile.gateways.sandbox.journal import Journal
from campanile.gateways.sandbox.request import Order, Refused, digest_of, is_number, overcharge, price_order
from campanile.sms.rules.tariff import Tariff
from schemas.gateway import Resolution

KEY_LIFE = timedelta(hours=24)
PAGE_LIMIT = 500
RESULT_FIELDS = ("client_ref", "status", "message_id", "segments", "price", "reason")

# Of 100 numbers: up to which one, status, reason, and whether the number is dead.
FATES: tuple[tuple[int, str, str | None, bool], ...] = (
    (1, "undelivered", "unknown subscriber", True),
    (4, "undelivered", "absent", False),
    (100, "delivered", None, False),
)

_STOP = re.compile(r"\W*STOP\b", re.IGNORECASE)
_START = re.compile(r"\W*(?:START|UNSTOP)\W*", re.IGNORECASE)

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BookSettings:
    """How the sandbox behaves, apart from its faults."""

    opening_balance: Decimal = Decimal(100)
    seed: int = 7
    resolution: Resolution = Resolution.IDEMPOTENCY_KEY
    delivery_seconds: float = 0.2
    look_up_lag_seconds: float = 0.0


def fate_of(seed: int, msisdn: str) -> tuple[str, str | None, bool]:
    """Return status, reason and permanence of what is sent to a number: the same for ever."""
    draw = 100 * share_of(f"{seed}:fate:{msisdn}")
    return next((status, reason, is_dead) for bound, status, reason, is_dead in FATES if draw < bound)


class SandboxState:
    """The state of one folder; used from one thread."""

    def __init__(self, folder: Path, tariff: Tariff, settings: BookSettings, real_now: Callable[[], datetime]) -> None:
        self.tariff = tariff
        self.settings = settings
        self.balance = Decimal(0)
        self.clock_offset_seconds = 0.0
        self.accepted: list[Entry] = []
        self.reports: list[Entry] = []
        self.replies: list[Entry] = []
        self.opt_outs: list[Entry] = []
        self.submit_count = 0
        self._real_now = real_now
        self.state_id = ""
        self._keys: dict[str, Entry] = {}
        self._by_ref: dict[str, Entry] = {}
        self._opted_out: set[str] = set()
        self._reported: set[str] = set()
        self._undelivered: list[tuple[str, int]] = []
        self._called_back = Counter[str]()
        with ExitStack() as stack:
            self._journal = stack.enter_context(closing(Journal(folder)))
            self._replay()
            self._files = stack.pop_all()

    def _replay(self) -> None:
        self._journal.repair_bill()
        for entry in self._journal.entries():
            self._apply(entry)
        if not self.state_id:
            # In every id: reports and replies of a folder made anew are never taken for those of the old one.
            balance = str(self.settings.opening_balance)
            self._record({"kind": "opened", "state_id": secrets.token_hex(3), "balance": balance})

    def close(self) -> None:
        """Give the folder back."""
        self._files.close()

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self._real_now() + timedelta(seconds=self.clock_offset_seconds)

    def submit(self, orders: list[Order], key: str | None, fault: str = NONE) -> list[Entry]:
        """Accept what can be accepted, once a key, and return the result lines; ``fault`` may charge too much.

        Raises:
            Refused: the key was used with another body, or the balance is too low for the whole batch.
        """
        key = key if self.settings.resolution is Resolution.IDEMPOTENCY_KEY else None
        digest = digest_of(orders)
        if key is not None and (known := self._known(key)) is not None:
            if known["digest"] != digest:
                raise Refused(409, "this Idempotency-Key was used with another body")
            return answer_of(known)
        priced = (price_order(order, self.tariff, self._opted_out, self.now()) for order in orders)
        results = [overcharge(result, fault) for result in priced]
        cost = sum((Decimal(result["price"]) for result in results), Decimal(0))
        if cost and cost > self.balance:
            raise Refused(402, f"the batch costs {cost} {self.tariff.unit}, the balance is {self.balance}")
        first = len(self.accepted)
        for number, result in enumerate((line for line in results if line["status"] == "accepted"), start=first):
            result["message_id"] = f"m-{self.state_id}-{number + 1}"
        entry = {"kind": "submit", "at": self._stamp(), "key": key, "digest": digest, "results": results}
        self._record(entry)
        return answer_of(entry)

    def look_up(self, client_refs: list[str]) -> list[Entry]:
        """Tell which of our messages the sandbox has accepted, once its lag is over."""
        visible_before = self.now() - timedelta(seconds=self.settings.look_up_lag_seconds)
        found = []
        for ref in client_refs:
            message = self._by_ref.get(ref)
            is_seen = message is not None and datetime.fromisoformat(message["accepted_at"]) <= visible_before
            seen = message if message is not None and is_seen else dict.fromkeys(("message_id", "segments", "price"))
            status = "accepted" if is_seen else "unknown"
            shown = {name: seen[name] for name in ("message_id", "segments", "price")}
            found.append({"client_ref": ref, "status": status, **shown})
        return found

    def report_page(self, position: int, limit: int) -> list[Entry]:
        """Return reports after a position, after adding those that fell due."""
        if due := self._due_reports(position + limit - len(self.reports)):
            self._record({"kind": "reports", "items": due})
        return self.reports[position : position + limit]

    def not_called_back(self, history: str, count: int) -> list[Entry]:
        """Return the next ``reports``, ``replies`` or ``opt_outs`` that no callback has reported."""
        position = self._called_back[history]
        if history == "reports":
            return self.report_page(position, count)
        return {"replies": self.replies, "opt_outs": self.opt_outs}[history][position : position + count]

    def note_called_back(self, history: str, count: int) -> None:
        """Remember that a receiver has taken so many more of a history."""
        self._record({"kind": "called_back", "history": history, "count": count})

    def add_reply(self, sender: str, text: str) -> Entry:
        """Take a message from a person; a STOP is an opt-out as well, whatever sender it answers, and START ends it."""
        reply_id = f"r-{self.state_id}-{len(self.replies) + 1}"
        item = {"reply_id": reply_id, "from": sender, "text": text, "received_at": self._stamp()}
        self._record({"kind": "reply", "item": item})
        if _STOP.match(text) and is_number(sender):
            self.add_opt_out(sender)
        if _START.fullmatch(text) and sender in self._opted_out:
            self._record({"kind": "opt_in", "msisdn": sender})
        return item

    def add_opt_out(self, msisdn: str) -> None:
        """Remember that a person wrote STOP to the sandbox's own short code."""
        if msisdn not in self._opted_out:
            self._record({"kind": "opt_out", "item": {"msisdn": msisdn, "opted_out_at": self._stamp()}})

    def set_balance(self, amount: Decimal) -> None:
        """Put the balance to an amount, as a top-up does."""
        self._record({"kind": "balance", "amount": str(amount)})

    def set_clock(self, offset_seconds: float) -> None:
        """Move the clock: seconds ahead of the real one."""
        self._record({"kind": "clock", "offset_seconds": offset_seconds})

    def bill(self) -> list[Entry]:
        """Return the bill."""
        return self._journal.bill()

    def _stamp(self) -> str:
        return self.now().isoformat(timespec="microseconds")

    def _known(self, key: str) -> Entry | None:
        entry = self._keys.get(key)
        if entry is None or datetime.fromisoformat(entry["at"]) + KEY_LIFE < self.now():
            return None
        return entry

    def _due_reports(self, count: int) -> list[Entry]:
        delay = timedelta(seconds=self.settings.delivery_seconds)
        now = self.now()
        due: list[Entry] = []
        while self._undelivered and len(due) < count:
            accepted_at, index = self._undelivered[0]
            reported_at = datetime.fromisoformat(accepted_at) + delay
            if reported_at > now:
                break
            heapq.heappop(self._undelivered)
            message = self.accepted[index]
            if message["message_id"] not in self._reported:
                number = len(self.reports) + len(due) + 1
                due.append(self._report(message, number, reported_at))
        return due

    def _report(self, message: Entry, number: int, reported_at: datetime) -> Entry:
        status, reason, is_permanent = fate_of(self.settings.seed, message["to"])
        return {
            "report_id": f"d-{self.state_id}-{number}",
            "message_id": message["message_id"],
            "client_ref": message["client_ref"],
            "status": status,
            "reason": reason,
            "is_permanent": is_permanent,
            "reported_at": reported_at.isoformat(),
            "segments": message["segments"],
            "price": message["price"],
        }

    def _record(self, entry: Entry) -> None:
        self._journal.write(entry)
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        {
            "opened": self._apply_opened,
            "submit": self._apply_submit,
            "reports": self._apply_reports,
            "reply": lambda entry: self.replies.append(entry["item"]),
            "opt_out": self._apply_opt_out,
            "opt_in": lambda entry: self._opted_out.discard(entry["msisdn"]),
            "balance": self._apply_balance,
            "clock": self._apply_clock,
            "called_back": self._apply_called_back,
        }[entry["kind"]](entry)

    def _apply_opened(self, entry: Entry) -> None:
        self.state_id = entry["state_id"]
        self.balance = Decimal(entry["balance"])

    def _apply_submit(self, entry: Entry) -> None:
        self.submit_count += 1
        if entry["key"] is not None:
            self._keys[entry["key"]] = entry
        for result in entry["results"]:
            if result["status"] == "accepted":
                message = {**result, "accepted_at": entry["at"]}
                heapq.heappush(self._undelivered, (entry["at"], len(self.accepted)))
                self.accepted.append(message)
                self._by_ref[message["client_ref"]] = message
                self.balance -= Decimal(message["price"])

    def _apply_reports(self, entry: Entry) -> None:
        self.reports += entry["items"]
        self._reported.update(item["message_id"] for item in entry["items"])

    def _apply_opt_out(self, entry: Entry) -> None:
        self.opt_outs.append(entry["item"])
        self._opted_out.add(entry["item"]["msisdn"])

    def _apply_balance(self, entry: Entry) -> None:
        self.balance = Decimal(entry["amount"])

    def _apply_called_back(self, entry: Entry) -> None:
        self._called_back[entry["history"]] += entry["count"]

    def _apply_clock(self, entry: Entry) -> None:
        self.clock_offset_seconds = entry["offset_seconds"]


def answer_of(entry: Entry) -> list[Entry]:
    """Return what a submit answers, now and whenever its key comes again."""
    return [{name: result[name] for name in RESULT_FIELDS} for result in entry["results"]]
