"""The one mapping from HTTP to our errors: every adapter speaks through it.

What the mapping decides is whether the provider can have accepted anything:

====================================================  ==================
what came                                             error
====================================================  ==================
no connection: refused, name, TLS, connect time-out   GatewayUnreachable
429                                                   GatewayThrottled
401, 403                                              GatewayDenied
402                                                   OutOfCredit
another 4xx the provider documents as refused         GatewayDenied
503, where documented as refused before acceptance    GatewayThrottled
time-out, reset, 3xx, any other 4xx or 5xx            GatewayAmbiguous
an answer cut short, too long or unreadable           GatewayAmbiguous
====================================================  ==================

Each speaks of *this* request only: when the same key was tried before, that first try stays as unknown as it was.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypedDict, TypeVar, Unpack
from urllib.parse import quote, urlsplit

import requests
from requests.utils import get_environ_proxies

from campanile.gateways.allowed_addresses import refused_reason, shown_url
from campanile.gateways.transport import NoAnswer, RawAnswer, send_once
from campanile.sms.errors import (
    ConfigurationError,
    GatewayAmbiguous,
    GatewayDenied,
    GatewayError,
    GatewayThrottled,
    GatewayUnreachable,
    OutOfCredit,
)
from campanile.sms.text.masking import mask_numbers

T = TypeVar("T")

DENIED_STATUSES = frozenset({401, 403})
PAYMENT_REQUIRED = 402
UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
_LINE_LENGTH = 200
_SCANNED_LENGTH = 4_096
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON escapes a half of a surrogate pair."""


@dataclass(frozen=True, slots=True)
class HttpRules:
    """What a provider documents about its answers.

    Attributes:
        refused_statuses: 4xx that prove that nothing was accepted.
        returned_statuses: statuses outside 2xx that the adapter reads by itself.
        unavailable_means_not_accepted: a 503 is sent before anything is accepted.
        secrets: values that must never be seen in a message, beside those of the headers.
        max_body_bytes: longer answers are cut and ambiguous.
    """

    refused_statuses: frozenset[int] = frozenset()
    returned_statuses: frozenset[int] = frozenset()
    unavailable_means_not_accepted: bool = False
    secrets: tuple[str, ...] = ()
    max_body_bytes: int = 8_000_000


class RequestParts(TypedDict, total=False):
    """What a request can carry beside its path: a query, a body (JSON, a form, or text), headers of its own.

    And ``not_after``: from then on, in seconds of ``transport.clock``, it is not sent any more.
    """

    params: Mapping[str, str | int]
    json: object
    form: Mapping[str, str]
    body: str
    headers: Mapping[str, str]
    not_after: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with a status the adapter reads."""

    status: int
    headers: Mapping[str, str]
    text: str


class HttpClient:
    """Speaks to one provider; safe to share between threads.

    Attributes:
        answered_at: the provider's clock, by the ``Date`` of its latest answer; None: no answer had one.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        deadline_seconds: float,
        use_environment_proxies: bool = False,
        rules: HttpRules | None = None,
    ) -> None:
        if deadline_seconds <= 0:
            raise ConfigurationError(f"the gateway's deadline is {deadline_seconds:g} s: it must be more than 0")
        self._base_url = _checked_url(base_url)
        self._host = urlsplit(self._base_url).netloc
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "campanile", **headers}
        self._deadline_seconds = deadline_seconds
        self._use_environment_proxies = use_environment_proxies
        self._rules = rules or HttpRules()
        self._secrets = _secret_forms((*headers.values(), *self._rules.secrets))
        self.answered_at: datetime | None = None

    def request(self, method: str, path: str, **parts: Unpack[RequestParts]) -> Answer:
        """Send one request, once, and return its answer when the status is 2xx or one the rules return.

        Raises:
            GatewayError: as the table of this module says.
        """
        prepared = self._prepare(method, path, parts)
        proxies = get_environ_proxies(prepared.url or "") if self._use_environment_proxies else {}
        failure: GatewayError | None = None
        try:
            not_after = parts.get("not_after", math.inf)
            raw = send_once(prepared, self._deadline_seconds, self._rules.max_body_bytes, proxies, not_after)
        except NoAnswer as error:
            failure = self._no_answer(method, path, error)
        if failure is not None:
            raise failure
        self.answered_at = _date(raw.headers) or self.answered_at
        text = raw.body.decode("utf-8", errors="replace")
        self._check_status(method, path, raw, text)
        return Answer(raw.status, raw.headers, text)

    def read(self, method: str, path: str, reader: Callable[[Any], T], **parts: Unpack[RequestParts]) -> T:
        """Send one request and return what ``reader`` makes of its JSON answer.

        Raises:
            GatewayError: as the table of this module says; ambiguous when the answer is no JSON, or when
                ``reader`` misses something in it.
        """
        answer = self.request(method, path, **parts)
        why = ""
        try:
            return reader(parse_json(answer.text))
        except UNREADABLE as error:
            why = f"{type(error).__name__}: {error}"
        raise self.unreadable(method, path, answer, why)

    def unreadable(self, method: str, path: str, answer: Answer, why: str) -> GatewayAmbiguous:
        """Return the error for an answer that came whole and makes no sense."""
        return GatewayAmbiguous(
            self._line(method, path, f"{answer.status} with an answer that cannot be read ({why}): {answer.text}")
        )

    def denied(self, method: str, path: str, answer: Answer) -> GatewayDenied:
        """Return the error for an answer that the rules return and that refuses us, not one message."""
        return GatewayDenied(self._line(method, path, f"{answer.status}: {answer.text}"))

    def _prepare(self, method: str, path: str, parts: RequestParts) -> requests.PreparedRequest:
        why = ""
        try:
            return requests.Request(
                method,
                self._base_url + path,
                headers={**self._headers, **parts.get("headers", {})},
                params=parts.get("params"),
                json=parts.get("json"),
                data=parts["body"].encode() if "body" in parts else parts.get("form"),
            ).prepare()
        except requests.RequestException as error:
            why = str(error)
        raise ConfigurationError(self._line(method, path, f"this is no request: {why}"))

    def _no_answer(self, method: str, path: str, error: NoAnswer) -> GatewayError:
        if error.was_connected:
            return GatewayAmbiguous(self._line(method, path, str(error)))
        return GatewayUnreachable(self._line(method, path, str(error), f"no connection to {self._host}: "))

    def _check_status(self, method: str, path: str, raw: RawAnswer, text: str) -> None:
        rules = self._rules
        if 200 <= raw.status < 300 or raw.status in rules.returned_statuses:
            return
        line = self._line(method, path, f"{raw.status} {raw.reason}: {text}")
        if raw.status == 429 or (raw.status == 503 and rules.unavailable_means_not_accepted):
            raise GatewayThrottled(line, retry_after_seconds(raw.headers))
        if raw.status == PAYMENT_REQUIRED:
            raise OutOfCredit(line)
        if raw.status in DENIED_STATUSES | rules.refused_statuses:
            raise GatewayDenied(line)
        raise GatewayAmbiguous(line)

    def _line(self, method: str, path: str, what: str, where: str = "") -> str:
        """Return one line; only ``where``, the address from our own settings, may look like a number."""
        line = f"{method} {self._masked(path.partition('?')[0])}: {where}{self._masked(what)}"
        return line if len(line) <= _LINE_LENGTH else line[: _LINE_LENGTH - 1] + "…"

    def _masked(self, text: str) -> str:
        """Return a text to be cut afterwards, so that no half of a secret stays."""
        text = " ".join(text.split())[:_SCANNED_LENGTH]
        text = "".join(character if character.isprintable() else "?" for character in text)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return mask_numbers(text)


def parse_json(text: str) -> Any:
    """Return a document of JSON, without the lone halves of surrogate pairs that providers put into it.

    Raises:
        ValueError, RecursionError: it is none.
    """
    document = json.loads(text)
    return _without_halves(document) if _HALF.search(text) else document


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header; a date is read against the answer's own Date, not our clock."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        seconds = float(value)
        return seconds if math.isfinite(seconds) else None
    until, answered_at = _mail_date(value), _date(headers)
    if until is None or answered_at is None:
        return None
    return max(0.0, (until - answered_at).total_seconds())


def _date(headers: Mapping[str, str]) -> datetime | None:
    return _mail_date(headers.get("Date", ""))


def _mail_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _without_halves(value: Any) -> Any:
    """Return a value of JSON with each lone half of a surrogate pair replaced: no store and no log takes one.

    Providers cut long texts into parts in the middle of an emoji, and escape what is left of it.
    """
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_halves(item) for item in value]
    if isinstance(value, dict):
        return {_without_halves(name): _without_halves(item) for name, item in value.items()}
    return value


def _checked_url(base_url: str) -> str:
    shape = re.fullmatch(r"https?://(\[[0-9a-fA-F:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?(/[^\s?#@]*)?", base_url)
    if shape is None:
        raise ConfigurationError(
            f"the gateway's URL is {shown_url(base_url)!r}: it must be http(s)://host[:port][/path]"
        )
    if (reason := refused_reason(shape[1])) is not None:
        raise ConfigurationError(f"the gateway's URL is {base_url!r}: {reason}; it must be the provider's own")
    return base_url.rstrip("/")


def _secret_forms(values: Iterable[str]) -> list[str]:
    """Return the values, their words (a key after ``Bearer``) and how a URL writes them, longest first."""
    words = {word for value in values for word in (value, *value.split()[1:]) if word}
    return sorted(words | {quote(word, safe="") for word in words}, key=len, reverse=True)
