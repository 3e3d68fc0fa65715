"""The sandbox's calls to a receiver of callbacks: reports, replies and opt-outs, in order, each until it is taken."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from campanile.gateways.http import HttpClient
from campanile.gateways.sandbox.callbacks import ITEMS_AT_ONCE, SIGNATURE, signature_of
from campanile.gateways.sandbox.state import SandboxState
from campanile.sms.errors import GatewayError

CALL_SECONDS = 0.1
"""From one look for something new to the next."""
RETRY_SECONDS = 2.0
DEADLINE_SECONDS = 10.0
HISTORIES = ("reports", "replies", "opt_outs")


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one receiver.

    Args:
        state: what the sandbox knows, and how far it has called back.
        url: of the receiver: ``http://127.0.0.1:8910``.
        secret: signs each call.
    """

    state: SandboxState
    url: str
    secret: str

    async def run(self) -> None:
        """Call until cancelled; a call that was not taken is repeated."""
        client = HttpClient(self.url, {}, DEADLINE_SECONDS)
        while True:
            try:
                await self._call_all(client)
            except GatewayError as error:
                sys.stderr.write(f"sandbox: a callback was not taken: {error}\n")
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(CALL_SECONDS)

    async def _call_all(self, client: HttpClient) -> None:
        for history in HISTORIES:
            while items := self.state.not_called_back(history, ITEMS_AT_ONCE):
                await asyncio.to_thread(self._call, client, history, items)
                self.state.note_called_back(history, len(items))

    def _call(self, client: HttpClient, history: str, items: Sequence[dict[str, Any]]) -> None:
        # ASCII: other characters are escaped.
        body = json.dumps({"items": items, "unit": self.state.tariff.unit})
        headers = {SIGNATURE: signature_of(self.secret, history, body), "Content-Type": "application/json"}
        client.request("POST", f"/sandbox/{history}", body=body, headers=headers)
