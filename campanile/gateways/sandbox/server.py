"""The sandbox's HTTP face, as ``docs/sandbox.md`` tells it."""

import asyncio
import hmac
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from campanile.gateways.sandbox import faults
from campanile.gateways.sandbox.broken_connections import ResetResponse, SlowResponse, TruncatedResponse
from campanile.gateways.sandbox.page import render_page
from campanile.gateways.sandbox.request import BATCH_LIMIT, Refused, is_number, parse_batch
from campanile.gateways.sandbox.state import PAGE_LIMIT, SandboxState
from schemas.gateway import Resolution

Handler = Callable[[Request], Awaitable[Response]]
MAX_BODY_BYTES = 8_000_000
"""A batch of the largest texts is half of it."""


class BoundedRequest(Request):
    """A request whose body is read up to a length, whatever it says of itself."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body.

        Raises:
            Refused: it is longer.
        """
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise Refused(413, f"the body is longer than {MAX_BODY_BYTES} bytes")
            yield chunk


@dataclass(slots=True)
class Face:
    """What the endpoints share."""

    sandbox_state: SandboxState
    api_key: str
    plan: faults.FaultPlan = field(default_factory=faults.FaultPlan)
    latency_seconds: float = 0.0
    submit_count: int = 0

    async def submit(self, request: Request) -> Response:
        """POST /v1/messages."""
        # Read before any fault: closing over unread data would reset the connection under a 429.
        await request.body()
        fault = self.plan.draw(self.submit_count)
        self.submit_count += 1
        if fault in faults.BEFORE_ACCEPTANCE:
            return self._refusal(fault)
        orders = parse_batch(await _document(request))
        results = self.sandbox_state.submit(orders, request.headers.get("Idempotency-Key"), fault)
        return self._accepted(
            fault, {"messages": self._with_ids(fault, results), "unit": self.sandbox_state.tariff.unit}
        )

    def _with_ids(self, fault: str, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the result lines under the ids that a fault gives them: one for all, or new ones at each answer."""
        if fault not in faults.WRONG_IDS or not self.sandbox_state.accepted:
            return results
        first_id = self.sandbox_state.accepted[0]["message_id"]
        return [
            {**line, "message_id": first_id if fault == "one_id" else f"{line['message_id']}-{self.submit_count}"}
            if line["status"] == "accepted"
            else line
            for line in results
        ]

    def _refusal(self, fault: str) -> Response:
        if fault == "reset":
            return ResetResponse()
        status, why = {"throttle": (429, "too many requests"), "unavailable": (503, "down for a moment")}[fault]
        seconds = f"{self.plan.retry_after_seconds:g}"
        return JSONResponse({"error": why}, status_code=status, headers={"Retry-After": seconds})

    def _accepted(self, fault: str, answer: dict[str, Any]) -> Response:
        body = json.dumps(answer)
        slow = SlowResponse(body, media_type="application/json")
        slow.seconds = self.plan.slow_seconds
        return {
            "accept_then_reset": ResetResponse(),
            "accept_then_500": JSONResponse({"error": "something broke"}, status_code=500),
            "truncated": TruncatedResponse(body, media_type="application/json"),
            "slow": slow,
        }.get(fault, Response(body, media_type="application/json"))

    async def look_up(self, request: Request) -> Response:
        """POST /v1/messages/look-up."""
        if self.sandbox_state.settings.resolution is Resolution.NEITHER:
            raise Refused(404, "this sandbox has no look-up (--resolution neither)")
        refs = (await _document(request)).get("client_refs")
        if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
            raise Refused(400, "the body must be {client_refs: [...]}")
        if len(refs) > BATCH_LIMIT:
            raise Refused(413, f"{len(refs)} references at once: {BATCH_LIMIT} at most")
        return JSONResponse({"messages": self.sandbox_state.look_up(refs), "unit": self.sandbox_state.tariff.unit})

    async def delivery_reports(self, request: Request) -> Response:
        """GET /v1/delivery-reports."""
        position, limit = _page(request)
        items = self.sandbox_state.report_page(position, limit)
        return self._items(items, position, len(self.sandbox_state.reports), unit=self.sandbox_state.tariff.unit)

    async def replies(self, request: Request) -> Response:
        """GET /v1/replies."""
        return self._slice(request, self.sandbox_state.replies)

    async def opt_outs(self, request: Request) -> Response:
        """GET /v1/opt-outs."""
        return self._slice(request, self.sandbox_state.opt_outs)

    def _slice(self, request: Request, items: list[dict[str, Any]]) -> Response:
        position, limit = _page(request)
        return self._items(items[position : position + limit], position, len(items))

    def _items(self, items: list[dict[str, Any]], position: int, total: int, **more: str) -> Response:
        if position > total:
            # A cursor of an older folder would miss everything up to it in silence.
            raise Refused(400, f"cursor {position} is after the last, {total}: was the state folder made anew?")
        cursor = str(position + len(items))
        return JSONResponse({"items": items, "cursor": cursor, "epoch": self.sandbox_state.state_id, **more})

    async def push_opt_outs(self, request: Request) -> Response:
        """POST /v1/opt-outs."""
        msisdns = (await _document(request)).get("msisdns")
        if not isinstance(msisdns, list) or not all(is_number(msisdn) for msisdn in msisdns):
            raise Refused(400, "the body must be {msisdns: [...]} with numbers like +33612345678")
        if len(msisdns) > BATCH_LIMIT:
            raise Refused(413, f"{len(msisdns)} numbers at once: {BATCH_LIMIT} at most")
        for msisdn in msisdns:
            self.sandbox_state.add_opt_out(msisdn)
        return JSONResponse({"count": len(msisdns)})

    async def balance(self, request: Request) -> Response:
        """GET /v1/balance."""
        return JSONResponse({"amount": str(self.sandbox_state.balance), "unit": self.sandbox_state.tariff.unit})

    async def prices(self, request: Request) -> Response:
        """GET /v1/prices."""
        tariff = self.sandbox_state.tariff
        prices = [{"country": country, "price": str(price)} for country, price in tariff.prices.items()]
        return JSONResponse({"unit": tariff.unit, "prices": prices})

    async def add_reply(self, request: Request) -> Response:
        """POST /sandbox/replies."""
        document = await _document(request)
        sender, text = document.get("from"), document.get("text")
        if not isinstance(sender, str) or not isinstance(text, str) or not sender:
            raise Refused(400, "the body must be {from, text}")
        return JSONResponse(self.sandbox_state.add_reply(sender, text))

    async def add_opt_out(self, request: Request) -> Response:
        """POST /sandbox/opt-outs."""
        msisdn = (await _document(request)).get("msisdn")
        if not is_number(msisdn):
            raise Refused(400, "the body must be {msisdn} with a number like +33612345678")
        self.sandbox_state.add_opt_out(str(msisdn))
        return JSONResponse({"msisdn": msisdn})

    async def set_balance(self, request: Request) -> Response:
        """PUT /sandbox/balance."""
        self.sandbox_state.set_balance(_decimal((await _document(request)).get("amount"), "amount"))
        return await self.balance(request)

    async def set_faults(self, request: Request) -> Response:
        """PUT /sandbox/faults."""
        try:
            self.plan.replace_with(await _document(request))
        except ValueError as error:
            raise Refused(400, str(error)) from None
        return JSONResponse({"rates": self.plan.rates, "script": list(self.plan.script)})

    async def set_clock(self, request: Request) -> Response:
        """PUT /sandbox/clock."""
        offset = float(_decimal((await _document(request)).get("offset_seconds"), "offset_seconds"))
        if abs(offset) > 10 * 366 * 86400:
            raise Refused(400, "offset_seconds is more than ten years")
        self.sandbox_state.set_clock(offset)
        return JSONResponse({"offset_seconds": offset, "now": self.sandbox_state.now().isoformat()})

    async def billing(self, request: Request) -> Response:
        """GET /sandbox/billing."""
        return JSONResponse(self.sandbox_state.bill())

    async def page(self, request: Request) -> Response:
        """GET /."""
        return HTMLResponse(render_page(self.sandbox_state))


# Path, method, endpoint, whether the key is asked for. The page shows nothing that needs one.
ROUTES: tuple[tuple[str, str, Callable[[Face, Request], Awaitable[Response]], bool], ...] = (
    ("/v1/messages", "POST", Face.submit, True),
    ("/v1/messages/look-up", "POST", Face.look_up, True),
    ("/v1/delivery-reports", "GET", Face.delivery_reports, True),
    ("/v1/replies", "GET", Face.replies, True),
    ("/v1/opt-outs", "GET", Face.opt_outs, True),
    ("/v1/opt-outs", "POST", Face.push_opt_outs, True),
    ("/v1/balance", "GET", Face.balance, True),
    ("/v1/prices", "GET", Face.prices, True),
    ("/sandbox/replies", "POST", Face.add_reply, True),
    ("/sandbox/opt-outs", "POST", Face.add_opt_out, True),
    ("/sandbox/balance", "PUT", Face.set_balance, True),
    ("/sandbox/faults", "PUT", Face.set_faults, True),
    ("/sandbox/clock", "PUT", Face.set_clock, True),
    ("/sandbox/billing", "GET", Face.billing, True),
    ("/", "GET", Face.page, False),
)


def build_app(face: Face) -> Starlette:
    """Return the application."""
    routes = [
        Route(path, _guarded(face, partial(endpoint, face), needs_key), methods=[method])
        for path, method, endpoint, needs_key in ROUTES
    ]
    return Starlette(routes=routes)


def _guarded(face: Face, endpoint: Handler, needs_key: bool) -> Handler:
    async def handle(request: Request) -> Response:
        given = request.headers.get("Authorization", "").encode()
        if needs_key and not hmac.compare_digest(given, f"Bearer {face.api_key}".encode()):
            return JSONResponse({"error": "wrong or missing key"}, status_code=401)
        try:
            response = await endpoint(BoundedRequest(request.scope, request.receive))
        except Refused as error:
            response = JSONResponse({"error": str(error)}, status_code=error.status)
        await asyncio.sleep(face.latency_seconds)
        return response

    return handle


async def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON") from None
    if not isinstance(document, dict):
        raise Refused(400, "the body must be an object")
    return document


def _decimal(value: object, name: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Refused(400, f"{name} must be a number")
    return number


def _page(request: Request) -> tuple[int, int]:
    cursor = request.query_params.get("cursor") or "0"
    limit = request.query_params.get("limit") or str(PAGE_LIMIT)
    if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in (cursor, limit)):
        raise Refused(400, "cursor and limit must be numbers")
    return int(cursor), max(1, min(int(limit), PAGE_LIMIT))
